"""The page of transfers: the code, the offer after a fresh proof, the answer, the deed, nobody else's things (D32)."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from fund.conveyance.models import Conveyance
from investors import recipients
from investors.people import Investor
from investors.transfer_papers import TransferPaper
from portal import step_up
from tests.investors import files
from tests.portal.officers.conftest import code as one_time_code
from tests.portal.web import giving
from tests.portal.web.giving import Giving, accepted, approved, offered, recipient
from tests.portal.web.stage import NOW
from tests.portal.web.test_redemptions import proved, text

pytestmark = pytest.mark.django_db
PAGE = "/en/account/transfers"


@pytest.fixture
def two(db: None) -> Giving:
    return giving.begin()


def form_of(page: Any, **told: str) -> dict[str, str]:
    key = re.search(r'name="key" value="([A-Za-z0-9]{20})"', page.content.decode())
    assert key
    return {"key": key[1], "unit_class": "JP", "units": "1,000", "understood": "on"} | told


def test_units_are_offered_by_the_code_and_accepted(two: Giving, signed_in: Any, monkeypatch: Any) -> None:
    proved(monkeypatch)
    giver, to = signed_in(two.hanako), signed_in(two.to)
    assert "You have no code" in text(to.get(PAGE))
    to.post(f"{PAGE}/code")
    code = str(recipients.of(two.to))
    assert code in text(to.get(PAGE)) and re.fullmatch(r"[A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4}", code)
    sent = form_of(giver.get(PAGE), code=code.lower().replace("-", " "), units="１，０００")
    assert giver.post(PAGE, sent).status_code == 302
    giver.post(PAGE, sent)  # sent twice
    one = Conveyance.objects.get()
    assert one.units == 1_000 and "missing" in text(giver.get(PAGE)) and code in text(giver.get(PAGE))
    page = text(to.get(PAGE))
    assert "Offered to you" in page and str(recipients.of(two.hanako)) in page and "TAKASAKI" not in page
    assert to.post(f"{PAGE}/{one.pk}/accept").status_code == 302
    one.refresh_from_db()
    assert one.state == "accepted" and "Waits for an officer of each nation" in text(giver.get(PAGE))


def test_both_see_what_went_with_the_units(two: Giving, signed_in: Any) -> None:
    assert approved(accepted(two.hanako, two.to, 1_000), two.keys)
    for who, said in ((two.hanako, "Given: 1,000 口"), (two.to, "Received: 1,000 口")):
        page = text(signed_in(who).get(PAGE))
        assert said in page and "What they had cost on average ¥1,000" in page and "Bought on" in page
    assert "Units received from another citizen" in text(signed_in(two.to).get("/en/account/transactions"))
    assert "ほかの方に移転した口数" in text(signed_in(two.hanako).get("/ja/account/transactions"))


def test_without_a_fresh_proof_nothing_is_offered_and_with_it_that_very_act_is_done(
    two: Giving, signed_in: Any
) -> None:
    client = signed_in(two.hanako)
    answer = client.post(PAGE, form_of(client.get(PAGE), code=giving.code(two.to)))
    assert answer.status_code == 302 and "reauthenticate" in answer["Location"]
    assert not Conveyance.objects.exists()
    assert client.post(answer["Location"], {"code": one_time_code()}).status_code == 302
    assert Conveyance.objects.get().units == 1_000


def test_without_the_question_a_stale_session_would_give(two: Giving, signed_in: Any, monkeypatch: Any) -> None:
    """Negative control of the test above."""
    monkeypatch.setattr(step_up, "lacking", lambda **_: None)
    client = signed_in(two.hanako)
    client.post(PAGE, form_of(client.get(PAGE), code=giving.code(two.to)))
    assert Conveyance.objects.count() == 1


def test_what_cannot_be_given_is_told_beside_the_field(two: Giving, signed_in: Any, monkeypatch: Any) -> None:
    proved(monkeypatch)
    client, code = signed_in(two.hanako), giving.code(two.to)
    page = client.get(PAGE)
    for told, said in (
        ({"units": "999999999"}, "You do not have so many units"),
        ({"units": "1.5"}, "0 decimals"),
        ({"units": "0"}, "Enter how many units"),
        ({"code": "NOBODY"}, "nobody with this code"),
        ({"code": giving.code(two.hanako)}, "cannot give units to yourself"),
        ({"understood": ""}, "required"),
    ):
        answer = client.post(PAGE, form_of(page, **{"code": code} | told))
        assert answer.status_code == 422 and said in text(answer), text(answer)
    assert not Conveyance.objects.exists()


def test_a_wrong_code_and_one_of_somebody_who_cannot_receive_answer_alike(
    two: Giving, signed_in: Any, monkeypatch: Any
) -> None:
    proved(monkeypatch)
    client, code = signed_in(two.hanako), giving.code(two.to)
    page = client.get(PAGE)
    Investor.objects.filter(pk=two.to.pk).update(verified_until=NOW)
    answers = {text(client.post(PAGE, form_of(page, code=one))).replace(one, "") for one in (code, "ABCD-EFGH-JKLM")}
    assert len(answers) == 1


def picture(data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("deed.jpg", data)


def test_the_deed_is_saved_and_given_back_to_the_giver_alone(two: Giving, signed_in: Any) -> None:
    one, client = offered(two.hanako, two.to), signed_in(two.hanako)
    assert client.post(f"{PAGE}/{one.pk}/deed", {"file": picture(files.picture())}).status_code == 302
    row = TransferPaper.objects.get()
    page = f"{PAGE}/deeds/{row.pk}/1.jpg"
    answer = client.get(page)
    assert answer["Content-Disposition"].startswith("attachment") and "sandbox" in answer["Content-Security-Policy"]
    assert "saved" in text(client.get(PAGE))
    for stranger in (two.to, recipient()):
        assert signed_in(stranger).get(page).status_code == 404
        assert signed_in(stranger).post(f"{PAGE}/{one.pk}/deed", {"file": picture(files.picture())}).status_code == 404
    client.post(f"{PAGE}/{one.pk}/deed", {"file": picture(b"no picture")})
    client.post(f"{PAGE}/{one.pk}/deed")
    assert TransferPaper.objects.count() == 1 and "Please choose a file first" in text(client.get(PAGE))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(two.hanako.user)
    assert strict.post(f"{PAGE}/{one.pk}/deed", {"file": picture(files.picture())}).status_code == 403


@pytest.mark.parametrize("act", ["accept", "decline", "withdraw"])
def test_anothers_transfer_is_as_missing(two: Giving, signed_in: Any, act: str) -> None:
    one, stranger = offered(two.hanako, two.to), signed_in(recipient())
    assert stranger.post(f"{PAGE}/{one.pk}/{act}").status_code == 404
    missing = f"{PAGE}/01a2170e-3015-7600-acc9-a314e1e07957/{act}"
    assert stranger.post(missing).status_code == 404
    wrong = signed_in(two.to if act == "withdraw" else two.hanako)
    assert wrong.post(f"{PAGE}/{one.pk}/{act}").status_code == 404
    assert "1,000 口" not in text(stranger.get(PAGE))
    one.refresh_from_db()
    assert one.state == "offered"


def test_it_is_taken_back_or_declined(two: Giving, signed_in: Any) -> None:
    for who, act, state in ((two.hanako, "withdraw", "withdrawn"), (two.to, "decline", "declined")):
        one, client = accepted(two.hanako, two.to), signed_in(who)
        assert client.post(f"{PAGE}/{one.pk}/{act}").status_code == 302
        one.refresh_from_db()
        assert one.state == state
        client.post(f"{PAGE}/{one.pk}/{act}")  # again changes nothing
        assert ("Taken back" if act == "withdraw" else "Declined") in text(client.get(PAGE))
    one = accepted(two.hanako, two.to)
    approved(one, two.keys)
    answer = signed_in(two.hanako).post(f"{PAGE}/{one.pk}/withdraw", follow=True)
    assert "decided already" in text(answer)
