import pytest

from fund.governance.officers import Officer
from tests.fund import building


@pytest.fixture
def keys(db: None) -> tuple[Officer, Officer]:
    """An officer of each nation."""
    building.open_banks()
    return building.officers()


@pytest.fixture
def small_fund(keys: tuple[Officer, Officer]) -> tuple[Officer, Officer]:
    """Two co-owners with $1,000 each, in cash, and a rate: the simplest fund that has a NAV."""
    building.rate(building.DAY, 160)
    building.contribute_both(building.dollars(1_000))
    return keys
