"""What real files contain, read without any change to them."""

from datetime import UTC, date, datetime

from fund.payments.formats import camt
from fund.payments.formats.model import Flaw, Kind
from tests.fund.payments.formats.bank import SAMPLES, needs_shared, refusal, spoiled

pytestmark = needs_shared


def test_two_statements_of_version_02() -> None:
    first, second = camt.read((SAMPLES / "camt053.v2.multi.statement.xml").read_bytes())
    assert (first.opening, first.closing, second.opening, second.closing) == (1815, 2700, 2700, 2000)
    assert first.kind is Kind.STATEMENT and first.account == "NL26VAYB8060476890" and first.currency == "EUR"
    assert first.statement_id == "253EURNL26VAYB8060476890" and first.message_id == "CAMT053RIB000000000001"
    assert first.sequence == 12312 and second.sequence is None
    assert first.created_at == datetime(2015, 3, 10, 18, 43, 50, tzinfo=UTC)
    assert first.covers_from == datetime(2007, 10, 18, 7, 0, tzinfo=UTC)
    (credit,), (debit,) = first.entries, second.entries
    assert (credit.signed, debit.signed) == (885, -700)
    assert credit.is_receipt and not debit.is_receipt
    assert (credit.booking_date, credit.value_date) == (date(2014, 12, 31), date(2015, 1, 2))
    assert credit.end_to_end_id == "000000001" and credit.remittance == ("Transaction Description 1",)
    assert credit.fingerprint != debit.fingerprint


def test_the_business_sample_of_version_04() -> None:
    (statement,) = camt.read((SAMPLES / "Business_Sample_camt.053.001.04.xml").read_bytes())
    assert (statement.opening, statement.closing, statement.currency) == (50_000_000, 43_567_850, "SEK")
    assert [entry.signed for entry in statement.entries] == [10_567_850, -20_000_000, 3_000_000]
    single, whole_batch, foreign = statement.entries
    assert (single.payer_name, single.end_to_end_id) == ("MUELLER", "MUELL/FINP/RA12345")
    assert single.bank_reference == "AAAASESS-FP-CN_98765/01"
    assert (whole_batch.detail, whole_batch.end_to_end_id) == (0, "")  # 20 transactions, none listed
    assert (foreign.amount, foreign.currency) == (3_000_000, "SEK")  # not the EUR 3,255 it was changed from


def test_a_sample_that_mixes_currencies_is_refused() -> None:
    refused = refusal((SAMPLES / "camt053.v8.xml").read_bytes())
    assert (refused.code, refused.line) == (Flaw.CURRENCY_MIXED, 30)


def test_a_sample_whose_batch_miscounts_is_refused_and_read_once_it_counts() -> None:
    data = (SAMPLES / "camt054.v8.xml").read_bytes()
    assert refusal(data).code is Flaw.COUNT_MISMATCH
    counted = spoiled(data, "<NbOfTxs>2<", "<NbOfTxs>3<")
    assert refusal(counted).code is Flaw.SUM_MISMATCH  # it claims CHF 6.3 for 3.1 + 3.2 + 3.2
    (notification,) = camt.read(spoiled(counted, ">6.3<", ">9.5<"))
    assert notification.kind is Kind.NOTIFICATION and notification.opening is None and notification.closing is None
    (debit,) = notification.entries  # SEK 200,000; the francs of its transactions cannot split it
    assert (debit.signed, debit.currency, debit.detail, debit.remittance) == (-20_000_000, "SEK", 0, ())
