"""Webhooks: where a citizen's own app is told that something has happened, how that went, and sending it again."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiWebhook, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.border import Body, Choice, NothingForm, Text
from portal.api.documented import KEY_PARAMETER, documented
from portal.api.forms import Instant, a_list
from portal.api.idempotency import Done, once
from portal.api.pages import PageQuery, page
from portal.api.view import Citizens, Public
from portal.api.who import HasSecondFactor, IsApplicant, IsCitizen, SteppedUp
from portal.webhooks import endpoints, signing, wire
from portal.webhooks.events import KINDS
from portal.webhooks.models import PING, Webhook, WebhookDelivery

TAG = "Webhooks"
ID = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
WEBHOOK_PARAMETER = OpenApiParameter(name="webhook", type=ID, location=OpenApiParameter.PATH)
DELIVERY_PARAMETER = OpenApiParameter(name="delivery", type=ID, location=OpenApiParameter.PATH)
READ = "Paths of this API at which to read what has happened: fifty at most, and none where there is nothing to read."
STATES = [state.value for state in Webhook.State if state != Webhook.State.REMOVED]


@extend_schema_field({"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"})
class SentInstant(Text):
    """A time in UTC to the second, as the API writes it."""

    default_error_messages = {"invalid_time": _("Write the time in UTC, as 2027-01-31T09:00:00Z.")}

    def to_internal_value(self, data: Any) -> Any:
        written = super().to_internal_value(data)
        try:
            read = datetime.strptime(written, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            self.fail("invalid_time")
        if f"{read:%Y-%m-%dT%H:%M:%SZ}".zfill(20) != written:
            self.fail("invalid_time")
        return read


class RegistrationForm(Body):
    """``url``: https, a public name, port 443 or 8443. ``events``: what to tell."""

    url = Text(max_length=wire.LONGEST_ADDRESS)
    events = serializers.ListField(child=Choice(choices=list(KINDS)), min_length=1, max_length=len(KINDS))


class AgainForm(Body):
    """``since``: everything that happened then or later is sent again, as far back as 30 days."""

    since = SentInstant()


class WebhookForm(serializers.Serializer[Any]):
    """An endpoint. ``failures``: attempts in a row that have failed; it rests between them, longer each time."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(choices=list(KINDS)))
    state = serializers.ChoiceField(choices=STATES)
    registered_at = Instant()
    changed_at = Instant(help_text="When it came into this state.")
    failures = serializers.IntegerField()


class DeliveryForm(serializers.Serializer[Any]):
    """One event for one endpoint. ``status``: of the last answer; ``error``: what was wrong with the last attempt.

    ``""`` nothing, ``status`` no 2xx, ``challenge`` a ping was not answered by it, ``timeout``, ``unreachable``,
    ``unknown_host``, ``not_public``, ``address_not_allowed``, ``certificate``, ``not_http``, ``too_large``, or ours,
    ``fault``.
    """

    id = serializers.UUIDField()
    type = serializers.CharField(help_text="An ``EventKind``, or ``webhook.ping``.")
    read = serializers.ListField(child=serializers.CharField(), help_text=READ)
    time = Instant(help_text="When it happened.")
    state = serializers.ChoiceField(choices=["waiting", "delivered", "failed"])
    attempts = serializers.IntegerField()
    tried_at = Instant(allow_null=True)
    due_at = Instant(allow_null=True, help_text="When it is tried next.")
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_blank=True)


class ReplayForm(serializers.Serializer[Any]):
    """How many deliveries are sent again."""

    replayed = serializers.IntegerField()


class KeyForm(serializers.Serializer[Any]):
    """A public key of the fund (RFC 8037). ``kid`` is the ``keyid`` of signatures."""

    kty = serializers.CharField()
    crv = serializers.CharField()
    x = serializers.CharField()
    kid = serializers.CharField()
    alg = serializers.CharField()
    use = serializers.CharField()


class KeySetForm(serializers.Serializer[Any]):
    """A JSON Web Key Set."""

    keys = KeyForm(many=True)


# ── what is sent ──
# A webhook is described from its receiver: to drf-spectacular what we send is a response, and an answer is a request.
class EventForm(serializers.Serializer[Any]):
    """What an endpoint is told. ``id`` stays in every attempt; ``read``: addresses of this API, for its owner."""

    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=list(KINDS))
    time = Instant(help_text="When it happened.")
    webhook = serializers.UUIDField(help_text="The endpoint, as it was registered.")
    read = serializers.ListField(child=serializers.CharField(), help_text=READ)


