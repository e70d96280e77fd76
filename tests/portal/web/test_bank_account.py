"""The page of the bank account: the last digits, a change after a fresh proof, its hold, and taking it back (D17)."""

import re
from datetime import timedelta
from typing import Any

from investors import bank_accounts
from investors.people import Investor
from portal import step_up
from tests.investors.conftest import japanese
from tests.portal.web.stage import NOW

OTHER = japanese()["bank_account"] | {"holder": "タカサキ ショウタ", "deposit_number": "7654321"}
PAGE = "/en/account/bank-account"


def proved(monkeypatch: Any) -> None:
    monkeypatch.setattr(step_up, "lacking", lambda **_: None)


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_of_a_number_only_the_last_digits_are_shown(hanako: Investor, signed_in: Any, monkeypatch: Any) -> None:
    proved(monkeypatch)
    page = signed_in(hanako).get(PAGE)
    assert "ending in 567" in text(page) and "1234567" not in page.content.decode()


def test_a_change_is_on_hold_and_can_be_taken_back(hanako: Investor, signed_in: Any, monkeypatch: Any) -> None:
    proved(monkeypatch)
    client = signed_in(hanako)
    assert client.post(PAGE, OTHER).status_code == 302
    page = text(client.get(PAGE))
    assert "A changed account is on hold" in page and "ending in 321" in page and "7654321" not in page
    assert bank_accounts.usable(investor=hanako, at=NOW + timedelta(hours=71)) is None
    assert "変更された口座は保留中です" in text(client.get(PAGE.replace("/en/", "/ja/")))
    client.post(f"{PAGE}/keep")
    assert "on hold" not in text(client.get(PAGE)).partition("Change the account")[0]


def test_an_account_in_another_name_is_told_beside_the_field(
    hanako: Investor, signed_in: Any, monkeypatch: Any
) -> None:
    proved(monkeypatch)
    answer = signed_in(hanako).post(PAGE, OTHER | {"holder": "ヤマダ ハナコ"})
    assert answer.status_code == 422 and "must be your own" in text(answer)


def test_without_a_fresh_proof_nothing_is_changed(hanako: Investor, signed_in: Any) -> None:
    client = signed_in(hanako)
    answer = client.post(PAGE, OTHER)
    assert answer.status_code == 302 and "reauthenticate" in answer["Location"]
    assert client.post(f"{PAGE}/keep").status_code == 302
    assert bank_accounts.history(investor=hanako).count() == 1
