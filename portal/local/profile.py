"""What a machine of one's own may leave out of its environment."""

import base64
import fcntl
import json
import os
import secrets
from pathlib import Path

from portal.local.place import HERE, Place

# A deployed site starts only with all of these.
REQUIRED = ("SECRET_KEY", "VAULT_KEYS", "BLIND_INDEX_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL")


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


GENERATED = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(64),
    "VAULT_KEYS": lambda: f"1:{_random_key()}",
    "BLIND_INDEX_KEY": _random_key,
    "WEBHOOK_KEYS": _random_key,
}


def is_local() -> bool:
    """LOCAL or DEBUG says so, or nothing at all is configured; DEBUG=0 is a deployed site."""
    for name in ("LOCAL", "DEBUG"):
        if value := os.environ.get(name):
            return value.lower() in {"1", "true", "yes", "on"}
    return not any(os.environ.get(name) for name in REQUIRED)


def defaults(place: Place = HERE) -> dict[str, str]:
    """The values that stand in for what is missing: the embedded services and generated secrets."""
    return {
        **_generated_secrets(place.run / "secrets.json"),
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "DATABASE_URL": place.database_url,
        "DATABASE_OWNER_URL": place.database_owner_url,
        "REDIS_URL": place.redis_url,
    }


def _generated_secrets(path: Path) -> dict[str, str]:
    """Made once and kept, because what they have encrypted is kept too; a name that came later is added."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two that start at once agree
        kept: dict[str, str] = json.loads(file.read() or "{}")
        if added := {name: make() for name, make in GENERATED.items() if name not in kept}:
            kept |= added
            file.seek(0)
            file.write(json.dumps(kept))
    return kept
