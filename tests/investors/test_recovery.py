"""Recovery cases: two persons decide, nobody on his own account, once, in time; each promise with its control."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from fund.governance.audit import Act
from fund.governance.officers import Duty, NotOnDuty, Officer
from fund.governance.outbox import Note
from investors import recovery
from investors.people import Investor
from investors.recovery import RecoveryCase, State, Statement
from tests.investors.conftest import NOW, american, approved, fill, japanese, make_officer

SAID = Statement("髙﨑 翔太", "1990-04-30", "0257", "090-1234-5678", "平日の夜、日本語")
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def second(db: None) -> Officer:
    return make_officer(nation="US", email="second@example.org")


@pytest.fixture
def case(investor: Investor) -> RecoveryCase:
    return recovery.open_case(investor=investor, statement=SAID, now=NOW)


@pytest.fixture
def reproved(case: RecoveryCase, officer: Officer) -> RecoveryCase:
    recovery.reprove(case_id=case.pk, officer=officer, shown="passport, same face", now=NOW)
    return case


@pytest.fixture
def agreed(reproved: RecoveryCase, second: Officer) -> RecoveryCase:
    recovery.approve(case_id=reproved.pk, officer=second, reason="all agrees", now=NOW)
    return reproved


def state(case: RecoveryCase) -> str:
    return RecoveryCase.objects.get(pk=case.pk).state


def test_a_case_is_told_recorded_and_sealed(case, investor):
    note = Note.objects.get(topic="security.changed")
    assert note.payload == {"user": investor.user_id, "change": "recovery_opened", "number": case.number}
    assert Act.objects.get(verb="recovery_opened").detail == {"investor": investor.pk}
    with connection.cursor() as cursor:
        cursor.execute("SELECT c::text FROM investors_recoverycase c")
        row = cursor.fetchone()[0]
        cursor.execute(
            "SELECT string_agg(n::text, '') || (SELECT string_agg(a::text, '') FROM fund_act a) FROM fund_note n"
        )
        told = cursor.fetchone()[0]
    for part in ("翔太", "1990-04-30", "0257", "1234"):
        assert part not in row and part.encode().hex() not in row and part not in told


def test_one_living_case_a_person(case, investor):
    with pytest.raises(recovery.AlreadyOpen):
        recovery.open_case(investor=investor, statement=SAID, now=LATER)
    after = NOW + timedelta(days=30)
    assert recovery.living(investor=investor, now=after) is None
    recovery.open_case(investor=investor, statement=SAID, now=after)
    assert state(case) == State.LAPSED


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", "12345"),
        ("birth_date", "30 April"),
        ("birth_date", "2190-04-30"),
        ("number_ending", "257"),
        ("number_ending", "621498320257"),
        ("phone", "call me"),
        ("times", "even\u202eings"),
    ],
)
def test_a_statement_is_checked(investor, field, wrong):
    with pytest.raises(ValidationError) as refused:
        recovery.open_case(investor=investor, statement=Statement(**{**vars(SAID), field: wrong}), now=NOW)
    assert list(refused.value.error_dict) == [field]
    assert not RecoveryCase.objects.exists()


@pytest.mark.parametrize(
    "name", ["髙﨑 翔太", "高崎翔太", "タカサキ ショウタ", "たかさき しょうた", "Shota TAKASAKI", "Takasaki Shōta"]
)
def test_the_name_is_found_in_every_writing(investor, officer, name):
    approved(investor, japanese(), officer)
    case = recovery.open_case(investor=investor, statement=Statement(**{**vars(SAID), "name": name}), now=NOW)
    opened = recovery.read(case_id=case.pk, officer=officer, now=NOW)
    assert opened.matches == {"name": True, "birth_date": True, "number_ending": True}


def test_what_does_not_agree_is_said(investor, officer):
    approved(investor, american(), officer)
    said = Statement("Jose O'Neil", "1985-03-28", "4398", "+1 212 555 2368", "evenings")
    case = recovery.open_case(investor=investor, statement=said, now=NOW)
    opened = recovery.read(case_id=case.pk, officer=officer, now=NOW)
    assert opened.matches == {"name": False, "birth_date": False, "number_ending": False}
    right = Statement("José Marie O'Neill", "1985-02-28", "4399", "x", "x")
    assert recovery.matches(right, {"name": american()["name"], "birth_date": "1985-02-28", "endings": {"4399"}}) == {
        "name": True,
        "birth_date": True,
        "number_ending": True,
    }


def test_an_applicant_is_held_against_the_draft_and_a_stranger_against_nothing(investor, officer):
    case = recovery.open_case(investor=investor, statement=SAID, now=NOW)
    nothing = recovery.read(case_id=case.pk, officer=officer, now=NOW).matches
    assert nothing == {"name": None, "birth_date": None, "number_ending": None}
    fill(investor, japanese())
    assert recovery.read(case_id=case.pk, officer=officer, now=NOW).matches == dict.fromkeys(nothing, True)


def test_reading_is_logged_with_its_purpose(case, officer):
    assert recovery.read(case_id=case.pk, officer=officer, now=NOW).statement == SAID
    act = Act.objects.get(verb="open", subject=str(case))
    assert act.actor == officer.actor and act.detail["purpose"] == "recovery"


def test_two_officers_of_either_nation_decide(agreed, investor, officer, second):
    kept = RecoveryCase.objects.get()
    assert (kept.state, kept.reproved_by, kept.decided_by) == (State.APPROVED, officer, second)
    changes = list(
        Note.objects.filter(topic="security.changed").order_by("id").values_list("payload__change", flat=True)
    )
    assert changes == ["recovery_opened", "recovery_reproved", "recovery_approved"]
    opened = recovery.read(case_id=agreed.pk, officer=second, now=NOW)
    assert (opened.reproof, opened.reason) == ("passport, same face", "all agrees")


def test_nothing_is_approved_before_the_call(case, second):
    with pytest.raises(recovery.CannotDecideCase):
        recovery.approve(case_id=case.pk, officer=second, reason="sounds right", now=NOW)
    assert state(case) == State.OPEN


def test_who_was_in_the_call_does_not_approve(reproved, officer):
    again = make_officer(email="same-person@example.org")
    Officer.objects.filter(pk=again.pk).update(person=officer.person)  # a second account makes nobody two
    for one in (officer, Officer.objects.get(pk=again.pk)):
        with pytest.raises(recovery.CannotDecideCase, match="yourself"):
            recovery.approve(case_id=reproved.pk, officer=one, reason="I saw it", now=NOW)
    assert state(reproved) == State.REPROVED


def test_the_database_wants_two_persons_as_well(reproved, officer):
    """With the verb's check taken away the constraint stands; the control is a different person's name in the row."""
    values = {"state": State.APPROVED, "decided_by": officer, "decided_at": NOW, "reason": b"x"}
    with pytest.raises(IntegrityError, match="recovery_decided_by_another_person"), transaction.atomic():
        RecoveryCase.objects.update(**values, decided_person=officer.person)
    RecoveryCase.objects.update(**values, decided_person="somebody else")


@pytest.fixture
def own(investor: Investor) -> Officer:
    """An officer, whose own account the case is about."""
    return Officer.objects.create(
        user=investor.user, person="P-own", nation="US", name_en="Own", name_ja="自", duties=[Duty.ONBOARDING],
        in_office_from=NOW - timedelta(days=9),
    )  # fmt: skip


@pytest.mark.parametrize("verb", ["reprove", "approve", "refuse"])
def test_nobody_decides_on_an_account_of_his_own(own, reproved, verb):
    other = make_officer(email="own-second@example.org")
    Officer.objects.filter(pk=other.pk).update(person=own.person)
    for one in (own, Officer.objects.get(pk=other.pk)):
        with pytest.raises(recovery.CannotDecideCase, match="own"):
            getattr(recovery, verb)(case_id=reproved.pk, officer=one, now=NOW, **{WORDS[verb]: "it is me"})
    assert state(reproved) == State.REPROVED


WORDS = {"reprove": "shown", "approve": "reason", "refuse": "reason"}


def test_the_database_wants_another_account_as_well(own, reproved):
    """Without the verb's check the trigger refuses; without the trigger, too, the officer would let himself in."""
    with patch.object(QuerySet, "exists", lambda self: False):
        with pytest.raises(IntegrityError, match="his own"), transaction.atomic():
            recovery.approve(case_id=reproved.pk, officer=own, reason="it is me", now=NOW)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
        recovery.approve(case_id=reproved.pk, officer=own, reason="it is me", now=NOW)
    assert state(reproved) == State.APPROVED


