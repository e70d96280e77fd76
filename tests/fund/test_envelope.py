"""A sealed value opens in its own place only, with a key that is configured (decision 9)."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from fund import envelope

PLACE = {"table": "person", "column": "name", "row": 7}
ONE = "1:" + base64.b64encode(b"1" * 32).decode()
TWO = "2:" + base64.b64encode(b"2" * 32).decode()


@pytest.fixture(autouse=True)
def _keys(settings):
    settings.VAULT_KEYS = [ONE]


def test_what_is_sealed_opens_in_its_place():
    sealed = envelope.seal("髙﨑".encode(), **PLACE)
    assert envelope.unseal(sealed, **PLACE).decode() == "髙﨑"
    assert "髙﨑".encode() not in sealed


@pytest.mark.parametrize("moved", [{"table": "other"}, {"column": "kana"}, {"row": 8}])
def test_it_opens_nowhere_else(moved):
    sealed = envelope.seal(b"secret", **PLACE)
    with pytest.raises(envelope.Unreadable):
        envelope.unseal(sealed, **{**PLACE, **moved})


@pytest.mark.parametrize("byte", [0, 5, 40, 80, -1])
def test_a_flipped_byte_is_noticed(byte):
    sealed = bytearray(envelope.seal(b"secret", **PLACE))
    sealed[byte] ^= 1
    with pytest.raises(envelope.Unreadable):
        envelope.unseal(bytes(sealed), **PLACE)


def test_equal_values_seal_differently():
    assert envelope.seal(b"same", **PLACE) != envelope.seal(b"same", **PLACE)


def test_a_rewrapped_value_needs_the_new_key_only(settings):
    sealed = envelope.seal(b"secret", **PLACE)
    settings.VAULT_KEYS = [TWO, ONE]
    rewrapped = envelope.rewrap(sealed, **PLACE)
    settings.VAULT_KEYS = [TWO]
    assert envelope.unseal(rewrapped, **PLACE) == b"secret"
    with pytest.raises(envelope.Unreadable, match="not configured"):
        envelope.unseal(sealed, **PLACE)


def test_the_blind_index_finds_equal_values_for_one_purpose_and_survives_rotation(settings):
    index = envelope.blind_index("621498320257", purpose="my_number")
    settings.VAULT_KEYS = [TWO]
    assert index == envelope.blind_index("621498320257", purpose="my_number")
    assert index != envelope.blind_index("621498320257", purpose="ssn")


@pytest.mark.parametrize("keys", [["1:" + base64.b64encode(b"short").decode()], []])
def test_unsound_keys_are_refused(settings, keys):
    settings.VAULT_KEYS = keys
    with pytest.raises(ImproperlyConfigured):
        envelope.newest()
