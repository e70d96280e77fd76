"""Getting in again without the factor that was lost: mailbox, password, statement; after the officers, a new factor.

Nothing on this way signs anybody in. Every step is kept in the visitor's session for a quarter of an hour, and an
address without an account is answered as one with an account, mails included. What an officer has to see and decide is
in ``investors.recovery``; the factor is replaced in the transaction that spends the case.
"""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, get_totp_secret, validate_totp_code
from allauth.mfa.webauthn.forms import SignupWebAuthnForm
from allauth.mfa.webauthn.internal.auth import WebAuthn, begin_registration
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from fund import envelope
from fund.refusal import Refusal
from investors import people, recovery
from investors.people import Investor
from investors.recovery import RecoveryCase, State, Statement
from portal.access import public
from portal.accounts import User
from portal.web import words
from portal.webhooks import endpoints

log = structlog.get_logger(__name__)

SESSION = "recovery"
LASTS = timedelta(minutes=15)  # from the code's sending to its use, and from there to the end of the way
GUESSES = 3
CODE = 8  # characters of the mailed code, 40 bits
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


class AddressForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code from the e-mail"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters"}),
    )


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class AppForm(forms.Form):
    """The first code of an authenticator app shows that it holds the secret."""

    code = forms.CharField(
        label=gettext_lazy("Code from the app"),
        max_length=10,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class StatementForm(forms.Form):
    """Checked by investors.recovery; here is only its shape."""

    name = forms.CharField(
        label=gettext_lazy("Full name as registered"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    birth_date = forms.CharField(
        label=gettext_lazy("Date of birth"),
        max_length=10,
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "bday"}),
    )
    number_ending = forms.CharField(
        label=gettext_lazy("Last four digits of your tax number"),
        help_text=gettext_lazy("My Number, Social Security number or ITIN."),
        max_length=8,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    phone = forms.CharField(
        label=gettext_lazy("Telephone number at which we reach you"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
    )
    times = forms.CharField(
        label=gettext_lazy("When can we call you?"),
        help_text=gettext_lazy("Days and hours, and in which language."),
        max_length=200,
        widget=forms.TextInput(),
    )


class NumberForm(forms.Form):
    number = forms.CharField(
        label=gettext_lazy("Case number from our e-mail"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )


@dataclass
class Way:
    """How far this visitor has come. ``user`` is None for an address without an account, which gets no further."""

    user: User | None
    code: str
    limited_by: str
    sent_at: float
    guesses: int = GUESSES
    mailbox_at: float = 0.0
    password_at: float = 0.0

    @classmethod
    def of(cls, request: HttpRequest, now: datetime) -> "Way | None":
        """What the session holds, unless its time is over."""
        kept = request.session.get(SESSION)
        if not isinstance(kept, dict):
            return None
        since = kept["mailbox_at"] or kept["sent_at"]
        if not 0 <= now.timestamp() - since < LASTS.total_seconds():
            return None
        user = User.objects.filter(pk=kept["user"], is_active=True).first() if kept["user"] else None
        return cls(**{**kept, "user": user})

    def keep(self, request: HttpRequest) -> None:
        request.session[SESSION] = {**vars(self), "user": self.user.pk if self.user else None}

    @property
    def proved_at(self) -> datetime:
        return datetime.fromtimestamp(self.mailbox_at, UTC)

    @property
    def proved(self) -> User | None:
        """The account, once the mailbox and the password, if there is one, were proved."""
        if self.user is None or not self.mailbox_at or (self.user.has_usable_password() and not self.password_at):
            return None
        return self.user


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest) -> HttpResponse:
    """The step that comes next for this visitor."""
    if request.user.is_authenticated:
        return redirect("security")
    way = Way.of(request, timezone.now())
    if way is None:
        return _address(request)
    if not way.mailbox_at:
        return _code(request, way)
    user = way.proved
    if user is None:
        return _password(request, way)
    if hasattr(user, "officer") or not Authenticator.objects.filter(user=user, type__in=FACTORS).exists():
        return render(request, "recover/not_needed.html", {"officer": hasattr(user, "officer")})
    case = recovery.living(investor=_investor(user), now=timezone.now())
    if case is None:
        return _statement(request, user)
    if not _is_usable(way, user):
        return render(request, "recover/waiting.html", {"case": case, "approved": case.state == State.APPROVED})
    return _app(request, way, user) if user.has_usable_password() else redirect("recover-passkey")


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def passkey(request: HttpRequest) -> HttpResponse:
    """The new factor is a passkey. Making one needs the browser's own program (JavaScript)."""
    way = Way.of(request, timezone.now())
    user = way.proved if way and not request.user.is_authenticated else None
    if way is None or user is None or not _is_usable(way, user):
        return redirect("recover")
    if request.method == "POST":
        form = SignupWebAuthnForm(request.POST, user=user)
        if form.is_valid():
            name, credential = form.cleaned_data["name"], form.cleaned_data["credential"]
            return _replace(request, way, user, lambda: WebAuthn.add(user, name, credential))
    else:
        form = SignupWebAuthnForm(user=user)
    form.fields["name"].label = _("Name of the passkey")
    context = {"form": form, "js_data": {"creation_options": begin_registration(user, True)}}
    return render(request, "recover/passkey.html", context | {"password": user.has_usable_password()})


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest) -> HttpResponse:
    """Ends a case: that of whoever is signed in, else that of the number from our mail, whether it exists or not."""
    now = timezone.now()
    if isinstance(request.user, User):
        if request.method == "POST" and (case := case_of(request.user)):
            recovery.stop(case=case, actor=case.investor.actor, now=now)
            messages.success(request, _("The recovery of your account was stopped."))
        return redirect("security")
    form = NumberForm(request.POST if request.method == "POST" else None, label_suffix="")
    if form.is_valid():
        number = form.cleaned_data["number"]
        if refused := ratelimit.consume_or_429(request, action="recovery_try", key=number):
            return refused
        if case := recovery.find(number=number):
            recovery.stop(case=case, actor="case_number", now=now)
        messages.success(request, _("If there is a recovery with this number, it is stopped now."))
        return redirect("recover-stop")
    return _asked(request, "stop", form)


# ── the steps ──


def _address(request: HttpRequest) -> HttpResponse:
    form = AddressForm(request.POST if request.method == "POST" else None, label_suffix="")
    if not form.is_valid():
        return _asked(request, "address", form)
    email = form.cleaned_data["email"].strip().lower()
    limited_by = envelope.blind_index(email, purpose="recovery limit").hex()
    if refused := ratelimit.consume_or_429(request, action="recovery_code", key=limited_by):
        return refused
    found = EmailAddress.objects.filter(user__email=email, email=email, verified=True, user__is_active=True)
    address = found.select_related("user").first()
    user: User | None = address.user if address else None
    code = "".join(secrets.choice(recovery.ALPHABET) for _place in range(CODE))
    _write(email, user.language if user else words.language(), code if user else "")
    Way(user, _sealed(code), limited_by, timezone.now().timestamp()).keep(request)
    return redirect("recover")


def _code(request: HttpRequest, way: Way) -> HttpResponse:
    form = CodeForm(request.POST if request.method == "POST" else None, label_suffix="")
    if not form.is_valid():
        return _asked(request, "code", form)
    if refused := ratelimit.consume_or_429(request, action="recovery_try", key=way.limited_by):
        return refused
    way.guesses -= 1
    right = compare_user_code(actual=_sealed(form.cleaned_data["code"]), expected=way.code)
    if way.user and right:
        way.mailbox_at = timezone.now().timestamp()
        request.session.cycle_key()
        way.keep(request)
        return redirect("recover")
    if way.guesses <= 0:
        del request.session[SESSION]
        messages.error(request, _("That was not the code. Please start again; we send you a new one."))
        return redirect("recover")
    way.keep(request)
    form.add_error("code", _("This is not the code."))
    return _asked(request, "code", form)


def _password(request: HttpRequest, way: Way) -> HttpResponse:
    form = PasswordForm(request.POST if request.method == "POST" else None, label_suffix="")
    if not form.is_valid() or way.user is None:
        return _asked(request, "password", form)
    if refused := ratelimit.consume_or_429(request, action="recovery_try", key=way.limited_by):
        return refused
    if not way.user.check_password(form.cleaned_data["password"]):
        form.add_error("password", _("This is not the password."))
        return _asked(request, "password", form)
    way.password_at = timezone.now().timestamp()
    way.keep(request)
    return redirect("recover")


def _statement(request: HttpRequest, user: User) -> HttpResponse:
    form = StatementForm(request.POST if request.method == "POST" else None, label_suffix="")
    if form.is_valid():
        try:
            recovery.open_case(investor=_investor(user), statement=Statement(**form.cleaned_data), now=timezone.now())
        except ValidationError as wrong:
            for name, errors in wrong.error_dict.items():
                form.add_error(name, errors)
        except recovery.AlreadyOpen:
            return redirect("recover")
        else:
            messages.success(request, _("Your case is open. We have sent you its number by e-mail."))
            return redirect("recover")
    return _asked(request, "statement", form)


def _app(request: HttpRequest, way: Way, user: User) -> HttpResponse:
    form = AppForm(request.POST if request.method == "POST" else None, label_suffix="")
    secret = get_totp_secret(regenerate=not form.is_bound)
    if form.is_valid():
        if refused := ratelimit.consume_or_429(request, action="recovery_try", key=way.limited_by):
            return refused
        if validate_totp_code(secret, form.cleaned_data["code"]):
            return _replace(request, way, user, lambda: TOTP.activate(user, secret))
        form.add_error("code", _("This is not the code."))
    adapter = get_mfa_adapter()
    picture = adapter.build_totp_svg(adapter.build_totp_url(user, secret))
    encoded = base64.b64encode(picture.encode()).decode()
    return render(
        request,
        "recover/app.html",
        {"form": form, "secret": secret, "picture": f"data:image/svg+xml;base64,{encoded}"},
        status=422 if form.errors else 200,
    )


def _replace(request: HttpRequest, way: Way, user: User, make: Callable[[], Any]) -> HttpResponse:
    """Spend the case, put the new factor in the place of all old ones, end every session and every webhook.

    All at once or not at all: whoever had the account may have left any of them behind.

    Nobody is signed in by it: the next page asks for the password and the new factor, as ever.
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            case = recovery.usable(investor=_investor(user), proved_at=way.proved_at, now=now)
            recovery.use(case=case, now=now)
            Authenticator.objects.filter(user=user).delete()
            make()
            for session in UserSession.objects.filter(user=user):
                session.end()
            for webhook in endpoints.of(user):
                endpoints.remove(webhook=webhook, now=now)
    except Refusal as refusal:
        messages.error(request, words.refusal(refusal))
        return redirect("recover")
    request.session.flush()
    messages.success(request, _("Your account is recovered. Sign in with what you have just set up."))
    return redirect("account_login")


# ── what the steps share ──

PAGES: dict[str, dict[str, Any]] = {
    "address": {
        "title": gettext_lazy("Recover access to your account"),
        "text": [
            gettext_lazy("For when your passkey or authenticator app and your recovery codes are all lost."),
            gettext_lazy(
                "You prove your e-mail address and your password, and an officer sees you and your document in a "
                "video call. Then you set up a new passkey or authenticator app. It takes some days."
            ),
        ],
        "button": gettext_lazy("Send me a code"),
    },
    "code": {
        "title": gettext_lazy("Look into your mailbox"),
        "text": [
            gettext_lazy(
                "We have written to the address that you gave. If it belongs to an account, the message holds a code, "
                "which is good for 15 minutes."
            )
        ],
        "button": gettext_lazy("Continue"),
    },
    "password": {
        "title": gettext_lazy("Your password"),
        "text": [
            gettext_lazy("If you have forgotten it as well, go to the page for signing in and set a new one first.")
        ],
        "button": gettext_lazy("Continue"),
    },
    "statement": {
        "title": gettext_lazy("Tell us who you are"),
        "text": [
            gettext_lazy(
                "An officer compares this with your registration and calls you. Have the identity document ready with "
                "which you registered. Nothing is changed before that."
            )
        ],
        "button": gettext_lazy("Ask for the recovery"),
    },
    "stop": {
        "title": gettext_lazy("Stop a recovery"),
        "text": [
            gettext_lazy("If somebody else is recovering your account, stop it here. The number is in our e-mail.")
        ],
        "button": gettext_lazy("Stop the recovery"),
    },
}


def _asked(request: HttpRequest, step: str, form: forms.Form) -> HttpResponse:
    context = PAGES[step] | {"form": form, "step": step}
    return render(request, "recover/step.html", context, status=422 if form.errors else 200)


def _is_usable(way: Way, user: User) -> bool:
    try:
        recovery.usable(investor=_investor(user), proved_at=way.proved_at, now=timezone.now())
    except recovery.NotUsable:
        return False
    return True


def _investor(user: User) -> Investor:
    return people.register(user=user, now=timezone.now())


def case_of(user: User) -> RecoveryCase | None:
    """The case that is going on for whoever is signed in."""
    investor = Investor.objects.filter(user=user).first()
    return recovery.living(investor=investor, now=timezone.now()) if investor else None


def _sealed(code: str) -> str:
    plain = "".join(sign for sign in code.upper() if sign.isalnum())
    return envelope.blind_index(plain, purpose="recovery code").hex()


def _write(email: str, language: str, code: str) -> None:
    """The mail with the code, or, so that both take as long, the one that says that there is no account."""
    with translation.override(language):
        text = render_to_string("recover/mail.txt", {"code": f"{code[:4]} {code[4:]}" if code else ""}).strip()
    subject, _line, body = text.partition("\n")
    try:
        EmailMessage(subject=subject.strip(), body=body.strip(), to=[email]).send()
    except OSError as error:
        log.warning("mail refused", error=type(error).__qualname__)
