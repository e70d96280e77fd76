"""From the sign-up page to the account, by the code in the mail; and signing in again."""

import re

import pytest
from django.core import mail
from django.test import Client

from fund.governance.officers import Officer
from portal.accounts import User
from tests.portal.web import stage
from tests.portal.web.reading import english, forbidden

PASSWORD = "a long enough passphrase"


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_whole_way(language: str) -> None:
    client = Client()
    sent = {"email": "Sachiko@example.org", "password1": PASSWORD, "password2": PASSWORD}
    answer = client.post(f"/{language}/account/signup/", sent, follow=True)
    page = answer.content.decode()
    assert 'name="code"' in page
    assert forbidden(page) == []
    assert language == "en" or english(page) == []
    (letter,) = mail.outbox
    assert "http" not in letter.body
    found = re.search(r"^[A-Z0-9-]{5,9}$", letter.body, re.MULTILINE)
    assert found, letter.body
    answer = client.post(f"/{language}/account/confirm-email/", {"code": found[0]}, follow=True)
    assert answer.redirect_chain[-1][0] == f"/{language}/account/2fa/", "the second factor comes next"
    assert User.objects.get().language == language


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "words"), [("en", "Please check what you entered"), ("ja", "入力内容をご確認ください")]
)
def test_errors_are_summed_up(language: str, words: str) -> None:
    answer = Client().post(f"/{language}/account/signup/", {"email": "x", "password1": "short", "password2": "other"})
    html = answer.content.decode()
    assert words in html
    assert html.count('aria-invalid="true"') >= 2
    assert language == "en" or english(html) == []


@pytest.mark.django_db
def test_an_address_that_is_taken_is_not_given_away() -> None:
    stage.person("known@example.org")
    sent = {"password1": PASSWORD, "password2": PASSWORD}
    answers = [
        Client().post("/en/account/signup/", {"email": email, **sent})
        for email in ("known@example.org", "new@example.org")
    ]
    assert [(one.status_code, one["Location"]) for one in answers] == [(302, "/en/account/confirm-email/")] * 2
    to_known = next(letter for letter in mail.outbox if letter.to == ["known@example.org"])
    assert "http" not in to_known.body


@pytest.mark.django_db
def test_signing_in_leads_to_the_account() -> None:
    stage.person("known@example.org", password=PASSWORD, second_factor=False)
    client = Client()
    answer = client.post("/ja/account/login/", {"login": "known@example.org", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/ja/account/")


def test_an_officer_has_other_pages(keys: tuple[Officer, Officer]) -> None:
    client = Client()
    client.force_login(keys[0].user)
    answer = client.get("/en/account/")
    assert (answer.status_code, answer["Location"]) == (302, "/en/officers/")
    assert not hasattr(User.objects.get(pk=keys[0].user_id), "investor"), "looking at a page makes nobody an applicant"
