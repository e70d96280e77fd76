"""The records of a NACHA file: 94 characters of ASCII each, in blocks of ten filled up with nines."""

from fund.payments.formats.fixed_width import Layout

LENGTH = 94
BLOCK = 10
ENCODING = "ascii"
FILLING = b"9" * LENGTH
VERSION = {"record_size": "094", "blocking": "10", "format": "1"}

FILE: Layout = (
    ("mark", 1), ("priority", 2), ("destination", 10), ("origin", 10), ("created_on", 6), ("created_at", 4),
    ("modifier", 1), ("record_size", 3), ("blocking", 2), ("format", 1), ("destination_name", 23), ("origin_name", 23),
    ("reference", 8),
)  # fmt: skip
BATCH: Layout = (
    ("mark", 1), ("service", 3), ("company_name", 16), ("company_data", 20), ("company_id", 10), ("kind", 3),
    ("description", 10), ("descriptive_date", 6), ("effective_on", 6), ("settled_on", 3), ("status", 1), ("bank", 8),
    ("number", 7),
)  # fmt: skip
ENTRY: Layout = (
    ("mark", 1), ("code", 2), ("routing", 9), ("account", 17), ("amount", 10), ("identification", 15), ("name", 22),
    ("discretionary", 2), ("has_addenda", 1), ("trace", 15),
)  # fmt: skip
ADDENDA: Layout = (("mark", 1), ("type", 2), ("text", 76), ("trace", 15))
PAYMENT_TEXT: Layout = (("mark", 1), ("type", 2), ("text", 80), ("place", 4), ("entry", 7))
RETURN: Layout = (("reason", 3), ("original_trace", 15), ("died_on", 6), ("original_bank", 8), ("information", 44))
CHANGE: Layout = (("reason", 3), ("original_trace", 15), ("reserved", 6), ("original_bank", 8), ("corrected", 29))
BATCH_CONTROL: Layout = (
    ("mark", 1), ("service", 3), ("count", 6), ("hash", 10), ("debits", 12), ("credits", 12), ("company_id", 10),
    ("authentication", 19), ("reserved", 6), ("bank", 8), ("number", 7),
)  # fmt: skip
FILE_CONTROL: Layout = (
    ("mark", 1), ("batches", 6), ("blocks", 6), ("count", 8), ("hash", 10), ("debits", 12), ("credits", 12),
    ("reserved", 39),
)  # fmt: skip
LAYOUTS = {"1": FILE, "5": BATCH, "6": ENTRY, "7": ADDENDA, "8": BATCH_CONTROL, "9": FILE_CONTROL}
MAY_FOLLOW = {"": "1", "1": "59", "5": "68", "6": "678", "7": "678", "8": "59"}
MIXED, CREDITS, DEBITS = "200", "220", "225"
