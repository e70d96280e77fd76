"""Payments that we ask a bank to make (pain.001) and what becomes of them (pain.002) (D33). Amounts are minor units."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

US_ROUTING, JAPANESE_BANK = "USABA", "JPZGN"
UNDECIDED = {"", "PART"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A bank: by its BIC, or by its number in a nation's clearing."""

    bic: str = ""
    clearing: str = ""
    """US_ROUTING or JAPANESE_BANK."""
    member: str = ""
    """Nine digits of an American bank; four and three of a Japanese bank and its branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payee."""

    end_to_end_id: str
    """Ours, unique in the message; the bank's answers and the payee's statement repeat it."""
    instruction_id: str = ""
    amount: int
    payee: str
    account: str
    agent: Agent = Agent()
    creditor_reference: str = ""
    """A structured reference, such as RF361234567894."""
    remittance: str = ""
    """Free text, up to 140 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """All payments of one message from one account, in one currency, on one day."""

    block_id: str
    currency: str
    execute_on: date
    debtor: str
    account: str
    agent: Agent
    payments: tuple[Payment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiation:
    """A message of payments to make."""

    message_id: str
    """Up to 35 characters, never used again: banks refuse a second message of the same name."""
    created_at: datetime
    initiator: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReason:
    """Why: a code of ISO's list, such as AC04 (account closed), or else the bank's own, and its words."""

    code: str = ""
    proprietary: str = ""
    text: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentStatus:
    """What became of one payment. Empty text is what the bank did not say."""

    end_to_end_id: str = ""
    instruction_id: str = ""
    status_id: str = ""
    status: str = ""
    """RJCT rejected, ACSC settled, PDNG pending and others of ISO's list."""
    reasons: tuple[StatusReason, ...] = ()
    accepted_at: datetime | None = None
    bank_reference: str = ""
    amount: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockStatus:
    """What became of a block, and of those of its payments that the bank names."""

    block_id: str
    status: str = ""
    reasons: tuple[StatusReason, ...] = ()
    count: int | None = None
    control_sum: Decimal | None = None
    """In major units, as the block said."""
    counts: tuple[tuple[str, int], ...] = ()
    """How many payments have each status."""
    payments: tuple[PaymentStatus, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """A bank's answer to one message of ours."""

    message_id: str
    created_at: datetime
    original_message_id: str
    original_message: str
    """Its name, such as "pain.001.001.09"."""
    status: str = ""
    reasons: tuple[StatusReason, ...] = ()
    count: int | None = None
    control_sum: Decimal | None = None
    counts: tuple[tuple[str, int], ...] = ()
    blocks: tuple[BlockStatus, ...] = ()

    def status_of(self, block_id: str, end_to_end_id: str) -> tuple[str, tuple[StatusReason, ...]]:
        """What the report says of one payment: by name, else of its block, else of all. Empty where that is open."""
        for block in self.blocks:
            if block.block_id != block_id:
                continue
            for one in block.payments:
                if one.end_to_end_id == end_to_end_id and one.status:
                    return one.status, one.reasons
            if block.status:
                return ("", ()) if block.status in UNDECIDED else (block.status, block.reasons)
        return ("", ()) if self.status in UNDECIDED else (self.status, self.reasons)
