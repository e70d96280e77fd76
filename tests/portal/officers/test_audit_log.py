"""The audit log: found by who, what and when, paged, and exported so that no spreadsheet runs it."""

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fund.governance import audit
from fund.governance.audit import Act
from portal.officers import audit_log
from tests.portal.officers.conftest import sign_in

SCRIPT = Path(__file__).parents[3] / "docs/verify_audit.py"
LOG = "/en/officers/fund/act/"
NOW = datetime(2026, 4, 1, 20, tzinfo=UTC)  # already 2 April in Tokyo


@pytest.fixture
def browser(american):
    return sign_in(american.user)


def subjects(answer) -> list[str]:
    return [act.subject for act, _detail in answer.context["rows"]]


@pytest.fixture
def acts(db) -> None:
    for number in range(3):
        audit.record(
            actor=f"investor:{number}", verb="place", subject=f"order:{number}", now=NOW + timedelta(days=number)
        )
    audit.record(actor="investor:0", verb="withdraw", subject="order:0", now=NOW)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"actor": "investor:0"}, ["order:0", "order:0"]),
        ({"subject": "order:2"}, ["order:2"]),
        ({"verb": "withdraw"}, ["order:0"]),
        ({"actor": "investor:0", "verb": "place"}, ["order:0"]),
        ({"since": "2026-04-03"}, ["order:2"]),
        ({"until": "2026-04-01"}, ["order:0", "order:0"]),
        ({"actor": "investor:9"}, []),
        ({"since": "no day"}, []),
    ],
)
def test_acts_are_found(browser, acts, asked, found):
    answer = browser.get(LOG, {"since": "2026-04-01", "until": "2026-04-30"} | asked)
    assert (answer.status_code, subjects(answer)) == (200, found)


def test_a_day_is_the_officers_own_day(japanese, acts):
    answer = sign_in(japanese.user).get(LOG, {"until": "2026-04-01"})
    assert subjects(answer) == []  # it is 2 April in Tokyo


def test_older_acts_are_one_link_away(browser, db):
    for number in range(audit_log.PAGE + 5):
        audit.record(actor="system", verb="seal", subject=f"day:{number}", now=NOW)
    first = browser.get(LOG, {"verb": "seal"})
    second = browser.get(LOG, {"verb": "seal", "before": first.context["older"]})
    assert (len(subjects(first)), len(subjects(second)), second.context["older"]) == (audit_log.PAGE, 5, None)
    assert not set(subjects(first)) & set(subjects(second))
    assert f"before={first.context['older']}" in first.content.decode()


def test_the_log_is_never_counted(browser, acts):
    with CaptureQueriesContext(connection) as queries:
        browser.get(LOG)
    assert [one["sql"] for one in queries if "COUNT(" in one["sql"].upper() and "fund_act" in one["sql"]] == []


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\u200b=1"]


@pytest.fixture
def planted(db) -> None:
    for formula in FORMULAS:
        audit.record(actor="investor:1", verb="plant", subject=formula, now=NOW, name=formula)


def exported(browser, **asked) -> list[list[str]]:
    answer = browser.post(f"{LOG}export/", asked)
    assert answer.status_code == 200, answer.context["form"].errors if answer.context else answer.content
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith("attachment")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def dangerous(cell: str) -> bool:
    return cell.lstrip(" \u200b").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


def test_no_cell_of_the_export_is_a_formula(browser, planted):
    rows = exported(browser, verb="plant")
    assert len(rows) == 1 + len(FORMULAS)
    assert [cell for row in rows for cell in row if dangerous(cell)] == []
    assert "'=1+1" in {cell for row in rows for cell in row}


