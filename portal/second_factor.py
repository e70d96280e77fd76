"""Second factors at rest: the secret of a one-time-code generator is sealed like everything else that is secret."""

import base64

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
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
