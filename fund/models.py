"""Registry of the vault's tables: imports the rooms' models, nothing else."""

from fund.conveyance.models import Conveyance, ConveyedLot, Estate
from fund.dealing.compensation import Compensation
from fund.dealing.models import (
    Allotment,
    AllotmentLine,
    Applicant,
    Offering,
    SettlementChunk,
    Subscription,
    WaitingLine,
)
from fund.dealing.outage import Extension, Outage
from fund.distribution.models import Choice, Distribution, DistributionRange, TaxStatus
from fund.governance.approval import Proposal, Signature
from fund.governance.audit import Act, Seal
from fund.governance.config import Setting
from fund.governance.fence import FenceEntry
from fund.governance.office import OfficeEntry
from fund.governance.officers import Officer
from fund.governance.outbox import Note
from fund.holders import Holder
from fund.ledger.models import (
    Account,
    Balance,
    Card,
    Control,
    Entitlement,
    Leg,
    Settlement,
    SettlementBatch,
    Transfer,
)
from fund.nav.models import ClassNav, LateInput, Nav
from fund.payments.models import (
    BankAccount,
    BankEntry,
    BankFile,
    BankStatement,
    Earmark,
    Expected,
    KnownName,
    Postponement,
)
from fund.payments.payee_accounts import PayeeAccount
from fund.payments.payout_models import BankAnswer, PayoutFile, PayoutLine, PayoutRun
from fund.payments.suspense import Resolution
from fund.portfolio.models import (
    Accrual,
    Deployment,
    Expense,
    Facility,
    FacilityBalance,
    FacilityTerms,
    FeeBasis,
    ImportedFile,
    Income,
    Investment,
    InvestmentTerms,
    Valuation,
)
from fund.rates import ReferenceRate
from fund.redemption.compensation import RedemptionCompensation
from fund.redemption.models import Redemption, RedemptionDecision, RedemptionLine, RedemptionWindow
from fund.register.models import Call, CallLine, Commitment, Contribution
from fund.register.proof_models import HoldingBlock, HoldingRoot
from fund.tax.models import TaxStatement, TaxYear
from fund.units import UnitClass

__all__ = [
    "Account",
    "Accrual",
    "Act",
    "Allotment",
    "AllotmentLine",
    "Applicant",
    "Balance",
    "BankAccount",
    "BankAnswer",
    "BankEntry",
    "BankFile",
    "BankStatement",
    "Call",
    "CallLine",
    "Card",
    "Choice",
    "ClassNav",
    "Commitment",
    "Compensation",
    "Contribution",
    "Control",
    "Conveyance",
    "ConveyedLot",
    "Deployment",
    "Distribution",
    "DistributionRange",
    "Earmark",
    "Entitlement",
    "Estate",
    "Expected",
    "Expense",
    "Extension",
    "Facility",
    "FacilityBalance",
    "FacilityTerms",
    "FeeBasis",
    "FenceEntry",
    "Holder",
    "HoldingBlock",
    "HoldingRoot",
    "ImportedFile",
    "Income",
    "Investment",
    "InvestmentTerms",
    "KnownName",
    "LateInput",
    "Leg",
    "Nav",
    "Note",
    "Offering",
    "OfficeEntry",
    "Officer",
    "Outage",
    "PayeeAccount",
    "PayoutFile",
    "PayoutLine",
    "PayoutRun",
    "Postponement",
    "Proposal",
    "Redemption",
    "RedemptionCompensation",
    "RedemptionDecision",
    "RedemptionLine",
    "RedemptionWindow",
    "ReferenceRate",
    "Resolution",
    "Seal",
    "Setting",
    "Settlement",
    "SettlementBatch",
    "SettlementChunk",
    "Signature",
    "Subscription",
    "TaxStatement",
    "TaxStatus",
    "TaxYear",
    "Transfer",
    "UnitClass",
    "Valuation",
    "WaitingLine",
]
