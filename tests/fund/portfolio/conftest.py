import pytest

from tests.fund import building


@pytest.fixture(autouse=True)
def _banks(db: None) -> None:
    """The fund has its bank accounts, $2,000,000 of its co-owners and a rate of 160 yen."""
    building.open_banks()
    building.rate(building.DAY, 160)
    building.contribute_both(building.dollars(1_000_000))
