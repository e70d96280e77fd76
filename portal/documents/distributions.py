"""The notice of each distribution (支払通知): what was paid for which units, what was withheld by which rate (D45–D48).

A distribution and those that correct it, one after the other, are one subject: every correction that concerns a citizen
is another version of the notice, which says what has changed.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.distribution import withholding
from fund.distribution.models import Distribution
from fund.distribution.statement import Given
from fund.distribution.withholding import JpBasis, UsBasis
from fund.ledger.models import Entitlement
from investors.people import Investor
from portal.archive import Kind
from portal.documents import making
from portal.documents.making import Both, Layout, Part, both, row
from portal.documents.orders import head
from portal.templatetags import figures

# Citizens of a range with fewer notices than links of the chain that concern them: that gave them something, or took
# something back.
WITHOUT = """
    SELECT i.id, array_agg(DISTINCT v.place ORDER BY v.place),
           (SELECT count(*) FROM portal_paper p
             WHERE (p.investor_id, p.kind, p.subject) = (i.id, 'distribution', %(subject)s)) AS given
      FROM (SELECT e.holder_id, c.place - CASE WHEN e.reversal THEN 0 ELSE 1 END AS place
              FROM fund_entitlement e
              JOIN unnest(%(chain)s::bigint[]) WITH ORDINALITY c(id, place) ON c.id = e.distribution_id
             WHERE e.holder_id BETWEEN %(first)s AND %(last)s
               AND NOT (e.reversal AND c.id = %(newest)s)  -- by one that has its own note
           ) v
      JOIN investors_investor i USING (holder_id)
     GROUP BY i.id
    HAVING count(DISTINCT v.place) > (SELECT count(*) FROM portal_paper p
             WHERE (p.investor_id, p.kind, p.subject) = (i.id, 'distribution', %(subject)s))
     ORDER BY i.id LIMIT %(most)s
