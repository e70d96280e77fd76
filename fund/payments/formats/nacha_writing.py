"""Writing NACHA files, and the sums that reading holds against the file's own (D33, D34)."""

from collections.abc import Iterator, Sequence
from datetime import date

from fund.payments.formats.fixed_width import compose
from fund.payments.formats.nacha_model import AchBatch, AchEntry, AchFile
from fund.payments.formats.nacha_records import (
    ADDENDA,
    BATCH,
    BATCH_CONTROL,
    BLOCK,
    CREDITS,
    DEBITS,
    ENCODING,
    ENTRY,
    FILE,
    FILE_CONTROL,
    FILLING,
    MIXED,
    PAYMENT_TEXT,
    VERSION,
)


def totals(batches: Sequence[AchBatch]) -> dict[str, int]:
    """Entries with their addenda, the ten last digits of the sum of their banks, and cents by direction."""
    entries = [entry for batch in batches for entry in batch.entries]
    return {
        "count": sum(1 + len(entry.addenda) for entry in entries),
        "hash": sum(int(entry.routing[:8]) for entry in entries) % 10**10,
        "debits": sum(entry.amount for entry in entries if not entry.is_credit),
        "credits": sum(entry.amount for entry in entries if entry.is_credit),
    }


def written(file: AchFile) -> Iterator[bytes]:
    """The records of a file. Raises ValueError for a value that does not fit its field."""
    told = [line for batch in file.batches for line in _batch(batch)]
    blocks = -(-(len(told) + 2) // BLOCK)
    yield compose(
        FILE,
        ENCODING,
        mark="1",
        priority="01",
        destination=file.destination,
        origin=file.origin,
        created_on=_written_day(file.created_at),
        created_at=f"{file.created_at:%H%M}",
        modifier=file.modifier,
        destination_name=file.destination_name,
        origin_name=file.origin_name,
        reference=file.reference,
        **VERSION,
    )
    yield from told
    counts = {"batches": len(file.batches), "blocks": blocks}
    yield compose(FILE_CONTROL, ENCODING, mark="9", **counts | totals(file.batches))
    yield from [FILLING] * (blocks * BLOCK - len(told) - 2)


def _batch(batch: AchBatch) -> Iterator[bytes]:
    sums = totals([batch])
    service = CREDITS if not sums["debits"] else DEBITS if not sums["credits"] else MIXED
    shared = {"service": service, "company_id": batch.company_id, "bank": batch.bank, "number": f"{batch.number:07}"}
    yield compose(
        BATCH,
        ENCODING,
        mark="5",
        company_name=batch.company_name,
        company_data=batch.company_data,
        kind=batch.kind,
        description=batch.description,
        descriptive_date=batch.descriptive_date,
        effective_on=_written_day(batch.effective_on) if batch.effective_on else "",
        settled_on=batch.settled_on,
        status="1",
        **shared,
    )
    for entry in batch.entries:
        yield from _entry(entry)
    yield compose(BATCH_CONTROL, ENCODING, mark="8", **shared | sums)


def _entry(entry: AchEntry) -> Iterator[bytes]:
    yield compose(
        ENTRY,
        ENCODING,
        mark="6",
        code=entry.code,
        routing=entry.routing,
        account=entry.account,
        amount=entry.amount,
        identification=entry.identification,
        name=entry.name,
        discretionary=entry.discretionary,
        has_addenda="1" if entry.addenda else "0",
        trace=entry.trace,
    )
    for place, addenda in enumerate(entry.addenda, 1):
        told = {"mark": "7", "type": addenda.type, "text": addenda.text}
        if addenda.type == "05":
            yield compose(PAYMENT_TEXT, ENCODING, place=place, entry=entry.trace[-7:], **told)
        else:
            yield compose(ADDENDA, ENCODING, trace=addenda.trace, **told)


def _written_day(day: date) -> str:
    return f"{day:%y%m%d}"
