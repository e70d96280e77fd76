"""The citizen's distributions (D45–D47): what was given, what was withheld and why, what is to come, and the choice."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from fund.distribution import choose, statement
from fund.ledger import balances
from fund.units import UnitClass
from portal.access import citizen
from portal.web import who

SHOWN = 100


class ChoiceForm(forms.Form):
    """What is done with the distributions of one class."""

    unit_class = forms.ModelChoiceField(
        queryset=UnitClass.objects.filter(owner_kind="citizen"), widget=forms.HiddenInput
    )
    reinvest = forms.TypedChoiceField(
        label=gettext_lazy("Your distributions are"),
        choices=[("no", gettext_lazy("paid to your bank account")), ("yes", gettext_lazy("reinvested in more units"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )


@citizen
@require_http_methods(["GET", "HEAD", "POST"])
def distributions(request: HttpRequest) -> HttpResponse:
    """Every distribution with its parts and taxes, and the choice for those to come."""
    holder_id, now = who.holder_id(request), timezone.now()
    form = ChoiceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        choose.choose(
            holder_id=holder_id,
            unit_class=form.cleaned_data["unit_class"],
            reinvest=form.cleaned_data["reinvest"],
            actor=who.citizen(request).actor,
            now=now,
        )
        messages.success(request, _("Saved. It counts from the next record day on."))
        return redirect("distributions")
    return render(
        request,
        "account/distributions.html",
        {
            "given": statement.of_holder(holder_id=holder_id, limit=SHOWN),
            "choices": (choices := _choices(holder_id)),
            "to_come": statement.to_come(holder_id=holder_id, classes=[one["unit_class"].pk for one in choices]),
            "wrong": form.errors,
        },
        status=422 if form.errors else 200,
    )


def _choices(holder_id: int) -> list[dict[str, Any]]:
    """A form for each class of which the citizen holds units or has ever been given a distribution."""
    chosen = choose.chosen(holder_id=holder_id)
    classes = UnitClass.objects.filter(owner_kind="citizen").order_by("-code")
    return [
        {
            "unit_class": one,
            "form": ChoiceForm(
                initial={"unit_class": one.pk, "reinvest": "yes" if chosen[one.pk] else "no"},
                auto_id=f"{one.pk}_%s",
                label_suffix="",
            ),
        }
        for one in classes
        if balances.balance(f"units:{one}", holder_id=holder_id)
    ]
