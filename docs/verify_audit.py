#!/usr/bin/env python3
"""Check acts of the audit log that were exported with their proof:  python3 verify_audit.py audit.jsonl

Each act is one of the rows of a link: the first eight bytes of the SHA-256 of its text stand at its place in the
link's digests. Each link's hash is the SHA-256 of log|from|to|previous|digests and names the hash before it. What
remains to be compared by eye is the last hash, with the one that the fund showed at that time. Only Python is needed.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path


def fault(lines):
    """What is wrong first, or None."""
    link = None
    for number, line in enumerate(map(json.loads, lines), 1):
        if "link" in line:
            given, before = line["link"], link
            link = {name: bytes.fromhex(given[name]) for name in ("previous", "digests", "hash")}
            head = f"{given['log']}|{given['from']}|{given['to']}|".encode()
            if sha256(head + link["previous"] + b"|" + link["digests"]).digest() != link["hash"]:
                return f"line {number}: the hash is not that of this link"
            if before and link["previous"] != before["hash"]:
                return f"line {number}: this link does not follow the one before"
        elif line["place"] is not None:
            at = 8 * line["place"]
            if not link or sha256(line["act"].encode()).digest()[:8] != link["digests"][at : at + 8]:
                return f"line {number}: this act is not what was sealed: {line['act'][:120]}"
    return None


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    if wrong := fault(text):
        sys.exit(wrong)
    told = [json.loads(line) for line in text]
    sealed = sum(line.get("place") is not None for line in told)
    links = [line["link"]["hash"] for line in told if "link" in line]
    print(f"{sealed} acts are as they were sealed, {len(told) - sealed - len(links)} are not sealed yet.")
    print(f"The last hash, to compare: {links[-1] if links else '-'}")
