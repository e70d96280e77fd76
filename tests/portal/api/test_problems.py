"""Every code that the API can answer has an example; and what is no fault of the request is told as what it is."""

import ast
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from investors import evidence, pictures
from portal.api import examples
from portal.local.place import CHECKOUT
from portal.step_up import Lack
from tests.investors import files
from tests.portal.api.conftest import Api, make_offering, pointers, problem

pytestmark = pytest.mark.django_db

# The API's own rooms, and those whose verbs it performs. What it merely reads refuses nothing to it.
ROOMS = [
    *sorted((CHECKOUT / "portal/api").glob("*.py")),
    *sorted((CHECKOUT / "portal/webhooks").glob("*.py")),
    CHECKOUT / "portal/uploading.py",
    CHECKOUT / "fund/dealing/subscription.py",
    *(
        CHECKOUT / f"investors/{room}.py"
        for room in ("agreements", "appeals", "bank_accounts", "evidence", "onboarding", "subscribing")
    ),
]
OF_FIELDS = {"ErrorDetail", "ValidationError", "DomainValidationError", "_worded"}  # they stand in ``errors``
UNSAID = {
    "bank_account",  # the room's name, where no rule gives its own
    "subscription",
    "key_reused",  # keys of the API are made of its own Idempotency-Key, which is compared first
    "appeal_too_long",  # the form of the request asks first
    "appeal_without_words",
    "unknown_document",  # a document is taken back and looked at on the pages alone
}


def codes(room: Path) -> Iterator[str]:
    """Codes of refusals as they are written in a room: of a class, or where one is raised."""
    for node in ast.walk(ast.parse(room.read_text())):
        match node:
            case ast.ClassDef(body=body):
                yield from (
                    said.value.value
                    for said in body
                    if isinstance(said, ast.Assign)
                    and isinstance(said.value, ast.Constant)
                    and isinstance(said.value.value, str)
                    and ast.unparse(said.targets[0]) in ("code", "default_code")
                )
            case ast.Call(func=called, keywords=named) if ast.unparse(called) not in OF_FIELDS:
                yield from (
                    one.value.value for one in named if one.arg == "code" and isinstance(one.value, ast.Constant)
                )


def said() -> set[str]:
    return {code for room in ROOMS for code in codes(room)} | evidence.WHY.keys() | set(Lack)


def test_every_code_has_its_example(monkeypatch: pytest.MonkeyPatch):
    known = examples.kept()["problems"].keys()
    assert said() - UNSAID - known == set()
    monkeypatch.setattr(examples, "kept", lambda: {"answers": {}, "problems": {}})
    assert {"step_up_required", "webhook_exists", "above_maximum"} <= said() - UNSAID, "negative control"


def test_an_order_above_the_largest_one(citizen: Api):
    make_offering(order_maximum=50_000)
    assert problem(citizen.subscribe("60000"))["code"] == "above_order_maximum"


def test_an_agreement_that_is_not_in_force(citizen: Api):
    make_offering(agreements=["prospectus:1", "terms:9"])
    assert problem(citizen.subscribe(accepts=["prospectus:1", "terms:9"]))["code"] == "agreement_not_in_force"


@pytest.mark.parametrize("code", ["locked", "too_costly", "too_small", "unreadable"])
def test_a_file_that_the_process_apart_refuses(applicant: Api, monkeypatch: pytest.MonkeyPatch, code: str):
    def refuse(_data: bytes) -> None:
        raise pictures.Refused(code)

    monkeypatch.setattr(pictures, "apart", refuse)
    answer = applicant.give(files.picture())
    assert (answer.status_code, problem(answer)["code"], pointers(answer)) == (422, code, ["/file"])


def test_too_many_files_in_a_day(applicant: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pictures, "apart", pictures.pages_of)
    monkeypatch.setattr(evidence, "A_DAY", 0)
    answer = applicant.give(files.picture())
    assert (answer.status_code, problem(answer)["code"]) == (429, "too_many_files")


# ── the database that is not there ──
def asked_without_database(host: str = "127.0.0.1") -> list[Any]:
    """What a thread of the site answers whose connection is refused."""
    answers: list[Any] = []

    def ask() -> None:
        connection.settings_dict = {**connection.settings_dict, "HOST": host, "PORT": "1"}
        try:
            answers.append(Api(**{"X-Session-Token": "a" * 32}).get("/subscriptions"))
        finally:
            connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return answers


def test_without_a_connection_it_says_so_and_when_to_come_again():
    (answer,) = asked_without_database()
    assert (answer.status_code, problem(answer)["code"], answer["Retry-After"]) == (503, "unavailable", "2")


def test_without_that_rule_it_would_be_called_our_fault(monkeypatch: pytest.MonkeyPatch):
    """Negative control of the test above."""
    monkeypatch.setattr("portal.api.problems.is_unreachable", lambda _error: False)
    (answer,) = asked_without_database()
    assert answer.status_code == 500
