"""What somebody meets who writes an app from the document alone: every answer is in its form and its language."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.totp.internal.auth import format_hotp_value
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils import timezone, translation
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from rest_framework.utils.formatting import lazy_format

from fund.money import Currency, Money
from fund.refusal import Refusal
from fund.register import proof
from portal.api import border, examples, forms, pages, signing_in
from portal.templatetags import figures
from tests.portal.api.conftest import CODE, order, pointers, problem
from tests.portal.api.test_who import PLAN

pytestmark = pytest.mark.django_db

DOCUMENT = SchemaGenerator().get_schema(public=True)
JAPANESE = re.compile("[ぁ-んァ-ヶ一-龥]")


# ── languages ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("languages", [("ja", "en"), ("en", "ja")])
def test_a_bound_is_told_in_the_language_of_each_request(citizen, languages):
    """The sentence of a bound stayed for good in the language in which a process told it first."""
    border.Form.check.__func__.cache_clear()  # type: ignore[attr-defined]
    for language in languages:
        answer = citizen.post("/plans", PLAN | {"day": 32}, Accept_Language=language)
        (told,) = problem(answer)["errors"]
        assert (told["pointer"], told["code"]) == ("/day", "max_value")
        assert bool(JAPANESE.search(told["detail"])) == (language == "ja"), told


def test_the_librarys_own_sentence_would_stay():
    """Negative control: why bounds are worded anew."""
    told = lazy_format(translation.gettext_lazy("Not found."))
    with translation.override("ja"):
        first = str(told)
    with translation.override("en"):
        assert str(told) == first != translation.gettext("Not found.")


@pytest.mark.parametrize(("language", "amount"), [("en", "¥10,000"), ("ja", "¥10,000")])
def test_a_refusal_writes_money_as_its_reader_does(citizen, opened, language, amount):
    answer = citizen.post("/subscriptions", order("1"), Accept_Language=language)
    detail = problem(answer)["detail"]
    assert amount in detail and "JPY" not in detail
    assert bool(JAPANESE.search(detail)) == (language == "ja")


def test_a_refusal_has_its_amounts_by_name():
    refused = Refusal("At most %(most)s.", amounts={"most": Money(250_000, Currency.USD)})
    assert (str(refused), refused.worded(figures.money)) == ("At most USD 2500.00.", "At most $2,500.00.")
    assert str(Refusal("100 %")) == "100 %"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nowhere", {}, 404),
        ("GET", f"/offerings/{CODE}%0a", {}, 404),
        ("DELETE", "/fund", {}, 405),
        ("GET", "/fund", {"Accept": "text/html"}, 406),
        ("GET", "/classes", {"If-Match": '"other"'}, 412),
        ("GET", "/holdings", {}, 401),
    ],
)
def test_every_error_is_worded_in_both_languages(anonymous, method, path, headers, status):
    english, japanese = (
        problem(anonymous.ask(method, path, **headers, Accept_Language=language)) for language in ("en", "ja")
    )
    assert english["status"] == japanese["status"] == status
    for part in ("title", "detail"):
        assert JAPANESE.search(japanese[part]) and not JAPANESE.search(english[part]), (english, japanese)


def test_what_is_possible_is_said_where_something_is_not(anonymous, citizen):
    refused = anonymous.ask("OPTIONS", "/fund")
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")
    assert "application/json, text/csv" in problem(anonymous.get("/navs", Accept="text/html"))["detail"]
    assert "application/json" in problem(citizen.post("/plans", b"x", Content_Type="text/plain"))["detail"]
    assert problem(anonymous.get("/classes", If_Match='"other"'))["code"] == "precondition_failed"
    wrong = problem(citizen.post("/plans", PLAN | {"unit_class": "EU"}))["errors"]
    assert wrong == [{"pointer": "/unit_class", "code": "invalid_choice", "detail": "This can only be one of: US, JP."}]


# ── forms ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "path", ["/api/v1/offerings/JP%0a", "/api/v1/nowhere", "/api/auth/nowhere", "/api/", "/api/v2/x"]
)
def test_an_answer_of_another_hand_keeps_nothing_of_it(path):
    """The length of the page that it had been before went out with the problem document."""
    for encoding in ("", "gzip"):
        answer = Client().get(path, headers={"Accept-Encoding": encoding})
        assert answer.status_code == 404
        assert int(answer["Content-Length"]) == len(answer.content)
        assert problem(answer)["code"] == "not_found"
        assert "ETag" not in answer and "Content-Encoding" not in answer


def test_pages_for_people_stay_pages():
    """Negative control of the test above."""
    assert Client().get("/en/nowhere")["Content-Type"].startswith("text/html")


def test_json_that_nests_too_deep_for_signing_in_is_a_fault_of_the_request(settings):
    deep = b'{"a":' * 100_000
    answer = Client(raise_request_exception=False).post("/api/auth/app/v1/auth/login", deep, "application/json")
    assert answer.status_code == 400
    assert problem(answer)["code"] == "too_deep"
    with pytest.raises(RecursionError):
        json.loads(deep)  # negative control


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json;q=0.1, text/csv;q=0.9", "text/csv"),
        ("text/csv;q=0.1, application/json", "application/json"),
        ("application/json;q=0, text/csv", "text/csv"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;indent=4", "application/json"),
        ("TEXT/CSV", "text/csv"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("application/*", "application/json"),
        ("", "application/json"),
    ],
)
def test_the_form_that_is_wanted_most_is_answered(anonymous, accept, kind):
    answer = anonymous.get("/navs", Accept=accept)
    assert answer.status_code == 200
    assert answer["Content-Type"].partition(";")[0] == kind


@pytest.mark.parametrize("kind", ["application/*", "*/*"])
def test_a_body_is_of_one_kind(citizen, opened, kind):
    assert problem(citizen.post("/subscriptions", json.dumps(order()).encode(), Content_Type=kind))["status"] == 415


def test_a_packed_body_is_not_taken_for_bad_json(citizen, opened):
    answer = citizen.post("/subscriptions", order(), Content_Encoding="gzip")
    assert (answer.status_code, problem(answer)["code"]) == (415, "encoded_body")
    assert citizen.post("/subscriptions", order(), Content_Encoding="identity").status_code == 201


@pytest.mark.parametrize("day", ["２０２６-10-30", "2026-10-30T00:00:00Z", "2026-02-30", "30.10.2026", "20261030"])
@pytest.mark.parametrize("path", ["/capital?at=", "/proof?class=JP&date="])
def test_a_day_is_ascii_and_has_no_time(citizen, day, path):
    name = path.split("?")[1].split("&")[-1].removesuffix("=")
    assert pointers(citizen.get(f"{path}{day}")) == [f"?{name}"]


@pytest.mark.parametrize("words", [1, True, ["x"], {"x": 1}])
def test_a_number_is_no_text(applicant, words):
    assert pointers(applicant.post("/application/appeal", {"words": words})) == ["/words"]


def test_a_version_is_a_number(applicant):
    body = {"answers": {}, "versions": {"citizenship": "1"}}
    assert pointers(applicant.ask("PATCH", "/application", body)) == ["/versions/citizenship"]


def test_nothing_is_never_less_than_nothing():
    shown = forms.Plain().to_representation
    assert [shown(Decimal(text)) for text in ("-0.00", "-0.01", "1E+3")] == ["0.00", "-0.01", "1000"]


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_table_says_where_it_goes_on(anonymous, priced, monkeypatch):
    """Only the first page of a table could be read: there was no word of another one."""
    monkeypatch.setitem(pages.page.__kwdefaults__, "size", 1)
    days, path = [], "/navs?class=JP"
    while path:
        answer = anonymous.get(path, Accept="text/csv")
        days += [row.partition(",")[0] for row in answer.content.decode().splitlines()[1:]]
        following = re.fullmatch(r'<http://testserver/api/v1(.+)>; rel="next"', answer.headers.get("Link", ""))
        path = following[1] if following else ""
    assert days == ["2026-03-31", "2026-03-30"]


def test_a_cursor_is_of_one_list_with_all_that_was_asked(anonymous, priced, monkeypatch):
    monkeypatch.setitem(pages.page.__kwdefaults__, "size", 1)
    following = anonymous.get("/navs?class=JP").json()["next"]
    cursor = following.partition("cursor=")[2].partition("&")[0]
    assert anonymous.get(f"/navs?class=JP&cursor={cursor}").status_code == 200
    for path in ("/navs?class=SOV", "/navs?class=JP"):
        altered = cursor if "SOV" in path else f"{cursor}x"
        assert pointers(anonymous.get(f"{path}&cursor={altered}")) == ["?cursor"]


# ── the document ────────────────────────────────────────────────────────────────────────────────────────────────────
def offered() -> set[tuple[str, str]]:
    """Operations of allauth's description whose addresses are open here."""
    found = set()
    for path, operations in signing_in.described_by_allauth()["paths"].items():
        address = path.replace("/_allauth/{client}/v1/", signing_in.OURS)
        try:
            resolve(address)
        except Resolver404:
            continue
        found |= {(method, path.removeprefix(signing_in.THEIRS)) for method in operations}
    return found


