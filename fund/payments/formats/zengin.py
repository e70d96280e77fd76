"""Zengin files (全銀協制定フォーマット, D33): what the bank in Japan tells us, and transfers that we ask it to make."""

from fund.payments.formats.zengin_statements import account, read, referenced, write
from fund.payments.formats.zengin_transfers import (
    Transfer,
    TransferFile,
    in_half_width,
    read_transfers,
    write_transfers,
)

__all__ = [
    "Transfer",
    "TransferFile",
    "account",
    "in_half_width",
    "read",
    "read_transfers",
    "referenced",
    "write",
    "write_transfers",
]
