"""Proofs of holding at the desk: totals beside register and ledger, and the root computed again."""

import pytest
from django.db import connection

from fund.governance.audit import Act
from fund.nav import strike
from fund.register import proof
from fund.register.proof_models import HoldingRoot
from tests.fund import building
from tests.fund.nav.test_publish import drop_trigger
from tests.portal.officers.conftest import sign_in

PROOFS = "/en/officers/fund/holdingroot/"


@pytest.fixture
def root(american, japanese) -> HoldingRoot:
    building.open_banks()
    building.rate(building.DAY, 160)
    building.contribute_both(building.dollars(1_000))
    building.publish(strike.value(day=building.DAY, now=building.NOW), (american, japanese))
    assert proof.commit_next(now=building.NOW)
    return HoldingRoot.objects.get()


def test_the_totals_stand_beside_register_and_ledger(make_officer, root):
    browser = sign_in(make_officer("US", duties=["valuation"]).user)
    assert root.root_hex[:16] in browser.get(PROOFS).content.decode()
    text = browser.get(f"{PROOFS}{root.pk}/").content.decode()
    assert root.root_hex in text and text.count("200.0000 units") == 3 and text.count("equal</small>") == 2
    assert browser.post(f"{PROOFS}{root.pk}/recompute/").status_code == 403


def test_an_auditor_has_the_ledger_give_the_root_again(make_officer, root):
    browser = sign_in(make_officer("JP", duties=["audit"]).user)
    answer = browser.post(f"{PROOFS}{root.pk}/recompute/", follow=True)
    assert "the same root over 2 holders" in answer.content.decode()
    drop_trigger("fund_holdingroot", "append_only_rows")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fund_holdingroot SET root = sha256(root)")
    answer = browser.post(f"{PROOFS}{root.pk}/recompute/", follow=True)
    assert "The ledger gives another root" in answer.content.decode()
    assert [act.detail["same"] for act in Act.objects.filter(verb="recompute").order_by("id")] == [True, False]
