"""Sealed columns show nothing, open only in their place and for their purpose, and every opening is logged (D16)."""

import base64

import pytest
from django.apps import apps
from django.db import connection

from fund import envelope
from fund.governance.audit import Act
from investors import onboarding, people, vault
from investors.applications import Answer
from investors.people import Investor, MyNumber, TaxpayerNumber
from investors.vault import Purpose, SealedField
from tests.investors.conftest import NOW, american, approved, fill, japanese

pytestmark = pytest.mark.django_db

# What the two applications below contain, and the ways in which it could stand in a row.
PLANTED = [
    "621498320257", "536904399", "536-90-4399", "髙﨑", "タカサキ", "TAKASAKI", "O'Neill", "José", "1990-04-30",
    "1985-02-28", "千代田区", "1 Main Street", "+819012345678", "TK1234567", "C03004786", "000123456789",
]  # fmt: skip


def disguises(text: str) -> list[str]:
    wide = "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)
    raw = text.encode()
    return [text, wide, raw.hex(), base64.b64encode(raw).decode().rstrip("=")]


def whole_database() -> str:
    """Every row of every table as text, binary columns also as the characters they could hold."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"SELECT t::text FROM {table} t")
            found += [text for (text,) in cursor.fetchall()]
            for field in model._meta.concrete_fields:
                if field.get_internal_type() == "BinaryField":
                    cursor.execute(f"SELECT {connection.ops.quote_name(field.column)} FROM {table}")
                    found += [bytes(value).decode("utf-8", "ignore") for (value,) in cursor.fetchall() if value]
    return "\n".join(found)


def test_no_table_shows_anything_personal(person, officer):
    approved(person("one@example.org"), japanese(), officer)
    approved(person("two@example.org"), american(), officer)
    text = whole_database()
    assert [planted for planted in PLANTED for form in disguises(planted) if form in text] == []


def test_the_scan_finds_what_is_planted(person):
    """Negative control of the test above: a value in clear is found, in text and in binary columns."""
    investor = person("one@example.org")
    for column, plain in (("name", "髙﨑"), ("birth_date", "1990-04-30")):
        Investor.objects.filter(pk=investor.pk).update(**{column: plain.encode()})
    Act.objects.create(at=NOW, actor="x", verb="x", subject="６２１４９８３２０２５７")
    text = whole_database()
    assert all(any(form in text for form in disguises(one)) for one in ("髙﨑", "1990-04-30", "621498320257"))


def test_models_never_show_what_they_hold(person, officer):
    investor = approved(person("one@example.org"), japanese(), officer)
    rows = [
        investor,
        investor.my_number,
        *Answer.objects.all(),
        *investor.bank_accounts.all(),
        *investor.tax_forms.all(),
    ]
    shown = " ".join(f"{row!r} {row!s}" for row in rows)
    assert [planted for planted in PLANTED if planted in shown] == []


def test_every_opening_of_an_identity_number_is_logged_without_the_value(investor):
    fill(investor, japanese())
    row = MyNumber.objects.get(pk=investor.pk)
    opened = vault.read(row, "number", purpose=Purpose.TAX_REPORT, actor="officer:7", now=NOW)
    assert opened == "621498320257"
    act = Act.objects.get(verb="open")
    assert (act.actor, act.subject) == ("officer:7", f"investors_mynumber:{investor.pk}")
    assert act.detail == {"column": "number", "purpose": "tax_report"}


@pytest.mark.parametrize("purpose", [Purpose.DRAFT, Purpose.REVIEW, Purpose.CORRESPONDENCE, Purpose.PAYOUT])
@pytest.mark.parametrize(("model", "answers"), [(MyNumber, japanese), (TaxpayerNumber, american)])
def test_an_identity_number_is_not_opened_for_anything_else(investor, model, answers, purpose):
    fill(investor, answers())
    with pytest.raises(vault.NotForThisPurpose):
        vault.read(model.objects.get(pk=investor.pk), "number", purpose=purpose, actor="officer:7", now=NOW)
    assert not Act.objects.filter(verb="open").exists()


def test_the_whole_way_to_approval_opens_no_identity_number(investor, officer):
    approved(investor, japanese(), officer)
    assert not Act.objects.filter(verb="open").exists()


def test_a_value_moved_to_another_person_does_not_open(person):
    one, two = person("one@example.org"), person("two@example.org")
    fill(one, japanese())
    fill(two, japanese())
    MyNumber.objects.filter(pk=two.pk).update(number=MyNumber.objects.get(pk=one.pk).number)
    row = MyNumber.objects.get(pk=two.pk)
    with pytest.raises(envelope.Unreadable):
        vault.read(row, "number", purpose=Purpose.TAX_REPORT, actor="system", now=NOW)


def test_a_number_is_replaced_and_its_last_digits_change(investor):
    fill(investor, american())
    before = bytes(TaxpayerNumber.objects.get(pk=investor.pk).index)
    onboarding.save(investor=investor, step="numbers", answers={"ssn": "219-09-9998"}, now=NOW)
    assert bytes(TaxpayerNumber.objects.get(pk=investor.pk).index) != before
    assert onboarding.draft(investor=investor, now=NOW).answers["numbers"]["ssn_ending"] == "9998"


def test_the_approved_record_opens_with_name_birth_and_residence(investor, officer):
    approved(investor, japanese(), officer)
    told = {
        column: vault.read(investor, column, purpose=Purpose.CORRESPONDENCE, actor="system", now=NOW)
        for column in ("name", "birth_date", "residence")
    }
    assert "髙﨑" in told["name"]
    assert told["birth_date"] == "1990-04-30"
    assert "+819012345678" in told["residence"]


def test_the_name_is_known_from_the_approval_on(investor, officer):
    asked = {"purpose": Purpose.CORRESPONDENCE, "actor": "system", "now": NOW}
    assert people.name(investor=investor, **asked) == {}
    approved(investor, japanese(), officer)
    assert people.name(investor=investor, **asked)["family_kanji"] == "髙﨑"


def test_only_sealed_columns_go_through_the_door(investor):
    with pytest.raises(TypeError):
        vault.seal(investor, "state", "x")
    with pytest.raises(ValueError, match="key"):
        vault.seal(Investor(), "name", "x")
    assert vault.read(investor, "name", purpose=Purpose.CORRESPONDENCE, actor="system", now=NOW) == ""


def test_every_binary_column_of_the_reception_is_sealed_or_a_fingerprint():
    plain = {
        f"{model.__name__}.{field.name}"
        for model in apps.get_app_config("investors").get_models()
        for field in model._meta.concrete_fields
        if field.get_internal_type() == "BinaryField" and not isinstance(field, SealedField)
    }
    fingerprints = {
        "TaxpayerNumber.index",
        "TransferPaper.digest",
        "MyNumber.index",
        "Assessment.answers_digest",
        "Hit.seen",
        "Document.digest",
    }
    public = {"Entry.digest", "ListFile.content", "ListFile.digest", "ListVersion.digest"}
    assert plain == fingerprints | public
