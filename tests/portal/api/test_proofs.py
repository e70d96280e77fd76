"""The proof of holding by the API, in exactly the published shapes (D50)."""

from datetime import date

import pytest

from fund.register import proof, tree
from tests.fund import building
from tests.portal.api.conftest import Api, make_citizen, price_the_fund, problem

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 31)


@pytest.fixture
def holder(db) -> Api:
    """A citizen of Japan with 2,500 of 1,002,500 units, in a fund whose NAVs are published and committed to."""
    api = Api(make_citizen().user)
    building.open_banks()
    own = building.Holder.objects.get(pk=api.user.investor.holder_id)
    building.settle(own, "JP", building.yen(2_500), 2_500, at=building.NOW.replace(month=3, day=30))
    price_the_fund()
    while proof.commit_next(now=building.NOW):
        pass
    return api


def test_what_is_public(holder, anonymous):
    answer = anonymous.get("/proofs/JP/2026-03-31")
    assert answer.status_code == 200 and "public" in answer["Cache-Control"]
    assert anonymous.get("/proofs/JP/2026-03-31", If_None_Match=answer["ETag"]).status_code == 304
    root = proof.committed(class_code="JP", day=DAY)[0]
    assert answer.json() == {
        "class": "JP", "date": "2026-03-31", "root": bytes(root.root).hex(), "total_units": "1002500", "holders": 2,
    }  # fmt: skip
    for missing in ("/proofs/JP/2026-03-29", "/proofs/US/2026-03-31", "/proofs/XX/2026-03-31", "/proofs/JP/2026-02-30"):
        assert problem(anonymous.get(missing))["status"] == 404


def test_ones_own(holder, anonymous):
    told = holder.get("/proof?class=JP").json()
    assert list(told) == ["class", "date", "holder", "salt", "units", "path", "root", "total_units"]
    assert [set(step) for step in told["path"]] == [{"side", "hash", "units"}]
    assert told["units"] == "2500"
    tree.check(tree.read(told))
    public = anonymous.get("/proofs/JP/2026-03-31").json()
    assert {name: told[name] for name in ("class", "date", "root", "total_units")}.items() <= public.items()
    earlier = holder.get("/proof?class=JP&date=2026-03-30").json()
    tree.check(tree.read(earlier))
    assert earlier["salt"] != told["salt"]


def test_who_held_nothing_has_no_proof(holder, other):
    assert problem(other.get("/proof?class=JP"))["code"] == "no_units"
    assert problem(holder.get("/proof?class=US"))["code"] == "no_commitment"
    assert problem(holder.get("/proof"))["status"] == problem(holder.get("/proof?class=SOV"))["status"] == 400
