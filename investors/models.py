"""Registry of the reception's tables: imports the rooms' models, nothing else."""

from investors.agreements import Acceptance, Agreement
from investors.appeals import Appeal, AppealDecision
from investors.applications import Answer, Application, Assessment, Decision, StatusChange
from investors.bank_accounts import BankAccount
from investors.casework import Assignment, CaseNote
from investors.deletion import Deletion
from investors.duplicates import DuplicateCase, Finding, Pair
from investors.evidence import Document, DocumentPage
from investors.people import Investor, MyNumber, TaxpayerNumber
from investors.plan_models import Plan, PlanTurn
from investors.recipients import RecipientCode
from investors.recovery import RecoveryCase
from investors.screening.models import Entry, Hit, HitDecision, ListFile, ListVersion, Rescreening
from investors.tax_files import TaxFilePart
from investors.tax_forms import TaxForm
from investors.transfer_papers import TransferPaper, TransferPaperPage

__all__ = [
    "Acceptance",
    "Agreement",
    "Answer",
    "Appeal",
    "AppealDecision",
    "Application",
    "Assessment",
    "Assignment",
    "BankAccount",
    "CaseNote",
    "Decision",
    "Deletion",
    "Document",
    "DocumentPage",
    "DuplicateCase",
    "Entry",
    "Finding",
    "Hit",
    "HitDecision",
    "Investor",
    "ListFile",
    "ListVersion",
    "MyNumber",
    "Pair",
    "Plan",
    "PlanTurn",
    "RecipientCode",
    "RecoveryCase",
    "Rescreening",
    "StatusChange",
    "TaxFilePart",
    "TaxForm",
    "TaxpayerNumber",
    "TransferPaper",
    "TransferPaperPage",
]
