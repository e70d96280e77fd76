"""Which facts need a person. The rules of Prometheus (``ops/alerts.yml``) are made from this, so that both judge alike.

Each alert has a page of the same name in ``docs/runbooks``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from portal.watch.facts import NEVER, Fact

CLOCK, WORK, BOOK, BANK, FENCE = "clock", "work", "book", "bank", "fence"
OWN = ""  # the part is the one that the fact's label names


@dataclass(frozen=True)
class Alert:
    """Raised for every fact of ``metric`` above ``above``.

    ``part`` of the service is disturbed by it; one that is not ``urgent`` waits for office hours and disturbs nobody.
    """

    name: str
    metric: str
    part: str
    above: float = 0
    urgent: bool = True


ALERTS = (
    Alert("PartDown", "kakehashi_part_down", OWN),
    Alert("FactsUnreadable", "kakehashi_facts_unreadable", "database"),
    Alert("Fenced", "kakehashi_fenced", FENCE),
    Alert("LedgerImbalance", "kakehashi_ledger_imbalances", BOOK),
    Alert("ChainBroken", "kakehashi_chain_faults", BOOK),
    Alert("ChainRewritten", "kakehashi_chain_rewritten", BOOK),
    Alert("ChainUnsealed", "kakehashi_chain_unsealed_seconds", BOOK, above=300),
    Alert("WatchSilent", "kakehashi_watch_age_seconds", CLOCK, above=600),
    Alert("SchedulerSilent", "kakehashi_scheduler_silent_seconds", CLOCK, above=60),
    Alert("JobOverdue", "kakehashi_job_overdue_seconds", CLOCK),
    Alert("JobFailing", "kakehashi_job_failing", CLOCK, urgent=False),
    Alert("DateOverdue", "kakehashi_date_overdue_seconds", CLOCK),
    Alert("ValuationLate", "kakehashi_valuation_late_seconds", CLOCK, urgent=False),  # it waits for people's figures
    Alert("OutboxStuck", "kakehashi_outbox_lag_seconds", WORK, above=60),
    Alert("WorkStalled", "kakehashi_work_stalled_seconds", WORK, above=60),
    Alert("TasksFailing", "kakehashi_deliveries_failing", WORK),
    Alert("TasksDead", "kakehashi_deliveries_dead", WORK),
    Alert("MailStuck", "kakehashi_mail_lag_seconds", WORK, above=900),
    Alert("FilesQuarantined", "kakehashi_bank_files_quarantined", BANK, urgent=False),
)

# What the site cannot judge of itself: that it is gone, and how it went over a span of time.
OUTSIDE = {
    "SiteUnreachable": 'up{job="kakehashi"} == 0',
    "RequestsFailing": (
        'sum(rate(kakehashi_request_seconds_count{status="5xx"}[5m]))'
        " / sum(rate(kakehashi_request_seconds_count[5m])) > 0.01"
    ),
    "RequestsSlow": (
        "histogram_quantile(0.95, sum by (le, room)"
        ' (rate(kakehashi_request_seconds_bucket{room!~"machine|static"}[5m]))) > 1'
    ),
}


@dataclass(frozen=True)
class Raised:
    """An alert, and the fact that raises it."""

    alert: Alert
    fact: Fact

    @property
    def part(self) -> str:
        return self.alert.part or self.fact.of

    @property
    def told(self) -> str:
        """The fact's value, for a reader."""
        return "never" if self.fact.value == NEVER else f"{self.fact.value:.0f}"


def judge(facts: Iterable[Fact]) -> list[Raised]:
    """The alerts that these facts raise, in the order of ALERTS."""
    by_metric: dict[str, list[Fact]] = {}
    for fact in facts:
        by_metric.setdefault(fact.metric, []).append(fact)
    return [
        Raised(alert, fact) for alert in ALERTS for fact in by_metric.get(alert.metric, []) if fact.value > alert.above
    ]


HEAD = """\
# Made by `manage.py alerts > ops/alerts.yml` from portal/watch/alerts.py; a test compares them.
# Scrape /metrics every 15 seconds and judge as often, at one address: each process answers for the whole house.
groups:
  - name: kakehashi
    interval: 15s
    rules:
"""
RULE = """\
      - alert: {name}
        expr: {expr}
        labels:
          severity: {severity}
        annotations:
          runbook: docs/runbooks/{name}.md
"""


def rules() -> str:
    """The file of rules for Prometheus."""
    own = [
        RULE.format(
            name=alert.name,
            expr=f"{alert.metric} > {alert.above:g}",
            severity="page" if alert.urgent else "ticket",
        )
        for alert in ALERTS
    ]
    outside = [RULE.format(name=name, expr=f"'{expr}'", severity="page") for name, expr in OUTSIDE.items()]
    return HEAD + "".join([*own, *outside])