LEFT_OUT = {
    ("get", "auth/email/verify"),  # whose code it is: an app that has sent it knows
    ("put", "account/email"), ("patch", "account/email"), ("delete", "account/email"),  # an account has one address
    ("post", "auth/phone/verify"), ("post", "auth/phone/verify/resend"), ("get", "account/phone"),
    ("post", "account/phone"), ("post", "auth/code/confirm"),  # telephones and codes without a password: not offered
    ("post", "auth/provider/token"), ("get", "auth/provider/signup"), ("post", "auth/provider/signup"),
    ("get", "account/providers"), ("delete", "account/providers"),  # government identities open in a browser
}  # fmt: skip


def test_the_document_describes_signing_in_as_it_is_offered():
    assert offered() == {*signing_in.OPERATIONS, *LEFT_OUT}
    described = {path for path in DOCUMENT["paths"] if path.startswith(signing_in.OURS)}
    assert described == {f"{signing_in.OURS}{path}" for _method, path in signing_in.OPERATIONS}


class Newcomer:
    """Somebody who signs up, whose every answer is compared with the document."""

    def __init__(self) -> None:
        self.client, self.token, self.seen = Client(), "", set[tuple[str, str, int]]()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        headers = {"X-Session-Token": self.token} if self.token else {}
        answer = self.client.generic(method, f"{signing_in.OURS}{path}", headers=headers, **data)
        told = json.loads(answer.content)
        response = found(
            DOCUMENT["paths"][f"{signing_in.OURS}{path}"][method.lower()]["responses"][str(answer.status_code)]
        )
        form = {**response["content"][answer["Content-Type"]]["schema"], "components": DOCUMENT["components"]}
        assert [fault.message for fault in Draft202012Validator(form).iter_errors(told)] == [], (method, path, told)
        self.token = told.get("meta", {}).get("session_token", self.token)
        self.seen.add((method, path, answer.status_code))
        return told


