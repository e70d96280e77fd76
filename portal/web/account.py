"""The citizen's own pages: what needs doing next, profile, inbox, security."""

from allauth.mfa.webauthn.views import ReauthenticateWebAuthnView
from allauth.usersessions.internal.flows.sessions import end_sessions
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from fund.dealing.models import Offering, Status
from investors import deletion, onboarding, people
from investors.people import Investor
from portal import step_up
from portal.access import applicant, signed_in
from portal.accounts import User
from portal.web import holdings, offerings, orders, recover, who, words


@applicant
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """One page that says what to do next. Officers have their own."""
    now = timezone.now()
    if hasattr(request.user, "officer"):
        return redirect("admin:index")
    investor = people.register(user=request.user, now=now)
    if investor.holder_id is None:
        return render(
            request,
            "account/overview.html",
            {
                "application": onboarding.current(investor=investor),
                "left": len(onboarding.remaining(investor=investor)),
                "unread": who.user(request).inbox.filter(read_at=None).count(),
                "secure": bool(step_up.factors(who.user(request))),
            },
        )
    own = orders.listed(investor.holder_id)
    open_ = offerings.listed().filter(state=Offering.State.OPEN, unit_class__in=investor.nations).order_by("closes_at")
    return render(
        request,
        "account/overview.html",
        {
            "approved": True,
            "verify": _to_verify(investor),
            "lapsed": not investor.may_invest(now),
            "verified_until": investor.verified_until,
            "to_pay": [one for one in own if one["status"] == Status.PLACED],
            "orders": own[:3],
            "holdings": holdings.held(investor.holder_id, now),
            "open_offerings": [offerings.shown(one) for one in open_],
            "unread": who.user(request).inbox.filter(read_at=None).count(),
            "secure": bool(step_up.factors(who.user(request))),
        },
    )


def _to_verify(investor: Investor) -> bool:
    """Whether a re-verification waits for its citizen."""
    newest = onboarding.current(investor=investor)
    return newest is not None and newest.editable


NEWEST = 100


class LanguageForm(forms.Form):
    """The language of messages and e-mails; that of the pages is chosen at their head."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language of messages and e-mails"), choices=User.Language.choices, widget=forms.RadioSelect
    )


@applicant
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user = who.user(request)
    form = LanguageForm(request.POST or None, initial={"language": user.language}, label_suffix="")
    if request.method == "POST" and form.is_valid():
        user.language = form.cleaned_data["language"]
        user.save(update_fields=["language"])
        messages.success(request, _("Saved."))
        return redirect("profile")
    now = timezone.now()
    investor = people.register(user=user, now=now)
    return render(
        request,
        "account/profile.html",
        {
            "form": form,
            "investor": investor,
            "nations": _nations(investor.nations),
            "readings": people.readings(investor=investor),
            "due": deletion.next_for(investor=investor, now=now),
            "deletions": investor.deletions.order_by("-pk"),
        },
    )


@applicant
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """The newest messages; opening the page marks them as read for the next time."""
    found = list(who.user(request).inbox.order_by("-pk")[:NEWEST])
    response = render(request, "account/inbox.html", {"found": found})
    who.user(request).inbox.filter(read_at=None).update(read_at=timezone.now())
    return response


@applicant
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    user = who.user(request)
    about = {"secure": bool(step_up.factors(user)), "recovery": recover.case_of(user)}
    return render(request, "account/security.html", about)


@applicant
@require_POST
def end_session(request: HttpRequest, number: int) -> HttpResponse:
    """Sign out one device; somebody else's answers exactly as one that does not exist."""
    session = get_object_or_404(UserSession, pk=number, user=who.user(request))
    end_sessions(request, [session])
    messages.success(request, _("The device was signed out."))
    return redirect("usersessions_list")


class ProveByPasskey(ReauthenticateWebAuthnView):
    """The library's page, but a refused signature leads back to it, and what waits for the proof still waits."""

    access = staticmethod(signed_in)

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        messages.error(self.request, _("The passkey was not used. Please try again, or take another way."))
        return redirect(self.passthrough_next_url(self.request.path))


def _nations(codes: list[str]) -> list[str]:
    return [str(words.CITIZENS_OF[code]) for code in codes if code in words.CITIZENS_OF]
