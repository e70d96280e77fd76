"""Second factors at rest: the secret of a one-time-code generator is sealed like everything else that is secret."""

import base64

from allauth.mfa.adapter import DefaultMFAAdapter

from fund import envelope

PLACE = {"table": "mfa_authenticator", "column": "secret", "row": "any"}  # allauth does not tell the row


class SealingAdapter(DefaultMFAAdapter):
    """allauth's adapter, with the vault's keys."""

    def encrypt(self, text: str) -> str:
        return base64.b64encode(envelope.seal(text.encode(), **PLACE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return envelope.unseal(base64.b64decode(encrypted_text), **PLACE).decode()
