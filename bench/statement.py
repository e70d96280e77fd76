"""P6: a bank's statement of paid orders is imported, matched and posted by the fund's own verb, beside L."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from django.db import connection

from bench import server, stage
from bench.worker import peak
from fund.dealing.models import Offering
from fund.holders import Holder
from fund.money import Currency, Money
from fund.payments import receipts
from fund.payments.models import Expected
from portal.local.place import CHECKOUT, Place

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>\
<GrpHdr><MsgId>BENCH</MsgId><CreDtTm>{day}T20:00:00Z</CreDtTm></GrpHdr>\
<Stmt><Id>BENCH-1</Id><CreDtTm>{day}T20:00:00Z</CreDtTm><Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>\
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="JPY">0</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
<Dt><Dt>{day}</Dt></Dt></Bal>\
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="JPY">{total}</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
<Dt><Dt>{day}</Dt></Dt></Bal>"""
ENTRY = """
<Ntry><Amt Ccy="JPY">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>B{number}</AcctSvcrRef>\
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>\
<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RltdPties><Dbtr><Pty><Nm>YAMADA {holder}</Nm></Pty>\
</Dbtr></RltdPties><RmtInf><Strd><CdtrRefInf><Ref>{reference}</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>"""
TAIL = "</Stmt></BkToCstmrStmt></Document>"


@dataclass(frozen=True)
class Run:
    """One import: entries, seconds and the peak memory of its process in kB."""

    entries: int
    seconds: float
    peak: int


def prepare(place: Place, *, entries: int, file: Path) -> str:
    """A database in which so many payments are expected, and the bank's statement of all of them; returns its name."""
    name = f"expected_{entries}"
    server.copy(place, source="empty", target=name)
    stage.use(name)
    rows = unpaid(stage.open_offering(capacity=entries * stage.LOT), entries)
    day = stage.DURING.date().isoformat()
    with file.open("w") as out:
        out.write(HEAD.format(day=day, account=stage.BANK, total=sum(amount for _, amount, _ in rows)))
        for number, (reference, amount, holder) in enumerate(rows, 1):
            out.write(ENTRY.format(day=day, number=number, reference=reference, amount=amount, holder=holder))
        out.write(TAIL)
    connection.close()
    with server.connect(place, name) as one:
        one.execute("VACUUM (ANALYZE, FREEZE)")
    return name


def unpaid(offering: Offering, number: int) -> list[tuple[str, int, int]]:
    """So many payments that are expected of four fifths as many citizens: references, yen and holders, in no order."""
    citizens = Holder.objects.bulk_create(
        (Holder(kind="citizen", nation="JP", registered_at=stage.DURING) for _ in range(number * 4 // 5)),
        batch_size=5_000,
    )
    asked = [
        receipts.expectation(
            holder_id=citizens[place % len(citizens)].pk,
            amount=Money((1 + place % 50) * stage.LOT, Currency.JPY),
            pay_by=offering.pay_by,
            order_id=uuid4(),
            subject=offering.code,
            now=stage.DURING,
        )
        for place in range(number)
    ]
    made = list({one.reference: one for one in asked}.values())
    Expected.objects.bulk_create(made, batch_size=5_000, ignore_conflicts=True)
    return list(Expected.objects.order_by("order_id").values_list("reference", "amount", "holder_id"))


def run(place: Place, *, source: str, entries: int, file: Path, target: str = "round") -> Run:
    """Import the statement into a copy of the database, in a process of its own, from the first byte to the commit."""
    server.copy(place, source=source, target=target)
    done = subprocess.run(
        [sys.executable, "-m", "bench.importer", target, str(file)],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        check=True,
    )
    seconds, matched, peak = done.stdout.split()
    if int(matched) < entries * 0.999:  # a few references may have met
        raise RuntimeError(f"{matched} of {entries} entries were matched")
    return Run(int(matched), float(seconds), int(peak))


def measured(database: str, file: Path) -> None:
    """In the process that is measured: prints seconds, matched entries, and the peak memory in kB."""
    stage.use(database)
    connection.ensure_connection()
    began = time.monotonic()
    taken = receipts.import_file(data=file.read_bytes(), name=file.name, actor="system", now=stage.DURING)
    print(time.monotonic() - began, taken.matched, peak())
