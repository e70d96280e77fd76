"""The rooms, in the order in which the navigation lists them: importing a room opens it."""

from portal.officers import approvals, policy, audit_log, house  # noqa: I001  # isort: skip

from portal.officers.site import site

__all__ = ["approvals", "audit_log", "house", "policy", "site"]
