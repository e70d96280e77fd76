"""The lists' files: every entry is read, anything that is not whole and sound is refused (D15)."""

import time
from datetime import date

import pytest

from investors.screening import listed as room
from investors.screening import mof as ministry
from investors.screening import ofac, un
from investors.screening.listed import Birth, Kind, Listed, UnsoundList
from tests.investors.screening.conftest import mof, real, sdn


def test_the_real_lists_load_whole() -> None:
    parts = dict(zip(("sdn", "alt", "add"), real("sdn.csv", "alt.csv", "add.csv"), strict=True))
    found = ofac.read(parts)
    assert len(found) == parts["sdn"].count(b"\n") + 1 == 7379  # the last line of this copy has no line end
    assert sum(one.kind == Kind.INDIVIDUAL for one in found) == 3845
    shinoda = next(one for one in found if one.number == "13072")
    assert shinoda.names == ("SHINODA, Kenichi", "TSUKASA, Shinobu")
    assert shinoda.births == (Birth(date(1942, 1, 25), date(1942, 1, 25)),)
    assert shinoda.countries == ("Japan",)
    told = sum(b'"individual"' in line and b"DOB " in line for line in parts["sdn"].splitlines())
    assert sum(bool(one.births) for one in found) == told


def test_the_real_list_of_the_united_nations_loads_whole() -> None:
    found = un.read(real("UN_consolidated.xml")[0])
    assert sum(one.kind == Kind.INDIVIDUAL for one in found) == 730
    assert sum(one.kind == Kind.ENTITY for one in found) == 273
    badege = next(one for one in found if one.number == "CDi.001")
    assert badege.names == ("ERIC BADEGE",)
    assert badege.births == (room.year("1971"),)
    assert badege.countries == ("Democratic Republic of the Congo", "Rwanda")


@pytest.mark.parametrize(
    ("told", "births"),
    [
        ("DOB 25 Jan 1942; POB Oita, Japan.", [room.day("1942-01-25")]),
        ("DOB 1945; alt. DOB Mar 1946.", [room.year("1945"), room.month(1946, 3)]),
        ("DOB circa 1950.", [room.year("1950", about=True)]),
        ("DOB circa 1950-1952.", [room.years("1950", "1952", about=True)]),
        ("DOB 1948 to 1950.", [room.years("1948", "1950")]),
        ("DOB 01 Jan 1960 to 31 Dec 1961.", [room.years("1960", "1961")]),
        ("DOB Dec 1960.", [Birth(date(1960, 12, 1), date(1960, 12, 31))]),
        ("DOB 31 Feb 1960.", []),
        ("Nothing is known.", []),
    ],
)
def test_births_of_ofac(told: str, births: list[Birth]) -> None:
    (entry,) = ofac.read({"sdn": sdn(1, "A, B", told).encode()})
    assert list(entry.births) == births


def test_nicknames_and_nations_of_ofac() -> None:
    (entry,) = ofac.read(
        {"sdn": sdn(1, "A, B", "nationality Libya; citizen Iraq; a.k.a. 'Abu D'a'; a.k.a. 'H7'.").encode()}
    )
    assert entry.weak == ("Abu D'a", "H7")
    assert entry.countries == ("Libya", "Iraq")


@pytest.mark.parametrize(
    "data",
    [b"", b"1,2,3", b'1,"A', b"<html></html>", b"\0", (sdn(1, "A") + "\n" + sdn(1, "B")).encode(),
     (sdn(1, "A") + "\n2,half").encode(), sdn(1, "").encode(), sdn(1, "A").replace("1,", "x,", 1).encode()],
)  # fmt: skip
def test_unsound_files_of_ofac_are_refused(data: bytes) -> None:
    with pytest.raises(UnsoundList):
        ofac.read({ofac.part(data): data})


UN = (
    b"<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><REFERENCE_NUMBER>A.1</REFERENCE_NUMBER>%b"
    b"</INDIVIDUAL></INDIVIDUALS></CONSOLIDATED_LIST>"
)
NAMED = UN % b"<FIRST_NAME>A</FIRST_NAME>"
BOMB = b"".join(b'<!ENTITY a%d "%b">' % (at, b"&a%d;" % (at - 1) * 10) for at in range(1, 10))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nothing",
        UN % b"",
        NAMED[:-5],
        NAMED.replace(b"CONSOLIDATED_LIST", b"OTHER"),
        NAMED.decode().encode("utf-16"),
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + UN % b"<FIRST_NAME>&a;</FIRST_NAME>",
        b'<!DOCTYPE x [<!ENTITY a0 "x">' + BOMB + b"]>" + UN % b"<FIRST_NAME>&a9;</FIRST_NAME>",
        UN % (b"<FIRST_NAME>" + b"A" * 3 * 2**19 + b"</FIRST_NAME>"),
        b"<a>" * 100_000,
        b"<CONSOLIDATED_LIST></CONSOLIDATED_LIST>",
    ],
)
def test_unsound_xml_is_refused_at_once(data: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(UnsoundList):
        un.read(data)
    assert time.monotonic() - began < 2


def test_a_file_without_end_is_refused_unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_BYTES", 100)
    with pytest.raises(UnsoundList):
        un.read(NAMED)


def test_sound_xml_is_read() -> None:
    assert [one.names for one in un.read(NAMED)] == [("A",)]


TSUKASA = "101,個人,司　忍,つかさ しのぶ,TSUKASA Shinobu,篠田 建市；SHINODA Kenichi,1942年1月25日,日本,"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_the_ministrys_list_is_read(encoding: str) -> None:
    data = mof(TSUKASA, "102,団体,ある会,,,,,,摘要;備考", "103,個人,A,,,,1940-1945；1950頃,,").decode().encode(encoding)
    assert ministry.read(data) == [
        Listed("101", Kind.INDIVIDUAL, ("司 忍", "つかさ しのぶ", "TSUKASA Shinobu", "篠田 建市", "SHINODA Kenichi"),
               births=(room.day("1942-01-25"),), countries=("日本",)),
        Listed("102", Kind.ENTITY, ("ある会",), remarks="摘要;備考"),
        Listed("103", Kind.INDIVIDUAL, ("A",), births=(room.years("1940", "1945"), room.year("1950", about=True))),
    ]  # fmt: skip


def test_the_ministrys_list_may_have_english_headers_in_any_order() -> None:
    (entry,) = ministry.read(mof("A,individual,7,x", header="Name,kind,number,more"))
    assert (entry.number, entry.names) == ("7", ("A",))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        mof(),
        mof(TSUKASA, TSUKASA),
        mof("1,誰か,A"),
        mof("1,個人,"),
        mof(",個人,A"),
        mof("1,個人", header="番号,種別"),
    ],
)
def test_unsound_lists_of_the_ministry_are_refused(data: bytes) -> None:
    with pytest.raises(UnsoundList):
        ministry.read(data)
