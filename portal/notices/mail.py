"""E-mails: plain text in the person's language, without any link. Sent after the inbox row was committed.

Each is sent under the lock of its row, so that two workers never send one twice.
"""

from datetime import datetime, timedelta

import structlog
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation

from portal.notices.models import Message

AGAIN = timedelta(minutes=5)  # after the mail server refused

log = structlog.get_logger(__name__)


def send_due(*, now: datetime, most: int = 500) -> int:
    """Send the e-mails that are due, at most so many; returns how many were sent."""
    sent = 0
    for _place in range(most):
        outcome = _send_next(now)
        if outcome is None:
            break
        sent += outcome
    return sent


@transaction.atomic
def _send_next(now: datetime) -> bool | None:
    """True when one was sent, False when the server refused it for now, None when nothing is due."""
    due = Message.objects.select_for_update(skip_locked=True, of=("self",)).select_related("user")
    message = due.filter(mail_due_at__lte=now).order_by("mail_due_at", "id").first()
    if message is None:
        return None
    try:
        write(message).send()
    except OSError as error:
        log.warning("mail refused", message=message.pk, error=type(error).__qualname__)
        Message.objects.filter(pk=message.pk).update(mail_due_at=now + AGAIN)
        return False
    Message.objects.filter(pk=message.pk).update(mail_due_at=None, mailed_at=now)
    return True


def write(message: Message) -> EmailMessage:
    """The e-mail of a message, in the language that its reader has chosen."""
    with translation.override(message.user.language):
        body = render_to_string("notices/mail.txt", {"message": message})
        return EmailMessage(subject=message.title, body=body, to=[message.user.email])
