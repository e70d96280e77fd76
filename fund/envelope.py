"""Envelope encryption of single values: AES-256-GCM, the place of the value as authenticated data.

A value is readable only in the table, column and row it was written for. Keys come from ``VAULT_KEYS`` (newest first)
and never reach the database; the blind index has a key of its own, which rotation leaves alone.
Who may open what, and the log of openings, is the business of the rooms that call this.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

KEY_BYTES = 32
NONCE_BYTES = 12
VERSION_BYTES = 2


class SealedColumn(models.BinaryField):  # type: ignore[type-arg]
    """A column of sealed values. ``row``: the column that names the row it is sealed for, where that is not the key.

    Declared so that whoever rotates the keys finds every sealed value. To the database it is a plain binary column.
    """

    def __init__(self, *args: Any, row: str = "", **kwargs: Any) -> None:
        self.row = row
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.BinaryField", args, kwargs


class Unreadable(Exception):
    """The value was not written for this place, was changed, or its key is gone."""


@dataclass(frozen=True)
class Key:
    version: int
    secret: bytes

    @cached_property
    def lock(self) -> AESGCM:
        return AESGCM(self.secret)


@cache
def _keys(configured: tuple[str, ...]) -> dict[int, Key]:
    keys = {}
    for item in configured:
        version, _, encoded = item.partition(":")
        secret = base64.b64decode(encoded)
        if len(secret) != 32:
            raise ImproperlyConfigured("Each of VAULT_KEYS is <version>:<32 bytes in base64>")
        keys[int(version)] = Key(int(version), secret)
    if not keys:
        raise ImproperlyConfigured("VAULT_KEYS is empty")
    return keys


def keys() -> dict[int, Key]:
    """The configured keys by version."""
    return _keys(tuple(settings.VAULT_KEYS))


def newest() -> Key:
    """The key that new values are sealed with."""
    held = keys()
    return held[max(held)]


def _place(table: str, column: str, row: object, version: int) -> bytes:
    return "\x1f".join((table, column, str(row), str(version))).encode()


def seal(plain: bytes, *, table: str, column: str, row: object) -> bytes:
    """Encrypt for one place: 2 bytes key version, a fresh data key wrapped by it, then the value."""
    key = newest()
    place = _place(table, column, row, key.version)
    fresh = secrets.token_bytes(KEY_BYTES + 2 * NONCE_BYTES)  # of one call: files bring a hundred thousand values
    data_key, wrap_nonce, nonce = fresh[:KEY_BYTES], fresh[KEY_BYTES:-NONCE_BYTES], fresh[-NONCE_BYTES:]
    wrapped = key.lock.encrypt(wrap_nonce, data_key, place)
    body = AESGCM(data_key).encrypt(nonce, plain, _place(table, column, row, 0))
    return key.version.to_bytes(VERSION_BYTES, "big") + wrap_nonce + wrapped + nonce + body


def version_of(sealed: bytes) -> int:
    """The version of the key that a value is wrapped by."""
    return int.from_bytes(sealed[:VERSION_BYTES], "big")


WRAPPED = slice(VERSION_BYTES, VERSION_BYTES + NONCE_BYTES + 48)


def _data_key(sealed: bytes, *, table: str, column: str, row: object) -> bytes:
    version = version_of(sealed)
    key = keys().get(version)
    if key is None:
        raise Unreadable(f"vault key {version} is not configured")
    wrapped = sealed[WRAPPED]
    try:
        return key.lock.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _place(table, column, row, version))
    except InvalidTag:
        raise Unreadable(f"{table}.{column} does not open in this row") from None


def unseal(sealed: bytes, *, table: str, column: str, row: object) -> bytes:
    """Decrypt a value in its place. Raises Unreadable when it was moved, changed or its key is missing."""
    data_key = _data_key(sealed, table=table, column=column, row=row)
    rest = sealed[WRAPPED.stop :]
    try:
        return AESGCM(data_key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _place(table, column, row, 0))
    except InvalidTag:
        raise Unreadable(f"{table}.{column} does not open in this row") from None


def check_wrap(sealed: bytes, *, table: str, column: str, row: object) -> None:
    """Raises Unreadable unless the value's data key opens here; the value itself stays closed."""
    _data_key(sealed, table=table, column=column, row=row)


def rewrap(sealed: bytes, *, table: str, column: str, row: object) -> bytes:
    """The same value with its data key wrapped by the newest key; the body is not touched or read."""
    data_key = _data_key(sealed, table=table, column=column, row=row)
    key, nonce = newest(), secrets.token_bytes(NONCE_BYTES)
    wrapped = key.lock.encrypt(nonce, data_key, _place(table, column, row, key.version))
    return key.version.to_bytes(VERSION_BYTES, "big") + nonce + wrapped + sealed[WRAPPED.stop :]


def blind_index(text: str, *, purpose: str) -> bytes:
    """A fingerprint (32 bytes) keyed by ``BLIND_INDEX_KEY`` that finds equal values without revealing them."""
    return hmac.digest(_root(settings.BLIND_INDEX_KEY, purpose), text.encode(), "sha256")


@cache
def _root(configured: str, purpose: str) -> bytes:
    return hmac.digest(base64.b64decode(configured), purpose.encode(), "sha256")
