"""Keys rotate under a running site, may be killed at any moment, and overwrite nothing (decision 9 of reliability)."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.mfa.utils import decrypt
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from fund import envelope
from investors import bank_accounts, onboarding, people, rotation, vault
from investors.people import Investor, MyNumber
from investors.vault import Purpose
from portal import second_factor
from tests.investors.conftest import NOW, american, approved, fill, japanese

OLD = os.environ.get("VAULT_KEYS", "").split(",")[0]
NEW = f"2:{base64.b64encode(b'the second key of the tests only').decode()}"
BOTH = [NEW, OLD]
FULL = "NATION" in os.environ  # `make crash`
PEOPLE = 20_000 if FULL else 1_500
SECONDS = 20 if FULL else 3
RATE = 50  # requests a second


def places() -> list[rotation.Place]:
    return [*rotation.columns(), *second_factor.SEALED]


@pytest.fixture
def sealed(transactional_db, person, officer, settings) -> list[Investor]:
    """Two citizens with everything, and one whose second factors are sealed as well."""
    settings.VAULT_KEYS = [OLD]
    found = [approved(person("jp@example.org"), japanese(), officer), person("us@example.org")]
    fill(found[1], american())
    TOTP.activate(found[0].user, generate_totp_secret())
    RecoveryCodes.activate(found[0].user)
    return found


def versions() -> Counter[int]:
    return rotation.verify(places=places()).by_version


def test_every_sealed_value_of_every_table_is_found(sealed):
    names = {str(place) for place in rotation.columns()}
    assert {"investors_mynumber.number", "investors_answer.content", "fund_bankentry.sealed"} <= names
    assert {"fund_payoutline.sealed", "fund_offering.sealed_seed", "investors_hitdecision.reason"} <= names
    looked_like = [
        f"{model._meta.db_table}.{one.column}"
        for model in apps.get_models()
        for one in model._meta.local_concrete_fields
        if one.get_internal_type() == "BinaryField" and ("seal" in one.name or hasattr(one, "opened_for"))
    ]
    assert set(looked_like) <= names | {"fund_seal.digests"}
    assert versions()[1] == rotation.total(places=places()) > 20


def test_everything_opens_with_the_new_key_alone(sealed, settings, capsys):
    settings.VAULT_KEYS = BOTH
    call_command("rotate_keys")
    told = capsys.readouterr().out
    assert "(100 %)" in told and "Key 1 can be taken out of VAULT_KEYS" in told
    settings.VAULT_KEYS = [NEW]
    citizen = Investor.objects.get(pk=sealed[0].pk)
    assert (
        people.name(investor=citizen, purpose=Purpose.CORRESPONDENCE, actor="system", now=NOW)["family_kanji"] == "髙﨑"
    )
    number = vault.read(citizen.my_number, "number", purpose=Purpose.TAX_REPORT, actor="system", now=NOW)
    assert number == "621498320257"
    for one in Authenticator.objects.filter(user=citizen.user):
        assert decrypt(one.data.get("secret") or one.data["seed"])
    assert onboarding.draft(investor=sealed[1], now=NOW).answers["name"]["family_latin"] == "O'Neill"
    call_command("rotate_keys", "--verify")
    assert indexes() == []


def test_verify_fails_while_something_is_left(sealed, settings, capsys):
    settings.VAULT_KEYS = BOTH
    with pytest.raises(CommandError, match="rotate_keys again"):
        call_command("rotate_keys", "--verify")
    assert "can be taken out" not in capsys.readouterr().out


def test_a_value_that_does_not_open_is_named_and_stops_nothing(sealed, settings, capsys):
    settings.VAULT_KEYS = BOTH
    Investor.objects.filter(pk=sealed[0].pk).update(name=b"\x00\x01" + bytes(100))
    with pytest.raises(CommandError):
        call_command("rotate_keys")
    assert f"investors_investor.name of {sealed[0].pk}" in capsys.readouterr().err
    assert versions()[1] == 1


def test_only_the_sealed_column_of_a_kept_row_may_change(sealed):
    account = sealed[0].bank_accounts.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        type(account).objects.filter(pk=account.pk).update(usable_from=NOW + timedelta(days=1))
    type(account).objects.filter(pk=account.pk).update(details=b"anything")


def test_a_row_that_somebody_holds_is_passed_over(sealed, settings):
    """Nobody waits for anybody: the rotation goes on, and finds the row when it is free."""
    settings.VAULT_KEYS = BOTH
    place = next(one for one in places() if str(one) == "investors_mynumber.number")
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            MyNumber.objects.select_for_update().get(pk=sealed[0].pk)
            held.set()
            free.wait(5)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    held.wait(5)
    rows = next(rotation._batches(place, place.left, 10))
    fresh = [rotation._rewrap(place, row, rotation.Outcome()) for row in rows]
    assert rotation._write(place, fresh) == 0
    free.set()
    other.join()
    assert rotation._write(place, fresh) == 1


def write_between(place: rotation.Place, investor: Investor) -> int:
    """What a rotation does when the citizen changes the number between its reading and its writing."""
    rows = next(rotation._batches(place, place.left, 10))
    fresh = [rotation._rewrap(place, row, rotation.Outcome()) for row in rows]
    row = MyNumber.objects.get(pk=investor.pk)
    vault.seal(row, "number", "123456789018")
    row.save(update_fields=["number"])
    return rotation._write(place, fresh)


def my_number(investor: Investor) -> str:
    row = MyNumber.objects.get(pk=investor.pk)
    return vault.read(row, "number", purpose=Purpose.TAX_REPORT, actor="system", now=NOW)


def test_a_value_written_meanwhile_is_not_overwritten(sealed, settings):
    settings.VAULT_KEYS = BOTH
    place = next(one for one in places() if str(one) == "investors_mynumber.number")
    assert write_between(place, sealed[0]) == 0
    assert my_number(sealed[0]) == "123456789018"


def test_without_the_condition_a_value_written_meanwhile_is_lost(sealed, settings, monkeypatch):
    """Negative control of the test above."""
    settings.VAULT_KEYS = BOTH
    monkeypatch.setattr(rotation, "UNCHANGED", "true")
    place = next(one for one in places() if str(one) == "investors_mynumber.number")
    assert write_between(place, sealed[0]) == 1
    assert my_number(sealed[0]) == "621498320257"


# ── under load, and killed ──


def crowd() -> list[Investor]:
    """So many sealed values that a rotation takes a while."""
    users = get_user_model().objects.bulk_create(
        get_user_model()(email=f"{number}@crowd.example", password="!") for number in range(PEOPLE)
    )
    found = Investor.objects.bulk_create(Investor(user=user, registered_at=NOW) for user in users)
    for one in found:
        for column in ("name", "birth_date", "residence"):
            vault.seal(one, column, json.dumps({"family_latin": f"PERSON {one.pk}"}))
    Investor.objects.bulk_update(found, ["name", "birth_date", "residence"], batch_size=500)
    return found


@contextmanager
def held(rows: list[Investor]) -> Iterator[None]:
    """Rows that somebody holds, so that no rotation comes to its end meanwhile, however quick it is."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM investors_investor WHERE id = ANY(%s) FOR UPDATE", [[one.pk for one in rows]])
        yield
    finally:
        other.close()


