"""What allauth asks the house: where newcomers go, what is told of a change, what is mailed, what counts as proof."""

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.httpkit import is_headless_request
from allauth.core.ratelimit import respond_429
from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal import devices, security, step_up
from portal.accounts import User
from portal.security import Change
from portal.web import words

log = structlog.get_logger(__name__)

# The only mails that allauth may send itself: codes, answers to strangers, and the word to an address that was left.
LETTERS = frozenset(
    f"account/email/{name}"
    for name in (
        "account_already_exists",
        "email_changed",
        "email_confirmation",
        "email_confirmation_signup",
        "password_reset_code",
        "unknown_account",
    )
)
CHANGES = {
    "account/email/password_changed": Change.PASSWORD_CHANGED,
    "account/email/password_reset": Change.PASSWORD_RESET,
    "account/email/password_set": Change.PASSWORD_SET,
    "account/email/email_changed": Change.EMAIL_CHANGED,
    "account/email/email_deleted": Change.EMAIL_REMOVED,
    "mfa/email/totp_activated": Change.AUTHENTICATOR_APP_ADDED,
    "mfa/email/totp_deactivated": Change.AUTHENTICATOR_APP_REMOVED,
    "mfa/email/webauthn_added": Change.PASSKEY_ADDED,
    "mfa/email/webauthn_removed": Change.PASSKEY_REMOVED,
    "mfa/email/recovery_codes_generated": Change.RECOVERY_CODES_MADE,
}
WAYS = {
    "mfa_reauthenticate:webauthn": _("Use the passkey"),
    "mfa_reauthenticate": _("Use the authenticator app or a recovery code"),
}
PROVES: dict[str, str] = {
    Change.AUTHENTICATOR_APP_ADDED: Authenticator.Type.TOTP,
    Change.PASSKEY_ADDED: Authenticator.Type.WEBAUTHN,
}
ENDS_OTHER_SESSIONS = {Change.AUTHENTICATOR_APP_REMOVED, Change.PASSKEY_REMOVED}  # a new password ends them by itself


class Adapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "second_factor": _("Please use your passkey or your authenticator app instead of the password."),
    }

    # ── attempts ──
    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Too many failures are answered by 429, to pages and programs alike, before a password is looked at."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as refused:
            if refused.code != "too_many_login_attempts":
                raise
            raise ImmediateHttpResponse(respond_429(request)) from refused

    # ── newcomers ──
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """The language of a new account is that of the page on which it was made."""
        user.language = words.language()
        saved: User = super().save_user(request, user, form, commit)
        return saved

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """First the second factor, or the recovery codes of the passkey that was just made."""
        return reverse("mfa_index")

    # ── signing in ──
    def get_login_stages(self) -> list[str]:
        """allauth's, with our own second factor, which knows of government identities."""
        ours = {"allauth.mfa.stages.AuthenticateStage": "portal.government_id.doors.SecondFactorStage"}
        return [ours.get(stage, stage) for stage in super().get_login_stages()]

    def post_login(self, request: HttpRequest, user: User, **given: Any) -> HttpResponse:
        if given.get("signup"):
            self._prove_by_signing_up(request, user)
        response: HttpResponse = super().post_login(request, user, **given)
        mark = request.headers.get("User-Agent", "") if is_headless_request(request) else devices.mark_of(request)
        if devices.is_new(user_id=user.pk, mark=mark or devices.leave_mark(response), now=timezone.now()):
            security.changed(user_id=user.pk, change=Change.NEW_DEVICE, now=timezone.now())
        return response

    def _prove_by_signing_up(self, request: HttpRequest, user: User) -> None:
        """Who has just made the passkey or the password is not asked for it again a minute later."""
        if step_up.factors(user):
            self._prove_by_adding(user, Authenticator.Type.WEBAUTHN)
        else:
            record_authentication(request, user, step_up.WEAKEST)

    def _prove_by_adding(self, user: User, kind: str) -> None:
        """A factor was set up with a code or a signature of it."""
        newest = Authenticator.objects.filter(user=user, type=kind).latest("pk")
        record_authentication(self.request, user, "mfa", id=newest.pk, type=kind, reauthenticated=True)

    # ── proving again ──
    def is_reauthentication_required(self, *, app: str, **given: Any) -> bool:
        """Not when the strongest factor was proved a moment ago, by signing in."""
        user = self.request.user
        return not (isinstance(user, User) and step_up.is_proved(user=user, session=self.request.session))

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """The strongest first; for a suspended act that one alone. No password where there is a second factor."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if not user.is_authenticated or not step_up.factors(user):
            return methods
        found = {method["id"]: method for method in methods}
        ways = [found[name] | {"description": text} for name, text in WAYS.items() if name in found]
        return ways[:1] if step_up.awaits_proof(self.request) else ways

    def reauthenticate(self, user: User, password: str) -> bool:
        """The same for programs. Raises ValidationError where the password is no proof."""
        if step_up.factors(user):
            raise self.validation_error("second_factor")
        return bool(super().reauthenticate(user, password))

    # ── mails ──
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Raises ValueError for a mail of the library that we have not written ourselves: it may hold a link."""
        if template_prefix not in LETTERS:
            raise ValueError(f"{template_prefix} is not one of our mails")
        super().send_mail(template_prefix, email, context)

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """A change is told by a note instead of the library's mail; an address that was left is written to directly."""
        change = CHANGES.get(template_prefix, template_prefix.rpartition("/")[2])
        security.changed(user_id=user.pk, change=change, now=timezone.now())
        if change == Change.EMAIL_CHANGED and email:
            self._write_to_old_address(email)
        if kind := PROVES.get(change):
            self._prove_by_adding(user, kind)
        if change in ENDS_OTHER_SESSIONS:
            for session in UserSession.objects.filter(user=user).exclude(session_key=self.request.session.session_key):
                session.end()

    def _write_to_old_address(self, email: str) -> None:
        try:
            self.send_mail("account/email/email_changed", email, {})
        except OSError as error:
            log.warning("mail refused", error=type(error).__qualname__)


class SessionsAdapter(DefaultUserSessionsAdapter):
    def end_sessions(self, sessions: Any) -> None:
        ended = list(sessions)
        super().end_sessions(ended)
        for user_id in {session.user_id for session in ended}:
            security.changed(user_id=user_id, change=Change.SESSIONS_ENDED, now=timezone.now())
