"""Pictures of documents through the API: one form, one file, once for each key; every refusal a problem document."""

from io import BytesIO

import pytest

from investors import agreements, pictures
from investors.evidence import Document
from portal import uploading
from tests.investors import files
from tests.investors.conftest import american
from tests.portal.api.conftest import Api, pointers, problem

pytestmark = pytest.mark.django_db
PATH = "/application/documents"


@pytest.fixture(autouse=True)
def _read_here(db, monkeypatch):
    """A process of its own for every file would be slow; test_journey has it."""
    agreements.ship()
    monkeypatch.setattr(pictures, "apart", pictures.pages_of)


@pytest.fixture
def stated(applicant) -> Api:
    steps = ("citizenship", "name", "birth", "residence", "numbers", "identity_document")
    assert (
        applicant.ask("PATCH", "/application", {"answers": {one: american()[one] for one in steps}}).status_code == 200
    )
    return applicant


def shown(api: Api) -> dict:
    return {one["kind"]: one for one in api.get("/application").json()["documents"]}


def form(*parts: tuple[str, str, bytes]) -> bytes:
    """A form by hand: (name, file name or "", content)."""
    written = b""
    for name, file, content in parts:
        about = f'name="{name}"' + (f'; filename="{file}"' if file else "")
        written += b"--x\r\nContent-Disposition: form-data; " + about.encode() + b"\r\n\r\n" + content + b"\r\n"
    return written + b"--x--\r\n"


def send(api: Api, body: bytes, kind: str = "multipart/form-data; boundary=x"):
    return api.post(PATH, body, Content_Type=kind)


def test_the_application_says_what_is_asked_and_what_is_there(stated):
    before = shown(stated)
    assert list(before) == ["card_front", "card_back", "residence_proof"]
    front = before["card_front"]
    assert (front["title"], front["needed"], front["version"]) == ("Front of the passport card", True, 0)
    assert front["given"] is None and not before["residence_proof"]["needed"]
    answer = stated.give(files.from_a_phone(), kind="card_front")
    assert answer.status_code == 201
    given = answer.json()
    assert (given["kind"], given["version"], given["pages"]) == ("card_front", 1, 1)
    assert shown(stated)["card_front"]["given"] == given
    assert "documents" in stated.get("/application").json()["remaining"]
    assert stated.give(files.picture("PNG"), kind="card_back").status_code == 201
    assert "documents" not in stated.get("/application").json()["remaining"]


def test_sent_twice_it_is_given_once(stated):
    first = stated.give(files.picture(), key="d", kind="card_front")
    again = stated.give(files.picture(), key="d", kind="card_front")
    assert again.content == first.content and again["Idempotency-Replayed"] == "true"
    other = stated.give(files.picture(colour="red"), key="d", kind="card_front")
    assert problem(other)["code"] == "idempotency_key_reused", "the same name, another content"
    assert problem(stated.give(files.picture(), key=None))["code"] == "idempotency_key_missing"
    assert Document.objects.count() == 1


def test_the_version_that_was_seen_is_replaced_and_no_other(stated):
    stated.give(files.picture(), kind="card_front", version="0")
    older = stated.give(files.picture(colour="red"), kind="card_front", version="0")
    assert (older.status_code, problem(older)["code"]) == (409, "draft_changed")
    assert stated.give(files.picture(colour="red"), kind="card_front", version="1").json()["version"] == 2


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"<svg/>", 422, "unknown_type"),
        (b"", 422, "unknown_type"),
        (b"\0\0\0\x18ftypheic" + bytes(40), 422, "heic"),
        (files.png(50_000, 50_000), 422, "too_many_pixels"),
        (files.moving("PNG"), 422, "moving"),
        (files.pdf(pages=9), 422, "too_many_pages"),
    ],
)
def test_a_bad_file_is_refused_where_it_stands(stated, data, status, code):
    answer = stated.give(data, kind="card_front")
    assert (answer.status_code, problem(answer)["code"], pointers(answer)) == (status, code, ["/file"])
    assert not Document.objects.exists()


def test_the_same_file_as_two_documents_is_refused(stated):
    stated.give(files.picture(), kind="card_front")
    assert problem(stated.give(files.picture(), kind="card_back"))["code"] == "same_file"


FILE = ("file", "a.jpg", files.picture())


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ([FILE], "/kind"),
        ([FILE, ("kind", "", b"selfie")], "/kind"),
        ([("kind", "", b"card_front")], "/file"),
        ([("kind", "", b"card_front"), ("file", "", b"text")], "/file"),
        ([("kind", "a.txt", b"card_front"), FILE], "/kind"),
        ([FILE, ("kind", "", b"card_front"), ("more", "", b"1")], "/more"),
        ([FILE, ("kind", "", b"card_front"), ("more", "b.jpg", b"1")], "/more"),
        ([FILE, ("kind", "", b"card_front"), ("version", "", b"-1")], "/version"),
        ([FILE, ("kind", "", b"card_\0front")], "/kind"),
    ],
)
def test_a_wrong_form_is_refused_where_it_stands(stated, parts, pointer):
    answer = send(stated, form(*parts))
    assert answer.status_code == 400
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize(
    "body",
    [
        form(FILE, FILE, ("kind", "", b"card_front")),
        form(FILE, ("kind", "", b"card_front"), ("kind", "", b"card_back")),
        form(FILE, ("file", "", b"text"), ("kind", "", b"card_front")),
        form(*[(f"f{number}", "a.jpg", b"") for number in range(9)]),
        form(*[(f"f{number}", "", b"") for number in range(600)]),
        form(("kind", "", b"x" * 3_000_000)),
    ],
)
def test_what_is_no_sound_form_is_refused(stated, body):
    assert send(stated, body).status_code == 400


def test_another_form_of_request_is_not_read(stated):
    assert stated.post(PATH, {"kind": "card_front"}).status_code == 415
    assert send(stated, b"", "multipart/form-data").status_code == 400


class NotRead(BytesIO):
    def read(self, *args):
        raise AssertionError("was read")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(stated):
    sent = {"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": "16000000", "wsgi.input": NotRead()}
    headers = {**stated.headers, "Idempotency-Key": "k"}
    answer = stated.client.generic("POST", f"/api/v1{PATH}", headers=headers, **sent)
    assert (answer.status_code, problem(answer)["code"]) == (413, "too_large")


def test_tries_are_counted(stated, monkeypatch):
    monkeypatch.setattr(uploading, "TRIES", 1)
    stated.give(b"<svg/>", kind="card_front")
    answer = stated.give(files.picture(), kind="card_front")
    assert (answer.status_code, problem(answer)["code"]) == (429, "too_many_tries")


def test_what_was_handed_in_is_not_changed(stated):
    stated.ask("PATCH", "/application", {"answers": american()})
    for kind, colour in (("card_front", "red"), ("card_back", "teal")):
        stated.give(files.picture(colour=colour), kind=kind)
    assert stated.post("/application/submit", {}).status_code == 200
    answer = stated.give(files.picture(colour="white"), kind="card_front")
    assert (answer.status_code, problem(answer)["code"]) == (409, "not_editable")
    assert Document.objects.filter(replaced_at=None).count() == 2


def test_nobody_gives_or_sees_anothers_documents(stated, other, anonymous):
    stated.give(files.picture(), kind="card_front")
    assert shown(other)["residence_proof"]["given"] is None and "card_front" not in shown(other)
    assert anonymous.give(files.picture()).status_code == 401
