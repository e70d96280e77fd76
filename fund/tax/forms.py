"""What stands in each form (D48), and where each figure comes from: entries of the book, summed over a year.

A distribution belongs to the year of its pay day, whenever its entries were booked: one that is corrected later changes
the year in which it was paid, so that the year has another version. A redemption is a sale: for the United States on
its dealing day, for Japan on the day in Tokyo on which the units left; what a corrected price made good belongs to it.
Amounts are minor units of the class's currency.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.utils.translation import gettext_lazy as _

from fund.tax.models import Form


class As(Enum):
    """How a value is read: money of the line's currency or in USD cents, smallest units, unit-days, an ISO day, how
    long something was held, or as it stands."""

    MONEY = "money"
    CENTS = "cents"
    UNITS = "units"
    DAYS = "days"
    DAY = "day"
    TERM = "term"
    TEXT = "text"


@dataclass(frozen=True)
class Field:
    """A field of a form: its key in a line, which is the box where the form numbers its boxes, and what it is."""

    key: str
    label: Any
    read: As = As.MONEY


# Box numbers and names: Form 1099-DIV and its instructions (IRS, Rev. January 2024). The fund designates no capital
# gain distributions (box 2), which regulated investment companies alone do, and pays no exempt interest (12).
DIV = [
    Field("1a", _("Total ordinary dividends")),
    Field("1b", _("Qualified dividends")),
    Field("3", _("Nondividend distributions")),
    Field("4", _("Federal income tax withheld")),
    Field("7", _("Foreign tax paid")),
    Field("8", _("Foreign country or U.S. possession"), As.TEXT),
]
# Form 1042-S and its instructions (IRS, 2025). Income code 06 is a dividend, 37 a return of capital; exemption code 00
# where tax was withheld, 02 where the Code exempts it (section 301(c)(2)); status code 16 is an individual. The form
# wants whole dollars; they are made where a file for the IRS is, from these cents.
FOREIGN = [
    Field("1", _("Income code"), As.TEXT),
    Field("2", _("Gross income")),
    Field("3a", _("Chapter 3 exemption code"), As.TEXT),
    Field("3b", _("Chapter 3 tax rate"), As.TEXT),
    Field("7a", _("Federal tax withheld")),
    Field("13f", _("Chapter 3 status code of the recipient"), As.TEXT),
]
# Named after 特定口座年間取引報告書 (国税庁、令和7年分の法定調書の作成と提出の手引), of which the fund has the
# distributions: 配当等の額, 源泉徴収税額 (所得税), 配当割額 (住民税), 特別分配金の額, 外国所得税の額; and of
# redemptions, where there were some: 譲渡の対価の額 (収入金額), 取得費及び譲渡に要した費用の額等, 差引金額
# (譲渡所得等の金額). The fund keeps no 特定口座: it withholds nothing from a sale (decision 37).
ANNUAL = [
    Field("dividends", _("Distributions (ordinary part)")),
    Field("income_tax", _("Income tax withheld")),
    Field("local_tax", _("Local tax withheld (dividend levy)")),
    Field("special", _("Special distributions (return of capital)")),
    Field("foreign_tax", _("Foreign income tax")),
    Field("units", _("Units at the end of the year"), As.UNITS),
    Field("sale_proceeds", _("Proceeds of redemptions")),
    Field("sale_costs", _("Acquisition cost and charges of redemptions")),
    Field("sale_gain", _("Gain or loss of redemptions (proceeds less costs)")),
]
# What Treas. Reg. §1.1295-1(g)(1) wants of the statement of a passive foreign investment company; the shares are those
# of IRC §1293(b), day by day.
PFIC = [
    Field("ordinary", _("Pro rata share of ordinary earnings"), As.CENTS),
    Field("gain", _("Pro rata share of net capital gain"), As.CENTS),
    Field("distributed", _("Distributed in the year, in cash or units")),
    Field("unit_days", _("Units held, times the days"), As.DAYS),
]
# Form 1099-B and its instructions (IRS, 2025). A line is what one window redeemed of what was held for more than a
# year, or of the rest, first in, first out. The charge of early redemption is taken off the proceeds, as box 6 says,
# and belongs to units held for less than a year. The average cost is told, not reported as basis: box 12 stays empty,
# and box 5 is marked (decision 37).
SALES = [
    Field("1a", _("Units redeemed"), As.UNITS),
    Field("1b", _("Date acquired"), As.TEXT),
    Field("1c", _("Date sold"), As.DAY),
    Field("1d", _("Proceeds")),
    Field("1e", _("Cost or other basis")),
    Field("2", _("Type of gain or loss"), As.TERM),
    Field("4", _("Federal income tax withheld")),
    Field("5", _("Noncovered security"), As.TEXT),
    Field("6", _("Reported to IRS"), As.TEXT),
    Field("12", _("Basis reported to IRS"), As.TEXT),
    Field("charge", _("Charge of early redemption, already taken off the proceeds")),
]
FIELDS: dict[Form, list[Field]] = {
    Form.DIV: DIV,
    Form.FOREIGN: FOREIGN,
    Form.ANNUAL: ANNUAL,
    Form.PFIC: PFIC,
    Form.SALES: SALES,
}

# Which field of which form says what was withheld and stands on an account of the ledger.
WITHHELD = {
    "withheld_us": [(Form.DIV, "4"), (Form.FOREIGN, "7a")],
    "withheld_national": [(Form.ANNUAL, "income_tax")],
    "withheld_local": [(Form.ANNUAL, "local_tax")],
}

# Which fields of which form say what was redeemed of those whom it is about, before the charge.
REDEEMED = {
    "redeemed_us": [(Form.SALES, "1d"), (Form.SALES, "charge")],
    "redeemed_jp": [(Form.ANNUAL, "sale_proceeds")],
}

# The entries of a range of holders that belong to a year, those that were taken back with a minus.
GIVEN = """
    SELECT e.holder_id, e.distribution_id, d.unit_class_id, c.currency, e.us_basis, e.jp_basis,
           sign * (e.gross - e.returned) AS ordinary, sign * e.returned AS returned, sign * e.gross AS gross,
           sign * e.us AS us, sign * e.national AS national, sign * e.local AS local
      FROM fund_entitlement e
      JOIN fund_distribution d ON d.id = e.distribution_id
      JOIN fund_unitclass c ON c.code = d.unit_class_id
     CROSS JOIN LATERAL (SELECT CASE WHEN e.reversal THEN -1 ELSE 1 END AS sign) s
     WHERE e.holder_id BETWEEN %(first)s AND %(last)s AND d.pay_day BETWEEN %(from)s AND %(to)s