def found(part: dict[str, Any]) -> dict[str, Any]:
    _, _, kind, name = part["$ref"].split("/") if "$ref" in part else ("", "", "", "")
    return DOCUMENT["components"][kind][name] if name else part


def test_signing_in_answers_as_the_document_says(mailoutbox):
    new, password = Newcomer(), "Correct-Horse-7-Battery"
    new.ask("GET", "config")
    new.ask("GET", "auth/session")
    new.ask("POST", "auth/signup", {"email": "x", "password": "1"})
    new.ask("POST", "auth/signup", {"email": "new@stranger.example", "password": password})
    code = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", mailoutbox[-1].body)
    assert code
    new.ask("POST", "auth/email/verify", {"key": code[0]})
    new.ask("GET", "auth/session")
    secret = new.ask("GET", "account/authenticators/totp")["meta"]["secret"]
    new.ask("POST", "account/authenticators/totp", {"code": "1"})
    new.ask("POST", "account/authenticators/totp", {"code": hotp_value(secret)})
    for path in ("totp", "webauthn", "recovery-codes"):
        new.ask("GET", f"account/authenticators/{path}")
    new.ask("GET", "account/authenticators")
    new.ask("POST", "account/authenticators/recovery-codes")
    new.ask("GET", "auth/webauthn/reauthenticate")
    new.ask("POST", "auth/2fa/reauthenticate", {"code": "1"})
    new.ask("GET", "account/email")
    new.ask("GET", "auth/sessions")
    new.ask("DELETE", "auth/sessions", {"sessions": ["x"]})
    new.ask("POST", "account/password/change", {"current_password": password, "new_password": "Another-Horse-8"})
    new.ask("DELETE", "auth/session")
    new.ask("GET", "auth/session")
    new.ask("GET", "auth/sessions")
    new.token = ""
    new.ask("POST", "auth/login", {"email": "new@stranger.example", "password": "Another-Horse-8"})
    new.ask("POST", "auth/2fa/authenticate", {"code": "1"})
    new.ask("GET", "auth/webauthn/login")
    assert {status for _method, _path, status in new.seen} >= {200, 400, 401, 404, 410}


