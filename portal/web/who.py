"""Who asks. The decorators of portal.access have let nobody else in before a view looks here."""

from django.http import HttpRequest

from investors.people import Investor
from portal.accounts import User


def user(request: HttpRequest) -> User:
    """Somebody who has signed in."""
    assert isinstance(request.user, User)
    return request.user


def citizen(request: HttpRequest) -> Investor:
    """A citizen whose application was approved."""
    found: Investor = user(request).investor
    return found


def holder_id(request: HttpRequest) -> int:
    """The holder behind an approved citizen."""
    found = citizen(request).holder_id
    assert isinstance(found, int)
    return found
