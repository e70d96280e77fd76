"""From the file to the officer: versions, hits, the rule, and everybody screened anew (D10, D11, D15)."""

import random
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from fund.dealing import subscription
from fund.governance.audit import Act
from fund.governance.officers import Duty, NotOnDuty, Officer
from fund.governance.outbox import Note
from investors import judging, subscribing
from investors.applications import Application
from investors.eligibility import decide as rules
from investors.eligibility import sanctions_clear
from investors.people import Investor
from investors.screening import lists, rescreen, review, screen
from investors.screening.listed import UnsoundList
from investors.screening.models import Entry, Hit, ListVersion, Rescreening, SanctionsList
from portal import relay, tasks
from tests.investors.conftest import NOW, american, approved, japanese, make_officer, submitted
from tests.investors.screening.conftest import mof, real, sdn

pytestmark = pytest.mark.django_db
TAKASAKI = "7,個人,髙﨑翔太,たかさき しょうた,,,1990,,"
OTHER = "8,個人,誰も知らない,,DAREMO Shiranai,,,,"
CHANGED = TAKASAKI + "旅券番号が判明"


def load(*rows: str, may_shrink: bool = True) -> lists.Loaded:
    return lists.load(of=SanctionsList.MOF, files=[mof(*rows)], actor="system", now=NOW, may_shrink=may_shrink)


def run(version: ListVersion, chunk: int = 2) -> list[int]:
    """Rescreen to the end; the size of each chunk."""
    chunks = []
    while screened := rescreen.screen_next(version_id=version.pk, now=NOW, chunk=chunk):
        chunks.append(screened)
    return chunks


def decide(hit: Hit, officer: Officer, outcome: str = "cleared", reason: str = "another passport") -> None:
    review.decide(hit_id=hit.pk, officer=officer, outcome=outcome, reason=reason, now=NOW)


def failed(application_id: int) -> list[str]:
    return Application.objects.get(pk=application_id).assessments.latest("pk").failed


# ── loading ──


def test_the_real_lists_load_once_with_an_act_and_a_note() -> None:
    files = real("sdn.csv", "alt.csv", "add.csv")
    first = lists.load(of=SanctionsList.OFAC, files=files, actor="officer:1", now=NOW)
    assert (first.version.entries, first.version.added, first.replay) == (7379, 7379, False)
    again = lists.load(of=SanctionsList.OFAC, files=files[::-1], actor="officer:1", now=NOW)
    assert (again.version, again.replay) == (first.version, True)
    assert Entry.objects.count() == 7379
    assert (
        Act.objects.filter(verb="load_sanctions").count() == Note.objects.filter(topic="sanctions.loaded").count() == 1
    )
    united = lists.load(of=SanctionsList.UN, files=real("UN_consolidated.xml"), actor="system", now=NOW)
    assert united.version.entries == 1003
    assert Entry.objects.filter(source="un", kind="individual").count() == 730


def test_the_parts_of_ofac_can_come_one_after_the_other() -> None:
    base = (sdn(1, "A, B") + "\n" + sdn(2, "C, D")).encode()
    given: list[bytes] = [base, b'1,5,"aka","E, F",-0- ', b'2,9,-0- ,"Osaka","Japan",-0- ']
    for data in given:
        lists.load(of=SanctionsList.OFAC, files=[data], actor="system", now=NOW)
    apart = list(Entry.objects.filter(until=None).order_by("number").values_list("number", "names", "countries"))
    assert apart == [("1", ["A, B", "E, F"], []), ("2", ["C, D"], ["Japan"])]
    together = lists.load(of=SanctionsList.OFAC, files=given, actor="system", now=NOW)
    assert together.replay and together.version == lists.current(of=SanctionsList.OFAC)
    with pytest.raises(UnsoundList):
        lists.load(of=SanctionsList.OFAC, files=[base, base], actor="system", now=NOW)


def test_aliases_without_the_list_are_refused() -> None:
    with pytest.raises(UnsoundList):
        lists.load(of=SanctionsList.OFAC, files=[b'1,5,"aka","E, F",-0- '], actor="system", now=NOW)
    assert not ListVersion.objects.exists()


