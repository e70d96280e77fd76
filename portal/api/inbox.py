"""What a person was told: the inbox, in the language of the request."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.border import Body, Flag
from portal.api.documented import MESSAGE_PARAMETER, documented
from portal.api.forms import Instant, a_list
from portal.api.pages import PageQuery, page
from portal.api.view import Applicants

TAG = "Inbox"


class MessageForm(serializers.Serializer[Any]):
    """One message. ``title`` and ``text`` (plain, in lines) are for the reader, in the language of the request.

    ``topic`` is for programs: an ``EventKind``, or what no webhook is told, such as ``security.changed``.
    """

    id = serializers.IntegerField()
    topic = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    created_at = Instant()
    read_at = Instant(allow_null=True)


class MarkForm(Body):
    """``seen``: whether the message was read."""

    seen = Flag()


class Messages(Applicants):
    query = PageQuery

    @documented("listMessages", tag=TAG, query=PageQuery, answers=a_list(MessageForm, "MessageList"))
    def get(self, request: Request) -> Response:
        """All messages, the latest first. Reading them here does not mark them."""
        listed = page(
            request,
            self.inbox.all(),
            by=["id"],
            show=lambda rows: MessageForm(rows, many=True).data,
            cursor=self.asked.get("cursor"),
        )
        return Response(listed)


class OneMessage(Applicants):
    @documented("getMessage", tag=TAG, answers=MessageForm, parameters=(MESSAGE_PARAMETER,))
    def get(self, request: Request, number: int) -> Response:
        """One message. Reading it here does not mark it."""
        message = self.inbox.filter(pk=number).first()
        if message is None:
            raise NotFound
        return Response(MessageForm(message).data)

    @documented(
        "markMessage",
        tag=TAG,
        body=MarkForm,
        asked={"seen": True},
        answers=MessageForm,
        parameters=(MESSAGE_PARAMETER,),
    )
    def patch(self, request: Request, number: int) -> Response:
        """Mark a message as read, or as not read. The time of the first reading stays."""
        seen = self.read(MarkForm)["seen"]
        own = self.inbox.filter(pk=number)
        if seen:
            own.filter(read_at=None).update(read_at=timezone.now())
        else:
            own.update(read_at=None)
        message = own.first()
        if message is None:
            raise NotFound
        return Response(MessageForm(message).data)