class PingForm(serializers.Serializer[Any]):
    """A test, and the question whether the endpoint wants to be one. Answer with the challenge and nothing else."""

    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=[PING])
    time = Instant()
    webhook = serializers.UUIDField()
    read = serializers.ListField(child=serializers.CharField())
    challenge = serializers.CharField()


class ChallengeForm(serializers.Serializer[Any]):
    """The answer to a ping."""

    challenge = serializers.CharField()


SIGNED = (
    "Signed by HTTP Message Signatures (RFC 9421) with the label `fund` and the tag `kakehashi-webhook`, Ed25519, over "
    "`@method`, `@target-uri`, `content-type` and `content-digest` (RFC 9530), with `created`, `expires` and `keyid`; "
    "the keys are in `listWebhookKeys`. `@target-uri` is the `url` as it was registered. "
    "Refuse what is not signed so, what was made for another address, what has expired, and an `id` that you have "
    "already. Any 2xx within ten seconds means received; redirects are not followed. Everything else is tried again "
    "for about a day; 410 disables the endpoint at once."
)
SENT_EVENT = {
    "id": "019b2f3e-6c1a-7f60-8a52-2d6b7c1f0a11",
    "type": "subscription.funded",
    "time": "2027-01-14T03:04:05Z",
    "webhook": "6f1c9d0e-3f55-4a51-9a52-2d6b7c1f0a11",
    "read": ["/api/v1/subscriptions/RF361234567894"],
}
SENT_PING = SENT_EVENT | {"type": PING, "read": [], "challenge": "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3"}
EVENT_HOOK = OpenApiWebhook(
    name="event",
    decorator=extend_schema(
        operation_id="onEvent",
        tags=[TAG],
        summary="Something has happened",
        description=SIGNED,
        request=EventForm,
        responses={204: None},
        examples=[OpenApiExample("An order was paid", SENT_EVENT, response_only=True)],
    ),
)
PING_HOOK = OpenApiWebhook(
    name="ping",
    decorator=extend_schema(
        operation_id="onPing",
        tags=[TAG],
        summary="Is this endpoint yours?",
        description="Answer only for a `webhook` that you have registered. " + SIGNED,
        request=PingForm,
        responses={200: ChallengeForm},
        examples=[
            OpenApiExample("A ping", SENT_PING, response_only=True),
            OpenApiExample("Its answer", {"challenge": SENT_PING["challenge"]}, request_only=True),
        ],
    ),
)

ASKED = {"url": "https://app.example.com/kakehashi/4fzk2v", "events": ["subscription.funded", "offering.settled"]}


class Webhooks(Citizens):
    permission_classes = [IsApplicant, IsCitizen, SteppedUp]
    pointers = {"address_not_allowed": "/url"}

    @documented("listWebhooks", tag=TAG, answers=a_list(WebhookForm, "WebhookList"))
    def get(self, request: Request) -> Response:
        """The endpoints of this account, at most five."""
        return Response({"results": [shown(one) for one in endpoints.of(self.investor.user)], "next": None})

    @documented(
        "registerWebhook",
        tag=TAG,
        body=RegistrationForm,
        asked=ASKED,
        answers={201: WebhookForm},
        parameters=(KEY_PARAMETER,),
    )
    def post(self, request: Request) -> HttpResponse:
        """Register an endpoint. It is sent a ping and becomes active when it has answered with the challenge."""
        return once(request, operation="register_webhook", act=self._register)

    def _register(self, key: str) -> Done:
        given = self.read(RegistrationForm)
        webhook = endpoints.register(
            user=self.investor.user, url=given["url"], kinds=given["events"], now=timezone.now()
        )
        return Done(201, shown(webhook), reverse("api:webhook", kwargs={"webhook": webhook.pk}))


class Own(Citizens):
    """An endpoint of this account and what belongs to it. Reading asks for nothing, acting for a second factor."""

    permission_classes = [IsApplicant, IsCitizen, HasSecondFactor]

    def own(self, webhook: UUID) -> Webhook:
        found = endpoints.of(self.investor.user).filter(pk=webhook).first()
        if found is None:
            raise NotFound
        return found


