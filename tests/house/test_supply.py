"""What is used comes by hash and by a licence that is allowed."""

import json
import re
import tomllib

import pytest

from portal.local.place import CHECKOUT
from tests.house import licences
from tests.house.licences import Package


def unhashed(lock: dict) -> list[str]:
    """Packages of uv's lock with a file that is not known by its hash."""
    return [
        one["name"]
        for one in lock["package"]
        if "registry" in one["source"]
        and not all(file.get("hash") for file in [*one.get("wheels", []), *filter(None, [one.get("sdist")])])
    ]


def test_every_python_package_comes_by_hash():
    lock = tomllib.loads((CHECKOUT / "uv.lock").read_text())
    assert len(lock["package"]) > 100 and unhashed(lock) == []
    assert {tuple(one["source"]) for one in lock["package"]} == {("registry",), ("virtual",)}
    lock["package"][0]["wheels"][0].pop("hash")  # negative control
    assert unhashed(lock) == [lock["package"][0]["name"]]


def test_every_npm_package_comes_by_hash():
    lock = json.loads((CHECKOUT / "package-lock.json").read_text())["packages"]
    assert [place for place, one in lock.items() if place and not one.get("integrity")] == []


def test_what_installs_installs_the_locks_and_nothing_else():
    dockerfile, makefile = ((CHECKOUT / name).read_text() for name in ("Dockerfile", "Makefile"))
    assert "uv sync --frozen" in dockerfile and "npm ci" in dockerfile
    assert re.search(r"\) sync --frozen", makefile) and re.search(r"\) ci --ignore", makefile)
    for text in (dockerfile, makefile):
        assert not re.search(r"npm\)? install|uv\)? add|pip install (?!.*--require-hashes)", text)


def test_uv_itself_comes_by_hash_and_is_the_same_everywhere():
    version = re.match(r"uv==(\S+)", (CHECKOUT / ".ci/uv.txt").read_text())
    assert version is not None
    assert f"ghcr.io/astral-sh/uv:{version[1]} " in (CHECKOUT / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("licence", "ships", "allowed"),
    [
        ("MIT", True, True),
        ("GPL-3.0-or-later", True, False),
        ("GPL-3.0-or-later", False, True),
        ("AGPL-3.0-only", False, False),
        ("MIT AND SSPL-1.0", True, False),
        ("(SSPL-1.0 OR Apache-2.0)", True, True),
        ("", True, False),
    ],
)
def test_a_licence_that_nobody_has_allowed_is_named(licence, ships, allowed):
    found = licences.faults([Package("thing", "1", licence, ships)])
    assert found == ([] if allowed else [f"thing 1: {licence or 'no licence is said'}"])


def test_the_document_is_in_step():
    assert licences.main() == 0
