"""The laws of the rooms are kept, and each contract notices when it is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from portal.local.place import CHECKOUT

LINT = Path(sys.executable).with_name("lint-imports")
RUFF = Path(sys.executable).with_name("ruff")

PLANTED = [
    ("fund/money.py", "import fund.ledger", "Inside the fund nothing looks up"),
    ("fund/ledger/__init__.py", "import investors", "Imports walk in: portal, investors, fund"),
    ("investors/__init__.py", "import portal.web", "Imports walk in: portal, investors, fund"),
    ("portal/web/__init__.py", "import portal.api", "The portal's rooms do not know each other"),
    ("fund/holders.py", "import rest_framework", "The fund and its reception know no web and no tasks"),
    ("investors/__init__.py", "import celery", "The fund and its reception know no web and no tasks"),
    ("fund/payments/formats/__init__.py", "import django.db", "Bank formats are bytes and dataclasses"),
    ("fund/somewhere_new.py", "", "Inside the fund nothing looks up"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("fund", "investors", "portal"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT, "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True)


def test_the_laws_are_kept() -> None:
    kept = lint(CHECKOUT)
    assert kept.returncode == 0, kept.stdout


@pytest.mark.parametrize(("file", "line", "law"), PLANTED)
def test_a_planted_breach_is_found(copy: Path, file: str, line: str, law: str) -> None:
    with (copy / file).open("a") as source:
        source.write(f"\n{line}\n")
    broken = lint(copy)
    assert broken.returncode == 1
    assert f"{law} BROKEN" in broken.stdout


@pytest.mark.parametrize("folder", ["fund", "investors"])
def test_requests_are_unknown_outside_the_portal(copy: Path, folder: str) -> None:
    rule = [RUFF, "check", "--select", "TID251", "--no-cache"]
    assert subprocess.run([*rule, folder], cwd=copy).returncode == 0
    (copy / folder / "planted.py").write_text("from django.http import HttpRequest\n")
    assert subprocess.run([*rule, folder], cwd=copy).returncode == 1