def hotp_value(secret: str) -> str:
    return format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())))


def test_the_description_names_every_code_of_the_border_and_the_operations_theirs():
    text = DOCUMENT["info"]["description"]
    assert [code for code in examples.BORDER if f"`{code}`" not in text] == []
    of_operations = {code for name in examples.kept()["codes"] for code in examples.codes(name)}
    assert examples.kept()["problems"].keys() - of_operations - examples.BORDER == set()
    assert "`below_minimum`" in DOCUMENT["paths"]["/api/v1/subscriptions"]["post"]["description"]


def test_every_reference_leads_somewhere_and_every_name_is_one():
    text = json.dumps(DOCUMENT, default=str)
    for kind, name in set(re.findall(r'"#/components/(\w+)/(\w+)"', text)):
        assert name in DOCUMENT["components"][kind], (kind, name)
    names = re.findall(r'"operationId": "(\w+)"', text)
    assert len(names) == len(set(names))


def test_headers_that_an_app_sends_and_reads_are_in_the_document(citizen, opened):
    components = DOCUMENT["components"]
    fund, subscribe = DOCUMENT["paths"]["/api/v1/fund"]["get"], DOCUMENT["paths"]["/api/v1/subscriptions"]["post"]
    asked = {one.get("$ref", "").rpartition("/")[2] or one["name"] for one in fund["parameters"]}
    assert asked == {"AcceptLanguage", "IfNoneMatch"}
    placed = citizen.subscribe()
    said = {name for name in ("Location", "RateLimit", "Content-Language") if name in placed}
    assert said <= subscribe["responses"]["201"]["headers"].keys()
    for status in ("429", "503"):
        assert "Retry-After" in components["responses"][f"Problem{status}"]["headers"]
    key = next(one for one in subscribe["parameters"] if one.get("name") == "Idempotency-Key")
    for written in ('"6f1c9d0e"', "6f1c9d0e"):
        assert re.fullmatch(key["schema"]["pattern"], written), "as the draft writes it, and bare"


def test_a_class_in_an_address_is_the_whole_of_it():
    (found,) = [
        one["schema"] for one in DOCUMENT["paths"]["/api/v1/proofs/{class}/{date}"]["get"]["parameters"]
        if one.get("name") == "class"
    ]  # fmt: skip
    assert found["enum"] == ["SOV", "LP", "US", "JP"]


def test_what_must_not_hold_other_fields_says_so():
    bodies = {
        content["schema"]["$ref"].rpartition("/")[2]
        for path, operations in DOCUMENT["paths"].items()
        if path.startswith("/api/v1/")
        for operation in operations.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if "$ref" in content["schema"]
    }
    assert bodies
    for name in bodies:
        assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False, name


def test_a_citizen_who_holds_nothing_is_told_so_as_described(citizen, priced):
    while proof.commit_next(now=timezone.now()):
        pass
    assert problem(citizen.get("/proof?class=JP"))["code"] == "no_units"
    assert "404" in DOCUMENT["paths"]["/api/v1/proof"]["get"]["responses"]


def test_a_post_without_a_body_says_nothing_and_is_taken(citizen, opened):
    reference = citizen.subscribe().json()["reference"]
    answer = citizen.post(f"/subscriptions/{reference}/withdraw", None)
    assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")
    assert DOCUMENT["paths"]["/api/v1/subscriptions/{reference}/withdraw"]["post"]["requestBody"]["required"] is False
