"""The documents that an application needs as pictures (D5): which ones follows from the identity document stated."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy, pgettext_lazy

from investors.steps.fields import Answers, Known, Step
from investors.steps.identity import FAMILY_REGISTER, PASSPORT, PASSPORT_CARD


class Kind(models.TextChoices):
    """What a picture shows."""

    PASSPORT_PAGE = "passport_page", _("Photo page of the passport")
    CARD_FRONT = "card_front", _("Front of the passport card")
    CARD_BACK = "card_back", _("Back of the passport card")
    FAMILY_REGISTER = "family_register", _("Certificate of the family register (koseki)")
    MY_NUMBER_CARD = "my_number_card", _("Front of the My Number Card")
    RESIDENCE_PROOF = "residence_proof", _("Proof of residence")


HINTS = {
    Kind.PASSPORT_PAGE: _("The whole page, with the two lines at its foot."),
    Kind.FAMILY_REGISTER: _("All pages, if you can as one PDF."),
    Kind.MY_NUMBER_CARD: _("Only the front with your photo. Never send the back: it shows your My Number."),
    Kind.RESIDENCE_PROOF: _(
        "For example a certificate of residence or a bill of this year, if your address has changed."
    ),
}
NEEDED = {
    PASSPORT: (Kind.PASSPORT_PAGE,),
    PASSPORT_CARD: (Kind.CARD_FRONT, Kind.CARD_BACK),
    FAMILY_REGISTER: (Kind.FAMILY_REGISTER,),
}
WELCOME = {FAMILY_REGISTER: (Kind.MY_NUMBER_CARD,)}


def stated(known: Known) -> str:
    """The identity document that was stated, "" while unknown."""
    return str(known.answers.get("identity_document", {}).get("kind", ""))


def given(known: Known) -> list[str]:
    return list(known.answers.get("documents", {}).get("given", []))


def needed(known: Known) -> tuple[Kind, ...]:
    """Without these the application cannot be sent."""
    return NEEDED.get(stated(known), ())


def asked(known: Known) -> list[Kind]:
    """Everything that can be given, and what was given though it is asked no longer; in the order of ``Kind``."""
    shown = {*needed(known), *WELCOME.get(stated(known), ()), Kind.RESIDENCE_PROOF, *given(known)}
    return [kind for kind in Kind if kind in shown]


def missing(known: Known) -> list[Kind]:
    return [kind for kind in needed(known) if kind not in given(known)]


def check_given(answers: Answers, known: Known) -> Answers:
    """What was given comes from the files themselves; nobody answers it."""
    if not stated(known):
        raise ValidationError(_("Please say first which identity document you have."), code="required")
    if left := missing(known):
        message = ngettext_lazy(
            "This document is still missing: %(documents)s.",
            "These documents are still missing: %(documents)s.",
            len(left),
        )
        raise ValidationError(
            message, code="documents_missing", params={"documents": " / ".join(str(kind.label) for kind in left)}
        )
    return {"given": given(known)}


documents = Step(
    code="documents",
    title=pgettext_lazy("pictures", "Documents"),
    intro=_(
        "Pictures of the document that you have stated. Of your files we keep nothing but the picture itself,"
        " encrypted; every look at it is logged."
    ),
    fields=(),
    finish=check_given,
)
