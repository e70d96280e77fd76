"""Whatever is sent, the answer is a problem document of 4xx that says where the fault is (decision 10)."""

import json
import time
from io import BytesIO
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from psycopg import errors
from rest_framework.exceptions import ParseError, ValidationError

from fund.dealing.models import Subscription
from portal.api import border
from tests.portal.api.conftest import Api, order, pointers, problem

pytestmark = pytest.mark.django_db

AMOUNT = b'{"currency": "JPY", "value": %s}'
WRONG_YEN = [
    '"-0"',
    '"-100000"',
    '"+100000"',
    '"1e5"',
    '"1E5"',
    '"1_000"',
    '"100,000"',
    '"100000.00"',
    '"100000."',
    '".5"',
    '"0100000"',
    '"１００００"',
    '"٣٠٠٠٠"',
    '" 100000"',
    '"100000 "',
    '"100000\\n"',
    '"0x10"',
    '"NaN"',
    '"Infinity"',
    '""',
    '"9223372036854775808"',
    '"9999999999999999999999"',
    "100000",
    "1e5",
    "-0",
    "0.1",
    "true",
    "false",
    "null",
    "[]",
    '["100000"]',
    "{}",
]


def send(api: Api, amount: bytes):
    body = b'{"offering": "JP-2026-1", "amount": %s, "accepts": ["prospectus:1", "terms:1"]}' % amount
    return api.post("/subscriptions", body)


@pytest.mark.parametrize("value", WRONG_YEN)
def test_every_wrong_form_of_an_amount_is_refused_with_its_pointer(citizen, value):
    answer = send(citizen, AMOUNT % value.encode())
    assert answer.status_code == 400
    assert pointers(answer) == ["/amount/value"]
    assert not Subscription.objects.exists()


def test_the_right_form_is_taken(citizen, opened):
    """Negative control of the test above."""
    assert send(citizen, AMOUNT % b'"100000"').status_code == 201


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "01", "+1", "1.", "0x1", "'1'"])
def test_what_json_does_not_know_is_not_json(citizen, value):
    answer = send(citizen, AMOUNT % value.encode())
    assert answer.status_code == 400
    assert problem(answer)["code"] == "not_json"


@pytest.mark.parametrize(
    ("amount", "pointer"),
    [
        (b'{"currency": "JPY"}', "/amount/value"),
        (b'{"value": "100000"}', "/amount/currency"),
        (b'{"currency": "EUR", "value": "100000"}', "/amount/currency"),
        (b'{"currency": "jpy", "value": "100000"}', "/amount/currency"),
        (b'{"currency": 1, "value": "100000"}', "/amount/currency"),
        (b'{"currency": ["JPY"], "value": "100000"}', "/amount/currency"),
        (b'{"currency": "USD", "value": "100000"}', "/amount/value"),
        (b'{"currency": "USD", "value": "1000.5"}', "/amount/value"),
        (b'{"currency": "JPY", "value": "100000", "scale": 2}', "/amount/scale"),
        (b'"100000"', "/amount"),
        (b"100000", "/amount"),
        (b"null", "/amount"),
        (b"[]", "/amount"),
        (b"true", "/amount"),
    ],
)
def test_money_is_a_currency_and_a_value_and_nothing_else(citizen, amount, pointer):
    answer = send(citizen, amount)
    assert answer.status_code == 400
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid"),
        (b"{", "not_json"),
        (b"{}}", "not_json"),
        (b"\xff\xfe{\x00}\x00", "not_json"),
        ("{}".encode("utf-16"), "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b'{"offering": "\xff"}', "not_json"),
        (b'{"a": 1%s}' % (b"0" * 5000), "not_json"),
        (b"[" * 50_000, "too_deep"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "too_deep"),
        (b'{"offering": "JP-2026-1", "offering": "US-2026-1"}', "duplicate_key"),
        (b'{"amount": {"value": "1", "value": "2"}}', "duplicate_key"),
        (b"[]", "invalid"),
        (b'"text"', "invalid"),
        (b"null", "invalid"),
        (b"1", "invalid"),
        (b"true", "invalid"),
    ],
)
def test_a_body_that_is_not_one_sound_json_object_is_refused(citizen, body, code):
    answer = citizen.post("/subscriptions", body)
    assert answer.status_code == 400
    assert problem(answer)["code"] == code


def test_the_parser_of_the_library_would_take_two_keys_and_nan():
    """Negative control: why there is a parser of our own."""
    assert json.loads('{"a": 1, "a": 2, "b": NaN}')["a"] == 2


@pytest.mark.parametrize("text", ["\\u0000", "JP\\u0000", "\\ud800", "\\udc00x", "\\udc00\\ud800"])
@pytest.mark.parametrize("place", ["offering", "accepts"])
def test_nul_and_lone_surrogates_are_refused_where_they_stand(citizen, text, place):
    value = f'["{text}"]' if place == "accepts" else f'"{text}"'
    answer = citizen.post("/subscriptions", f'{{"{place}": {value}}}'.encode())
    assert answer.status_code == 400
    assert pointers(answer) == ["/accepts/0" if place == "accepts" else "/offering"]


