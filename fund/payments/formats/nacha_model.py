"""What a NACHA file says (D33): batches of entries with addenda; and what a bank answers, returns and changes (D36).

Amounts are cents. A trace number names one entry for good: the eight digits of the bank that sent it and seven more.
"""

from dataclasses import dataclass
from datetime import date, datetime

CHECKING, SAVINGS = "2", "3"
CREDIT, PRENOTE = "2", "3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addenda:
    """Eighty places more about an entry: payment text (type 05), a change (98) or a return (99).

    For 98 and 99 `text` is the record between its type and its own `trace`, as it stands.
    """

    type: str
    text: str
    trace: str = ""
    """Empty for 05, which ends in its place among the addenda and that of its entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AchEntry:
    """One credit or debit of one account."""

    code: str
    """Transaction code: the account (2 checking, 3 savings), then what happens (2 credit, 7 debit, 1 and 6 returns)."""
    routing: str
    """Nine digits, the last a check digit."""
    account: str
    amount: int
    identification: str = ""
    name: str
    discretionary: str = ""
    trace: str
    addenda: tuple[Addenda, ...] = ()

    @property
    def is_credit(self) -> bool:
        """Money for the account; of a return, money that had been meant for it."""
        return self.code[1] in "1234"


@dataclass(frozen=True, slots=True, kw_only=True)
class AchBatch:
    """Entries of one company on one day."""

    company_name: str
    company_data: str = ""
    company_id: str
    kind: str
    """Standard entry class: PPD for payments to people, COR for notifications of change."""
    description: str
    descriptive_date: str = ""
    effective_on: date | None
    settled_on: str = ""
    """The day of the year on which it settles, which the ACH operator fills in."""
    bank: str
    """Eight digits of the bank that sends it."""
    number: int
    entries: tuple[AchEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AchFile:
    """A file between a company and its bank."""

    destination: str
    """Ten places; a routing number has a blank in front. So has `origin`."""
    origin: str
    created_at: datetime
    """The company's own wall clock, without an offset, to the minute."""
    modifier: str = "A"
    """Tells the files of one day apart."""
    destination_name: str = ""
    origin_name: str = ""
    reference: str = ""
    batches: tuple[AchBatch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Whom a PPD credit pays: account CHECKING or SAVINGS, cents above zero, and up to 80 characters of text."""

    routing: str
    account: str
    account_type: str
    amount: int
    name: str
    identification: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """An entry that came back."""

    reason: str
    """R01 to R85; R07 and R10 may come until the 60th day (D36)."""
    original_trace: str
    amount: int
    is_credit: bool
    """We had paid it out; else we had drawn it."""
    original_bank: str
    """Eight digits of the bank that received the original."""
    routing: str
    account: str
    name: str
    identification: str
    died_on: date | None
    information: str
    trace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A notification of change: the entry went through, and the next one must use `corrected`."""

    reason: str
    """C01 to C14."""
    original_trace: str
    original_bank: str
    routing: str
    account: str
    name: str
    identification: str
    corrected: str
    trace: str


def ppd_credits(
    payees: tuple[Payee, ...],
    *,
    company_name: str,
    company_id: str,
    description: str,
    effective_on: date,
    bank: str,
    number: int = 1,
    first_trace: int = 1,
) -> AchBatch:
    """A batch that pays these people, with ascending traces of `bank` (eight digits of ours) from `first_trace` on.

    Raises ValueError when someone would be paid nothing.
    """
    if any(payee.amount <= 0 for payee in payees):
        raise ValueError("A credit is above zero.")
    entries = tuple(
        AchEntry(
            code=payee.account_type + CREDIT,
            routing=payee.routing,
            account=payee.account,
            amount=payee.amount,
            identification=payee.identification,
            name=payee.name,
            trace=f"{bank}{trace:07}",
            addenda=(Addenda(type="05", text=payee.text),) if payee.text else (),
        )
        for trace, payee in enumerate(payees, first_trace)
    )
    return AchBatch(
        company_name=company_name,
        company_id=company_id,
        kind="PPD",
        description=description,
        effective_on=effective_on,
        bank=bank,
        number=number,
        entries=entries,
    )
