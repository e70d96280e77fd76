"""Registry of the portal's models."""

from portal.accounts import User
from portal.api.kept import KeptAnswer
from portal.notices.models import Message
from portal.relay import Delivery

__all__ = ["Delivery", "KeptAnswer", "Message", "User"]
