"""What stands in each form (D48), and where each figure comes from: entries of the book, summed over a year.

A distribution belongs to the year of its pay day, whenever its entries were booked: one that is corrected later changes
the year in which it was paid, so that the year has another version. Amounts are minor units of the class's currency.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.utils.translation import gettext_lazy as _

from fund.tax.models import Form


class As(Enum):
    """How a value is read: money of the line's currency or in USD cents, smallest units, unit-days, or as it stands."""

    MONEY = "money"
    CENTS = "cents"
    UNITS = "units"
    DAYS = "days"
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
# distributions alone: 配当等の額, 源泉徴収税額 (所得税), 配当割額 (住民税), 特別分配金の額, 外国所得税の額.
# Units cannot be sold back yet, so there is no 譲渡の対価の額.
ANNUAL = [
    Field("dividends", _("Distributions (ordinary part)")),
    Field("income_tax", _("Income tax withheld")),
    Field("local_tax", _("Local tax withheld (dividend levy)")),
    Field("special", _("Special distributions (return of capital)")),
    Field("foreign_tax", _("Foreign income tax")),
    Field("units", _("Units at the end of the year"), As.UNITS),
]
# What Treas. Reg. §1.1295-1(g)(1) wants of the statement of a passive foreign investment company; the shares are those
# of IRC §1293(b), day by day.
PFIC = [
    Field("ordinary", _("Pro rata share of ordinary earnings"), As.CENTS),
    Field("gain", _("Pro rata share of net capital gain"), As.CENTS),
    Field("distributed", _("Distributed in the year, in cash or units")),
    Field("unit_days", _("Units held, times the days"), As.DAYS),
]
FIELDS: dict[Form, list[Field]] = {Form.DIV: DIV, Form.FOREIGN: FOREIGN, Form.ANNUAL: ANNUAL, Form.PFIC: PFIC}

# Which field of which form says what was withheld and stands on an account of the ledger.
WITHHELD = {
    "withheld_us": [(Form.DIV, "4"), (Form.FOREIGN, "7a")],
    "withheld_national": [(Form.ANNUAL, "income_tax")],
    "withheld_local": [(Form.ANNUAL, "local_tax")],
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
ANNUAL_LINES = f"""
    SELECT g.holder_id, g.unit_class_id AS place,
           jsonb_build_object('class', g.unit_class_id, 'currency', currency, 'dividends', sum(ordinary),
               'income_tax', sum(national), 'local_tax', sum(local), 'special', sum(returned), 'foreign_tax', sum(us),
               'units', coalesce(max(u.units), 0)) AS line
      FROM ({GIVEN}) g
      LEFT JOIN (SELECT holder_id, unit_class_id, sum(units) AS units FROM ({MOVED}) m GROUP BY 1, 2) u
          USING (holder_id, unit_class_id)
     WHERE jp_basis IN (1, 2)
     GROUP BY 1, g.unit_class_id, currency HAVING sum(gross) <> 0
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
}