"""
# What came to a holder's units and went from them before the end of the year, by day; all before the year as its first.
MOVED = """
    SELECT l.holder_id, substr(a.code, 7) AS unit_class_id,
           greatest((l.effective_at AT TIME ZONE 'UTC')::date, %(from)s) AS day,
           sum(CASE l.credit_id WHEN a.id THEN l.amount ELSE -l.amount END) AS units
      FROM fund_leg l
      JOIN fund_account a ON a.id IN (l.debit_id, l.credit_id) AND a.code LIKE 'units:%%'
     WHERE l.holder_id BETWEEN %(first)s AND %(last)s AND l.phase IN (0, 2)
       AND l.effective_at < (%(to)s + 1)::timestamp AT TIME ZONE 'UTC'
     GROUP BY 1, 2, 3
"""

DIV_LINES = f"""
    SELECT holder_id, unit_class_id AS place,
           jsonb_build_object('class', unit_class_id, 'currency', currency, '1a', sum(ordinary),
               '1b', div(sum(ordinary)::numeric * %(qualified_n)s, %(qualified_d)s), '3', sum(returned), '4', sum(us),
               '7', sum(national + local), '8', CASE WHEN sum(national + local) > 0 THEN 'JP' ELSE '' END) AS line
      FROM ({GIVEN}) g WHERE us_basis IN (1, 2)
     GROUP BY 1, unit_class_id, currency HAVING sum(gross) <> 0
"""
# A form for each rate, and one for what is a return of capital.
FOREIGN_LINES = f"""
    SELECT holder_id, unit_class_id || code || rate AS place,
           jsonb_build_object('class', unit_class_id, 'currency', currency, '1', code, '2', sum(gross),
               '3a', CASE code WHEN '37' THEN '02' ELSE '00' END, '3b', rate, '7a', sum(us),
               '13f', CASE kind WHEN 'citizen' THEN '16' ELSE '' END) AS line
      FROM (SELECT g.holder_id, g.unit_class_id, g.currency, h.kind, p.code, p.gross, p.us, p.rate
              FROM ({GIVEN}) g
              JOIN fund_holder h ON h.id = g.holder_id
             CROSS JOIN LATERAL (VALUES
                  ('06', g.ordinary, g.us, %(rates)s::jsonb -> g.distribution_id::text ->> g.us_basis::text),
                  ('37', g.returned, 0, '0.00')) p(code, gross, us, rate)
             WHERE g.us_basis IN (3, 4)) f
     GROUP BY 1, 2, unit_class_id, currency, code, rate, kind HAVING sum(gross) <> 0