def test_an_old_version_is_kept_and_an_unchanged_entry_keeps_its_row() -> None:
    first = load(TAKASAKI, OTHER).version
    second = load(CHANGED, OTHER, "9,個人,新顔,,,,,,").version
    third = load(OTHER).version
    assert (second.added, second.changed, second.removed) == (1, 1, 0)
    assert (third.added, third.changed, third.removed) == (0, 0, 2)
    assert [
        sorted(Entry.objects.filter(screen.in_version(one)).values_list("number", flat=True))
        for one in (first, second, third)
    ] == [["7", "8"], ["7", "8", "9"], ["8"]]
    assert Entry.objects.get(screen.in_version(first), number="7").remarks == ""
    assert Entry.objects.get(screen.in_version(second), number="7").remarks == "旅券番号が判明"
    assert Entry.objects.filter(number="8").count() == 1


def test_a_list_that_shrinks_suddenly_is_refused() -> None:
    load(*(f"{number},個人,人物{number},,,,,," for number in range(10)))
    with pytest.raises(lists.Shrunk):
        load(OTHER, may_shrink=False)
    assert lists.current(of=SanctionsList.MOF).entries == 10  # type: ignore[union-attr]
    load(OTHER)


@pytest.mark.parametrize("change", ["UPDATE investors_entry SET remarks = 'x'", "DELETE FROM investors_entry",
                                    "UPDATE investors_listversion SET entries = 0", "DELETE FROM investors_hit",
                                    "UPDATE investors_hit SET score = 0"])  # fmt: skip
def test_what_was_listed_and_found_cannot_be_rewritten(change: str, investor: Investor) -> None:
    load(TAKASAKI)
    submitted(investor, japanese())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


# ── the applicant, the officer, the rule ──


def test_the_site_may_do_all_of_it(investor: Investor, officer: Officer, as_site: None) -> None:
    version = load(TAKASAKI, OTHER).version
    submitted(investor, japanese())
    assert run(version) == [1]
    decide(Hit.objects.get(), officer)
    run(load(OTHER).version)
    assert Hit.objects.get().state == Hit.State.CLEARED


def test_a_hit_stands_in_the_way_until_an_officer_clears_it(investor: Investor, officer: Officer) -> None:
    load(TAKASAKI, OTHER)
    application_id = submitted(investor, japanese())
    assert failed(application_id) == ["sanctions_clear"]
    hit = Hit.objects.get()
    with pytest.raises(judging.CannotDecide), transaction.atomic():
        judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    decide(hit, officer)
    judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    assert Hit.objects.get().state == Hit.State.CLEARED
    assert Act.objects.filter(verb="hit_cleared", actor=officer.actor).count() == 1


def test_without_the_rule_a_listed_person_is_approved(
    investor: Investor, officer: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    monkeypatch.setattr(rules, "RULES", tuple(rule for rule in rules.RULES if rule is not sanctions_clear))
    load(TAKASAKI)
    assert approved(investor, japanese(), officer).holder is not None


def test_somebody_else_is_not_held_up(investor: Investor, officer: Officer) -> None:
    load(TAKASAKI, OTHER)
    assert approved(investor, american(), officer).holder is not None
    assert not Hit.objects.exists()


def test_a_confirmed_hit_stays_in_the_way(investor: Investor, officer: Officer) -> None:
    load(TAKASAKI)
    application_id = submitted(investor, japanese())
    decide(Hit.objects.get(), officer, "confirmed", "the same passport")
    with pytest.raises(judging.CannotDecide) as refused, transaction.atomic():
        judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    assert refused.value.facts["rules"] == ["sanctions_clear"]
    decide(Hit.objects.get(), officer, "cleared", "the passport was read wrongly")
    judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)


@pytest.mark.parametrize("duty", [one for one in Duty if one != Duty.ONBOARDING])
def test_only_officers_on_that_duty_read_and_decide(duty: Duty, investor: Investor) -> None:
    load(TAKASAKI)
    submitted(investor, japanese())
    other, hit = make_officer(duty), Hit.objects.get()
    with pytest.raises(NotOnDuty):
        decide(hit, other)
    with pytest.raises(NotOnDuty):
        review.read(hit_id=hit.pk, officer=other, now=NOW)
    assert Hit.objects.get().state == Hit.State.OPEN


@pytest.mark.parametrize(("outcome", "reason"), [("cleared", " "), ("open", "why"), ("lapsed", "why")])
def test_a_decision_has_a_reason_and_one_of_two_outcomes(
    outcome: str, reason: str, investor: Investor, officer: Officer
) -> None:
    load(TAKASAKI)
    submitted(investor, japanese())
    with pytest.raises(review.CannotDecideHit):
        decide(Hit.objects.get(), officer, outcome, reason)


