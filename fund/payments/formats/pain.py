"""Payments by ISO 20022 (D33): pain.001, which we send, and pain.002, which the bank answers."""

from fund.payments.formats.pain_model import (
    JAPANESE_BANK,
    US_ROUTING,
    Agent,
    Block,
    BlockStatus,
    Initiation,
    Payment,
    PaymentStatus,
    StatusReason,
    StatusReport,
)
from fund.payments.formats.pain_orders import ORDERS, read, write
from fund.payments.formats.pain_status import REPORTS, read_status, write_status

__all__ = [
    "JAPANESE_BANK",
    "ORDERS",
    "REPORTS",
    "US_ROUTING",
    "Agent",
    "Block",
    "BlockStatus",
    "Initiation",
    "Payment",
    "PaymentStatus",
    "StatusReason",
    "StatusReport",
    "read",
    "read_status",
    "write",
    "write_status",
]
