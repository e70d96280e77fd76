"""What allauth would open beside the pages of this room, kept shut; and when a second factor is still asked for."""

from typing import Any

from allauth.mfa.stages import AuthenticateStage
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base import Provider
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

PHISHING_RESISTANT = "phishing_resistant"  # in the state of a sign-in that is going on


class ShutAdapter(DefaultSocialAccountAdapter):
    """No account is made of an identity or found by e-mail; no identity is taken off past the audit log."""

    def is_open_for_signup(self, request: Any, sociallogin: Any) -> bool:
        return False

    def can_authenticate_by_email(self, login: Any, email: str) -> bool:
        return False

    def list_providers(self, request: Any) -> list[Provider]:
        return []

    def validate_disconnect(self, account: Any, accounts: Any) -> None:
        raise ValidationError(_("Please remove it on the page of your government identity."))


class SecondFactorStage(AuthenticateStage):
    """Asks for the second factor as always, except where the government has seen one that cannot be phished."""

    def handle(self) -> tuple[Any, bool]:
        if self.login.state.get(PHISHING_RESISTANT):
            return None, True
        return super().handle()
