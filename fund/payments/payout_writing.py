"""How a payout run is written in each bank format (D33)."""

from fund.payments.payout_files import Writers

WRITERS: Writers = {}
