"""An imbalance, a stuck outbox, a silent scheduler, a broken chain: on /metrics within two minutes, and on /status.

Each is planted as the superuser, in the database itself. Its negative control: the same without it raises nothing.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from fund import holders
from fund.governance import audit, outbox
from fund.holders import Holder, Nation
from fund.ledger import accounts, post
from fund.ledger.models import Event
from fund.money import Currency
from portal import metrics, relay, tasks
from portal.local.place import CHECKOUT
from portal.relay import Delivery
from portal.schedule import EVERY
from portal.watch import alerts, beats, facts, rounds
from portal.watch.models import Beat
from tests.portal.officers.conftest import american, make_officer, sign_in
from tests.portal.watch import prometheus

__all__ = ["american", "make_officer"]

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
SCRAPE = JUDGED = timedelta(seconds=15)
WRITTEN = timedelta(seconds=10)  # until PostgreSQL has told all what a session counted

pytestmark = pytest.mark.django_db


def as_superuser(statement: str, *params: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, params)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("SELECT pg_stat_force_next_flush()")


def house(now: datetime = NOW) -> None:
    """Everything runs: every job has just ended, and a round has looked."""
    for job in EVERY:
        beats.ran(job=job, now=now)
    rounds.watch(clock=lambda: now)


def written() -> None:
    """Some acts and a movement, sealed."""
    accounts.open_bank(name="TEST", currency=Currency.JPY)
    holder = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW).pk
    line = post.Line("bank:TEST", "refunds:JPY", 700, holder)
    post.post(event=Event.CORRECTION, event_id=uuid4(), lines=[line], effective_at=NOW)
    for number in range(5):
        audit.record(actor="system", verb="test", subject=f"row:{number}", now=NOW)
    for log in rounds.LOGS:
        audit.seal(log=log, now=NOW)


def judged(now: datetime = NOW) -> set[tuple[str, str]]:
    """What our exposition raises: by the rules of the file, which must be what the site says of itself."""
    read = facts.read(now=now)
    by_rules = prometheus.raised(metrics.exposition(read).decode())
    assert by_rules == {(one.alert.name, one.fact.of) for one in alerts.judge(read)}
    return by_rules


def status(now: datetime, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    return Client().get("/en/status").content.decode()


def test_a_house_that_runs_raises_nothing() -> None:
    written()
    house()
    assert judged() == set()


# ── the four that must be shown ──
def imbalance() -> None:
    as_superuser("UPDATE fund_card SET refunds_jpy = refunds_jpy + 1")


def forged_transfer() -> None:
    """One side of the books only: a balance of the fund's own."""
    as_superuser(
        "UPDATE fund_control SET amount = amount - 5 WHERE account_id = (SELECT min(account_id) FROM fund_control)"
    )