"""
# Redemptions of a range of holders, each with what a corrected price made good of it.
SOLD = """
    SELECT l.holder_id, l.window_id, w.unit_class_id, c.currency, w.dealing_day, l.filled, l.long_units, l.charge,
           l.cost, l.gross + coalesce(m.amount, 0) AS gross, l.us_person, l.jp_resident,
           (l.settled_at AT TIME ZONE 'Asia/Tokyo')::date AS left_on
      FROM fund_redemptionline l
      JOIN fund_redemptionwindow w ON w.code = l.window_id
      JOIN fund_unitclass c ON c.code = w.unit_class_id
      LEFT JOIN LATERAL (SELECT sum(t.amount)::bigint AS amount FROM fund_transfer t
                          WHERE t.event_id = l.id AND t.event = 15) m ON true
     WHERE l.holder_id BETWEEN %(first)s AND %(last)s AND l.settled_at IS NOT NULL AND l.filled > 0
"""
SALES_LINES = f"""
    SELECT holder_id, s.window_id || term AS place,
           jsonb_build_object('class', unit_class_id, 'currency', currency, 'window', s.window_id, '1a', p.units,
               '1b', 'VARIOUS', '1c', dealing_day, '1d', p.gross - p.charge, '1e', p.cost, '2', term, '4', 0, '5', 'X',
               '6', 'NET', '12', '', 'charge', p.charge) AS line
      FROM ({SOLD}) s
     CROSS JOIN LATERAL (SELECT div(s.gross::numeric * long_units, filled) AS gross,
                                div(s.cost::numeric * long_units, filled) AS cost) l
     CROSS JOIN LATERAL (VALUES ('long', long_units, l.gross, l.cost, 0),
                                ('short', filled - long_units, s.gross - l.gross, s.cost - l.cost, s.charge)
                        ) p(term, units, gross, cost, charge)
     WHERE us_person AND dealing_day BETWEEN %(from)s AND %(to)s AND p.units > 0
"""
ANNUAL_LINES = f"""
    SELECT holder_id, unit_class_id AS place,
           jsonb_build_object('class', unit_class_id, 'currency', currency, 'dividends', coalesce(ordinary, 0),
               'income_tax', coalesce(national, 0), 'local_tax', coalesce(local, 0), 'special', coalesce(returned, 0),
               'foreign_tax', coalesce(us, 0), 'units', coalesce(u.units, 0))
           || CASE WHEN proceeds IS NULL THEN '{{}}' ELSE jsonb_build_object('sale_proceeds', proceeds,
               'sale_costs', costs, 'sale_gain', proceeds - costs) END AS line
      FROM (SELECT holder_id, unit_class_id, currency, sum(ordinary) AS ordinary, sum(national) AS national,
                   sum(local) AS local, sum(returned) AS returned, sum(us) AS us
              FROM ({GIVEN}) g WHERE jp_basis IN (1, 2) GROUP BY 1, 2, 3 HAVING sum(gross) <> 0) g
      FULL JOIN (SELECT holder_id, unit_class_id, currency, sum(gross) AS proceeds, sum(cost + charge) AS costs
                   FROM ({SOLD}) s WHERE jp_resident AND left_on BETWEEN %(from)s AND %(to)s GROUP BY 1, 2, 3) s
          USING (holder_id, unit_class_id, currency)
      LEFT JOIN (SELECT holder_id, unit_class_id, sum(units) AS units FROM ({MOVED}) m GROUP BY 1, 2) u
          USING (holder_id, unit_class_id)
"""
# ``factors``: by class and day, what a unit held from that day to the end of the year has of all earnings (``pfic``).
PFIC_LINES = f"""
    SELECT holder_id, unit_class_id AS place,
           jsonb_build_object('class', unit_class_id, 'currency', c.currency,
               'ordinary', floor(h.part * %(ordinary)s), 'gain', floor(h.part * %(gain)s),
               'distributed', coalesce(d.gross, 0), 'unit_days', h.unit_days) AS line
      FROM (SELECT m.holder_id, m.unit_class_id, sum(m.units * (%(to)s - m.day + 1)) AS unit_days,
                   sum(m.units * f.factor) AS part
              FROM ({MOVED}) m
              JOIN jsonb_to_recordset(%(factors)s::jsonb) f(unit_class text, day date, factor numeric)
                ON (f.unit_class, f.day) = (m.unit_class_id, m.day)
             GROUP BY 1, 2 HAVING sum(m.units * (%(to)s - m.day + 1)) > 0) h
      JOIN fund_unitclass c ON c.code = h.unit_class_id
      JOIN fund_taxstatus t USING (holder_id)
      LEFT JOIN (SELECT holder_id, unit_class_id, sum(gross) AS gross FROM ({GIVEN}) g GROUP BY 1, 2) d
          USING (holder_id, unit_class_id)
     WHERE t.us_person AND %(pfic)s
"""
LINES: dict[Form, str] = {
    Form.DIV: DIV_LINES,
    Form.FOREIGN: FOREIGN_LINES,
    Form.ANNUAL: ANNUAL_LINES,
    Form.PFIC: PFIC_LINES,
    Form.SALES: SALES_LINES,
}
