"""Asking to redeem units: what reception asks of a citizen before the vault takes the request (D31, decision 37)."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from fund.redemption import request
from fund.redemption.models import Redemption
from fund.refusal import Refusal
from investors import tax_status
from investors.people import Investor


class NotCertified(Refusal):
    """The United States ask for a part of the proceeds to be withheld (IRC §3406), which is not done for sales."""

    code = "number_not_certified"


def place(
    *, investor: Investor, class_code: str, units: int, key: str, now: datetime, received_at: datetime | None = None
) -> Redemption:
    """Ask to redeem smallest units, as ``fund.redemption.request.place``, which says what else is refused.

    Raises NotCertified of a US person whose taxpayer number is not certified.
    """
    if tax_status.is_backup_withheld(investor=investor, now=now):
        raise NotCertified(
            _(
                "The United States ask us to withhold a part of what we pay to somebody without a certified taxpayer"
                " number. We cannot do that for redemptions yet. Confirm your details and certify your number first."
            )
        )
    assert investor.holder_id is not None
    return request.place(
        class_code=class_code, holder_id=investor.holder_id, units=units, key=key, now=now, received_at=received_at
    )