def test_a_name_of_a_field_may_not_hold_them_either(citizen):
    answer = citizen.post("/subscriptions", b'{"\\ud800": 1}')
    assert answer.status_code == 400
    assert problem(answer)["errors"][0]["code"] == "bad_characters"


def test_a_sound_surrogate_pair_is_a_character(citizen):
    answer = citizen.post("/subscriptions", b'{"offering": "\\ud83c\\udf89"}')
    assert "bad_characters" not in {error["code"] for error in problem(answer)["errors"]}


def test_unknown_fields_are_refused_with_escaped_pointers(citizen):
    answer = citizen.post("/subscriptions", {**order(), "a/b~c": 1, "note": "hello"})
    assert answer.status_code == 400
    assert pointers(answer) == ["/a~1b~0c", "/note"]


def test_a_body_beyond_the_bound_is_413(citizen):
    answer = citizen.post("/subscriptions", b'{"a": "' + b"x" * border.LARGEST_BODY + b'"}')
    assert answer.status_code == 413
    assert problem(answer)["code"] == "too_large"


MB = 1_000_000
HOSTILE = {
    "depth of arrays": b"[" * 100_000,
    "depth of arrays that close": b"[" * 30_000 + b"]" * 30_000,
    "depth of objects": b'{"a":' * 100_000,
    "brackets inside a text without end": b'"' + b"[" * 60_000,
    "quotes and backslashes": b'"\\' * 20_000,
    "10 MB of text": b'{"offering": "' + b"x" * 10 * MB + b'"}',
    "10 MB of digits": b'{"offering": ' + b"9" * 10 * MB + b"}",
    "10 MB of brackets": b"[" * 10 * MB,
    "one key a thousand times": b"{" + b",".join([b'"a": 1'] * 5000) + b"}",
    "a thousand unknown keys": json.dumps({f"k{number}": 1 for number in range(4000)}).encode(),
    "NULs": b'{"offering": "' + b"\\u0000" * 10_000 + b'"}',
    "lone surrogates": b'{"accepts": [' + b",".join([b'"\\ud800"'] * 5000) + b"]}",
    "a long number": b'{"offering": ' + b"9" * 60_000 + b"}",
    "a number of many zeros": b'{"offering": 1e' + b"9" * 60_000 + b"}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_was_made_to_hurt_is_refused_in_a_tenth_of_a_second(citizen, name):
    """Of the processor, and the best of a few tries: the machine of the tests does other things as well."""
    took = []
    for _ in range(5):
        began = time.thread_time()
        answer = citizen.post("/subscriptions", HOSTILE[name])
        took.append(time.thread_time() - began)
        assert answer.status_code == (413 if len(HOSTILE[name]) > border.LARGEST_BODY else 400)
        assert problem(answer)["code"]
    assert min(took) < 0.1, took


def test_the_parser_of_the_library_would_fail_on_the_depth():
    """Negative control: without our look at the depth the recursion is what ends it."""
    with pytest.raises(RecursionError):
        json.loads(HOSTILE["depth of arrays"])


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "x"],
)
def test_other_content_types_are_415(citizen, content_type):
    answer = citizen.post("/subscriptions", b"{}", Content_Type=content_type)
    assert answer.status_code == 415
    assert problem(answer)["code"] == "unsupported_media_type"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", "nonsense"])
def test_other_answers_than_json_are_406(anonymous, accept):
    answer = anonymous.get("/classes", Accept=accept)
    assert answer.status_code == 406
    assert problem(answer)["code"] == "not_acceptable"


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/navs?class=XX", "?class"),
        ("/navs?class=", "?class"),
        ("/navs?class=JP&class=US", "?class"),
        ("/navs?class=%00", "?class"),
        ("/navs?colour=red", "?colour"),
        ("/navs?cursor=abc", "?cursor"),
        ("/navs?cursor=", "?cursor"),
        ("/classes?format=json", "?format"),
        ("/classes?x=%ff", "?x"),
        ("/classes?%ED%A0%80=1", "?\ufffd\ufffd\ufffd"),
    ],
)
def test_parameters_of_the_address_are_as_strict(anonymous, path, pointer):
    answer = anonymous.get(path)
    assert answer.status_code == 400
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/fund/",
        "/offerings/JP%00",
        "/offerings/../fund",
        "/offerings/%ff",
        "/offerings/jp",
        "/subscriptions/RF1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_unknown_addresses_are_problems_too(anonymous, method, path):
    answer = anonymous.ask(method, path)
    assert answer.status_code == 404
    assert problem(answer)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/fund"),
        ("DELETE", "/subscriptions"),
        ("OPTIONS", "/fund"),
        ("TRACE", "/fund"),
        ("GET", "/application/submit"),
    ],
)
def test_other_methods_are_405_and_say_which_there_are(anonymous, method, path):
    answer = anonymous.ask(method, path)
    assert answer.status_code == 405
    assert answer["Allow"]
    assert problem(answer)["code"] == "method_not_allowed"


