"""The border for what comes in: JSON read strictly, bodies and parameters without anything we did not ask for."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property
from hashlib import sha256
from itertools import islice
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.exceptions import ValidationError as DomainValidationError
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException, ErrorDetail, ParseError, ValidationError
from rest_framework.fields import SkipField, empty
from rest_framework.parsers import BaseParser
from rest_framework.utils.formatting import lazy_format

from fund.money import Currency, Money
from portal import uploading

LARGEST_BODY = 64 * 1024  # bytes
DEEPEST = 16
MOST_FAULTS = 100  # that one answer names
LONGEST_NUMBER = 30  # digits; nothing in the API is a longer one
STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
UNWANTED = re.compile("[\0\ud800-\udfff]")


class TooLarge(APIException):
    status_code = 413
    default_detail = _("The body is larger than 64 KiB.")
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """One JSON text in UTF-8: no key twice, no NaN, no NUL and no lone surrogates, bounded in depth and size."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise TooLarge
        if body.count(b"{") + body.count(b"[") > DEEPEST and depth(body) > DEEPEST:
            raise ParseError(gettext("The JSON is nested too deep."), code="too_deep")
        try:
            read = JSON.decode(body.decode("utf-8"))
        except ValueError:
            raise ParseError(gettext("The body is not sound JSON."), code="not_json") from None
        if b"\\" in body and (wrong := unwanted(read)):  # in sound JSON only an escape can write it
            raise ValidationError(wrong)
        return read


def depth(body: bytes) -> int:
    """How deep brackets nest, without descending into them."""
    deepest = level = 0
    for found in STRING_OR_BRACKET.finditer(body):
        if found[0] in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif found[0] in b"]}":
            level -= 1
    return deepest


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ParseError(gettext("A key stands twice in one object."), code="duplicate_key")
    return read


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _whole(written: str) -> int:
    if len(written) > LONGEST_NUMBER:
        raise ValueError("a number of this length")
    return int(written)


def _fraction(written: str) -> Decimal:
    if len(written) > LONGEST_NUMBER:
        raise ValueError("a number of this length")
    try:
        number = Decimal(written)
    except InvalidOperation:  # an exponent beyond what Decimal knows
        number = Decimal("Infinity")
    if not number.is_finite() or abs(number.adjusted()) > LONGEST_NUMBER:
        raise ValueError("a number of this size")
    return number


JSON = json.JSONDecoder(
    object_pairs_hook=_no_key_twice, parse_constant=_refuse, parse_int=_whole, parse_float=_fraction
)


def unwanted(read: Any) -> Any:
    """Error details at every text that holds what no text should: NUL, or half of a surrogate pair."""
    match read:
        case str():
            return _bad_characters() if UNWANTED.search(read) else []
        case dict():
            if any(UNWANTED.search(key) for key in read):
                return _bad_characters()
            return _wrong_inside(read.items())
        case list():
            return _wrong_inside(enumerate(read))
        case _:
            return []


def _bad_characters() -> list[ErrorDetail]:
    return [ErrorDetail(gettext("This text holds characters that are not allowed."), code="bad_characters")]


