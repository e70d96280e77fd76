"""Registry of the vault's tables: imports the rooms' models, nothing else."""

from fund.governance.approval import Proposal, Signature
from fund.governance.audit import Act, Seal
from fund.governance.config import Setting
from fund.governance.officers import Officer
from fund.governance.outbox import Note
from fund.holders import Holder
from fund.ledger.models import Account, Balance, Transfer
from fund.payments.models import BankAccount, BankEntry, BankFile, BankStatement, Earmark, Expected
from fund.payments.payout_models import PayoutFile, PayoutLine, PayoutRun
from fund.payments.suspense import Resolution
from fund.units import UnitClass

__all__ = [
    "Account",
    "Act",
    "Balance",
    "BankAccount",
    "BankEntry",
    "BankFile",
    "BankStatement",
    "Earmark",
    "Expected",
    "Holder",
    "Note",
    "Officer",
    "PayoutFile",
    "PayoutLine",
    "PayoutRun",
    "Proposal",
    "Resolution",
    "Seal",
    "Setting",
    "Signature",
    "Transfer",
    "UnitClass",
]