def test_unguarded_the_export_would_carry_formulas(browser, planted, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(audit_log, "cell", str)
    assert [cell for row in exported(browser, verb="plant") for cell in row if dangerous(cell)] != []


def test_the_export_is_itself_in_the_log(browser, american, acts):
    exported(browser, actor="investor:0")
    act = Act.objects.get(verb="export")
    assert (act.actor, act.detail) == (american.actor, {"asked": {"actor": "investor:0"}})


def test_the_export_holds_what_was_asked_for_and_no_more_than_the_limit(browser, acts, monkeypatch):
    assert len(exported(browser, actor="investor:0")) == 3
    monkeypatch.setattr(audit_log, "EXPORT_AT_MOST", 1)
    assert len(exported(browser, actor="investor:0")) == 2


def test_a_page_cannot_be_exported_by_a_link(browser):
    assert browser.get(f"{LOG}export/").status_code == 405
    assert not Act.objects.filter(verb="export").exists()


def test_one_act_has_its_page(browser, acts):
    act = Act.objects.earliest("id")
    text = browser.get(f"{LOG}{act.pk}/").content.decode()
    assert "investor:0" in text and "not yet" in text


def test_the_chain_is_recomputed_by_audit_alone(make_officer, acts):
    auditor, clerk = make_officer(duties=["audit"]), make_officer(duties=["payments"])
    assert sign_in(clerk.user).post(f"{LOG}recompute/").status_code == 403
    answer = sign_in(auditor.user).post(f"{LOG}recompute/", follow=True)
    assert "The chain holds" in answer.content.decode()
    assert Act.objects.get(verb="recompute").detail["differences"] == 0


@pytest.mark.django_db(transaction=True)
def test_a_broken_chain_is_named(make_officer):
    browser = sign_in(make_officer(duties=["audit"]).user)
    audit.record(actor="system", verb="seal", subject="day:1", now=NOW)
    assert audit.seal(log=audit.AUDIT, now=NOW)
    assert "sealed" in browser.get(LOG).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE fund_act SET subject = 'day:2' WHERE subject = 'day:1'")
        cursor.execute("SET session_replication_role = DEFAULT")
    answer = browser.post(f"{LOG}recompute/", follow=True)
    assert "The chain does not hold: act" in answer.content.decode()


# ── with the proof ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def proof(transactional_db, american) -> list[str]:
    """Acts of one officer among others, in three links, and one that is not sealed yet; exported."""
    for _link in range(3):
        for number in range(4):
            audit.record(actor=f"officer:{9 + number % 2}", verb="sign", subject="x", now=NOW, said="髙")
        audit.seal(log=audit.AUDIT, now=NOW)
    audit.record(actor="officer:9", verb="sign", subject="x", now=NOW)
    answer = sign_in(american.user).post("/en/officers/fund/act/prove/", {"actor": "officer:9"})
    assert answer["Content-Disposition"].endswith('.jsonl"')
    return b"".join(answer.streaming_content).decode().splitlines()


def verified(lines: list[str], tmp_path) -> subprocess.CompletedProcess:
    file = tmp_path / "audit.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return subprocess.run([sys.executable, "-I", SCRIPT, file], capture_output=True, text=True, check=False)


def test_an_export_proves_itself_without_the_fund(proof, tmp_path):
    done = verified(proof, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "6 acts are as they were sealed, 1 are not sealed yet." in done.stdout
    assert bytes(audit.head(log=audit.AUDIT).hash).hex() in done.stdout


@pytest.mark.parametrize("change", ["an act", "its place", "a digest", "a hash", "a link is gone"])
def test_what_was_changed_is_named(proof, tmp_path, change):
    lines = [json.loads(line) for line in proof]
    acts, links = (
        [n for n, one in enumerate(lines) if "act" in one],
        [n for n, one in enumerate(lines) if "link" in one],
    )
    match change:
        case "an act":
            lines[acts[1]]["act"] = lines[acts[1]]["act"].replace("sign", "sing")
        case "its place":
            lines[acts[1]]["place"] += 1
        case "a digest":
            lines[links[1]]["link"]["digests"] = "00" + lines[links[1]]["link"]["digests"][2:]
        case "a hash":
            lines[links[1]]["link"]["hash"] = "00" * 32
        case "a link is gone":
            del lines[links[1] : links[2]]
    done = verified([json.dumps(one) for one in lines], tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("line ")
