"""A distribution as citizens meet it: told, chosen, taxed by their forms, paid, and shown on page and API (D45–D47)."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from fund import calendars
from fund.distribution import choose, declare
from fund.distribution.models import TaxStatus
from fund.governance.officers import Duty, Officer
from fund.governance.outbox import Note
from fund.holders import Nation
from fund.ledger import post
from fund.ledger.models import Entitlement, Event
from fund.ledger.post import Line
from fund.money import Currency
from fund.payments.payout_models import PayoutLine
from fund.payments.payouts import begin
from investors import tax_status
from investors.people import Investor
from investors.tax_forms import TaxForm
from portal import tasks
from portal.notices.models import Message
from portal.notices.send import send
from tests.fund import building
from tests.fund.distribution.conftest import FIRST, Fund, after, at, fund
from tests.portal.api.conftest import Api
from tests.portal.web import stage
from tests.portal.web.conftest import signed_in

pytestmark = pytest.mark.django_db
__all__ = ["fund", "signed_in"]
RECORD, PAY = date(2026, 12, 7), date(2026, 12, 11)
DECLARED = datetime(2026, 12, 1, 3, tzinfo=UTC)


def units_of(investor, nation: Nation, paid: int) -> None:
    """As the settlement of an order gives them."""
    line = Line(f"bank:{building.JPY}", "held:JPY", paid, investor.holder_id)
    post.post(event=Event.RECEIPT, event_id=building.uuid.uuid4(), lines=[line], effective_at=at(FIRST))
    bought = f"SELECT %(batch)s, uuidv7(), {investor.holder_id}, {paid}, 0, 1000000, 0"
    post.settle_set(bought, {}, subject="JP-2026-1", class_code=nation, effective_at=at(FIRST))


def reception(fund: Fund) -> Officer:
    Officer.objects.update(duties=list(Duty.values))
    fund.keys[1].refresh_from_db()
    return fund.keys[1]


def tell_everybody() -> None:
    for note in Note.objects.filter(topic__in=["distribution.declared", "distribution.paid"]).order_by("id"):
        send(note=note, now=after(PAY))


def test_from_the_declaration_to_the_inbox_the_page_and_the_app(fund: Fund, signed_in):
    hanako = stage.approved(stage.person("hanako@example.org"), reception(fund))
    taro = Investor.objects.create(
        user=get_user_model().objects.create_user("taro@example.org"), holder=building.citizen(Nation.JP),
        nations=["JP"], state=Investor.State.APPROVED, registered_at=at(FIRST), verified_until=at(date(2027, 12, 1)),
    )  # fmt: skip
    for one in (hanako, taro):
        units_of(one, Nation.JP, 1_000_000)
    fund.value(FIRST)
    browser: Client = signed_in(taro)
    chosen = browser.post("/en/account/distributions", {"unit_class": "JP", "reinvest": "yes"}, follow=True)
    assert "It counts from the next record day on." in chosen.content.decode()
    assert choose.chosen(holder_id=taro.holder_id)["JP"] and not choose.chosen(holder_id=hanako.holder_id)["JP"]
    assert browser.post("/en/account/distributions", {"unit_class": "SOV", "reinvest": "yes"}).status_code == 422
    (one,) = fund.declare({"JP": "123"}, record=RECORD, paid=PAY, now=DECLARED)
    page = browser.get("/en/account/distributions").content.decode()
    assert "¥123 per 10,000 口" in page and "December 7, 2026" in page

    declare.record_due(now=after(RECORD))
    fund.value(RECORD)
    while tasks.pay_range(now=at(PAY)):
        pass
    fund.value(PAY)
    while tasks.pay_range(now=after(PAY)):
        pass
    one.refresh_from_db()
    assert one.state == "paid" and TaxStatus.objects.get(pk=hanako.holder_id).residence == "JP"
    paid, bought = (Entitlement.objects.get(holder=who.holder) for who in (hanako, taro))
    ordinary = 12_300 - paid.returned
    assert (paid.national, paid.local) == (ordinary * 15_315 // 100_000, ordinary * 5 // 100)
    assert (paid.us, paid.bought) == (0, 0) and bought.bought > 0 and bought.paid == 0

    tell_everybody()
    told = Message.objects.get(user=hanako.user, topic="distribution.paid")
    net = 12_300 - paid.national - paid.local
    assert f"¥{net:,} are left" in told.text and "with the next payments" in told.text
    assert "It was reinvested" in Message.objects.get(user=taro.user, topic="distribution.paid").text
    assert Message.objects.filter(topic="distribution.declared").count() == 2

    page = signed_in(hanako).get("/en/account/distributions").content.decode()
    assert f"¥{net:,}" in page and "Resident of Japan" in page and f"¥{paid.national:,}" in page
    assert "普通分配金" in signed_in(hanako).get("/ja/account/distributions").content.decode()
    assert "¥12,300" in signed_in(hanako).get("/en/account/holdings").content.decode()

    api = Api(hanako.user)
    (given,) = api.get("/distributions").json()["results"]
    assert given["gross"] == {"currency": "JPY", "value": "12300"} and given["net"]["value"] == str(net)
    assert (given["jp_basis"], given["us_basis"], given["units"]) == ("resident", "not_taxed", "1000000")
    assert api.ask("PUT", "/distributions/choice", {"unit_class": "JP", "reinvest": True}).json()["reinvest"] is True
    assert api.get("/distributions").json()["choices"] == [{"unit_class": "JP", "reinvest": True}]
    assert api.ask("PUT", "/distributions/choice", {"unit_class": "SOV", "reinvest": True}).status_code == 400
    assert "governments" in Api().get("/returns").json()

    run = begin(currency=Currency.JPY, officer=fund.keys[0], now=after(PAY))
    assert list(PayoutLine.objects.filter(run=run).values_list("holder_id", "amount")) == [(hanako.holder_id, net)]


def test_reception_tells_how_holders_are_taxed_as_their_forms_stand_on_the_day(fund: Fund):
    hanako = stage.approved(stage.person("hanako@example.org"), reception(fund))
    signed = datetime(2027, 3, 1, tzinfo=UTC)
    plain = {"investor": hanako, "signed_at": signed, "backup_withholding": False, "treaty_claim": False}
    told = {"first": 1, "last": 2**40}

    def standing(**form: object) -> tuple[bool, bool, object, str]:
        TaxForm.objects.create(**plain | form)
        tax_status.tell(**told, now=datetime(2027, 6, 1, tzinfo=UTC))
        one = TaxStatus.objects.get(pk=hanako.holder_id)
        withheld = tax_status.is_backup_withheld(investor=hanako, now=datetime(2027, 6, 1, tzinfo=UTC))
        assert withheld == (one.us_person and not one.certified)
        return one.us_person, one.certified, one.treaty_until, one.residence

    lapses = date(2030, 12, 31)
    assert standing(form="w8ben", lapses_on=lapses, treaty_claim=True, residence="JP") == (False, False, lapses, "JP")
    assert standing(form="w8ben", lapses_on=lapses, residence="US") == (False, False, None, "US")
    assert standing(form="crs", residence="JP")[3] == "US"  # not what is asked for
    assert standing(form="w9", residence="US") == (True, True, None, "US")
    assert standing(form="w9", backup_withholding=True, residence="US") == (True, False, None, "US")
    assert tax_status.tell(**told, now=calendars.books_open(date(2027, 6, 2))) == 0  # nothing new
    before = datetime(2027, 2, 1, tzinfo=UTC)  # these forms were signed
    assert tax_status.tell(**told, now=before) == 1
    for nations in (["JP"], ["JP", "US"]):
        hanako.nations = nations
        hanako.save(update_fields=["nations"])
        tax_status.tell(**told, now=before)
        one = TaxStatus.objects.get(pk=hanako.holder_id)
        assert tax_status.is_backup_withheld(investor=hanako, now=before) == (one.us_person and not one.certified)
