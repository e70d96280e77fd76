import pytest

from fund.governance.officers import Officer
from tests.fund import building


@pytest.fixture
def keys(db: None) -> tuple[Officer, Officer]:
    """An officer of each nation, the bank accounts and a rate of 160 yen."""
    building.open_banks()
    building.rate(building.DAY, 160)
    return building.officers()