class Load:
    """Citizens at work through the domain, ``RATE`` requests a second, until it is ended."""

    def __init__(self, investors: list[Investor]) -> None:
        self.investors, self.errors, self.served = investors, [], 0
        self.written: dict[int, str] = {}
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=[each]) for each in range(5)]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_args: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def work(self, number: int) -> None:
        mine = self.investors[number :: len(self.threads)]
        turn, due = 0, time.monotonic()
        while not self.ended.wait(max(0, due - time.monotonic())):
            due += len(self.threads) / RATE
            investor = mine[turn % len(mine)]
            turn += 1
            try:
                self.request(investor, turn)
                self.served += 1
            except Exception as error:
                self.errors.append(repr(error))
        connection.close()

    def request(self, investor: Investor, turn: int) -> None:
        match turn % 3:
            case 0:
                street = f"{turn} Main Street"
                answers = american(residence={"street": street})["residence"]
                onboarding.save(investor=investor, step="residence", answers=answers, now=NOW)
                self.written[investor.pk] = street
            case 1:
                onboarding.draft(investor=investor, now=NOW)
            case 2:
                row = bank_accounts.usable(investor=investor, at=NOW)
                bank_accounts.details(account=row, purpose=Purpose.PAYOUT, actor="system", now=NOW)


def rotate() -> "subprocess.Popen[str]":
    url = (
        "postgres://"
        + connection.get_connection_params()["user"]
        + "@"
        + (connection.settings_dict["HOST"].replace("/", "%2F") + "/" + str(connection.settings_dict["NAME"]))
    )
    environment = {**os.environ, "VAULT_KEYS": ",".join(BOTH), "DATABASE_URL": url, "DATABASE_OWNER_URL": url}
    return subprocess.Popen(
        [sys.executable, "manage.py", "rotate_keys"],
        cwd=Path(__file__).parents[2],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def rotated() -> int:
    with connection.cursor() as cursor:
        cursor.execute(r"SELECT count(*) FROM investors_investor WHERE substr(name, 1, 2) = '\x0002'::bytea")
        return cursor.fetchone()[0]


def indexes() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'vault_rotation%'")
        return [name for (name,) in cursor.fetchall()]


def test_rotated_under_load_and_killed_midway_nothing_fails_and_nothing_is_left(sealed, person, settings):
    many = crowd()
    busy = [person(f"busy-{number}@example.org") for number in range(10)]
    for one in busy:
        fill(one, american())
        bank_accounts.record(investor=one, answers=american()["bank_account"], usable_from=NOW, now=NOW)
    settings.VAULT_KEYS = BOTH  # the site was started anew with both keys, then the rotation begins
    all_values = rotation.total(places=places())
    with Load(busy) as load:
        began = time.monotonic()
        with held(many[PEOPLE // 3 :]):
            first = rotate()
            while first.poll() is None and rotated() < PEOPLE // 3:
                time.sleep(0.005)
            first.send_signal(signal.SIGKILL)
            first.communicate()
            halfway = versions()
        second = rotate()
        _told, complaints = second.communicate(timeout=300)
        time.sleep(max(0, SECONDS - (time.monotonic() - began)))
    rate = load.served / (time.monotonic() - began)
    print(f"{all_values} values, {halfway[2]} before the kill, {load.served} requests at {rate:.0f}/s")
    assert 0 < halfway[2] < all_values and halfway[1] > PEOPLE
    assert load.errors == [] and load.served > SECONDS * RATE / 2
    assert second.returncode == 0, complaints
    settings.VAULT_KEYS = [NEW]
    found = rotation.verify(places=places())
    assert found.whole and found.done == found.total >= all_values and not found.droppable
    for one in busy:
        kept = onboarding.draft(investor=one, now=NOW).answers["residence"]["street"]
        assert kept == load.written.get(one.pk, "1 Main Street")
    assert envelope.newest().version == 2 and indexes() == []
