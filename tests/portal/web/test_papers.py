"""Pictures of documents through the pages: given, replaced, removed, kept by their owner alone; no scripts needed."""

from io import BytesIO
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client
from redis import ConnectionError as Unreachable

from fund.governance.officers import Officer
from investors import evidence, onboarding, pictures
from investors.evidence import Document
from investors.people import Investor
from portal import uploading
from tests.investors import files
from tests.investors.conftest import american
from tests.portal.web import stage
from tests.portal.web.stage import NOW

PAGE = "/en/join/documents"


@pytest.fixture(autouse=True)
def _read_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own for every file would be slow; one test has it, and those of the pictures themselves."""
    if "field" not in request.fixturenames:
        monkeypatch.setattr(pictures, "apart", pictures.pages_of)


@pytest.fixture
def applicant(keys: tuple[Officer, Officer]) -> Investor:
    return stage.person("neu@example.org")


@pytest.fixture
def client_(applicant: Investor, signed_in: Any) -> Client:
    """Signed in, with a passport card stated."""
    for step in ("citizenship", "name", "birth", "residence", "numbers", "identity_document"):
        onboarding.save(investor=applicant, step=step, answers=american()[step], now=NOW)
    client: Client = signed_in(applicant)
    return client


def give(client: Client, data: bytes, *, kind: str = "card_front", field: str = "file", **more: str) -> Any:
    file = SimpleUploadedFile("IMG_0001.JPG", data, content_type="text/html")
    return client.post(PAGE, {"kind": kind, field: file, **more}, follow=True)


def only() -> Document:
    return Document.objects.get()


@pytest.mark.parametrize("field", ["file", "camera"])
def test_a_picture_is_saved_at_once_and_shown_as_there(client_: Client, field: str) -> None:
    before = client_.get(PAGE).content.decode()
    assert before.count("missing</span>") == 2
    html = give(client_, files.from_a_phone(), field=field, version="0").content.decode()
    assert "Saved: Front of the passport card." in html
    assert "Still missing: <strong>Back of the passport card</strong>" in html
    assert only().kind == "card_front"
    assert "IMG_0001" not in html


def test_the_form_needs_no_script_and_offers_the_camera(client_: Client) -> None:
    html = client_.get(PAGE).content.decode()
    assert 'capture="environment"' in html and 'enctype="multipart/form-data"' in html
    assert "<script" not in html
    assert "camera=()" in client_.get(PAGE)["Permissions-Policy"]


def test_with_everything_given_the_step_is_done(client_: Client, applicant: Investor) -> None:
    give(client_, files.picture())
    html = give(client_, files.picture(colour="red"), kind="card_back").content.decode()
    assert "Everything that is needed is there." in html
    assert "documents" not in onboarding.remaining(investor=applicant)


def test_the_owner_gets_the_picture_back_as_a_file_in_a_sandbox(client_: Client) -> None:
    give(client_, files.from_a_phone())
    answer = client_.get(f"{PAGE}/{only().pk}/1")
    assert answer["Content-Disposition"] == 'attachment; filename="document-1.jpg"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer.content.startswith(b"\xff\xd8") and files.GPS not in answer.content
    assert client_.get(f"{PAGE}/{only().pk}/2").status_code == 404


def test_nobody_else_gets_it(client_: Client, signed_in: Any) -> None:
    give(client_, files.picture())
    stranger = stage.person("other@example.org")
    onboarding.save(investor=stranger, step="citizenship", answers={"nations": ["US"]}, now=NOW)
    address = f"{PAGE}/{only().pk}/1"
    assert signed_in(stranger).get(address).status_code == 404
    assert Client().get(address).status_code == 302


def test_replaced_and_removed(client_: Client, applicant: Investor) -> None:
    give(client_, files.picture())
    give(client_, files.picture(colour="red"), version="1")
    assert sorted(Document.objects.values_list("version", flat=True)) == [1, 2]
    html = client_.post(PAGE, {"kind": "card_front", "version": "2", "remove": "1"}, follow=True).content.decode()
    assert "Removed: Front of the passport card." in html
    assert evidence.current(onboarding.current(investor=applicant)) == {}  # type: ignore[arg-type]


def test_an_older_page_replaces_nothing(client_: Client) -> None:
    give(client_, files.picture(), version="0")
    answer = give(client_, files.picture(colour="red"), version="0")
    assert answer.status_code == 422
    assert "saved on another device" in answer.content.decode()
    assert only().version == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "This is no picture that we can read."),
        (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
        (files.png(50_000, 50_000), "too many pixels"),
        (files.moving("WEBP"), "moving picture"),
        (b"", "This is no picture that we can read."),
    ],
)
def test_a_bad_file_is_refused_beside_its_field(client_: Client, data: bytes, words: str) -> None:
    answer = give(client_, data)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert html.count(words) == 2
    assert 'href="#paper-card_front"' in html and 'id="error-card_front"' in html
    assert not Document.objects.exists()


def test_without_a_file_or_a_kind_nothing_happens(client_: Client) -> None:
    assert "Please choose a file" in client_.post(PAGE, {"kind": "card_front"}).content.decode()
    for kind in ("", "nonsense", "\0"):
        assert give(client_, files.picture(), kind=kind).status_code == 422
    assert not Document.objects.exists()


class NotRead(BytesIO):
    """A body of which nobody may read a byte."""

    def read(self, *args: Any) -> bytes:
        raise AssertionError("was read")


@pytest.mark.parametrize("length", ["15800000", "999999999999", "1e3", "-1"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(client_: Client, length: str) -> None:
    sent = {"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": length, "wsgi.input": NotRead()}
    answer = client_.generic("POST", PAGE, **sent)
    assert answer.status_code == 413


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The temporary files that Django makes of uploads."""
    made: list[str] = []

    def watched(*args: Any, **named: Any) -> Any:
        made.append("a file")
        return NamedTemporaryFile(*args, **named)

    monkeypatch.setattr("django.core.files.temp.NamedTemporaryFile", watched)
    return made


