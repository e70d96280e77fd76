"""Which account a government identity belongs to. Only its owner connects it, signed in and freshly proved."""

from datetime import datetime

from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from fund.refusal import Refusal
from portal import security
from portal.accounts import User
from portal.government_id.oidc import Identity
from portal.security import Change


class NotConnected(Refusal):
    """No account has this identity; none is made and none is looked for by anything else, an e-mail address least."""

    code = "not_connected"


class BelongsToAnother(Refusal):
    """The identity is connected to another account, or the account has another identity of this provider."""

    code = "belongs_to_another"


def find(*, provider: str, identity: Identity) -> User:
    """The account that an identity is connected to; the levels of this time are kept. Raises NotConnected."""
    found = SocialAccount.objects.select_related("user").filter(provider=provider, uid=identity.subject).first()
    if found is None:
        raise NotConnected(_("This identity is not connected to an account."))
    found.extra_data = _kept(identity)
    found.save(update_fields=["extra_data", "last_login"])
    user: User = found.user
    return user


@transaction.atomic
def connect(*, user: User, provider: str, identity: Identity, now: datetime) -> None:
    """Connect an identity to an account; the same again changes nothing. Raises BelongsToAnother."""
    User.objects.select_for_update().get(pk=user.pk)
    if SocialAccount.objects.filter(user=user, provider=provider, uid=identity.subject).exists():
        return
    if SocialAccount.objects.filter(user=user, provider=provider).exists():
        raise BelongsToAnother(_("Your account has another identity of this provider. Remove that one first."))
    try:
        with transaction.atomic():
            SocialAccount.objects.create(user=user, provider=provider, uid=identity.subject, extra_data=_kept(identity))
    except IntegrityError:
        raise BelongsToAnother(_("This identity is connected to another account.")) from None
    _tell(user, provider, Change.GOVERNMENT_ID_CONNECTED, now)


@transaction.atomic
def disconnect(*, user: User, provider: str, now: datetime) -> None:
    """Take an identity off an account; nothing happens where there is none."""
    if SocialAccount.objects.filter(user=user, provider=provider).delete()[0]:
        _tell(user, provider, Change.GOVERNMENT_ID_DISCONNECTED, now)


def connected(*, user: User) -> set[str]:
    """The providers that an account is connected with."""
    return set(SocialAccount.objects.filter(user=user).values_list("provider", flat=True))


def _kept(identity: Identity) -> dict[str, list[str]]:
    return {"acr": sorted(identity.levels)}


def _tell(user: User, provider: str, change: str, now: datetime) -> None:
    security.changed(user_id=user.pk, change=change, now=now, provider=provider)
