"""P10: rescreen invented citizens of both nations against an invented list of 20,000 names, by the fund's own verbs."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import jaconv
import psutil
from django.contrib.auth import get_user_model
from django.db import connection
from faker import Faker

from fund import envelope
from fund.holders import Holder
from investors import vault
from investors.people import Investor
from investors.screening import lists, rescreen, screen
from investors.screening.match import Matcher, Person
from investors.screening.models import SanctionsList

NOW = datetime(2026, 9, 1, tzinfo=UTC)
ENTRIES = 20_000
BATCH = 5_000
RECALL = 40  # people with a listed name in which a letter was changed, compared with every name one by one
WORLD = ["es_MX", "fr_FR", "tr_TR", "pl_PL", "id_ID", "hr_HR", "az_AZ", "uz_UZ"]
FIRST, LAST = date(1936, 1, 1).toordinal(), date(2008, 1, 1).toordinal()


def names(seed: int) -> Iterator[dict[str, str]]:
    """Americans, every second one with a middle name, and Japanese in three writings, by turns and without end."""
    american, japanese = Faker("en_US"), Faker("ja_JP")
    american.seed_instance(seed)
    japanese.seed_instance(seed)
    while True:
        family, given = japanese.last_kana_name(), japanese.first_kana_name()
        yield {
            "family_kana": family, "given_kana": given, "family_kanji": japanese.last_name(),
            "given_kanji": japanese.first_name(), "family_latin": jaconv.kata2alphabet(family),
            "given_latin": jaconv.kata2alphabet(given),
        }  # fmt: skip
        for middle in (american.first_name(), ""):
            yield {
                "family_latin": american.last_name(),
                "given_latin": american.first_name(),
                "middle_latin": middle,
            }


def load_list(seed: int) -> None:
    """A list of the ministry's form with people of many languages."""
    world, chance = Faker(WORLD), random.Random(seed)
    world.seed_instance(seed)
    rows = ["番号,種別,氏名,生年月日"]
    for number in range(ENTRIES):
        name = f"{world.last_name()} {world.first_name()} {world.first_name()}"
        rows.append(f"{number},個人,{name},{date.fromordinal(chance.randint(FIRST, LAST))}")
    lists.load(of=SanctionsList.MOF, files=["\n".join(rows).encode()], actor="system", now=NOW)


def approve(citizens: int, *, seed: int) -> None:
    """So many approved citizens, their names and birth dates sealed as an approval seals them."""
    found, chance, user = names(seed), random.Random(seed), get_user_model()
    for start in range(0, citizens, BATCH):
        many = range(start, min(start + BATCH, citizens))
        users = user.objects.bulk_create(user(email=f"{number}@example.org") for number in many)
        holders = Holder.objects.bulk_create(Holder(kind="citizen", nation="JP", registered_at=NOW) for _ in many)
        people = [
            Investor(
                id=number + 1, user=one, holder=holder, nations=["JP"], state="approved", registered_at=NOW,
                verified_until=NOW,
            )
            for number, one, holder in zip(many, users, holders, strict=True)
        ]  # fmt: skip
        for person in people:
            vault.seal(person, "name", json.dumps(next(found), ensure_ascii=False))
            vault.seal(person, "birth_date", date.fromordinal(chance.randint(FIRST, LAST)).isoformat())
        Investor.objects.bulk_create(people)


def rescreened() -> tuple[float, int]:
    """(citizens that one core screens a second, of which found): processor time of this process and its database's."""
    version = lists.current(of=SanctionsList.MOF)
    assert version
    screen.index(version.pk)  # made once a version and process
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    running = rescreen.begin(version=version, now=NOW)
    began = _processor(backend)
    while rescreen.screen_next(version_id=version.pk, now=NOW):
        pass
    seconds = _processor(backend) - began
    running.refresh_from_db()
    if running.screened != running.total:
        raise RuntimeError(f"{running.screened} of {running.total} citizens were screened")
    return running.screened / seconds, running.opened


def _processor(backend: psutil.Process) -> float:
    spent = backend.cpu_times()
    return time.process_time() + spent.user + spent.system


def unsealed(number: int) -> float:
    """Names and birth dates that one core opens a second: the least that comparing them can cost."""
    people = list(Investor.objects.order_by("pk")[:number])
    began = time.process_time()
    for one in people:
        for column in ("name", "birth_date"):
            envelope.unseal(bytes(getattr(one, column)), table="investors_investor", column=column, row=one.pk)
    return len(people) / (time.process_time() - began)


def recall(seed: int) -> tuple[int, int]:
    """(found by the index, found by comparing with every name) among people whose name is nearly on the list."""
    version = lists.current(of=SanctionsList.MOF)
    assert version
    index = screen.index(version.pk)
    chance = random.Random(seed)
    quick, slow = Matcher(index), Matcher(replace(index))
    slow.candidates = lambda loose: set(range(len(index.spellings)))  # type: ignore[method-assign]
    both = [0, 0]
    for spelling in chance.sample(index.spellings, RECALL):
        family, *given = spelling.text.split()
        at = chance.randrange(len(family))
        near = {
            "family_latin": family[:at] + chance.choice("aeioun") + family[at + 1 :],
            "given_latin": " ".join(given),
        }
        person = Person.of(near, spelling.entry.births[0].first)
        for place, matcher in enumerate((quick, slow)):
            both[place] += len(matcher.matches(person))
    return both[0], both[1]
