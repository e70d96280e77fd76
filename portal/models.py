"""Registry of the portal's models."""

from portal.accounts import User
from portal.notices.models import Message
from portal.relay import Delivery

__all__ = ["Delivery", "Message", "User"]
