"""The providers, registered with allauth: what each is called, what it is asked for, and what its levels are worth.

Nothing but ``openid`` is asked for: the number that stands for the person at this site is all that is used, and what
was never received can neither leak nor be mistaken for a proof of an e-mail address (decision 9).
"""

from typing import Any, ClassVar

from allauth.socialaccount.providers.base import Provider, ProviderAccount
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.government_id.party import Party


class Account(ProviderAccount):
    """allauth shows a connected identity by the provider's name; there is nothing else to show."""

    def to_str(self) -> str:
        return str(self.account.get_provider().name)


class GovernmentId(Provider):
    """``needed``: levels of which the acr must hold one. ``phishing_resistant``: those that replace a second factor."""

    uses_apps = False
    do_not_call_in_templates = True
    account_class = Account
    scope: ClassVar[str] = "openid"
    acr_values: ClassVar[str]
    needed: ClassVar[frozenset[str]]
    phishing_resistant: ClassVar[frozenset[str]]

    @classmethod
    def party(cls) -> Party | None:
        """This site as the provider knows it; None where it is not configured."""
        return settings.GOVERNMENT_IDS[cls.id]

    def get_login_url(self, request: Any, **kwargs: Any) -> str:
        raise NotImplementedError("The pages of portal.government_id lead there.")


class LoginGov(GovernmentId):
    """The United States. Its acr names the level of identity proofing, seldom that of the authentication."""

    id = "login_gov"
    name = _("Login.gov")
    phishing_resistant = frozenset(
        {
            "http://idmanagement.gov/ns/assurance/aal/2?phishing_resistant=true",
            "http://idmanagement.gov/ns/assurance/aal/2?hspd12=true",
        }
    )
    needed = frozenset(
        {
            "urn:acr.login.gov:verified",
            "urn:acr.login.gov:verified-facial-match-required",
            "http://idmanagement.gov/ns/assurance/ial/2",
        }
    )
    acr_values = "urn:acr.login.gov:verified http://idmanagement.gov/ns/assurance/aal/2?phishing_resistant=true"


class DigitalAgency(GovernmentId):
    """Japan: the certificate of the My Number Card, opened with its PIN and asked whether it has been revoked."""

    id = "digital_agency"
    name = _("Digital Authentication App (Japan)")
    phishing_resistant = needed = frozenset({"aal3"})
    acr_values = "aal3 crl"


provider_classes = [LoginGov, DigitalAgency]


def offered() -> list[type[GovernmentId]]:
    """The providers that are configured."""
    return [one for one in provider_classes if one.party() is not None]
