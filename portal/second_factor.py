"""Second factors: their secrets are sealed like everything else that is secret, and a one-time code is taken once."""

import base64

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.utils.translation import gettext

from fund import envelope
from investors.rotation import Place
from portal.accounts import User

PLACE = {"table": "mfa_authenticator", "column": "secret", "row": "any"}  # allauth does not tell the row


class SealingAdapter(DefaultMFAAdapter):
    """allauth's adapter, with the vault's keys."""

    def encrypt(self, text: str) -> str:
        return base64.b64encode(envelope.seal(text.encode(), **PLACE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return envelope.unseal(base64.b64decode(encrypted_text), **PLACE).decode()

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """The name that is proposed for a new passkey."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return gettext("Passkey %(number)d") % {"number": number}

    def _get_site_name(self) -> str:
        return gettext("Kakehashi")


class OneTimeCodes(totp.TOTP):
    """allauth's one-time codes, each taken once for as long as it is taken at all (decision 39).

    A code is taken in its own half minute, in the one before and in the one after: whoever types it at the turn is not
    refused. allauth remembers for half a minute only that it was used.
    """

    def validate_code(self, code: str) -> bool:
        periods = 2 * app_settings.TOTP_TOLERANCE + 1
        used = f"one-time-code:{self.instance.user_id}:{normalize_user_code(code)}"
        return super().validate_code(code) and cache.add(used, True, timeout=periods * app_settings.TOTP_PERIOD)


def take_codes_once() -> None:
    """From now on every authenticator that is asked is one of ours."""
    totp.TOTP = OneTimeCodes


def _within(key: str) -> Place:
    """Where allauth puts a sealed text: as base64 under a key of its JSON."""
    return Place(
        table=PLACE["table"],
        column=PLACE["column"],
        row=f"'{PLACE['row']}'",
        key="id",
        key_type="bigint",
        value=f"decode(data ->> '{key}', 'base64')",
        write=f"data = jsonb_set(data, '{{{key}}}', to_jsonb(translate(encode(new.value, 'base64'), E'\\n', '')))",
    )


SEALED = [_within("secret"), _within("seed")]  # of a one-time-code generator, of recovery codes
