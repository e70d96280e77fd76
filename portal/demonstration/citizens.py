"""The demonstration's two hundred citizens, each through the whole application, reviewed by an officer."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import jaconv
from django.db import transaction
from stdnum.jp import in_ as my_number

from fund.governance.officers import Officer
from fund.holders import Nation
from investors import agreements, judging, onboarding, people
from investors.people import Investor
from investors.steps.papers import Kind
from portal.accounts import User
from portal.demonstration import desk, names, specimens

NUMBER = 200
WITH_LOGIN = {0: "emily.brown@example.com", 1: "yoko.tanaka@example.jp"}
STATES = [
    ("NY", "New York", "10001"),
    ("CA", "Los Angeles", "90012"),
    ("TX", "Austin", "78701"),
    ("OH", "Columbus", "43215"),
]
PREFECTURES = [
    ("13", "千代田区", "100-0005"),
    ("27", "大阪市北区", "530-0001"),
    ("23", "名古屋市中村区", "450-0002"),
    ("01", "札幌市中央区", "060-0001"),
]


def nation_of(number: int) -> str:
    """Every second citizen is Japanese."""
    return "JP" if number % 2 else "US"


def is_dual(number: int) -> bool:
    """Five of them hold both citizenships."""
    return number % 40 == 39


def apply_all(*, officers: dict[str, Officer], began: datetime, progress: Callable[[int], object]) -> None:
    """Everybody who is not there yet signs up, applies and is approved, some an hour after ``began``."""
    agreements.ship()
    known = set(User.objects.values_list("email", flat=True))
    for number in range(NUMBER):
        progress(number)
        if email(number) not in known:
            apply(number, officers=officers, now=began + timedelta(hours=number))


def email(number: int) -> str:
    return WITH_LOGIN.get(number, f"citizen{number:03d}@example.org")


@transaction.atomic
def apply(number: int, *, officers: dict[str, Officer], now: datetime) -> Investor:
    """One citizen from the first step to the approval."""
    nation = nation_of(number)
    language = "ja" if nation == "JP" else "en"
    if number in WITH_LOGIN:
        user = desk.sign_up(email(number), language=language)
    else:
        user = User.objects.create_user(email(number), language=language)
    investor = people.register(user=user, now=now)
    told = answers(number)
    for step, given in told.items():
        onboarding.save(investor=investor, step=step, answers=given, now=now)
    onboarding.add_document(investor=investor, kind=Kind.PASSPORT_PAGE, taken=specimens.taken(*passport(told)), now=now)
    application = onboarding.submit(investor=investor, now=now)
    judging.assess(application_id=application.pk, now=now)
    judging.decide(application_id=application.pk, officer=officers[nation], outcome="approved", now=now)
    return investor


def passport(told: dict[str, dict[str, Any]]) -> list[str]:
    """What the picture of a passport shows."""
    name, document = told["name"], told["identity_document"]
    return [
        document["issuer"],
        f"{name['family_latin']}, {name['given_latin']}",
        told["birth"]["birth_date"],
        f"{document['number']} / {document['expires_on']}",
    ]


def answers(number: int) -> dict[str, dict[str, Any]]:
    """What the n-th citizen answers, step by step."""
    nation = Nation(nation_of(number))
    japanese = nation == Nation.JP
    name = names.japanese(number // 2) if japanese else names.american(number // 2)
    full = f"{name.family_kanji}{name.given_kanji}" if japanese else f"{name.given} {name.family}"
    kana = jaconv.z2h(f"{name.family_kana} {name.given_kana}")
    nations = ["US", "JP"] if is_dual(number) else [nation.value]
    return {
        "citizenship": {"nations": nations},
        "name": {
            "family_kanji": name.family_kanji,
            "given_kanji": name.given_kanji,
            "family_kana": name.family_kana,
            "given_kana": name.given_kana,
            "family_latin": name.family,
            "given_latin": name.given,
        },
        "birth": {"birth_date": (date(1950, 3, 1) + timedelta(days=97 * number)).isoformat()},
        "residence": residence(number, japanese),
        "numbers": numbers(number, nations, japanese),
        "identity_document": {
            "kind": "passport",
            "issuer": nation.value,
            "number": f"TK{7000000 + number}" if japanese else f"{510000000 + number}",
            "expires_on": "2033-03-31",
        },
        "tax": tax(nations, japanese, full),
        "suitability": {"purpose": "growth", "horizon": "over_10", "loss_capacity": "all", "experience": "much"},
        "comprehension": {"illiquidity": "windows", "leverage": "larger", "currency": "falls", "loss": "all"},
        "bank_account": bank_account(number, japanese, kana if japanese else full),
        "agreements": {
            "accepts": ["pre_contract:1", "prospectus:1", "terms:1", "privacy:1"],
            "language": "ja" if japanese else "en",
        },
    }


def residence(number: int, japanese: bool) -> dict[str, str]:
    if japanese:
        prefecture, city, postcode = PREFECTURES[number // 2 % len(PREFECTURES)]
        street = f"丸の内{number % 3 + 1}-{number % 9 + 1}"
        return {"country": "JP", "postcode": postcode, "prefecture": prefecture, "city": city, "street": street,
                "phone": f"090-1234-{5000 + number}"}  # fmt: skip
    state, city, postcode = STATES[number // 2 % len(STATES)]
    return {"country": "US", "postcode": postcode, "state": state, "city": city, "street": f"{100 + number} Main Street",
            "phone": f"(212) 555-0{number % 100 + 100}"}  # fmt: skip


def numbers(number: int, nations: list[str], japanese: bool) -> dict[str, str]:
    """Invented numbers with right check digits; the SSN areas were never given out before 2011."""
    found = {}
    if "US" in nations:
        found["ssn"] = f"{773 + number // 99}-{number % 99 + 1:02d}-{4000 + number}"
    if japanese:
        body = f"{20000000000 + number * 7919}"
        found["my_number"] = body + my_number.calc_check_digit(body)
    return found


def tax(nations: list[str], japanese: bool, signature: str) -> dict[str, Any]:
    us_person = "US" in nations
    common = {"us_person": str(us_person).lower(), "tax_residences": ["JP" if japanese else "US"], "certified": "true",
              "signature": signature}  # fmt: skip
    if us_person:
        return {**common, "backup_withholding": "false"}
    return {**common, "treaty_claim": "true", "foreign_status": "true"}


def bank_account(number: int, japanese: bool, holder: str) -> dict[str, str]:
    if japanese:
        return {"country": "JP", "holder": holder, "bank_code": "0001", "branch_code": "001", "deposit_type": "ordinary",
                "deposit_number": f"{1000000 + number}"}  # fmt: skip
    return {"country": "US", "holder": holder, "routing_number": "111000025", "account_type": "checking",
            "account_number": f"{880000000 + number}"}  # fmt: skip