@pytest.mark.parametrize("plant", [imbalance, forged_transfer])
def test_an_imbalance(plant: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    written()
    house()
    assert judged() == set(), "the negative control: a balanced book raises nothing"
    plant()
    later = NOW + timedelta(seconds=EVERY["watch"])
    house(later)
    assert ("LedgerImbalance", "") in judged(later)
    assert EVERY["watch"] + (SCRAPE + JUDGED).total_seconds() <= 120
    assert "disturbed" in status(later, monkeypatch)


def test_without_the_round_an_imbalance_would_not_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the test above: what is not looked at is not found, and that nobody looks is an alert."""
    written()
    house()
    imbalance()
    monkeypatch.setattr(rounds, "look_at_book", lambda *, clock: None)
    later = NOW + timedelta(seconds=700)
    house(later)
    found = judged(later)
    assert ("WatchSilent", "ledger") in found and ("LedgerImbalance", "") not in found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "log"),
    [
        ("UPDATE fund_act SET subject = 'row:9' WHERE subject = 'row:1'", "audit"),
        ("UPDATE fund_seal SET hash = sha256(hash) WHERE log = 'ledger'", "ledger"),
        ("UPDATE fund_transfer SET amount = amount + 1", "ledger"),
    ],
)
def test_a_broken_chain(statement: str, log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written()
    house()
    assert judged() == set(), "the negative control: an untouched chain raises nothing"
    as_superuser(statement)
    later = NOW + timedelta(seconds=EVERY["watch"])
    house(later)
    assert {("ChainBroken", log), ("ChainRewritten", log)} <= judged(later)
    assert EVERY["watch"] + (SCRAPE + JUDGED + WRITTEN).total_seconds() <= 120
    assert "disturbed" in status(later, monkeypatch)


def test_an_officer_is_told_which_alert_and_a_stranger_that_something_is_wrong(american) -> None:
    now = timezone.now()
    written()
    imbalance()
    house(now)
    page, own = "/ja/status", sign_in(american.user)
    stranger, officer = (client.get(page).content.decode() for client in (Client(), own))
    assert "障害あり" in stranger and "障害あり" in officer
    for told in ("LedgerImbalance", "kakehashi_ledger_imbalances = 1", "docs/runbooks/LedgerImbalance.md"):
        assert told in officer and told not in stranger
    assert "LedgerImbalance" not in Client(headers={"cookie": "session=x"}).get(page).content.decode()


def test_a_silent_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    house()
    assert judged(NOW + timedelta(seconds=60)) == set(), "a minute is no silence"
    later = NOW + timedelta(seconds=90)
    assert ("SchedulerSilent", "") in judged(later)
    assert (later - NOW + SCRAPE + JUDGED).total_seconds() <= 120
    assert "disturbed" in status(later, monkeypatch)


def test_a_scheduler_that_never_ran() -> None:
    assert ("SchedulerSilent", "") in judged()


@pytest.fixture
def note(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(relay, "TASKS", {"thing.happened": ["notify"]})
    outbox.leave(topic="thing.happened", subject="7", now=NOW)
    return


def test_a_stuck_outbox(note: None, monkeypatch: pytest.MonkeyPatch) -> None:
    later = NOW + timedelta(seconds=61)
    house(later)
    assert judged(later) == {("OutboxStuck", "")}
    assert (later - NOW + SCRAPE + JUDGED).total_seconds() <= 120
    assert "disturbed" in status(later, monkeypatch)
    relay.sweep(now=later, send=lambda *_: None)
    assert ("OutboxStuck", "") not in judged(later), "the negative control: a note that was sent on raises nothing"


# ── the others ──
def test_work_that_nobody_does(note: None) -> None:
    relay.sweep(now=NOW, send=lambda *_: None)
    later = NOW + timedelta(seconds=61)
    house(later)
    assert judged(later) == {("WorkStalled", "")}
    beats.ran(job=beats.AT_WORK, now=later)
    assert judged(later) == set(), "a worker is at it: a backlog is not a standstill"


def test_work_that_is_being_done_does_not_wait(note: None) -> None:
    relay.sweep(now=NOW, send=lambda *_: None)
    later = NOW + timedelta(hours=1)
    house(later)
    relay.claim(delivery_id=Delivery.objects.get().pk, now=later)
    assert judged(later) == set()


def test_a_task_that_fails_again_and_again_and_one_that_was_given_up(note: None) -> None:
    relay.sweep(now=NOW, send=lambda *_: None)
    house()
    beats.ran(job=beats.AT_WORK, now=NOW)
    Delivery.objects.update(failures=facts.FAILING - 1)
    assert judged() == set()
    Delivery.objects.update(failures=facts.FAILING)
    assert judged() == {("TasksFailing", "notify")}
    Delivery.objects.update(dead_at=NOW)
    assert judged() == {("TasksDead", "notify")}


def test_acts_that_nobody_seals() -> None:
    """A row that is not sealed after five minutes; the sealer is the negative control."""
    audit.record(actor="system", verb="test", subject="row:1", now=NOW)
    later = NOW + timedelta(seconds=301)
    house(later)
    assert judged(later) == {("ChainUnsealed", "audit")}


def test_a_job_that_fails_and_one_that_is_late() -> None:
    house()
    with pytest.raises(ZeroDivisionError), beats.beating("mail"):
        raise ZeroDivisionError("somebody's name")
    assert Beat.objects.get(pk="mail").error == "ZeroDivisionError"
    assert judged() == {("JobFailing", "mail")}
    Beat.objects.filter(pk="mail").update(error="")
    later = NOW + timedelta(minutes=5)
    for job in set(EVERY) - {"mail"}:
        beats.ran(job=job, now=later)
    assert judged(later) == {("JobOverdue", "mail")}


def test_a_day_that_waits_for_figures_is_work_for_an_office_and_disturbs_nobody(monkeypatch) -> None:
    written()
    house()
    for days_ago, raised in ((1, set()), (5, {("ValuationLate", "")})):
        day = (NOW - timedelta(days=days_ago)).date()
        monkeypatch.setattr(facts.strike, "next_day", lambda *, now, day=day: day)
        assert judged() == raised
    assert "disturbed" not in status(NOW, monkeypatch)


def test_every_job_of_the_clock_leaves_a_beat() -> None:
    assert {entry["task"] for entry in tasks.SCHEDULE.values()} == {f"portal.{job}" for job in EVERY}
    tasks.app.tasks["portal.relay"].run()
    assert Beat.objects.get(pk="relay").ran_at is not None


def test_a_database_that_does_not_answer_is_a_fact_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(facts.health.CHECKS, "database", lambda: False)
    found = judged()
    assert ("PartDown", "database") in found and {("FactsUnreadable", name) for name in facts.GROUPS} <= found


def test_one_group_that_cannot_be_read_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(now: datetime) -> Iterator[facts.Fact]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        yield facts.Fact("kakehashi_bank_files_quarantined", 0)

    house()
    monkeypatch.setattr(facts, "TIMEOUT", 50)
    monkeypatch.setitem(facts.GROUPS, "bank", slow)
    assert judged() == {("FactsUnreadable", "bank")}


# ── the rounds ──
def test_a_chain_is_looked_at_in_pieces_and_over_again() -> None:
    for _link in range(4):
        audit.record(actor="system", verb="test", subject="row", now=NOW)
        audit.seal(log=audit.AUDIT, now=NOW)
    walked = []
    for minute in range(6):
        rounds.look_at_chain(log=audit.AUDIT, clock=lambda minute=minute: NOW + timedelta(minutes=minute), most=2)
        one = rounds.Observation.objects.get(pk="chain audit")
        walked.append((one.place.get("after", 0) > 0, one.whole_since and one.whole_since - NOW))
    assert [going for going, _whole in walked].count(False) >= 2, "it came to the end twice"
    assert walked[-1][1] is not None and walked[-1][1] >= timedelta(minutes=2)


@pytest.mark.django_db(transaction=True)
def test_a_mended_chain_is_believed_after_a_whole_turn_that_began_afterwards() -> None:
    written()
    house()
    as_superuser("UPDATE fund_act SET subject = 'row:9' WHERE subject = 'row:1'")
    house(NOW + timedelta(seconds=30))
    as_superuser("UPDATE fund_act SET subject = 'row:1' WHERE subject = 'row:9'")
    house(NOW + timedelta(seconds=60))
    assert ("ChainRewritten", "audit") in judged(NOW + timedelta(seconds=60))
    house(NOW + timedelta(seconds=90))
    house(NOW + timedelta(seconds=120))
    assert judged(NOW + timedelta(seconds=120)) == set()


def test_a_pass_over_a_large_book_is_rested_from() -> None:
    house()
    rounds.Observation.objects.filter(pk="ledger").update(took=30_000)
    house(NOW + timedelta(seconds=299))
    assert rounds.Observation.objects.get(pk="ledger").at == NOW
    house(NOW + timedelta(seconds=300))
    assert rounds.Observation.objects.get(pk="ledger").at > NOW


# ── the rules ──
def test_the_file_of_rules_is_made_of_the_alerts() -> None:
    assert prometheus.RULES.read_text() == alerts.rules(), "make it again: manage.py alerts > ops/alerts.yml"
    ours = {name for name, rule in prometheus.rules().items() if prometheus.FORM.fullmatch(rule["expr"])}
    assert ours == {alert.name for alert in alerts.ALERTS}
    assert {alert.metric for alert in alerts.ALERTS} <= set(facts.METRICS)


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    books = {path.stem for path in (CHECKOUT / "docs/runbooks").glob("*.md")} - {"README"}
    assert books == set(prometheus.rules())
    for name in books:
        text = (CHECKOUT / f"docs/runbooks/{name}.md").read_text()
        assert text.startswith(f"# {name}\n")
        for heading in ("**Means.**", "**Look.**", "**Do.**", "**Over when.**"):
            assert heading in text, f"{name} does not say: {heading}"


@pytest.mark.skipif(prometheus.PROMTOOL is None, reason="there is no promtool here")
def test_promtool_judges_alike(note: None, tmp_path) -> None:
    quiet = metrics.exposition(facts.read(now=NOW)).decode()
    assert ("SchedulerSilent", "") in prometheus.raised(quiet)
    house(NOW + timedelta(seconds=61))
    imbalanced = metrics.exposition(facts.read(now=NOW + timedelta(seconds=61))).decode()
    for number, exposition in enumerate((quiet, imbalanced)):
        (folder := tmp_path / str(number)).mkdir()
        prometheus.promtool_agrees(exposition, folder, expected=prometheus.raised(exposition))
    with pytest.raises(AssertionError, match="OutboxStuck"):
        prometheus.promtool_agrees(imbalanced, tmp_path, expected=set())


@pytest.mark.skipif(prometheus.PROMTOOL is None, reason="there is no promtool here")
@pytest.mark.parametrize(
    ("failed", "slow", "raised"), [(0, 0, []), (1, 0, ["RequestsFailing"]), (0, 40, ["RequestsSlow"])]
)
def test_what_only_prometheus_can_judge(failed: int, slow: int, raised: list[str], tmp_path) -> None:
    page = 'kakehashi_request_seconds_{}{{room="page",status="{}",le="{}"}}'
    counts = {"0.1": 100 - slow, "2.5": 100, "+Inf": 100}
    series = [{"series": page.format("bucket", "2xx", le), "values": f"0+{count}x40"} for le, count in counts.items()]
    for status_, each in (("2xx", 100), ("5xx", 2 * failed)):
        name = f'kakehashi_request_seconds_count{{room="page",status="{status_}"}}'
        series.append({"series": name, "values": f"0+{each}x40"})
    series.append({"series": 'up{job="kakehashi"}', "values": "1x40"})
    rule = prometheus.rules()
    expected = [
        {"eval_time": "6m", "alertname": name, "exp_alerts": [
            {"exp_labels": {**rule[name]["labels"], **({"room": "page"} if name == "RequestsSlow" else {})},
             "exp_annotations": rule[name]["annotations"]}] if name in raised else []}
        for name in ("RequestsFailing", "RequestsSlow")
    ]  # fmt: skip
    prometheus.run(tmp_path, series, expected)
    gone = [{**one, "values": "0x40"} for one in series if one["series"].startswith("up")]
    told = {"exp_labels": {**rule["SiteUnreachable"]["labels"], "job": "kakehashi"},
            "exp_annotations": rule["SiteUnreachable"]["annotations"]}  # fmt: skip
    prometheus.run(tmp_path, gone, [{"eval_time": "1m", "alertname": "SiteUnreachable", "exp_alerts": [told]}])
