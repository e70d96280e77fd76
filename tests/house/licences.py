"""`python -m tests.house.licences [--write]`: the licence of everything that is used, against what is allowed.

Writes ``docs/licences.md`` from the locks and the packages' own words. Exit 1 on a licence that nobody has allowed, on
a package that says none, and when the document is not in step.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = CHECKOUT / "docs/licences.md"

# May be part of what is handed out and run. Weak copyleft is used unchanged, as a library of its own.
ALLOWED = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "CC0-1.0", "CNRI-Python", "ISC",
    "LGPL-2.1-or-later", "LGPL-3.0-only", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "OFL-1.1", "PSF-2.0", "Zlib",
})  # fmt: skip
# May be used to make and check it.
ALLOWED_TOOLS = ALLOWED | {"GPL-3.0-or-later", "Python-2.0"}

# Packages' own words that are no SPDX expression.
SAID = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause OR Apache-2.0": "BSD-3-Clause OR Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "New BSD": "BSD-3-Clause",
    "Python Software Foundation License": "PSF-2.0",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
}
# Read in the files that come with them, because what they say is missing or no expression.
READ = {
    "@uswds/uswds": "CC0-1.0 AND OFL-1.1 AND Apache-2.0 AND MIT",
    "colorama": "BSD-3-Clause",
    "currencyconverter": "Apache-2.0",
    "pypdfium2": "BSD-3-Clause AND Apache-2.0",  # and of PDFium's own libraries: BUILD_LICENSES in the package
}


class Package(NamedTuple):
    name: str
    version: str
    licence: str
    ships: bool


def python_packages() -> Iterator[Package]:
    """Of uv's lock; those that are not made for this machine keep what the document says of them."""
    lock = tomllib.loads((CHECKOUT / "uv.lock").read_text())
    packages = {one["name"]: one for one in lock["package"]}
    ships, known = _needed(packages), _document()
    for name, one in packages.items():
        if name == "kakehashi":
            continue
        try:
            licence = READ.get(name) or _said(metadata(name))
        except PackageNotFoundError:
            licence = READ.get(name) or known.get(name, "")
        yield Package(name, one.get("version", ""), licence, name in ships)


def _needed(packages: dict[str, Any]) -> set[str]:
    """What the running site needs, and what that needs."""
    found: set[str] = set()
    asked = [(one["name"], tuple(one.get("extra", ()))) for one in packages["kakehashi"]["dependencies"]]
    while asked:
        name, extras = asked.pop()
        one = packages[name]
        wanted = [*one.get("dependencies", [])] if name not in found else []
        wanted += [each for extra in extras for each in one.get("optional-dependencies", {}).get(extra, [])]
        found.add(name)
        asked += [(each["name"], tuple(each.get("extra", ()))) for each in wanted if each["name"] not in found]
    return found


def _said(told: Any) -> str:
    """A package's licence in its own words, as an SPDX expression where they can be read as one."""
    own = str(told.get("License-Expression") or told.get("License") or "").strip()
    if not own or "\n" in own or len(own) > 60 or own in {"Dual License", "LGPL"}:
        classes = [
            one.split("::")[-1].strip() for one in told.get_all("Classifier", []) if one.startswith("License ::")
        ]
        own = " OR ".join(
            SAID.get(one, one) for one in classes if one not in ("OSI Approved", "Other/Proprietary License")
        )
    return SAID.get(own, own)


def npm_packages() -> Iterator[Package]:
    lock = json.loads((CHECKOUT / "package-lock.json").read_text())
    for place, one in lock["packages"].items():
        if place:
            name = place.rpartition("node_modules/")[2]
            yield Package(name, one["version"], READ.get(name) or one.get("license", ""), not one.get("dev", False))


def is_allowed(licence: str, allowed: frozenset[str]) -> bool:
    """Whether an SPDX expression can be kept: one side of each OR, all sides of each AND."""
    flat = licence.replace("(", "").replace(")", "")
    return any(all(part.strip() in allowed for part in side.split(" AND ")) for side in flat.split(" OR "))


def faults(packages: list[Package]) -> list[str]:
    return [
        f"{one.name} {one.version}: {one.licence or 'no licence is said'}"
        for one in packages
        if not is_allowed(one.licence, ALLOWED if one.ships else ALLOWED_TOOLS)
    ]


def written(python: list[Package], npm: list[Package]) -> str:
    """The document."""
    lines = [
        "# Licences",
        "",
        "Written by `python -m tests.house.licences --write` from the locks; `make check` keeps it in step and refuses",
        "what is not allowed there. What is used is used unchanged.",
    ]
    for title, packages in (("Python", python), ("Files for pages and documents, and tools (npm)", npm)):
        for ships in (True, False):
            rows = sorted({one[:3] for one in packages if one.ships == ships})
            lines += ["", f"## {title}, {'part of the running site' if ships else 'to make and check it'}", ""]
            lines += ["| package | version | licence |", "|---|---|---|"]
            lines += [f"| {name} | {version} | {licence} |" for name, version, licence in rows]
    return "\n".join(lines) + "\n"


def _document() -> dict[str, str]:
    """What the document says now, by package."""
    text = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    return dict(re.findall(r"^\| (\S+) \| \S+ \| (.*) \|$", text, re.MULTILINE))


def main() -> int:
    python, npm = list(python_packages()), list(npm_packages())
    document = written(python, npm)
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(document)
    found = [f"not allowed: {one}" for one in faults(python + npm)]
    if not DOCUMENT.exists() or DOCUMENT.read_text() != document:
        found.append("docs/licences.md is not in step: python -m tests.house.licences --write")
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