def test_a_fault_of_ours_is_a_problem_without_a_word_about_it(anonymous, monkeypatch):
    monkeypatch.setattr("portal.api.overview.strike.latest", lambda: 1 / 0)
    answer = anonymous.get("/fund")
    assert answer.status_code == 500
    assert problem(answer)["code"] == "error"
    assert b"division" not in answer.content


def test_an_unknown_host_is_a_problem(anonymous):
    answer = anonymous.get("/fund", Host="elsewhere.example")
    assert answer.status_code == 400
    assert problem(answer)["code"] == "bad_request"


@pytest.mark.parametrize("token", ["x", "0" * 32, "'; --", "é" * 32, " ", "a" * 5000])
def test_a_token_that_is_none_is_401(anonymous, token):
    answer = anonymous.get("/holdings", X_Session_Token=token)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"]
    assert problem(answer)["code"] == "not_authenticated"


def test_a_cookie_opens_nothing(citizen):
    """The API looks at the header alone, so that no other site can act with a citizen's cookie."""
    cookie = citizen.headers.pop("X-Session-Token")
    citizen.client.cookies["session"] = cookie
    assert citizen.get("/holdings").status_code == 401


def test_problems_speak_the_language_of_the_request(citizen, opened):
    english = problem(citizen.subscribe("5000"))
    japanese = problem(citizen.post("/subscriptions", order("5000"), Accept_Language="ja"))
    assert english["code"] == japanese["code"] == "below_minimum"
    assert english["detail"] != japanese["detail"]
    assert any("ぁ" <= character <= "ん" for character in japanese["detail"])
    unknown = problem(citizen.get("/nothing", Accept_Language="ja"))
    assert any("ぁ" <= character <= "ん" for character in unknown["detail"])


def test_a_refusal_points_to_the_field_it_is_about(citizen, opened):
    answer = citizen.subscribe("15000")
    assert answer.status_code == 422
    assert problem(answer)["code"] == "not_in_steps"
    assert pointers(answer) == ["/amount"]


def test_a_question_about_the_head_alone_is_answered(anonymous):
    answer = anonymous.ask("HEAD", "/classes")
    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize(
    "path", ["/api/v1/a%0Ab", "/api/v1/%00", "/api/v1//", "/api/v1/fund%2F..", "/api/v1/" + "a" * 5000]
)
def test_strange_addresses_are_simply_unknown(anonymous, path):
    answer = anonymous.client.get(path)
    assert answer.status_code == 404
    assert problem(answer)["code"] == "not_found"


@pytest.mark.parametrize("fault", [errors.DeadlockDetected, errors.LockNotAvailable, errors.SerializationFailure])
def test_who_loses_a_lock_is_asked_to_send_it_again(citizen, opened, monkeypatch, fault):
    def lose(**told):
        raise OperationalError from fault()

    monkeypatch.setattr("portal.api.subscriptions.subscribing.subscribe", lose)
    answer = citizen.subscribe(key="one")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "1"
    assert problem(answer)["code"] == "try_again"
    monkeypatch.undo()
    assert citizen.subscribe(key="one").status_code == 201


def test_another_fault_of_the_database_is_ours(citizen, opened, monkeypatch):
    """Negative control of the test above."""
    monkeypatch.setattr("portal.api.subscriptions.subscribing.subscribe", Mock(side_effect=OperationalError))
    assert citizen.subscribe().status_code == 500


VALUES = [
    "x",
    "",
    " x ",
    "x" * 5,
    "x" * 6,
    "\0",
    "\ud800",
    "日",
    1,
    True,
    None,
    [],
    {},
    ["a"],
    ["a", "b"],
    ["a", ""],
    ["a"] * 3,
]
FIELDS = [
    border.Text(max_length=5),
    border.Text(min_length=2, allow_blank=True, trim_whitespace=True),
    border.Code(r"^[a-zx]{1,5}\Z", max_length=5),
    border.Choice(choices=["x", "a"]),
    border.Texts(child=border.Text(max_length=5), max_length=2),
    border.Texts(child=border.Text(), min_length=1),
    border.MoneyField(),
]


@pytest.mark.parametrize("field", FIELDS)
def test_what_is_seen_at_a_glance_is_what_drf_would_say(field):
    """Every field beside the same one without its glance."""

    def said(validate, value):
        try:
            return validate(field, value)
        except ValidationError as error:
            return json.dumps(error.get_full_details())

    slow = next(kind for kind in type(field).__mro__ if kind.__module__.startswith("rest_framework"))
    for value in [*VALUES, {"currency": "JPY", "value": "1"}, {"currency": "JPY", "value": "1.0"}]:
        assert said(type(field).run_validation, value) == said(slow.run_validation, value), value


@pytest.mark.parametrize("text", [r'"\u0000"', r'{"a": ["\ud800"]}', r'{"\u0000": 1}'])
def test_only_an_escape_can_write_what_no_text_should_hold(text):
    with pytest.raises(ValidationError):
        border.StrictJSONParser().parse(BytesIO(text.encode()))
    for raw in (b'"\0"', b'"\xed\xa0\x80"'):
        with pytest.raises(ParseError):
            border.StrictJSONParser().parse(BytesIO(raw))
