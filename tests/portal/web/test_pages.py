"""Every page in both languages: it answers, it is whole, and nothing on it is left in the other language."""

import re

import pytest
from babel.messages.pofile import read_po
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone, translation

from investors import appeals, judging, onboarding, reverification
from portal.templatetags.glossary import TERMS
from tests.house.translations import CATALOGUE
from tests.portal.web import stage
from tests.portal.web.conftest import Stage
from tests.portal.web.reading import Reader, english, forbidden, hardest
from tests.portal.web.stage import NOW

PUBLIC = [
    "/", "/fund/nav", "/fund/nav?class=JP", "/fund/nav?class=SOV", "/fund/portfolio", "/fund/portfolio/PORT-1",
    "/fund/ownership", "/fund/ownership?at=2026-09-01", "/fund/leverage",
    "/fund/returns", "/offerings/", "/offerings/JP-2026-2", "/offerings/JP-2026-1",
    "/offerings/JP-2026-1/allotment", "/offerings/JP-2026-2/allotment", "/offerings/JP-2026-2?amount=50000",
    "/calendar", "/calendar?month=2028-01", "/documents", "/documents/terms/1", "/help", "/glossary",
    "/status", "/verify", "/verify/holding", "/verify/document",
    "/account/login/", "/account/signup/", "/account/password/reset/",
    "/account/recover/", "/account/recover/stop",
]  # fmt: skip
APPLICANT = [
    "/account/", "/account/profile", "/account/inbox", "/account/security", "/join/", "/join/citizenship", "/join/name",
    "/join/birth", "/join/residence", "/join/numbers", "/join/identity_document", "/join/documents", "/join/tax",
    "/join/suitability",
    "/join/comprehension", "/join/bank_account", "/join/agreements", "/account/email/", "/account/password/change/",
    "/account/2fa/", "/account/sessions/",
]  # fmt: skip
CITIZEN = [
    "/account/", "/account/orders", "/account/holdings", "/account/transactions",
    "/account/distributions", "/account/plans", "/account/redemptions", "/account/transfers", "/account/proof",
    "/account/documents", "/account/subscribe/JP-2026-2",
    "/account/profile", "/account/bank-account", "/account/inbox", "/account/security", "/join/",
]  # fmt: skip


# Texts of law are not written by the portal, and what somebody does who checks a ballot is a little harder.
NOT_OURS = ("/documents/", "/verify", "/offerings/JP-2026-1/allotment")

# Proper names and fixed terms that stay in Latin letters in Japanese.
LATIN = {"Kakehashi", "English", "SHA-256", "CSV", "UTC", "Email"}


def pages(client: Client, paths: list[str]) -> list[tuple[str, str, str]]:
    found = []
    for path in paths:
        for language in ("en", "ja"):
            answer = client.get(f"/{language}{path}")
            assert answer.status_code == 200, f"/{language}{path}: {answer.status_code}"
            assert "script-src" in answer["Content-Security-Policy"]
            found.append((language, path, answer.content.decode()))
    return found


def faults(found: list[tuple[str, str, str]]) -> list[str]:
    """What is wrong with the pages' markup and language."""
    wrong = []
    japanese = translated()
    for language, path, html in found:
        page = Reader(html)
        where = f"/{language}{path}"
        wrong += [f"{where}: {fault}" for fault in forbidden(html)]
        if page.of("html")[0].get("lang") != language:
            wrong.append(f"{where}: lang is not {language}")
        if len(page.of("h1")) != 1:
            wrong.append(f"{where}: {len(page.of('h1'))} first headings")
        if not any(attrs.get("class") == "usa-skipnav" and attrs.get("href") == "#main" for attrs in page.of("a")):
            wrong.append(f"{where}: no skip link")
        wrong += [f"{where}: field without a label: {name}" for name in unlabelled(page)]
        if language == "ja":
            wrong += [f"{where}: English: {text}" for text in english(html)]
            wrong += [
                f"{where}: not translated: {text}" for text in page.texts if text in japanese and text not in LATIN
            ]
    return wrong


def translated() -> set[str]:
    """Every message whose Japanese differs from it."""
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="ja")
    return {one.id for one in catalogue if isinstance(one.id, str) and one.id and one.string != one.id}


def unlabelled(page: Reader) -> list[str]:
    labelled = {attrs.get("for") for attrs in page.of("label")}
    controls = [attrs for tag in ("input", "select", "textarea") for attrs in page.of(tag)]
    return [
        attrs.get("name", "?")
        for attrs in controls
        if attrs.get("type") not in ("hidden", "submit")
        and attrs.get("id") not in labelled
        and "aria-label" not in attrs
    ]


def test_public_pages(everything: Stage) -> None:
    found = pages(Client(), PUBLIC)
    wrong = faults(found) + unread(found)
    assert wrong == [], "\n".join(wrong)


