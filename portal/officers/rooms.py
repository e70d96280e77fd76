"""Importing a room opens it; the navigation orders them by their group."""

from portal.officers import (
    applications,
    approvals,
    audit_log,
    capital,
    duplicates,
    house,
    offerings,
    outages,
    payments,
    payouts,
    policy,
    portfolio,
    recoveries,
    screening,
    valuations,
)
from portal.officers.site import site

__all__ = [
    "applications",
    "approvals",
    "audit_log",
    "capital",
    "duplicates",
    "house",
    "offerings",
    "outages",
    "payments",
    "payouts",
    "policy",
    "portfolio",
    "recoveries",
    "screening",
    "site",
    "valuations",
]
