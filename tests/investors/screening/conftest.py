"""The real lists where they are, and small ones of our own."""

import random
from datetime import date
from pathlib import Path

import jaconv
import pytest
from faker import Faker

from investors.screening import ofac, un
from investors.screening.listed import Listed
from investors.screening.match import Index, Named, Person

REAL = Path(__file__).resolve().parents[3].parent / "shared/data/sanctions"

HEADER = "番号,種別,氏名,かな,英字,別名,生年月日,国籍,備考"


def real(*names: str) -> list[bytes]:
    if missing := [name for name in names if not (REAL / name).exists()]:
        pytest.skip(f"the real lists are not here: {REAL} has no {', '.join(missing)}")
    return [(REAL / name).read_bytes() for name in names]


def mof(*rows: str, header: str = HEADER) -> bytes:
    """A list of the ministry's with rows of our own."""
    return "\n".join([header, *rows]).encode()


def sdn(number: int, name: str, remarks: str = "-0- ", kind: str = '"individual"') -> str:
    """A line of sdn.csv."""
    return f'{number},"{name}",{kind},"SDGT",' + "-0- ," * 7 + f'"{remarks}"'


@pytest.fixture(scope="session")
def listed() -> list[Listed]:
    """Every entry of OFAC's and the United Nations' real lists."""
    parts = dict(zip(("sdn", "alt", "add"), real("sdn.csv", "alt.csv", "add.csv"), strict=True))
    return [*ofac.read(parts), *un.read(real("UN_consolidated.xml")[0])]


@pytest.fixture(scope="session")
def index(listed: list[Listed]) -> Index:
    return Index.of(named(listed))


def named(listed: list[Listed]) -> list[Named]:
    return [Named(key, one.kind, one.names, one.weak, one.births) for key, one in enumerate(listed)]


def citizens(number: int, *, seed: int) -> list[Person]:
    """Invented Americans, every second one with a middle name, and Japanese in three writings."""
    american, japanese, chance = Faker("en_US"), Faker("ja_JP"), random.Random(seed)
    american.seed_instance(seed)
    japanese.seed_instance(seed)
    first, last = date(1936, 1, 1).toordinal(), date(2008, 1, 1).toordinal()
    found = []
    for at in range(number):
        if at % 2:
            middle = american.first_name() if at % 4 == 1 else ""
            name = {
                "family_latin": american.last_name(),
                "given_latin": american.first_name(),
                "middle_latin": middle,
            }
        else:
            family, given = japanese.last_kana_name(), japanese.first_kana_name()
            name = {"family_kana": family, "given_kana": given, "family_kanji": japanese.last_name(),
                    "given_kanji": japanese.first_name(), "family_latin": jaconv.kata2alphabet(family),
                    "given_latin": jaconv.kata2alphabet(given)}  # fmt: skip
        found.append(Person.of(name, date.fromordinal(chance.randint(first, last))))
    return found
