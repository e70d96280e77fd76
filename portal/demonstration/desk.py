"""The demonstration's officers and how they turn their two keys."""

import json
import secrets
from datetime import UTC, datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings

from fund.governance import approval, fence
from fund.governance.approval import Proposal
from fund.governance.officers import Duty, Officer
from portal.accounts import User
from portal.owner import connected_as_owner

MONEY = [Duty.DEALING, Duty.VALUATION, Duty.PAYMENTS]
IN_OFFICE_FROM = datetime(2020, 1, 1, tzinfo=UTC)
LOGINS = settings.RUN_DIR / "logins.json"

OFFICERS: list[tuple[str, str, str, str, str, list[str]]] = [
    ("alice.morgan@treasury.example", "US", "T-1001", "Alice Morgan", "アリス・モーガン", [Duty.ONBOARDING, *MONEY]),
    ("naomi.saeki@mof.example", "JP", "M-2001", "Naomi Saeki", "佐伯 直美", [Duty.ONBOARDING, *MONEY]),
    (
        "daniel.reyes@treasury.example",
        "US",
        "T-1002",
        "Daniel Reyes",
        "ダニエル・レイエス",
        [Duty.ONBOARDING, Duty.PAYMENTS],
    ),
    ("kenji.morita@mof.example", "JP", "M-2002", "Kenji Morita", "森田 健二", [Duty.DEALING, Duty.VALUATION]),
    ("ruth.kaplan@treasury.example", "US", "T-1003", "Ruth Kaplan", "ルース・カプラン", [Duty.AUDIT]),
    ("helen.park@treasury.example", "US", "T-1004", "Helen Park", "ヘレン・パーク", [Duty.ADMINISTRATION]),
    ("takumi.ono@mof.example", "JP", "M-2003", "Takumi Ono", "小野 匠", [Duty.ADMINISTRATION]),
]


def logins() -> dict[str, dict[str, str]]:
    """The generated passwords and one-time-code secrets of this machine's demonstration, by e-mail address."""
    read: dict[str, dict[str, str]] = json.loads(LOGINS.read_text()) if LOGINS.exists() else {}
    return read


def sign_up(email: str, *, language: str, second_factor: bool = False) -> User:
    """An account with a confirmed address, a generated password and, for officers, a one-time-code generator."""
    kept = logins()
    login = {"password": secrets.token_urlsafe(12)}
    user = User.objects.create_user(email, login["password"], language=language)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    if second_factor:
        login["totp"] = generate_totp_secret()
        TOTP.activate(user, login["totp"])
    LOGINS.touch(mode=0o600)
    LOGINS.write_text(json.dumps({**kept, email: login}, indent=1))
    return user


def appoint() -> dict[str, Officer]:
    """The officers by nation who turn the keys in the demonstration's history; the others are appointed as well."""
    for email, nation, person, name_en, name_ja, duties in OFFICERS:
        if Officer.objects.filter(person=person).exists():
            continue
        user = sign_up(email, language="ja" if nation == "JP" else "en", second_factor=True)
        with connected_as_owner():  # the first ones: the site itself needs two keys
            Officer.objects.create(
                user=user,
                person=person,
                nation=nation,
                name_en=name_en,
                name_ja=name_ja,
                duties=duties,
                in_office_from=IN_OFFICE_FROM,
            )
    return {nation: Officer.objects.get(person=person) for nation, person in (("US", "T-1001"), ("JP", "M-2001"))}


def second_key(*, proposal: Proposal, officers: dict[str, Officer], now: datetime) -> None:
    """The other nation's officer signs what was proposed."""
    other = officers["JP" if proposal.proposed_by.nation == "US" else "US"]
    approval.sign(proposal=proposal, officer=other, digest=bytes(proposal.digest), now=now)


def release_older(*, officers: dict[str, Officer], now: datetime) -> None:
    """A demonstration from before there was a fence goes on; one whose folder was copied waits for its officers."""
    if fence.state().last is None:
        proposal = fence.propose_release(officer=officers["US"], now=now, reason="The demonstration is older.")
        second_key(proposal=proposal, officers=officers, now=now)
        fence.carry_out(proposal=proposal, now=now)


def login_table() -> list[str]:
    """The logins as the terminal shows them."""
    kept = logins()
    width = max(map(len, kept), default=0)
    lines = [f"  {email:<{width}}  {login['password']}" for email, login in kept.items()]
    return [
        "Logins of this demonstration (officers also need a one-time code):",
        *lines,
        "  .venv/bin/python manage.py one_time_code <e-mail address of the officer>",
    ]


def lost_logins() -> bool:
    """Whether the accounts stand but this machine no longer knows their passwords."""
    return Authenticator.objects.exists() and not LOGINS.exists()
