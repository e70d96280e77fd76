import itertools
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from fund.governance.officers import Duty, Officer

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
numbers = itertools.count(1)


@pytest.fixture
def make_officer(db) -> Callable[..., Officer]:
    def make(
        nation: str, *, person: str = "", duties: list[str] | None = None, until: datetime | None = None
    ) -> Officer:
        number = next(numbers)
        return Officer.objects.create(
            user=get_user_model().objects.create_user(f"officer{number}@example.org"),
            person=person or f"{nation}-{number}",
            nation=nation,
            name_en=f"Officer {number}",
            name_ja=f"担当官 {number}",
            duties=duties or list(Duty.values),
            in_office_from=datetime(2026, 1, 1, tzinfo=UTC),
            in_office_until=until,
        )

    return make


@pytest.fixture
def american(make_officer) -> Officer:
    return make_officer("US")


@pytest.fixture
def japanese(make_officer) -> Officer:
    return make_officer("JP")
