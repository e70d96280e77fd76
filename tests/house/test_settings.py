"""The configuration: refuses to start half configured, says what is missing, and .env.example knows every variable."""

import os
import re
import subprocess
import sys
import tempfile

import pytest
from django.conf import settings

from portal.local.place import CHECKOUT
from portal.local.profile import REQUIRED

DEPLOYED = {
    "DEBUG": "0",
    "SECRET_KEY": "never-used-never-used-never-used-never-used-never-used-never-used",
    "VAULT_KEYS": "1:dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
    "BLIND_INDEX_KEY": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
    "ALLOWED_HOSTS": "fund.example",
    "DATABASE_URL": "postgres://kakehashi:hush@localhost/kakehashi",
    "REDIS_URL": "redis://localhost/0",
}


def run(
    environment: dict[str, str], statement: str = "import django; django.setup()"
) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [sys.executable, "-c", statement],
            cwd=CHECKOUT,
            env={
                "PATH": os.environ["PATH"],
                "RUN_DIR": folder,
                "DJANGO_SETTINGS_MODULE": "portal.settings",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
        )  # fmt: skip


def test_a_complete_configuration_starts() -> None:
    assert run(DEPLOYED).returncode == 0, run(DEPLOYED).stderr


@pytest.mark.parametrize("name", REQUIRED)
def test_refuses_to_start_without(name: str) -> None:
    refused = run({**DEPLOYED, name: ""})
    assert refused.returncode == 1
    assert f"ImproperlyConfigured: Cannot start without {name}: set" in refused.stderr


def test_names_everything_that_is_missing_at_once() -> None:
    assert f"Cannot start without {', '.join(REQUIRED)}: set" in run({"DEBUG": "0"}).stderr


def test_a_machine_of_ones_own_needs_nothing() -> None:
    shown = run({}, "from django.conf import settings; print(len(settings.SECRET_KEY) > 50, settings.DEBUG)")
    assert shown.stdout.split() == ["True", "False"], shown.stderr


def test_the_example_lists_every_variable_that_is_read() -> None:
    sources = [CHECKOUT / "portal/settings.py", *(CHECKOUT / "portal/local").glob("*.py")]
    text = "".join(source.read_text() for source in sources)
    read = set(re.findall(r'(?:env\.\w+|environ\.get)\("([A-Z_]+)"', text)) | set(REQUIRED)
    read |= set(re.findall(r"\$\{([A-Z_]+)", (CHECKOUT / "docker-compose.yml").read_text()))
    listed = set(re.findall(r"^([A-Z_]+)=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE))
    assert read - listed == {"DJANGO_SETTINGS_MODULE"} & read
    assert listed - read <= {"LOCAL"}


def test_celery_agrees_about_the_visibility_timeout_in_all_three_places() -> None:
    timeout = settings.CELERY_VISIBILITY_TIMEOUT
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] == timeout
    assert settings.CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS["visibility_timeout"] == timeout
    assert settings.CELERY_TASK_SOFT_TIME_LIMIT < settings.CELERY_TASK_TIME_LIMIT < timeout
