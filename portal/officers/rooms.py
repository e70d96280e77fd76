"""Importing a room opens it; the navigation orders them by their group."""

from portal.officers import approvals, audit_log, house, payments, policy, valuations
from portal.officers.site import site

__all__ = ["approvals", "audit_log", "house", "payments", "policy", "site", "valuations"]
