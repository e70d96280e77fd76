"""One's own proof of holding, and the page that checks one: with a browser, without, and by the script, all alike."""

import json
import subprocess
import sys
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from playwright.sync_api import Browser

from fund import holders
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from fund.ledger import accounts
from fund.money import Currency, Money
from fund.register import proof
from fund.units import open_classes
from portal.web import proofs
from tests.fund.register import test_tree
from tests.portal.web import stage
from tests.portal.web.conftest import hanako
from tests.portal.web.stage import NOW
from tests.portal.web.test_browser import AXE, VIEWS, look, session

__all__ = ["hanako"]
DAY = stage.DAYS[-1].isoformat()


def commit(investor: Any, keys: tuple[Officer, Officer]) -> None:
    """Eight holders, so that everybody has three steps to go, in a fund with three NAVs."""
    for place in range(1, 8):
        one = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW)
        stage.citizen_units(one.pk, "JP", Money(1_000_000 * place, Currency.JPY), 1_000_000 * place)
    stage.citizen_units(investor.holder_id, "JP", Money(7_000_000, Currency.JPY), 7_000_000)
    stage.publish_navs(keys)
    while proof.commit_next(now=NOW):
        pass


@pytest.fixture
def client(hanako, keys) -> Client:
    commit(hanako, keys)
    client = Client()
    client.force_login(hanako.user)
    return client


def kept(client: Client) -> dict[str, Any]:
    answer = client.get(f"/ja/account/proof/JP/{DAY}.json")
    assert answer["Content-Disposition"] == f'attachment; filename="proof-of-holding-JP-{DAY}.json"'
    assert answer["Cache-Control"] == "private, no-store"
    return json.loads(answer.content)


def changes(good: dict[str, Any]) -> dict[str, tuple[dict[str, Any], str]]:
    """Bad proofs and what is to be said of each, beside those of the tree's own tests."""
    first = good["path"][0]
    other = {"left": "right", "right": "left"}[first["side"]]
    return {
        "unit": ({**good, "units": str(int(good["units"]) + 1)}, "another_total"),
        "side": ({**good, "path": [{**first, "side": other}, *good["path"][1:]]}, "another_root"),
        "order": ({**good, "path": good["path"][::-1]}, "another_root"),
        "negative": ({**good, "units": "-1"}, "units_out_of_range"),
        "too many": ({**good, "path": [{**first, "units": str(2**63 - 1)}, *good["path"][1:]]}, "units_out_of_range"),
        "another day": ({**good, "date": "2026-08-31"}, "not_published"),
        "no day": ({**good, "date": "yesterday"}, "not_published"),
        "another fund": (test_tree.proof_of(test_tree.HELD, 7), "not_published"),
        "nothing": ({}, "not_a_proof"),
        "not an object": ([good], "not_a_proof"),  # type: ignore[dict-item]
    }


def test_ones_own_proof_holds_on_the_server(client):
    page = client.get("/en/account/proof").content.decode()
    assert "7,000,000 口" in page and "35,000,000 口" in page
    good = kept(client)
    stranger = Client()
    answer = stranger.post("/ja/verify/holding", {"text": json.dumps(good)})
    assert "証明書は正しいです" in answer.content.decode() and not answer.cookies
    file = SimpleUploadedFile("proof.json", json.dumps(good).encode())
    assert "The proof holds" in stranger.post("/en/verify/holding", {"file": file}).content.decode()
    for name, (bad, code) in changes(good).items():
        answer = stranger.post("/en/verify/holding", {"text": json.dumps(bad)})
        assert "The proof does not hold" in answer.content.decode(), name
        assert str(answer.context["result"]["why"]) == str(proofs.WHY[code]), name


@pytest.mark.parametrize("text", ["", "x" * 70_000, "[" * 50_000, '"\\ud800"', "{", "\0"])
def test_what_is_no_proof_at_all_is_told(db, text):
    cache.clear()
    answer = Client().post("/en/verify/holding", {"text": text})
    assert answer.status_code in (200, 422)
    assert "k-note--bad" in answer.content.decode()


def test_nobody_else_can_take_it(client, hanako):
    assert Client().get(f"/en/account/proof/JP/{DAY}.json").status_code == 302
    for missing in (f"US/{DAY}", "JP/2026-10-29", "JP/never"):
        assert client.get(f"/en/account/proof/{missing}.json").status_code == 404


def test_the_script_can_be_taken_along_and_agrees(client, tmp_path):
    script = tmp_path / "check.py"
    script.write_bytes(b"".join(Client().get("/en/verify/check_holding.py")))
    published = tmp_path / "published.json"
    published.write_bytes(Client().get(f"/api/v1/proofs/JP/{DAY}").content)
    file = tmp_path / "proof.json"

    def says(given: Any) -> int:
        file.write_text(json.dumps(given))
        return subprocess.run([sys.executable, "-I", script, file, published], capture_output=True).returncode

    good = kept(client)
    assert says(good) == 0
    assert [name for name, (bad, _code) in changes(good).items() if says(bad) == 0] == []


class TestInABrowser:
    @pytest.fixture
    def keys(self, transactional_db: None) -> tuple[Officer, Officer]:
        open_classes()
        accounts.open_chart()
        stage.open_fund()
        return stage.officers()

    @pytest.fixture
    def known(self, client: Client, hanako: Any, live_server: Any) -> tuple[list[Any], dict[str, Any]]:
        """Looked up before the browser starts: beside a running browser the database is not spoken to."""
        return session(hanako, live_server.url), kept(client)

    def test_the_browser_says_what_the_server_says(self, known, live_server: Any, chromium: Browser) -> None:
        cookies, good = known
        context = chromium.new_context(viewport={"width": 390, "height": 844})
        page = context.new_page()
        axe = AXE.read_text()
        assert look(page, f"{live_server.url}/ja/verify/holding", axe) == []
        cases = {name: (test_tree.changed(name), code) for name, code in test_tree.CASES.items()}
        told = {}
        for name, (given, code) in {"good": (good, "holds"), **changes(good), **cases}.items():
            page.fill("[name=text]", json.dumps(given))
            page.evaluate("document.getElementById('holding-told').removeAttribute('data-code')")
            page.click("#holding-local")
            page.wait_for_selector("#holding-told[data-code]")
            told[name] = (page.get_attribute("#holding-told", "data-code"), code)
        assert {name: pair for name, pair in told.items() if pair[0] != pair[1]} == {}
        context.add_cookies(cookies)
        wrong = []
        for width, _scheme, language in VIEWS:
            page.set_viewport_size({"width": width, "height": 844})
            for path in ("/account/proof", "/verify", "/verify/holding"):
                wrong += look(page, f"{live_server.url}/{language}{path}", axe, who="holder")
        assert wrong == []
        context.close()