class OneWebhook(Own):
    @documented("getWebhook", tag=TAG, answers=WebhookForm, parameters=(WEBHOOK_PARAMETER,))
    def get(self, request: Request, webhook: UUID) -> Response:
        """An endpoint and how it stands."""
        return Response(shown(self.own(webhook)))

    @documented("removeWebhook", tag=TAG, answers={204: None}, parameters=(WEBHOOK_PARAMETER,))
    def delete(self, request: Request, webhook: UUID) -> Response:
        """Send nothing there any more, and forget the address."""
        endpoints.remove(webhook=self.own(webhook), now=timezone.now())
        return Response(status=204)


class Ping(Own):
    @documented(
        "pingWebhook",
        tag=TAG,
        body=NothingForm,
        asked={},
        answers={201: DeliveryForm},
        parameters=(WEBHOOK_PARAMETER, KEY_PARAMETER),
    )
    def post(self, request: Request, webhook: UUID) -> HttpResponse:
        """Send a ping. The right answer confirms an endpoint that is not confirmed, or was disabled."""
        found = self.own(webhook)

        def act(key: str) -> Done:
            self.read(NothingForm)
            return Done(201, DeliveryForm(told(endpoints.ping(webhook=found, now=timezone.now()))).data)

        return once(request, operation="ping_webhook", act=act)


class Deliveries(Own):
    query = PageQuery

    @documented(
        "listDeliveries",
        tag=TAG,
        query=PageQuery,
        answers=a_list(DeliveryForm, "DeliveryList"),
        parameters=(WEBHOOK_PARAMETER,),
    )
    def get(self, request: Request, webhook: UUID) -> Response:
        """What an endpoint was told within 30 days and what waits for it, the latest first."""
        listed = page(
            request,
            self.own(webhook).deliveries.all(),
            by=["id"],
            show=lambda rows: DeliveryForm(map(told, rows), many=True).data,
            cursor=self.asked.get("cursor"),
        )
        return Response(listed)


class Replay(Own):
    @documented(
        "replayDeliveries",
        tag=TAG,
        body=AgainForm,
        asked={"since": "2027-01-14T00:00:00Z"},
        answers={200: ReplayForm},
        parameters=(WEBHOOK_PARAMETER, KEY_PARAMETER),
    )
    def post(self, request: Request, webhook: UUID) -> HttpResponse:
        """Send again all that happened since a time, delivered or given up. Ids stay, to drop doubles by."""
        found = self.own(webhook)

        def act(key: str) -> Done:
            since = self.read(AgainForm)["since"]
            return replayed(endpoints.replay(webhook=found, since=since, now=timezone.now()))

        return once(request, operation="replay_deliveries", act=act)


class ReplayOne(Own):
    @documented(
        "replayDelivery",
        tag=TAG,
        body=NothingForm,
        asked={},
        answers={200: ReplayForm},
        parameters=(WEBHOOK_PARAMETER, DELIVERY_PARAMETER, KEY_PARAMETER),
    )
    def post(self, request: Request, webhook: UUID, delivery: UUID) -> HttpResponse:
        """Send one delivery again. One that waits already, and a ping, stay as they are."""
        found = self.own(webhook)
        if not found.deliveries.filter(pk=delivery).exists():
            raise NotFound

        def act(key: str) -> Done:
            self.read(NothingForm)
            return replayed(endpoints.replay(webhook=found, delivery=delivery, now=timezone.now()))

        return once(request, operation="replay_delivery", act=act)


class Keys(Public):
    seconds = 3600

    @documented("listWebhookKeys", tag=TAG, answers=KeySetForm)
    def get(self, request: Request, **place: str) -> Response:
        """The public keys of the fund, with which what webhooks are told is signed. A new one is here a day before."""
        return super().get(request)

    def figures(self) -> Any:
        return {"keys": signing.published()}


def shown(webhook: Webhook) -> Any:
    return WebhookForm(
        {
            "id": webhook.pk,
            "url": webhook.address,
            "events": webhook.kinds,
            "state": webhook.state,
            "registered_at": webhook.registered_at,
            "changed_at": webhook.changed_at,
            "failures": webhook.failures,
        }
    ).data


def told(delivery: WebhookDelivery) -> dict[str, Any]:
    waits = delivery.state == "waiting"
    return {
        "id": delivery.pk,
        "type": delivery.kind,
        "read": delivery.reads,
        "time": delivery.happened_at,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "tried_at": delivery.tried_at,
        "due_at": delivery.due_at if waits else None,
        "status": delivery.status,
        "error": delivery.error,
    }


def replayed(count: int) -> Done:
    return Done(200, {"replayed": count})