def test_an_officer_needs_the_duty_and_words(case, second):
    with pytest.raises(NotOnDuty):
        recovery.read(case_id=case.pk, officer=make_officer(Duty.DEALING, email="d@example.org"), now=NOW)
    with pytest.raises(recovery.CannotDecideCase, match="write it down"):
        recovery.refuse(case_id=case.pk, officer=second, reason="  ", now=NOW)


def usable(case: RecoveryCase, *, proved_at=LATER, now=LATER) -> RecoveryCase:
    return recovery.usable(investor=case.investor, proved_at=proved_at, now=now)


def test_an_approved_case_is_used_once(agreed):
    recovery.use(case=usable(agreed), now=LATER)
    for attempt in (lambda: usable(agreed), lambda: recovery.use(case=agreed, now=LATER)):
        with pytest.raises(recovery.NotUsable):
            attempt()
    # The control: an update that does not ask where the case stands would spend it again.
    assert RecoveryCase.objects.filter(pk=agreed.pk).update(state=State.USED) == 1


def test_a_used_case_does_not_come_back(agreed):
    recovery.use(case=agreed, now=LATER)
    with pytest.raises(IntegrityError, match="does not move"), transaction.atomic():
        RecoveryCase.objects.update(state=State.APPROVED, hold_until=None)