def test_a_hit_is_not_decided_twice_alike(investor: Investor, officer: Officer) -> None:
    load(TAKASAKI)
    submitted(investor, japanese())
    decide(Hit.objects.get(), officer)
    with pytest.raises(review.CannotDecideHit):
        decide(Hit.objects.get(), officer)


def test_a_case_shows_both_sides_and_the_reading_is_logged(investor: Investor, officer: Officer) -> None:
    load(TAKASAKI)
    submitted(investor, japanese())
    hit = Hit.objects.get()
    assert list(review.waiting()) == [hit]
    decide(hit, officer)
    case = review.read(hit_id=hit.pk, officer=officer, now=NOW)
    assert case.name["family_kanji"] == "髙﨑" and case.birth_date.isoformat() == "1990-04-30"
    assert case.evidence == {"listed": "髙﨑翔太", "writing": "kanji", "name_score": 100, "birth": "same_year"}
    assert [reason for _, reason in case.reasons] == ["another passport"]
    act = Act.objects.filter(verb="open", actor=officer.actor).latest("pk")
    assert act.detail == {"purpose": "screening", "investor": investor.pk}


def test_nothing_personal_stands_in_clear(investor: Investor, officer: Officer) -> None:
    load(TAKASAKI)
    submitted(investor, japanese())
    decide(Hit.objects.get(), officer, reason="髙﨑 is another one")
    with connection.cursor() as cursor:
        for table in ("investors_hit", "investors_hitdecision", "investors_rescreening", "fund_act", "fund_note"):
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            (rows,) = cursor.fetchone() or ("",)
            for secret in ("髙﨑", "TAKASAKI", "1990-04-30", "高崎"):
                assert secret not in (rows or ""), table
                assert secret.encode().hex() not in (rows or ""), table


# ── everybody anew ──


@pytest.fixture
def citizens(person: Callable[[str], Investor], officer: Officer) -> list[Investor]:
    """Four approved Americans, then one Japanese who is still before an officer."""
    found = []
    for number, (family, given) in enumerate([("Neely", "Ann"), ("Shinoda", "Kenichi"), ("Wood", "Sam"), ("Hu", "Bo")]):
        answers = american(
            name={"family_latin": family, "given_latin": given, "middle_latin": ""},
            birth={"birth_date": f"198{number}-01-25"},
            numbers={"ssn": f"536-90-44{number:02}"},
            identity_document={"number": f"C0300478{number}"},
            tax={"signature": f"{given} {family}"},
            bank_account={"holder": f"{given} {family}"},
        )
        found.append(approved(person(f"{number}@example.org"), answers, officer))
    waiting = person("5@example.org")
    submitted(waiting, japanese())
    return [*found, waiting]


SINODA = "1,個人,篠田建市,しのだ けんいち,SINODA Keniti,,1981-01-25,,"


def test_everybody_is_screened_anew_in_chunks_that_resume(citizens: list[Investor], officer: Officer) -> None:
    loaded = load(SINODA, TAKASAKI)
    running = loaded.rescreening
    assert running is not None and (running.total, running.percent) == (5, 0)
    assert rescreen.screen_next(version_id=loaded.version.pk, now=NOW, chunk=2) == 2
    running.refresh_from_db()
    assert (running.screened, running.opened, running.percent) == (2, 1, 40)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():  # killed within the next chunk: nothing of it stays
        rescreen.screen_next(version_id=loaded.version.pk, now=NOW, chunk=2)
        raise KeyboardInterrupt
    running.refresh_from_db()
    assert running.screened == 2
    assert run(loaded.version) == [2, 1]
    running.refresh_from_db()
    assert (running.screened, running.opened, running.percent) == (5, 2, 100)
    assert {hit.investor_id for hit in review.waiting()} == {citizens[1].pk, citizens[4].pk}
    assert run(loaded.version) == []
    opened = Act.objects.filter(verb="open", detail__purpose="screening", subject=str(running))
    assert sum(act.detail["number"] for act in opened) == 5


