"""Registry of the vault's tables: imports the rooms' models, nothing else."""

from fund.governance.approval import Proposal, Signature
from fund.governance.audit import Act, Seal
from fund.governance.config import Setting
from fund.governance.officers import Officer
from fund.governance.outbox import Note
from fund.holders import Holder
from fund.ledger.models import Account, Balance, Transfer
from fund.payments.models import BankAccount, BankEntry, BankFile, Expected
from fund.units import UnitClass

__all__ = [
    "Account",
    "Act",
    "Balance",
    "BankAccount",
    "BankEntry",
    "BankFile",
    "Expected",
    "Holder",
    "Note",
    "Officer",
    "Proposal",
    "Seal",
    "Setting",
    "Signature",
    "Transfer",
    "UnitClass",
]
