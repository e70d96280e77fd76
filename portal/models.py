"""Registry of the portal's models."""

from portal.accounts import User
from portal.api.kept import KeptAnswer
from portal.archive import Paper
from portal.devices import Device
from portal.notices.models import Message
from portal.relay import Delivery
from portal.webhooks.models import Webhook, WebhookDelivery

__all__ = ["Delivery", "Device", "KeptAnswer", "Message", "Paper", "User", "Webhook", "WebhookDelivery"]