@pytest.mark.parametrize("ended", ["refused", "stopped", "open", "reproved"])
def test_anything_but_an_approved_case_opens_nothing(investor, officer, second, ended):
    case = recovery.open_case(investor=investor, statement=SAID, now=NOW)
    if ended in ("reproved", "refused"):
        recovery.reprove(case_id=case.pk, officer=officer, shown="passport", now=NOW)
    if ended == "refused":
        recovery.refuse(case_id=case.pk, officer=officer, reason="another face", now=NOW)
        with pytest.raises(recovery.CannotDecideCase):
            recovery.approve(case_id=case.pk, officer=second, reason="after all", now=NOW)
    if ended == "stopped":
        assert recovery.stop(case=case, actor=investor.actor, now=NOW)
    with pytest.raises(recovery.NotUsable):
        usable(case)
    with pytest.raises(recovery.NotUsable):
        recovery.use(case=case, now=LATER)


def test_the_mailbox_is_proved_after_the_approval(agreed):
    """The control is the first call: the same with a later proof."""
    assert usable(agreed)
    for early in (NOW, NOW - timedelta(seconds=1)):
        with pytest.raises(recovery.NotUsable):
            usable(agreed, proved_at=early)


def test_an_approval_lapses(agreed):
    day = timedelta(days=1)
    assert usable(agreed, now=NOW + 6 * day)
    with pytest.raises(recovery.NotUsable):
        usable(agreed, proved_at=NOW + 7 * day, now=NOW + 7 * day)
    with pytest.raises(recovery.NotUsable):
        recovery.use(case=agreed, now=NOW + 7 * day)


def test_a_case_can_be_stopped_until_it_is_used(agreed, investor):
    written = f" {agreed.number[:6].lower()}-{agreed.number[6:]} "
    found = recovery.find(number=written)
    assert found == agreed and recovery.find(number="NOSUCHNUMBER") is None
    assert recovery.stop(case=found, actor="case_number", now=LATER)
    assert not recovery.stop(case=found, actor="case_number", now=LATER)
    with pytest.raises(recovery.NotUsable):
        recovery.use(case=agreed, now=LATER)


def test_where_money_goes_is_held_for_three_days(agreed, investor):
    recovery.check_not_held(investor=investor, now=LATER)
    recovery.use(case=agreed, now=LATER)
    last = LATER + timedelta(hours=72)
    assert recovery.held_until(investor=investor, now=last - timedelta(seconds=1)) == last
    with pytest.raises(recovery.Held):
        recovery.check_not_held(investor=investor, now=last - timedelta(seconds=1))
    recovery.check_not_held(investor=investor, now=last)


def test_the_site_can_do_all_this_and_delete_nothing(agreed, as_site):
    recovery.use(case=agreed, now=LATER)
    with pytest.raises(Exception, match="permission denied"), transaction.atomic():
        RecoveryCase.objects.all()._raw_delete("default")
