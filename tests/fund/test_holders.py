"""Holders carry no name of a citizen, and there is one co-owner for each nation (D1)."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from fund import holders
from fund.holders import Holder, Nation

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db
NAMES = {"name_en": "Ministry of Finance", "name_ja": "財務省"}


def register(kind: Holder.Kind, nation: Nation = Nation.JP, **names: str) -> Holder:
    return holders.register(kind=kind, nation=nation, now=NOW, **names)


def test_a_citizen_is_registered_without_a_name():
    citizen = register(Holder.Kind.CITIZEN)
    assert (citizen.name_en, citizen.name_ja) == ("", "") and str(citizen) == f"holder {citizen.pk}"


def test_a_citizens_name_is_refused_by_the_database():
    with pytest.raises(IntegrityError, match="no_name_here"), transaction.atomic():
        register(Holder.Kind.CITIZEN, **NAMES)


def test_a_co_owner_is_named_in_both_languages():
    assert register(Holder.Kind.SOVEREIGN, **NAMES).name_ja == "財務省"
    with pytest.raises(IntegrityError, match="no_name_here"), transaction.atomic():
        register(Holder.Kind.SOVEREIGN, Nation.US, name_en="Treasury")


def test_each_nation_has_one_co_owner():
    register(Holder.Kind.SOVEREIGN, **NAMES)
    with pytest.raises(IntegrityError, match="one_co_owner"), transaction.atomic():
        register(Holder.Kind.SOVEREIGN, **NAMES)
    assert register(Holder.Kind.SOVEREIGN, Nation.US, **NAMES)