def unread(found: list[tuple[str, str, str]]) -> list[str]:
    """What is too hard to read on public pages, stands twice under one name, or is not in the glossary it leads to."""
    glossary = Reader(next(html for language, path, html in found if path == "/glossary"))
    places = {attrs["id"] for attrs in glossary.of("div") if "id" in attrs}
    assert set(TERMS) <= places
    wrong = []
    for language, path, html in found:
        page, where = Reader(html), f"/{language}{path}"
        ids = [attrs["id"] for _tag, attrs in page.tags if "id" in attrs]
        wrong += [f"{where}: #{one} stands twice" for one in set(ids) if ids.count(one) > 1]
        links = {attrs["href"].partition("#")[2] for attrs in page.of("a") if "glossary#" in attrs.get("href", "")}
        wrong += [f"{where}: no explanation of {one}" for one in links - places]
        if not path.startswith(NOT_OURS):
            wrong += [f"{where}: {one}" for one in hardest(html)]
    return wrong


def test_pages_of_an_applicant(everything: Stage, signed_in) -> None:
    wrong = faults(pages(signed_in(everything.neu), APPLICANT))
    assert wrong == [], "\n".join(wrong)


def test_pages_after_a_refusal(everything: Stage, signed_in) -> None:
    pk = stage.submitted(everything.neu)
    reasons = ["adult", "identity_document", "residence"]
    judging.decide(application_id=pk, officer=everything.keys[0], outcome="refused", reasons=reasons, now=NOW)
    client = signed_in(everything.neu)
    wrong = faults(pages(client, ["/join/", "/join/appeal", "/account/"]))
    appeals.file(investor=everything.neu, words="違います。", now=NOW)
    wrong += faults(pages(client, ["/join/", "/account/"]))
    assert wrong == [], "\n".join(wrong)


def test_pages_of_a_citizen_who_is_verified_again(hanako, signed_in, monkeypatch) -> None:
    reverification.open_due(now=hanako.verified_until)
    client = signed_in(hanako)
    assert "6 steps left" in client.get("/en/join/").content.decode(), "filled in at the first look"
    wrong = faults(pages(client, ["/join/", "/join/residence", "/join/agreements", "/account/"]))
    page = client.get("/en/join/").content.decode()
    assert "Confirm your details" in page
    assert "6 steps left" in page
    assert client.get("/en/join/bank_account").status_code == 404
    monkeypatch.setattr(timezone, "now", lambda: hanako.verified_until)
    client = signed_in(hanako)  # the session of before has ended long ago
    wrong += faults(pages(client, ["/join/", "/account/"]))
    assert wrong == [], "\n".join(wrong)


def test_pages_show_what_changed_in_an_agreement(hanako, current, signed_in) -> None:
    stage.new_version("terms", 2)
    reverification.open_due(now=hanako.verified_until)
    client = signed_in(hanako)
    for path in ("/documents", "/join/agreements"):
        assert "<ins>New terms</ins>" in client.get(f"/en{path}").content.decode(), path
        assert "<strong>追加：</strong> <ins>新しい規約</ins>" in client.get(f"/ja{path}").content.decode(), path
    assert faults(pages(client, ["/documents", "/join/agreements"])) == []
    assert "<ins>" not in Client().get("/en/documents").content.decode()


@pytest.mark.parametrize("given", [{"citizenship": ["neither"]}, {"birth": "2010-05-05"}, {"residence": "FR"}])
def test_pages_of_somebody_who_cannot_take_part(keys, signed_in, given) -> None:
    person = stage.person("young@example.org")
    ((step, told),) = given.items()
    name = {"citizenship": "nations", "birth": "birth_date", "residence": "country"}[step]
    onboarding.save(investor=person, step=step, answers={name: told}, now=NOW)
    wrong = faults(pages(signed_in(person), ["/join/"]))
    assert wrong == [], "\n".join(wrong)


def test_pages_of_a_citizen(everything: Stage, signed_in) -> None:
    own = [f"/account/orders/{one.reference}" for one in (everything.order, everything.old_order)]
    wrong = faults(pages(signed_in(everything.hanako), CITIZEN + own))
    assert wrong == [], "\n".join(wrong)


@pytest.mark.django_db
def test_an_empty_fund_has_its_pages_too() -> None:
    empty = [path for path in PUBLIC if not re.search(r"JP-2026|PORT-1|terms/1", path)]
    wrong = faults(pages(Client(), empty))
    assert wrong == [], "\n".join(wrong)


