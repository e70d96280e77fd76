"""Unsound files are refused with their reason, and the sound file of the same shape is taken (D34)."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

from fund.payments.formats import camt
from fund.payments.formats.model import Flaw, Kind
from fund.payments.formats.sound_xml import LARGEST_PART
from tests.fund.payments.formats.bank import SAMPLES, batch, entry, refusal, spoiled, statement

DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>\n"
ENTRIES = (entry(12_345, line=1), entry(400, line=2, credit=False), *batch(500, 700, line=3))
STATEMENT = camt.write([statement(*ENTRIES)])
NOTIFICATION = camt.write([statement(*ENTRIES, kind=Kind.NOTIFICATION)])
YEN = camt.write([statement(entry(5_000, currency="JPY"), opening=1_000)])


@pytest.mark.parametrize("data", [STATEMENT, NOTIFICATION, YEN])
def test_the_sound_files_are_taken(data: bytes) -> None:
    assert camt.read(data)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('<Amt Ccy="USD">123.45<', '<Amt Ccy="USD">123.46<', Flaw.BALANCE_MISMATCH),
        ("<Cd>OPBD<", "<Cd>ITBD<", Flaw.BALANCE_MISSING),
        ("<Cd>CLBD<", "<Cd>CLAV<", Flaw.BALANCE_MISSING),
        ("<Cd>CLBD<", "<Cd>OPBD<", Flaw.BALANCE_MISSING),
        ("<Cd>BOOK<", "<Cd>PDNG<", Flaw.BALANCE_MISMATCH),
        ("<Cd>BOOK</Cd>", "<Prtry>BOOK</Prtry>", Flaw.BALANCE_MISMATCH),
        ("<NbOfNtries>3<", "<NbOfNtries>4<", Flaw.COUNT_MISMATCH),
        ("<NbOfNtries>2<", "<NbOfNtries>1<", Flaw.COUNT_MISMATCH),
        ("<Sum>139.45<", "<Sum>139.46<", Flaw.SUM_MISMATCH),
        ('<Amt Ccy="USD">7.00<', '<Amt Ccy="USD">7.01<', Flaw.SUM_MISMATCH),
        ('<Amt Ccy="USD">123.45<', '<Amt Ccy="USD">123.45000<', Flaw.AMOUNT),
        ('<Amt Ccy="USD">123.45<', '<Amt Ccy="USD">123.450<', Flaw.AMOUNT),
        ('<Amt Ccy="USD">123.45<', '<Amt Ccy="USD">999999999999999999<', Flaw.AMOUNT),
        ('<Amt Ccy="USD">123.45<', '<Amt Ccy="EUR">123.45<', Flaw.CURRENCY_MIXED),
        ("<Ccy>USD<", "<Ccy>EUR<", Flaw.CURRENCY_MIXED),
        ("<BookgDt>\n          <Dt>2026-04-01<", "<BookgDt>\n          <Dt>-0044-03-15<", Flaw.DATE),
        ("<BookgDt>\n          <Dt>2026-04-01</Dt>\n        </BookgDt>", "", Flaw.DATE),
        ('<Amt Ccy="USD">123.45<', '<Amt Ccy="USD">-123.45<', Flaw.SCHEMA),
        ('<Amt Ccy="USD">123.45<', "<Amt>123.45<", Flaw.SCHEMA),
        ("<CdtDbtInd>CRDT<", "<CdtDbtInd>BOTH<", Flaw.SCHEMA),
        ("<AcctSvcrRef>", "<AcctSvcrReference>", Flaw.MALFORMED),
        ("camt.053.001.08", "camt.053.001.09", Flaw.UNKNOWN_MESSAGE),
        ("camt.053.001.08", "camt.054.001.08", Flaw.SCHEMA),
        ("encoding='UTF-8'", "encoding='ISO-8859-1'", Flaw.ENCODING),
        ("encoding='UTF-8'", "encoding='UTF-7'", Flaw.ENCODING),
    ],
)
def test_one_fault_refuses_the_file(old: str, new: str, code: Flaw) -> None:
    told = camt.write([statement(*(entry(12_345, bank_reference="REF"), *ENTRIES[1:]))])
    assert camt.read(told)
    assert refusal(spoiled(told, old, new)).code is code


def test_yen_have_no_decimals() -> None:
    refused = refusal(spoiled(YEN, '<Amt Ccy="JPY">5000<', '<Amt Ccy="JPY">5000.00<'))
    assert (refused.code, "JPY" in refused.reason) == (Flaw.AMOUNT, True)


def test_the_line_of_the_fault_is_told_and_its_value_is_not() -> None:
    data = camt.write([statement(*(entry(1, line=line, payer_name="YAMADA TARO") for line in range(1, 9)))])
    fifth = [number for number, line in enumerate(data.decode().splitlines(), 1) if "<Nm>" in line][4]
    lines = data.decode().splitlines(keepends=True)
    lines[fifth - 1] = lines[fifth - 1].replace("YAMADA TARO", "YAMADA TARO" * 20)
    refused = refusal("".join(lines).encode())
    assert (refused.code, refused.line) == (Flaw.SCHEMA, fifth)
    assert "Nm" in refused.reason and "YAMADA" not in str(refused)


def test_a_line_beyond_65535_is_told() -> None:
    data = spoiled(STATEMENT, "<Ntry>", "\n" * 70_000 + "<Ntry>")
    refused = refusal(spoiled(data, '<Amt Ccy="USD">123.45<', '<Amt Ccy="USD">123.450<'))
    assert refused.line is not None and refused.line > 70_000


def test_a_statement_twice_in_one_file_is_refused() -> None:
    first = statement(entry(5))
    second = statement(entry(6), statement_id="STMT-2")
    assert len(camt.read(camt.write([first, second]))) == 2
    assert refusal(camt.write([first, first])).code is Flaw.DUPLICATE_STATEMENT


def test_a_pending_entry_moves_nothing() -> None:
    (read,) = camt.read(camt.write([statement(entry(5), entry(7, line=2, booked=False))]))
    assert read.closing == 100_005
    assert [one.is_receipt for one in read.entries] == [True, False]


def test_a_reversal_is_never_a_receipt() -> None:
    returned = entry(5, reversal=True)  # a payment of ours came back
    taken_back = entry(7, line=2, credit=False, reversal=True)
    (read,) = camt.read(camt.write([statement(returned, taken_back)]))
    assert read.closing == 99_998
    assert not any(one.is_receipt for one in read.entries)


def test_a_summary_may_count_the_pending_entries_or_leave_them_out() -> None:
    told = camt.write([statement(entry(500), entry(700, line=2, booked=False))])
    booked_only = told
    for old, new in (("NbOfNtries>2<", "NbOfNtries>1<"), ("Sum>12.00<", "Sum>5.00<")):
        booked_only = booked_only.replace(old.encode(), new.encode())
    assert camt.read(told) and camt.read(booked_only)
    assert refusal(spoiled(told, "NbOfNtries>2<", "NbOfNtries>1<")).code is Flaw.SUM_MISMATCH  # neither way ties


def test_a_batch_without_amounts_stays_whole_and_names_nobody() -> None:
    told = camt.write([statement(*batch(500, 700, payer_name="A"), kind=Kind.NOTIFICATION)])
    amount = '<Amt Ccy="USD">7.00</Amt>\n            <CdtDbtInd>CRDT</CdtDbtInd>'
    (read,) = camt.read(spoiled(told, amount, ""))
    (whole,) = read.entries
    assert (whole.amount, whole.detail, whole.payer_name) == (1_200, 0, "")


def test_a_single_transaction_lends_its_words_and_not_its_amount() -> None:
    told = camt.write([statement(*batch(500, 700, payer_name="A"), kind=Kind.NOTIFICATION)]).decode()
    first, second = told.index("<TxDtls>"), told.rindex("<TxDtls>")
    (read,) = camt.read((told[:first] + told[second:]).encode())
    (only,) = read.entries
    assert (only.amount, only.detail, only.payer_name) == (1_200, 0, "A")


# ------------------------------------------------------------------------------------------------------ cut-off files


def test_a_file_cut_off_anywhere_is_refused() -> None:
    data = camt.write([statement(*ENTRIES), statement(*ENTRIES, statement_id="STMT-2")])
    assert len(data) > 4096
    for length in [*range(0, len(data) - 1, 1024), *range(len(data) - 60, len(data) - 1)]:
        assert refusal(data[:length]).code in (Flaw.MALFORMED, Flaw.UNKNOWN_MESSAGE), length


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the real sample files (../shared/data) are not here")
def test_the_real_files_cut_off_at_every_kib_are_refused() -> None:
    for path in SAMPLES.glob("*camt*.xml"):
        data = path.read_bytes()
        for length in range(0, len(data), 1024):
            refusal(data[:length])


# -------------------------------------------------------------------------------------------------------------- bombs


def laughs(levels: int, each: int) -> str:
    declared = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * each if n else "ha"}">' for n in range(levels))
    return f"<!DOCTYPE Document [{declared}]>"


def with_bank_name(inside: str) -> str:
    return STATEMENT.decode().replace("<Id>STMT-1</Id>", f"<Id>{inside}</Id>")


def test_billion_laughs_are_refused_unread() -> None:
    def bomb(levels: int, each: int) -> bytes:
        return with_bank_name(f"&l{levels - 1};").replace(DECLARATION, DECLARATION + laughs(levels, each)).encode()

    refused = refusal(bomb(10, 10))
    assert (refused.code, refused.line) == (Flaw.DOCTYPE, 2)
    control = etree.fromstring(bomb(3, 2), etree.XMLParser(resolve_entities=True))
    assert control.findtext(".//{*}Stmt/{*}Id") == "ha" * 4  # to an ordinary parser it is alive


def test_an_external_entity_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    doctype = f'<!DOCTYPE Document [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    data = with_bank_name("&x;").replace(DECLARATION, DECLARATION + doctype).encode()
    assert refusal(data).code is Flaw.DOCTYPE
    control = etree.fromstring(data, etree.XMLParser(resolve_entities=True))
    assert control.findtext(".//{*}Stmt/{*}Id") == "hunter2"


def test_an_empty_doctype_is_refused_too() -> None:
    assert refusal(spoiled(STATEMENT, "<Document", "<!DOCTYPE Document>\n<Document")).code is Flaw.DOCTYPE


def test_an_undeclared_entity_is_refused() -> None:
    assert refusal(with_bank_name("&x;").encode()).code is Flaw.MALFORMED
    assert camt.read(with_bank_name("&amp;").encode())[0].statement_id == "&"


INCLUDE = '<x:include xmlns:x="http://www.w3.org/2001/XIncl{u}de" href="{href}" parse="text"/>'


@pytest.mark.parametrize("letter", ["u", "&#117;"])
@pytest.mark.parametrize("supplementary", [False, True])
def test_xinclude_is_refused(tmp_path: Path, letter: str, supplementary: bool) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    include = INCLUDE.format(u=letter, href=secret.as_uri())
    # Supplementary data is where the schema lets anything through.
    data = in_supplementary_data(include) if supplementary else with_bank_name(include).encode()
    refused = refusal(data)
    assert refused.code is Flaw.XINCLUDE and refused.line
    control = etree.fromstring(data).getroottree()
    control.xinclude()
    assert b"hunter2" in etree.tostring(control)


def in_supplementary_data(anything: str) -> bytes:
    data = camt.write([statement(*batch(500, 700))])
    return spoiled(data, "</TxDtls>", f"<SplmtryData><Envlp>{anything}</Envlp></SplmtryData></TxDtls>")


def test_supplementary_data_cannot_pose_as_entries() -> None:
    forged = STATEMENT[STATEMENT.index(b"<Ntry>") : STATEMENT.rindex(b"</Ntry>") + 7].decode()
    (read,) = camt.read(in_supplementary_data(f"<any>{forged}</any>"))
    assert [one.amount for one in read.entries] == [500, 700]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "shift_jis"])
def test_other_encodings_are_refused(encoding: str) -> None:
    text = camt.write([statement(entry(5, payer_name="ヤマダ"))]).decode()
    assert refusal(text.replace("UTF-8", encoding.upper()).encode(encoding)).code is Flaw.ENCODING
    assert refusal(text.removeprefix(DECLARATION).encode(encoding)).code in (Flaw.ENCODING, Flaw.MALFORMED) or (
        encoding == "utf-7"
    )
    if encoding == "utf-16":
        assert etree.fromstring(text.replace("UTF-8", "UTF-16").encode("utf-16")) is not None  # a parser would take it


def test_utf_8_may_begin_with_its_mark() -> None:
    assert camt.read(b"\xef\xbb\xbf" + STATEMENT) == camt.read(STATEMENT)


def test_a_file_over_the_limit_is_refused() -> None:
    assert camt.read(STATEMENT, limit=len(STATEMENT))
    assert refusal(STATEMENT, limit=len(STATEMENT) - 1).code is Flaw.TOO_LARGE


def test_one_part_has_a_bound() -> None:
    small = in_supplementary_data(f"<a>{'x' * (LARGEST_PART // 4)}</a>")
    large = in_supplementary_data(f"<a>{'x' * (LARGEST_PART * 2)}</a>")
    assert camt.read(small)
    assert refusal(large).code is Flaw.PART_TOO_LARGE


def test_a_schema_named_by_the_file_is_not_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        where = f"http://127.0.0.1:{server.getsockname()[1]}/x.xsd"
        hint = f'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="urn:x {where}"'
        assert camt.read(spoiled(STATEMENT, "<Document", f"<Document {hint}"))
        with pytest.raises(TimeoutError):
            server.accept()


BOMBS = {
    "200 MB": ('b" " * (200 * 10**6)', Flaw.TOO_LARGE),
    "billion laughs": ("laughs", Flaw.DOCTYPE),
    "utf-16": ('entry(b"").decode().encode("utf-16")', Flaw.ENCODING),
    "deep": ('entry(b"<NtryDtls><TxDtls><SplmtryData><Envlp>" + b"<a>" * 20_000_000)', Flaw.MALFORMED),
    "a deep part": ('entry(b"<NtryDtls><TxDtls><SplmtryData><Envlp>" + b"<a>" * 5_000)', Flaw.MALFORMED),
    "attributes": ('entry(b"<a " + b" ".join(b\'a%d="1"\' % n for n in range(900_000)) + b"/>")', Flaw.PART_TOO_LARGE),
    "character references": ('entry(b"<AddtlNtryInf>" + b"&#65;" * 12_000_000)', Flaw.PART_TOO_LARGE),
    "CDATA sections": ('entry(b"<AddtlNtryInf>" + b"<![CDATA[x]]>" * 4_000_000)', Flaw.PART_TOO_LARGE),
    "long text": ('entry(b"<AddtlNtryInf>" + b"x" * 60_000_000)', Flaw.PART_TOO_LARGE),
    "comments": ('entry(b"<!--x-->" * 7_000_000)', Flaw.PART_TOO_LARGE),
    "empty transactions": ('entry(b"<NtryDtls>" + b"<TxDtls/>" * 6_000_000)', Flaw.TOO_MANY_PARTS),
    "many entries": ('entry(b"</Ntry>" + b"<Ntry></Ntry>" * 4_000_000)', Flaw.TOO_MANY_PARTS),
    "unknown elements": ('entry(b"<z/>" * 15_000_000)', Flaw.PART_TOO_LARGE),
}
CHILD = """
import resource, sys, time
from pathlib import Path
from fund.payments.formats import camt
from fund.payments.formats.model import UnsoundFile

def entry(inside):
    whole = sys.stdin.buffer.read()
    return whole[:whole.index(b"<NtryDtls>")] + inside

declared = b"".join(b"<!ENTITY l%d '%s'>" % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
laughs = b"<!DOCTYPE Document [<!ENTITY l0 'ha'>" + declared + b"]><Document>&l9;</Document>"
data = BOMB
began = time.process_time()  # of the processor: other work on the machine is not the file's
try:
    camt.read(data)
    code = "taken"
except UnsoundFile as refused:
    code = refused.code
# Linux passes the parent's peak on in ru_maxrss; the status of the process is its own.
status = Path("/proc/self/status")
if status.exists():
    peak = int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(code, time.process_time() - began, peak)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_less_than_two_seconds_and_256_mb(name: str) -> None:
    bomb, code = BOMBS[name]
    child = subprocess.run(
        [sys.executable, "-c", CHILD.replace("BOMB", bomb)],
        input=camt.write([statement(*batch(1, 2, value_date=None))]),
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[4],
    )
    found, seconds, megabytes = child.stdout.decode().split()
    assert found == code
    assert float(seconds) < 2 and int(megabytes) < 256, (seconds, megabytes)
