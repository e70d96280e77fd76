"""Who may enter the officers' site, and with what."""

from django.test import Client

from tests.portal.officers.conftest import sign_in

DESK = "/en/officers/"


def test_anonymous_is_sent_to_sign_in(db):
    answer = Client().get(DESK, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/en/account/login/?next=")


def test_an_officer_enters_with_both_factors(american):
    assert sign_in(american.user).get(DESK).status_code == 200
