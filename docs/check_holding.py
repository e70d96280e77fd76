#!/usr/bin/env python3
"""Check a proof of holding without the fund:  python3 check_holding.py proof.json [published.json]

proof.json is your own download; published.json is /api/v1/proofs/CLASS/DATE, which is the same for everybody.
"""

import json
import re
import sys
from hashlib import sha256
from pathlib import Path


def number(text):  # units: a plain number, never negative, at most 2^63 - 1
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text) or int(text) >= 2**63:
        raise ValueError(f"{text!r} is not a number of units")
    return int(text)


def raw(text):  # 32 bytes in hex
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError(f"{text!r} is not 32 bytes in hex")
    return bytes.fromhex(text)


try:
    proof, *published = [json.loads(Path(name).read_bytes()) for name in sys.argv[1:]] or sys.exit(__doc__)
    total = number(proof["units"])
    node = sha256(b"\0" + raw(proof["salt"]) + proof["holder"].encode() + total.to_bytes(8, "big")).digest()
    for step in proof["path"]:  # from the own leaf up to the root
        own, beside = node + total.to_bytes(8, "big"), raw(step["hash"]) + number(step["units"]).to_bytes(8, "big")
        node = sha256(b"\1" + {"right": own + beside, "left": beside + own}[step["side"]]).digest()
        total = number(str(total + number(step["units"])))
    good = all((raw(one["root"]), number(one["total_units"])) == (node, total) for one in [proof, *published])
    good = good and all((one["class"], one["date"]) == (proof["class"], proof["date"]) for one in published)
except (AttributeError, KeyError, TypeError, ValueError) as wrong:
    sys.exit(f"NOT a sound proof: {wrong}")
print(f"{'The proof holds' if good else 'The proof does NOT hold'}: {proof['units']} of {total} units, {node.hex()}")
sys.exit(not good)
