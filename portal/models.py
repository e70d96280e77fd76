"""Registry of the portal's models."""

from portal.accounts import User

__all__ = ["User"]
