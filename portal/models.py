"""Registry of the portal's models."""

from portal.accounts import User
from portal.api.kept import KeptAnswer
from portal.archive import Paper
from portal.devices import Device
from portal.notices.models import Message
from portal.relay import Delivery
from portal.watch.models import Beat, Observation, Traffic
from portal.webhooks.models import Webhook, WebhookDelivery

__all__ = [
    "Beat",
    "Delivery",
    "Device",
    "KeptAnswer",
    "Message",
    "Observation",
    "Paper",
    "Traffic",
    "User",
    "Webhook",
    "WebhookDelivery",
]
