"""What a machine of one's own may leave out of its environment."""

import base64
import json
import os
import secrets
from pathlib import Path

from portal.local.place import HERE, Place

# A deployed site starts only with all of these.
REQUIRED = ("SECRET_KEY", "VAULT_KEYS", "BLIND_INDEX_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL")


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
    """Made once and kept, because what they have encrypted is kept too; two at once agree on the first one's."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = {
            "SECRET_KEY": secrets.token_urlsafe(64),
            "VAULT_KEYS": "1:" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "BLIND_INDEX_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(made))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    kept: dict[str, str] = json.loads(path.read_text())
    return kept
