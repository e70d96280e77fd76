"""How a payout run is written in each bank format (D33): from the run's payments to the dataclasses of the formats."""

import unicodedata
from zoneinfo import ZoneInfo

from fund.money import Currency
from fund.payments.formats import nacha, pain, zengin
from fund.payments.payout_files import Order, Writers
from fund.payments.payout_models import Format

ZENGIN_ACCOUNTS = {"ordinary": "1", "current": "2", "savings": "4"}
ORDINARY = "1"
LONGEST_NAME = 22  # places for the payee in a NACHA entry
LONGEST_COMPANY = 16


def pain001(order: Order) -> bytes:
    """A pain.001.001.09. Raises ValueError for what it cannot carry; so do the others."""
    clearing = pain.JAPANESE_BANK if order.currency is Currency.JPY else pain.US_ROUTING
    payments = tuple(
        pain.Payment(
            end_to_end_id=one.reference,
            amount=one.amount,
            payee=one.payee.name,
            account=one.payee.account,
            agent=pain.Agent(clearing=clearing, member=one.payee.bank + one.payee.branch),
        )
        for one in order.payments
    )
    block = pain.Block(
        block_id=order.reference,
        currency=order.currency.value,
        execute_on=order.pay_on,
        debtor=order.account.name_en,
        account=order.account.number,
        agent=pain.Agent(clearing=clearing, member=order.account.routing),
        payments=payments,
    )
    return pain.write(
        pain.Initiation(
            message_id=order.reference, created_at=order.made_at, initiator=order.account.name_en, blocks=(block,)
        )
    )


def general_transfer(order: Order) -> bytes:
    """A Zengin 総合振込; each line's reference is its customer code."""
    transfers = tuple(
        zengin.Transfer(
            bank=one.payee.bank,
            branch=one.payee.branch,
            account_type=ZENGIN_ACCOUNTS.get(one.payee.kind, ORDINARY),
            account_number=one.payee.account.zfill(7),
            payee=one.payee.name,
            amount=one.amount,
            message=one.reference,
        )
        for one in order.payments
    )
    return zengin.write_transfers(
        zengin.TransferFile(
            originator=order.account.customer_code,
            name=order.account.name_kana,
            pay_on=order.pay_on,
            bank=order.account.routing[:4],
            branch=order.account.routing[4:],
            account_type=ORDINARY,
            account_number=order.account.number.zfill(7),
            transfers=transfers,
        )
    )


def ppd_credits(order: Order) -> bytes:
    """A NACHA file with one batch of PPD credits; each line's reference is its identification number."""
    routing = order.account.routing
    payees = tuple(
        nacha.Payee(
            routing=one.payee.bank,
            account=one.payee.account,
            account_type=nacha.SAVINGS if one.payee.kind == "savings" else nacha.CHECKING,
            amount=one.amount,
            name=_ascii(one.payee.name)[:LONGEST_NAME].strip(),
            identification=one.reference,
        )
        for one in order.payments
    )
    company = _ascii(order.account.name_en)[:LONGEST_COMPANY].strip(" ,")
    batch = nacha.ppd_credits(
        payees,
        company_name=company,
        company_id=order.account.customer_code,
        description="PAYOUT",
        effective_on=order.pay_on,
        bank=routing[:8],
    )
    local = order.made_at.astimezone(ZoneInfo(order.account.time_zone))
    return nacha.write(
        nacha.AchFile(
            destination=f" {routing}",
            origin=order.account.customer_code,
            created_at=local.replace(second=0, microsecond=0, tzinfo=None),
            origin_name=company,
            batches=(batch,),
        )
    )


def _ascii(name: str) -> str:
    """Letters without their accents, which NACHA cannot carry."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()


WRITERS: Writers = {Format.PAIN001: pain001, Format.ZENGIN: general_transfer, Format.NACHA: ppd_credits}
