"""`/metrics` for Prometheus: for whoever has the token, or asks from an allowed network; else there is no such page.

Every process answers for the whole house, so that one address is scraped, not each process.
"""

import hmac
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from portal.access import public
from portal.watch import facts, traffic
from portal.watch.facts import METRICS, Fact


@public
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All facts, and how requests went."""
    if not _may_read(request):
        raise Http404
    return HttpResponse(exposition(facts.read(now=timezone.now())), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_read(request: HttpRequest) -> bool:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    try:
        address = ip_address(get_client_ip(request) or "")
    except ValueError:
        return False
    return any(address in network for network in settings.METRICS_NETWORKS)


def exposition(read: Iterable[Fact]) -> bytes:
    """Facts and traffic in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once([*_gauges(read), *_requests()]))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterator[Metric]:
        yield from self.families


def _gauges(read: Iterable[Fact]) -> Iterator[Metric]:
    families = {
        name: GaugeMetricFamily(name, metric.text, labels=[metric.label] if metric.label else [])
        for name, metric in METRICS.items()
    }
    for one in read:
        families[one.metric].add_metric([one.of] if METRICS[one.metric].label else [], one.value)
    yield from families.values()


def _requests() -> Iterator[Metric]:
    text = "Requests answered by all processes, by room and class of status"
    family = HistogramMetricFamily("kakehashi_request_seconds", text, labels=["room", "status"])
    try:
        totals = traffic.totals()
    except DatabaseError:
        return  # facts_unreadable says it
    for (room, status), found in sorted(totals.items()):
        counts, seconds = 0, sum(spent for _count, spent in found.values())
        buckets = []
        for bound in (*traffic.BOUNDS, traffic.LONGER):
            counts += found.get(bound, (0, 0.0))[0]
            buckets.append((f"{bound / 1000:g}" if bound else "+Inf", float(counts)))
        family.add_metric([room, status], buckets, sum_value=seconds)
    yield family
