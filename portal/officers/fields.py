"""Fields that several forms share: days and instants as browsers pick them, and the reason of an act."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy


class DayField(forms.DateField):
    """A day, picked in the browser's own calendar."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **kwargs)


class LocalInstant(forms.DateTimeField):
    """A day and time in the officer's own time zone."""

    def __init__(self, **kwargs: Any) -> None:
        picker = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(widget=picker, help_text=gettext_lazy("In the time of your own nation."), **kwargs)


class ReasonForm(forms.Form):
    """Why an act is proposed; the other nation's officer reads it."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class PurposeForm(forms.Form):
    """What personal data of a payment is read for; the purpose is recorded with the reading."""

    purpose = forms.ChoiceField(
        label=gettext_lazy("What do you read it for?"),
        choices=[
            ("owner", gettext_lazy("finding the owner of the money")),
            ("refund", gettext_lazy("paying the money back")),
            ("question", gettext_lazy("answering the payer or the bank")),
        ],
        widget=forms.RadioSelect,
    )
