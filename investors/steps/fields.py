"""What a step of the application asks, described once: forms and the API are made from it and checked by it."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from investors import names

Answers = dict[str, Any]
Errors = dict[str, list[ValidationError]]

LONGEST_TEXT = 200
TRUE = {True, "true", "on", "yes", "1"}
FALSE = {False, "false", "off", "no", "0"}
# Today is the day in the country of residence; for the many zones of the US, that of the fund's own cut-offs.
ZONES = {"JP": ZoneInfo("Asia/Tokyo"), "US": ZoneInfo("America/New_York")}


@dataclass(frozen=True)
class Known:
    """What is known when a step is asked: the clock, and the clean answers of the steps before it."""

    now: datetime
    answers: dict[str, Answers] = field(default_factory=dict)

    @property
    def nations(self) -> list[str]:
        """Of the two nations, those whose citizen somebody is."""
        told = self.answers.get("citizenship", {}).get("nations", [])
        return [nation for nation in told if nation in ZONES]

    @property
    def country(self) -> str:
        """Country of residence, "" while unknown."""
        return str(self.answers.get("residence", {}).get("country", ""))

    @property
    def name(self) -> dict[str, str]:
        return self.answers.get("name", {})

    @property
    def born(self) -> date | None:
        told = self.answers.get("birth", {}).get("birth_date")
        return date.fromisoformat(told) if told else None

    @property
    def today(self) -> date:
        """The day of the applicant: Tokyo for residents of Japan, New York for everyone else."""
        return self.now.astimezone(ZONES.get(self.country, ZONES["US"])).date()


Choices = tuple[tuple[str, Any], ...]


def always(known: Known) -> bool:
    return True


def of_nation(nation: str) -> Callable[[Known], bool]:
    return lambda known: nation in known.nations


def living_in(country: str) -> Callable[[Known], bool]:
    return lambda known: known.country == country


@dataclass(frozen=True)
class Field:
    """One question.

    ``kind``: text, date, choice, choices, yes_no, confirm (must be yes), secret (an identity number).
    ``asked`` and ``required`` depend on what is known; ``when`` on another field of the same step and its values, which
    may depend on what is known as well. ``check`` judges the text alone, ``among`` beside the clean answers before it.
    """

    name: str
    label: Any
    kind: str = "text"
    asked: Callable[[Known], bool] = always
    required: Callable[[Known], bool] = always
    when: tuple[str, tuple[str, ...] | Callable[[Known], tuple[str, ...]]] | None = None
    choices: Choices | Callable[[Known], Choices] = ()
    help: Any = ""
    autocomplete: str = "off"
    check: Callable[[str], str] = str
    among: Callable[[str, Answers], str] | None = None
    longest: int = LONGEST_TEXT

    def options(self, known: Known) -> Choices:
        return self.choices(known) if callable(self.choices) else self.choices

    @property
    def checked(self) -> bool:
        """Whether there is more to check than that something was entered."""
        return self.check is not str or self.among is not None or self.kind == "date"

    def condition(self, known: Known) -> tuple[str, tuple[str, ...]] | None:
        """The other field on which this one depends, and its values."""
        if self.when is None:
            return None
        name, values = self.when
        return name, values(known) if callable(values) else values

    def describe(self, known: Known) -> dict[str, Any]:
        """Everything a form or a schema needs, in the language of the moment."""
        condition = self.condition(known)
        return {
            "name": self.name,
            "type": self.kind,
            "label": str(self.label),
            "help": str(self.help),
            "required": self.required(known),
            "when": {"field": condition[0], "values": list(condition[1])} if condition else None,
            "choices": [{"value": value, "label": str(label)} for value, label in self.options(known)],
            "autocomplete": self.autocomplete,
            "max_length": self.longest,
            "checked": self.checked,
        }


def no_more(answers: Answers, known: Known) -> Answers:
    return answers


@dataclass(frozen=True)
class Step:
    """One page of the application. ``finish`` checks the answers together and may add what follows from them;
    ``begin`` may fill in what one answer tells of the others.
    """

    code: str
    title: Any
    fields: tuple[Field, ...]
    begin: Callable[[Answers, Known], Answers] = no_more
    finish: Callable[[Answers, Known], Answers] = no_more
    intro: Any = ""

    def asked(self, known: Known) -> list[Field]:
        return [one for one in self.fields if one.asked(known)]

    def clean(self, given: Answers, known: Known) -> Answers:
        """The clean answers, JSON only. Raises ValidationError by field."""
        asked = self.asked(known)
        errors: Errors = {}
        clean: Answers = {}
        if unknown := sorted(set(given) - {one.name for one in self.fields}):
            raise ValidationError(
                _("This step does not ask for: %(names)s."), code="unknown_field", params={"names": ", ".join(unknown)}
            )
        given = self.begin(given, known)
        for one in asked:
            try:
                if not _is_due(one, given, known):
                    continue
                value = _clean_value(one, given.get(one.name), known, clean)
                if value in ("", None, []) and one.required(known) and not _kept(one, known, self.code):
                    raise ValidationError(_("Please answer this question."), code="required")
                clean[one.name] = value
            except ValidationError as refused:
                errors[one.name] = refused.error_list
        if errors:
            raise ValidationError(errors)
        return self.finish(clean, known)

    def check(self, name: str, given: Answers, known: Known) -> None:
        """Check one answer while the others are still being typed; an empty one is not judged.

        Raises ValidationError, and KeyError for a field that is not asked.
        """
        clean: Answers = {}
        asked = {one.name: one for one in self.asked(known)}
        wanted = asked[name]
        for one in asked.values():
            if one is wanted:
                break
            with contextlib.suppress(ValidationError):
                if _is_due(one, given, known):
                    clean[one.name] = _clean_value(one, given.get(one.name), known, clean)
        if _is_due(wanted, given, known):
            _clean_value(wanted, given.get(name), known, clean)


def _is_due(one: Field, given: Answers, known: Known) -> bool:
    condition = one.condition(known)
    if condition is None:
        return True
    told = given.get(condition[0])
    return (str(told).lower() if isinstance(told, bool) else told) in condition[1]


def _kept(one: Field, known: Known, step: str) -> bool:
    """An identity number that was given before need not be typed again."""
    return one.kind == "secret" and bool(known.answers.get(step, {}).get(f"{one.name}_ending"))


def _clean_value(one: Field, value: Any, known: Known, before: Answers) -> Any:
    if value is None or value == "":
        return None if one.kind in ("yes_no", "confirm") else [] if one.kind == "choices" else ""
    match one.kind:
        case "yes_no" | "confirm":
            return _yes_or_no(value, must_be_yes=one.kind == "confirm")
        case "choice":
            return _chosen([value], one, known)[0]
        case "choices":
            return _chosen(value, one, known)
        case "date":
            return _day(value)
        case _:
            return _text(value, one, before)


def _yes_or_no(value: Any, *, must_be_yes: bool) -> bool:
    told = value.lower() if isinstance(value, str) else value
    if not isinstance(told, (bool, str)) or told not in TRUE | FALSE:
        raise ValidationError(_("Please answer yes or no."), code="invalid")
    if must_be_yes and told in FALSE:
        raise ValidationError(_("We cannot go on without your confirmation."), code="not_confirmed")
    return told in TRUE


def _chosen(value: Any, one: Field, known: Known) -> list[str]:
    allowed = [choice for choice, _label in one.options(known)]
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, dict)):
        raise ValidationError(_("Please choose from the list."), code="invalid_choice")
    told = list(value)
    if any(choice not in allowed for choice in told):
        raise ValidationError(_("Please choose from the list."), code="invalid_choice")
    return [choice for choice in allowed if choice in told]


def _day(value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat() if isinstance(value, str) else _fail()
    except ValueError:
        raise ValidationError(
            _("Please enter a day as year-month-day, for example 1990-04-30."), code="invalid_date"
        ) from None


def _fail() -> str:
    raise ValueError("not a text")


def _text(value: Any, one: Field, before: Answers) -> str:
    if not isinstance(value, str):
        raise ValidationError(_("Please enter text."), code="invalid")
    if one.kind != "lines":
        names.check_visible(value)
    if len(value) > one.longest:
        raise ValidationError(
            _("This is longer than %(most)s characters."), code="too_long", params={"most": one.longest}
        )
    if not value.strip():
        return ""
    text = one.check(value)
    return one.among(text, before) if one.among else text