def test_every_address_of_this_room_is_looked_at() -> None:
    """A page that is added must be added above as well."""
    from portal.web.urls import urlpatterns  # noqa: PLC0415

    seen = {re.sub(r"\?.*", "", path) for path in (*PUBLIC, *APPLICANT, *CITIZEN)}
    names = set()
    for path in seen:
        with translation.override("en"):
            names.add(get_resolver().resolve(f"/en{path}").url_name)
    acts = {
        "nav-csv",
        "returns-csv",
        "portfolio-csv",
        "ownership-csv",
        "leverage-csv",
        "stress-csv",
        "commitments-csv",
        "facilities-csv",
        "investment-csv",
        "demand",
        "join-submit",
        "join-document",
        "join-appeal",
        "join-again",
        "join-check",
        "proof-download",
        "own-document",
        "check-holding-script",
    }
    acts |= {"withdraw", "order", "order-state", "transactions-csv", "end-session", "bank-account-keep"}
    acts |= {"webhooks", "webhook-ping", "webhook-replay", "webhook-remove"}  # test_webhooks looks at them
    acts |= {"plan-change", "plan-accept", "plan-pause", "plan-go-on", "plan-end", "redemption-withdraw"}
    acts |= {"transfer-code", "transfer-accept", "transfer-decline", "transfer-withdraw", "transfer-deed"}
    acts |= {"transfer-deed-page"}
    acts |= {"recover-passkey"}  # opens at the end of a recovery only: test_recover_in_a_browser looks at it
    assert {one.name for one in urlpatterns} - names == acts


def test_the_checks_see_what_they_look_for() -> None:
    bad = '<html lang="ja"><a style="x">We have three words</a><script>1</script><img src="https://elsewhere.example/x.png"></html>'
    assert forbidden(bad) == [
        "style attribute on <a>",
        "inline script",
        "foreign source https://elsewhere.example/x.png",
    ]
    assert english(bad) == ["We have three words"]
    assert english('<p lang="en">We have three words</p><p>これはSHA-256です。</p>') == []
    assert "The fund" in translated()


@pytest.mark.django_db
def test_the_root_answers_in_the_language_of_the_browser() -> None:
    for accepts, goes_to in (("ja,en;q=0.5", "/ja/"), ("en-US", "/en/"), ("fr", "/en/")):
        answer = Client().get("/", headers={"accept-language": accepts})
        assert (answer.status_code, answer["Location"]) == (302, goes_to)


def test_the_switch_keeps_page_and_query(everything: Stage) -> None:
    html = Client().get("/en/fund/nav?class=JP").content.decode()
    links = {attrs.get("href") for attrs in Reader(html).of("a") if attrs.get("hreflang") == "ja"}
    assert links == {"/ja/fund/nav?class=JP"}
    back = Client().get("/ja/fund/nav?class=JP").content.decode()
    assert {attrs.get("href") for attrs in Reader(back).of("a") if attrs.get("hreflang") == "en"} == {
        "/en/fund/nav?class=JP"
    }


def test_a_page_is_made_once_for_many_strangers_and_not_sent_twice(
    everything: Stage, signed_in, django_assert_num_queries
) -> None:
    stranger = Client()
    first = stranger.get("/ja/fund/nav")
    with django_assert_num_queries(0):
        again = Client().get("/ja/fund/nav")
        assert again.content == first.content
        assert Client().get("/ja/fund/nav", headers={"if-none-match": first["ETag"]}).status_code == 304
    assert "Prices" in Client().get("/en/fund/nav").content.decode(), "each language is kept by itself"
    own = signed_in(everything.hanako).get("/ja/fund/nav").content.decode()
    assert "マイページ" in own
    assert "ログアウト" in own
    assert "ログアウト" not in Client().get("/ja/fund/nav").content.decode(), "nobody is shown another's page"


def test_prices_for_a_spreadsheet(everything: Stage) -> None:
    answer = Client().get(reverse("nav-csv", args=["JP"]))
    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert lines[0] == (
        "valuation_day,version,class,currency,price,units,value,usd_jpy,published_at,corrects_version,error_percent"
    )
    assert [line.split(",")[0] for line in lines[1:]] == ["2026-10-30", "2026-09-30", "2026-08-31"]


@pytest.mark.django_db
def test_security_txt() -> None:
    text = Client().get("/.well-known/security.txt").content.decode()
    fields = dict(line.split(": ", 1) for line in text.splitlines())
    assert fields["Expires"] == "2027-05-19T03:00:00Z"
    assert fields["Preferred-Languages"] == "en, ja"
    assert fields["Canonical"] == "http://testserver/.well-known/security.txt"


@pytest.mark.django_db
def test_error_pages() -> None:
    client = Client(raise_request_exception=False)
    for language, words in (("en", "This page does not exist"), ("ja", "このページは存在しません")):
        answer = client.get(f"/{language}/no/such/page")
        assert answer.status_code == 404
        assert words in answer.content.decode()
        assert forbidden(answer.content.decode()) == []
    refused = Client(enforce_csrf_checks=True).post("/ja/account/login/", {"login": "x"})
    assert refused.status_code == 403
    assert "送信内容を受け付けられませんでした" in refused.content.decode()
    bad = client.get("/en/", headers={"host": "evil.example"})
    assert bad.status_code == 400
    assert "リクエストを理解できませんでした" in bad.content.decode()


@pytest.mark.django_db
def test_a_fault_of_ours_says_so_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("as planned")

    monkeypatch.setattr("fund.nav.strike.latest", broken)
    answer = Client(raise_request_exception=False).get("/en/")
    html = answer.content.decode()
    assert answer.status_code == 500
    assert "Something went wrong on our side" in html
    assert "システムに問題が発生しました" in html
    assert "as planned" not in html