def _wrong_inside(places: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    found = ((place, wrong) for place, inner in places if (wrong := unwanted(inner)))
    return dict(islice(found, MOST_FAULTS))


@dataclass(frozen=True)
class SentFile:
    """A file of a form. As text it is its fingerprint: what an Idempotency-Key compares."""

    data: bytes

    def __str__(self) -> str:
        return sha256(self.data).hexdigest()


class OneFileParser(BaseParser):
    """A form with one file, which is read into memory after its length was looked at; no field twice."""

    media_type = "multipart/form-data"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        request = parser_context["request"]
        if uploading.is_too_large(request):
            raise TooLarge(gettext("The file is larger than 15 MB."))
        meta = {**request.META, "CONTENT_TYPE": media_type}
        try:
            fields, files = MultiPartParser(meta, stream, [uploading.InMemory(request)], "utf-8").parse()
        except (MultiPartParserError, TooManyFieldsSent, TooManyFilesSent, RequestDataTooBig):
            raise ParseError(gettext("The form is not sound."), code="not_a_form") from None
        both = [*fields.lists(), *files.lists()]
        if any(len(values) > 1 for _name, values in both) or len({name for name, _values in both}) < len(both):
            raise ParseError(gettext("A field stands twice in the form."), code="duplicate_key")
        if wrong := unwanted(fields.dict()):
            raise ValidationError(wrong)
        return {**fields.dict(), **{name: SentFile(file.read()) for name, [file] in files.lists()}}


@extend_schema_field({"type": "string", "format": "binary"})
class FileField(serializers.Field[SentFile, Any, Any, Any]):
    """A file of a form."""

    default_error_messages = {"invalid": _("Send a file here.")}

    def to_internal_value(self, data: Any) -> SentFile:
        if not isinstance(data, SentFile):
            self.fail("invalid")
        return data


class Form(serializers.Serializer[Any]):
    """A form whose fields are set up once, not for each request: checking leaves nothing behind in them."""

    @classmethod
    @cache
    def check(cls) -> "Form":
        form = cls()
        word_anew(form)
        return form


def word_anew(field: Any) -> None:
    """Have bounds told in the language of each request: DRF's sentences keep the one in which they were first told."""
    for bound in field.validators:
        told = getattr(bound, "message", None)
        if isinstance(told, lazy_format) and (sentence := told.format_string):
            bound.message = format_lazy(sentence, *told.args, **told.kwargs)
    for inner in (*getattr(field, "fields", {}).values(), *filter(None, [getattr(field, "child", None)])):
        word_anew(inner)


class Body(Form):
    """A JSON object with the fields that it declares and no others; each is called as it is sent."""

    @classmethod
    def read(cls, given: Any) -> dict[str, Any]:
        """Raises ValidationError."""
        return dict(cls.check().run_validation(given))

    def run_validation(self, data: Any = empty) -> Any:
        """What is sound is seen at a glance; DRF words the faults."""
        return self.to_internal_value(data) if type(data) is dict else super().run_validation(data)

    def to_internal_value(self, data: Any) -> Any:
        fields = self._declared
        if not isinstance(data, dict):
            return super().to_internal_value(data)
        if unknown := [name for name in data if name not in fields]:
            wrong = [ErrorDetail(gettext("There is no such field."), code="unknown_field")]
            raise ValidationError(dict.fromkeys(unknown[:MOST_FAULTS], wrong))
        read, faults = {}, {}
        for name, field in fields.items():
            try:
                read[name] = field.run_validation(data.get(name, empty))
            except ValidationError as error:
                faults[name] = error.detail
            except SkipField:
                pass
        if faults:
            raise ValidationError(faults)
        return read

    @cached_property
    def _declared(self) -> dict[str, Any]:
        return dict(self.fields.items())


class NothingForm(Body):
    """Nothing needs to be said."""


class Query(Form):
    """The parameters of an address: those declared, each once, and no others. Errors point to ``?name``."""

    @classmethod
    def read(cls, given: QueryDict | None) -> dict[str, Any]:
        """Raises ValidationError."""
        return cls._read(given) if given else dict(cls._defaults())

    @classmethod
    @cache
    def _defaults(cls) -> dict[str, Any]:
        """What an address without parameters asks for."""
        return cls._read(QueryDict())

    @classmethod
    def _read(cls, given: QueryDict) -> dict[str, Any]:
        form = cls.check()
        wrong = {
            f"?{name}": [
                ErrorDetail(gettext("There is no such parameter, or it is given twice."), code="unknown_field")
            ]
            for name, values in given.lists()
            if name not in form.fields or len(values) > 1
        }
        if wrong:
            raise ValidationError(wrong)
        try:
            return dict(form.run_validation(given.dict()))
        except ValidationError as error:
            detail: Any = error.detail  # of a form always by field
            raise ValidationError({f"?{name}": wrong for name, wrong in detail.items()}) from None


class Text(serializers.CharField):
    """A JSON string, taken as it is; numbers and booleans are not text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **options})

    def run_validation(self, data: Any = empty) -> Any:
        sound = type(data) is str and (self.min_length or 1) <= len(data) <= (self.max_length or LARGEST_BODY)
        plain = sound and not self.trim_whitespace and not UNWANTED.search(data)
        return self.to_internal_value(data) if plain else super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data.strip() if self.trim_whitespace else data


class Code(serializers.RegexField):
    """A JSON string of a fixed form."""

    def __init__(self, form: str, **options: Any) -> None:
        super().__init__(form, **options)
        self.form = re.compile(form)

    def run_validation(self, data: Any = empty) -> Any:
        sound = type(data) is str and len(data) <= (self.max_length or LARGEST_BODY) and self.form.fullmatch(data)
        return self.to_internal_value(data) if sound else super().run_validation(data)


class Texts(serializers.ListField):
    """A list of what ``child`` is."""

    def run_validation(self, data: Any = empty) -> Any:
        sound = type(data) is list and (self.min_length or 0) <= len(data) <= (self.max_length or LARGEST_BODY)
        return self.run_child_validation(data) if sound else super().run_validation(data)


class Flag(serializers.BooleanField):
    """A JSON boolean; no text or number stands for one."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input="")
        return data


class Whole(serializers.IntegerField):
    """A whole JSON number; no text, boolean or fraction stands for one."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class Choice(serializers.ChoiceField):
    """One of a list of JSON strings."""

    default_error_messages = {"invalid_choice": _("This can only be one of: {choices}.")}

    def run_validation(self, data: Any = empty) -> Any:
        sound = type(data) is str and data in self.choices
        return self.to_internal_value(data) if sound else super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", choices=", ".join(self.choices))
        return data


def _money_schema(sign: str, description: str) -> dict[str, Any]:
    dollars = _money_in(Currency.USD, rf"^{sign}(0|[1-9][0-9]{{0,15}})\.[0-9]{{2}}$")
    yen = _money_in(Currency.JPY, rf"^{sign}(0|[1-9][0-9]{{0,17}})$")
    examples = [{"currency": "JPY", "value": "100000"}, {"currency": "USD", "value": "250.00"}]
    return {"description": description, "oneOf": [dollars, yen], "examples": examples}


def _money_in(currency: Currency, value: str) -> dict[str, Any]:
    return {
        "type": "object",
        "title": currency.value,
        "required": ["currency", "value"],
        "additionalProperties": False,
        "properties": {
            "currency": {"type": "string", "const": currency.value},
            "value": {"type": "string", "pattern": value},
        },
    }


@extend_schema_field(
    _money_schema("", "Money: `value` is a plain decimal string with the currency's own decimals."),
    component_name="Money",
)
class MoneyField(serializers.Field[Money, Any, Any, Money]):
    """``{"currency", "value"}`` with the value in the one exact form that ``Money.parse`` reads."""

    def run_validation(self, data: Any = empty) -> Any:
        return self.to_internal_value(data) if type(data) is dict else super().run_validation(data)

    def to_internal_value(self, data: Any) -> Money:
        read = MoneyForm.read(data)
        try:
            return Money.parse(read["value"], read["currency"])
        except DomainValidationError as refused:
            raise ValidationError(
                {"value": [ErrorDetail(refused.messages[0], code=refused.code or "invalid")]}
            ) from None

    def to_representation(self, value: Money) -> dict[str, str]:
        return {"currency": value.currency.value, "value": value.value}


@extend_schema_field(_money_schema("-?", "Money that may be less than nothing."), component_name="SignedMoney")
class SignedMoneyField(MoneyField):
    """Money in answers that may be less than nothing; it is never read."""


class Day(serializers.DateField):
    """A day as ``2027-01-31``, in ASCII; in a body a JSON string."""

    default_error_messages = {"invalid": _("Please enter a day as year-month-day, for example 1990-04-30.")}

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not DAY.fullmatch(value):
            self.fail("invalid")
        return super().to_internal_value(value)


class MoneyForm(Body):
    """The form of money, before its value is read."""

    currency = Choice(choices=[one.value for one in Currency])
    value = Text(max_length=40)