"""


def chain(one: Distribution) -> list[Distribution]:
    """A distribution and all that it corrects, the first one first."""
    found = [one]
    while found[0].corrects is not None:
        found.insert(0, found[0].corrects)
    return found


def notices(*, distribution_id: int, first_holder: int, last_holder: int, now: datetime) -> int:
    """Some notices of a range of citizens whose distribution was booked; call it until it makes none."""
    links = chain(Distribution.objects.select_related("unit_class").get(pk=distribution_id))
    subject = f"{links[0].unit_class_id}-{links[0].pk}"
    keys = [link.pk for link in links]
    with connection.cursor() as cursor:
        cursor.execute(
            WITHOUT,
            {
                "chain": keys,
                "newest": keys[-1],
                "subject": subject,
                "first": first_holder,
                "last": last_holder,
                "most": making.AT_ONCE,
            },
        )
        found = [(investor, places[given]) for investor, places, given in cursor.fetchall()]
    investors = Investor.objects.in_bulk([investor for investor, _place in found])
    holders = [one.holder_id for one in investors.values()]
    rows = Entitlement.objects.filter(holder__in=holders, distribution_id__in=keys, reversal=False)
    entries = {(one.holder_id, one.distribution_id): one for one in rows.select_related("batch")}

    def given(investor: Investor, place: int) -> Given | None:
        entry = entries.get((investor.holder_id or 0, links[place].pk)) if place >= 0 else None
        return Given(links[place], entry, corrected=False) if entry else None

    layouts = [
        _notice(one, subject, links[place], given(one, place), given(one, place - 1), corrects=place > 0)
        for key, place in found
        for one in [investors[key]]
    ]
    return making.issue(layouts, now=now)


def _notice(
    investor: Investor, subject: str, of: Distribution, given: Given | None, before: Given | None, *, corrects: bool
) -> Layout:
    lead = [_("Income of the fund has been distributed. This is your part.")]
    if corrects:
        lead = [
            _("A distribution was corrected. This notice takes the place of the one before; nothing is asked back.")
        ]
    if given is None:
        lead.append(_("You held no units at the end of the right record day."))
    items = [*_about(of), *(_items(given) if given else [])]
    parts = [Part(both(_("The distribution")), head(), rows=[row(label, write) for label, write in items])]
    if corrects:
        parts.append(_changed(given, before))
    return Layout(
        owner=investor,
        kind=Kind.DISTRIBUTION,
        subject=subject,
        title=both(Kind.DISTRIBUTION.label),
        lead=[both(one) for one in lead],
        parts=parts,
    )


type Item = tuple[Any, Callable[[], str]]


def _about(of: Distribution) -> list[Item]:
    items: list[Item] = [
        (_("Class"), lambda: str(of.unit_class.get_code_display())),
        (_("Record day"), lambda: figures.day(of.record_day)),
        (_("Pay day"), lambda: figures.day(of.pay_day)),
        (_("Paid for a lot"), lambda: figures.paid_for_a_lot(of.per_lot, of.unit_class)),
    ]
    if of.ex_price is not None:
        ex_price = of.unit_class.price(of.ex_price)
        items.append((_("Price without it"), lambda: figures.quoted(ex_price, of.unit_class)))
    return items


def _items(given: Given) -> list[Item]:
    """Everything that stands in an entry, each with how it is written."""
    of, entry = given.distribution, given.entry
    by = withholding.rates(at=calendars.books_open(of.pay_day))

    def taxed(label: Any, money: Any, rate: Any, why: Any) -> Item:
        return label, lambda: f"{figures.money(money)} ({figures.percentage(_percent(rate), 3)}, {why})"

    items: list[Item] = [
        (_("Units on the record day"), lambda: figures.units(entry.units, of.unit_class)),
        (_("Before taxes"), lambda: figures.money(given.gross)),
        (_("Ordinary part (income)"), lambda: figures.money(given.ordinary)),
        (_("Return of your own money"), lambda: figures.money(given.returned)),
    ]
    if given.us_basis != UsBasis.NOT_TAXED:
        why = given.us_basis.label
        items.append(taxed(_("Withheld for the United States"), given.us, by.us(given.us_basis), why))
    if given.jp_basis != JpBasis.NOT_TAXED:
        why = given.jp_basis.label
        items += [
            taxed(_("Withheld for Japan’s income tax"), given.national, by.national(given.jp_basis), why),
            taxed(_("Withheld for Japan’s local taxes"), given.local, by.local(given.jp_basis), why),
        ]
    items.append((_("After taxes"), lambda: figures.money(given.net)))
    if given.reinvested:
        assert of.price is not None
        price = of.unit_class.price(of.price)
        items += [
            (_("Reinvested at"), lambda: figures.quoted(price, of.unit_class)),
            (_("Units bought"), lambda: figures.units(entry.bought, of.unit_class)),
            (_("Left over by rounding"), lambda: figures.money(of.money(entry.rounding))),
        ]
    return items


def _percent(rate: Fraction) -> Decimal:
    return Decimal(rate.numerator * 100) / rate.denominator


def _changed(given: Given | None, before: Given | None) -> Part:
    was, now = (dict(_written(one)) for one in (before, given))
    nothing = both("–")
    table = [
        [label, was.get(key, (label, nothing))[1], now.get(key, (label, nothing))[1]]
        for key in dict.fromkeys([*was, *now])
        for label in [(was.get(key) or now[key])[0]]
        if was.get(key) != now.get(key)
    ]
    names = (_("Item"), _("Before"), _("Now"))
    return Part(both(_("What has changed")), [both(name) for name in names], table=table)


def _written(given: Given | None) -> list[tuple[str, tuple[Both, Both]]]:
    if given is None:
        return []
    items = [*_about(given.distribution), *_items(given)]
    return [(told["en"], (told, both(write))) for label, write in items if (told := both(label))]