def test_a_large_picture_never_lies_in_a_file(client_: Client, on_disk: list[str]) -> None:
    assert "Saved" in give(client_, files.picture() + bytes(4_000_000)).content.decode()
    assert on_disk == []


def test_with_djangos_own_handler_it_would(
    client_: Client, on_disk: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    monkeypatch.setattr(uploading, "InMemory", TemporaryFileUploadHandler)
    give(client_, files.picture() + bytes(4_000_000))
    assert on_disk == ["a file"]


def test_the_form_is_protected_like_every_other(client_: Client, applicant: Investor) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(applicant.user)
    file = SimpleUploadedFile("a.jpg", files.picture())
    assert strict.post(PAGE, {"kind": "card_front", "file": file}).status_code == 403
    token = strict.get(PAGE).content.decode().split('csrfmiddlewaretoken" value="')[1].split('"')[0]
    file.seek(0)
    given = {"kind": "card_front", "file": file, "csrfmiddlewaretoken": token}
    assert strict.post(PAGE, given).status_code == 302


def test_tries_are_counted_bad_ones_too(client_: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "TRIES", 2)
    give(client_, b"<svg/>")
    give(client_, b"<svg/>")
    assert "go on in an hour" in give(client_, files.picture()).content.decode()
    cache.clear()
    assert "Saved" in give(client_, files.picture()).content.decode()

    def out_of_reach(*args: Any, **named: Any) -> None:
        raise Unreachable

    monkeypatch.setattr(cache, "add", out_of_reach)
    assert "try again in a minute" in give(client_, files.picture(colour="red")).content.decode()


def test_what_was_sent_is_not_changed(applicant: Investor, signed_in: Any) -> None:
    stage.fill(applicant, american(), now=NOW)
    onboarding.submit(investor=applicant, now=NOW)
    client = signed_in(applicant)
    assert client.get(PAGE)["Location"] == "/en/join/"
    assert client.post(PAGE, {"kind": "card_front", "remove": "1"})["Location"] == "/en/join/"
    assert Document.objects.filter(replaced_at=None).count() == 2


def test_before_the_document_is_stated_the_page_says_so(applicant: Investor, signed_in: Any) -> None:
    html = signed_in(applicant).get(PAGE).content.decode()
    assert "Please state it first" in html and "Proof of residence" in html


def test_a_body_larger_than_anything_is_refused_everywhere(client_: Client) -> None:
    for path in ("/en/account/login/", "/api/v1/application/submit"):
        answer = client_.generic(
            "POST", path, CONTENT_LENGTH=str(uploading.LARGEST_BODY + 1), **{"wsgi.input": NotRead()}
        )
        assert answer.status_code == 413, path
