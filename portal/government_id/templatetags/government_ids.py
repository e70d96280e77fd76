"""For the pages of signing in and of security: which government identities are offered."""

from django import template

from portal.government_id.provider import GovernmentId, offered

register = template.Library()


@register.simple_tag
def government_ids() -> list[type[GovernmentId]]:
    """The providers that are configured; none where this is off."""
    return offered()