def test_who_is_decided_on_while_a_chunk_is_read_was_screened_by_that_decision(
    citizens: list[Investor], officer: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading of the people and that of their answers; the chunk is not lost by it."""
    loaded = load(SINODA, TAKASAKI)
    case = Application.objects.get(investor=citizens[4]).pk
    go_on = rescreen._screen

    def decided_on_first(*chunk: Any) -> int:
        judging.decide(application_id=case, officer=officer, outcome="refused", reasons=["contradiction"], now=NOW)
        return go_on(*chunk)

    monkeypatch.setattr(rescreen, "_screen", decided_on_first)
    assert rescreen.screen_next(version_id=loaded.version.pk, now=NOW, chunk=9) == 5
    assert {hit.investor_id for hit in Hit.objects.all()} == {citizens[1].pk, citizens[4].pk}


def test_a_hit_keeps_an_approved_citizen_from_ordering(citizens: list[Investor], officer: Officer) -> None:
    run(load(SINODA).version)
    order: dict[str, Any] = {"offering_code": "none", "amount": None, "accepts": [], "key": "k", "now": NOW}
    with pytest.raises(subscribing.NotEligible, match="checked again"), transaction.atomic():
        subscribing.subscribe(investor=citizens[1], **order)
    decide(Hit.objects.get(), officer)
    with pytest.raises(subscription.Refused) as other:  # by the offering, which does not exist
        subscribing.subscribe(investor=citizens[1], **order)
    assert other.value.code == "unknown_offering"


def test_a_cleared_pair_comes_back_only_when_the_entry_changed(citizens: list[Investor], officer: Officer) -> None:
    run(load(SINODA).version)
    decide(Hit.objects.get(), officer)
    run(load(SINODA, OTHER).version)
    rescreen.begin(version=lists.current(of=SanctionsList.MOF), now=NOW)  # type: ignore[arg-type]
    run(lists.current(of=SanctionsList.MOF))  # type: ignore[arg-type]
    assert [hit.state for hit in Hit.objects.all()] == ["cleared"]
    run(load(SINODA + "旅券番号", OTHER).version)
    assert sorted(hit.state for hit in Hit.objects.all()) == ["cleared", "open"]


def test_a_hit_lapses_with_its_entry(citizens: list[Investor]) -> None:
    run(load(SINODA, TAKASAKI).version)
    run(load(TAKASAKI, OTHER).version)
    assert {hit.investor_id: hit.state for hit in Hit.objects.all()} == {
        citizens[1].pk: "lapsed",
        citizens[4].pk: "open",
    }


def test_another_name_is_another_case(citizens: list[Investor], officer: Officer) -> None:
    """Cleared as one person, then known under a name or birth date that says more."""
    load(TAKASAKI)
    answers = japanese()
    screen.screen(investor=citizens[0], answers=answers, now=NOW)
    decide(Hit.objects.get(), officer)
    assert screen.screen(investor=citizens[0], answers=answers, now=NOW) == 0
    changed = japanese(birth={"birth_date": "1990-01-02"})
    assert screen.screen(investor=citizens[0], answers=changed, now=NOW) == 1


def test_a_version_that_was_replaced_meanwhile_is_not_gone_on_with(citizens: list[Investor]) -> None:
    first = load(SINODA).version
    assert rescreen.screen_next(version_id=first.pk, now=NOW, chunk=2) == 2
    second = load(OTHER).version
    assert run(first) == []
    assert sum(run(second)) == 5
    assert not Rescreening.objects.filter(ended_at=None).exists()


def test_the_note_screens_everybody_through_the_relay(citizens: list[Investor]) -> None:
    load(SINODA)
    sent: list[tuple[str, int]] = []
    relay.sweep(now=NOW, send=lambda *message: sent.append(message))
    delivery = random.choice([pk for task, pk in sent if task == "rescreen_everybody"])
    work = lambda note, now: rescreen.screen_next(version_id=note.payload["version"], now=now, chunk=2)  # noqa: E731
    assert relay.perform(delivery_id=delivery, work=work, clock=lambda: NOW)
    assert Hit.objects.count() == 1
    assert tasks.rescreen_everybody.name == "portal.rescreen_everybody"


# ── by hand ──


def command(name: str, *arguments: object, **options: object) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, **options)
    return out.getvalue()


def test_the_command_loads_and_screens(citizens: list[Investor], tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(mof(SINODA, OTHER))
    told = command("load_sanctions", file, source="mof")
    assert "2 entries, 2 added" in told and "5 citizens screened, 1 new cases" in told
    assert "Nothing was changed" in command("load_sanctions", file, source="mof")
    assert "5 citizens screened, 0 new cases" in command("rescreen", source="mof")


def test_the_command_says_why_not(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(mof(SINODA, SINODA))
    with pytest.raises(CommandError, match="Nothing was loaded"):
        command("load_sanctions", file, source="mof")
    with pytest.raises(CommandError, match="cannot be read"):
        command("load_sanctions", tmp_path / "absent.csv", source="mof")
    with pytest.raises(CommandError, match="ever loaded"):
        command("rescreen", source="mof")
