"""Recompute released years of tax from the entries, with SQL that shares nothing with their making (D39, D48)."""

from fund.governance.checks import Check, compare

# By year, holder, class and field: what the entries of distributions with a pay day in the year come to.
ENTRIES = """
    SELECT extract(year FROM d.pay_day)::int AS year, e.holder_id, d.unit_class_id AS class,
           sum(CASE WHEN e.reversal THEN -e.gross ELSE e.gross END) FILTER (WHERE e.us_basis > 0) AS us_gross,
           coalesce(sum(CASE WHEN e.reversal THEN -e.us ELSE e.us END), 0) AS us,
           sum(CASE WHEN e.reversal THEN -e.gross ELSE e.gross END) FILTER (WHERE e.jp_basis > 0) AS jp_gross,
           coalesce(sum(CASE WHEN e.reversal THEN -e.national ELSE e.national END), 0) AS national,
           coalesce(sum(CASE WHEN e.reversal THEN -e.local ELSE e.local END), 0) AS local
      FROM fund_entitlement e JOIN fund_distribution d ON d.id = e.distribution_id
     GROUP BY 1, 2, 3
"""
TOLD = """
    SELECT year, holder_id, line ->> 'class' AS class,
           sum(CASE form WHEN '1099-div' THEN (line ->> '1a')::bigint + (line ->> '3')::bigint
                         WHEN '1042-s' THEN (line ->> '2')::bigint END) AS us_gross,
           coalesce(sum(CASE form WHEN '1099-div' THEN (line ->> '4')::bigint
                                  WHEN '1042-s' THEN (line ->> '7a')::bigint END), 0) AS us,
           sum(CASE form WHEN 'annual-report' THEN (line ->> 'dividends')::bigint + (line ->> 'special')::bigint
               END) AS jp_gross,
           coalesce(sum(CASE form WHEN 'annual-report' THEN (line ->> 'income_tax')::bigint END), 0) AS national,
           coalesce(sum(CASE form WHEN 'annual-report' THEN (line ->> 'local_tax')::bigint END), 0) AS local
      FROM (SELECT DISTINCT ON (y.year, s.form, s.holder_id) y.year, s.form, s.holder_id, s.lines
              FROM fund_taxstatement s JOIN fund_taxyear y ON y.id = s.tax_year_id AND y.state = 'released'
             WHERE s.form <> 'pfic' ORDER BY y.year, s.form, s.holder_id, y.version DESC) s
     CROSS JOIN LATERAL jsonb_array_elements(s.lines) AS one(line)
     GROUP BY 1, 2, 3
"""


def prove() -> list[Check]:
    """Every recomputation of this room; without released years it is clean."""
    return [statements_follow_from_entries(), sales_follow_from_the_book(), years_are_as_approved()]


def statements_follow_from_entries() -> Check:
    """Of each released year every holder's statements say what the entries do: paid, returned and withheld together.

    A correction that was booked after the last release is found here until the year has its next version.
    """
    return compare(
        "statements of released years say what the entries do",
        rows="SELECT count(*) FROM fund_taxstatement",
        differences=f"""
            SELECT 'year ' || coalesce(e.year, t.year) || ' holder ' || coalesce(e.holder_id, t.holder_id)
                   || ' class ' || coalesce(e.class, t.class)
              FROM (SELECT * FROM ({ENTRIES}) e
                     WHERE year IN (SELECT year FROM fund_taxyear WHERE state = 'released')) e
              FULL JOIN ({TOLD}) t USING (year, holder_id, class)
             WHERE (coalesce(e.us_gross, 0), coalesce(e.us, 0), coalesce(e.jp_gross, 0), coalesce(e.national, 0),
                    coalesce(e.local, 0))
                   <> (coalesce(t.us_gross, 0), coalesce(t.us, 0), coalesce(t.jp_gross, 0), coalesce(t.national, 0),
                       coalesce(t.local, 0))
        """,
    )


# By year, holder and class: what the entries of redemptions have paid to US persons (by the dealing day) and to
# residents of Japan (by the day in Tokyo), net of charges, and what left of the cost.
SOLD = """
    SELECT year, x.holder_id, w.unit_class_id AS class, sum(paid) FILTER (WHERE side = 'us') AS us,
           sum(x.cost) FILTER (WHERE side = 'us') AS us_cost, sum(paid - x.cost) FILTER (WHERE side = 'jp') AS jp
      FROM fund_redemptionline x
      JOIN fund_redemptionwindow w ON w.code = x.window_id
     CROSS JOIN LATERAL (
        SELECT coalesce(sum(CASE WHEN d.code LIKE 'refunds:%' THEN -t.amount WHEN c.code LIKE 'refunds:%' THEN t.amount
                            END), 0) AS paid
          FROM fund_transfer t JOIN fund_account d ON d.id = t.debit_id JOIN fund_account c ON c.id = t.credit_id
         WHERE t.event_id = x.id AND t.event IN (13, 15) AND t.phase = 0) b
     CROSS JOIN LATERAL (VALUES
        ('us', x.us_person, extract(year FROM w.dealing_day)::int),
        ('jp', x.jp_resident, extract(year FROM x.settled_at AT TIME ZONE 'Asia/Tokyo')::int)) s(side, told, year)
     WHERE x.settled_at IS NOT NULL AND x.filled > 0 AND told
     GROUP BY 1, 2, 3
"""
SOLD_TOLD = """
    SELECT year, holder_id, line ->> 'class' AS class,
           sum(CASE form WHEN '1099-b' THEN (line ->> '1d')::bigint END) AS us,
           sum(CASE form WHEN '1099-b' THEN (line ->> '1e')::bigint END) AS us_cost,
           sum(CASE form WHEN 'annual-report' THEN (line ->> 'sale_gain')::bigint END) AS jp
      FROM (SELECT DISTINCT ON (y.year, s.form, s.holder_id) y.year, s.form, s.holder_id, s.lines
              FROM fund_taxstatement s JOIN fund_taxyear y ON y.id = s.tax_year_id AND y.state = 'released'
             WHERE s.form IN ('1099-b', 'annual-report') ORDER BY y.year, s.form, s.holder_id, y.version DESC) s
     CROSS JOIN LATERAL jsonb_array_elements(s.lines) AS one(line)
     GROUP BY 1, 2, 3
"""


def sales_follow_from_the_book() -> Check:
    """Of each released year every holder's statements say of redemptions what the book does: paid, made good, cost."""
    return compare(
        "statements of released years say what was redeemed",
        rows="SELECT count(*) FROM fund_taxstatement WHERE form = '1099-b'",
        differences=f"""
            SELECT 'year ' || coalesce(e.year, t.year) || ' holder ' || coalesce(e.holder_id, t.holder_id)
                   || ' class ' || coalesce(e.class, t.class)
              FROM (SELECT * FROM ({SOLD}) e
                     WHERE year IN (SELECT year FROM fund_taxyear WHERE state = 'released')) e
              FULL JOIN ({SOLD_TOLD}) t USING (year, holder_id, class)
             WHERE (coalesce(e.us, 0), coalesce(e.us_cost, 0), coalesce(e.jp, 0))
                   <> (coalesce(t.us, 0), coalesce(t.us_cost, 0), coalesce(t.jp, 0))
        """,
    )


def years_are_as_approved() -> Check:
    """Count and digest of each released version are those of its statements now."""
    return compare(
        "released years of tax equal their statements",
        rows="SELECT count(*) FROM fund_taxyear",
        differences="""
            SELECT 'year of tax ' || y.year || ' v' || y.version
              FROM fund_taxyear y
              LEFT JOIN (SELECT tax_year_id, count(*) AS count,
                                sha256(string_agg(sha256(convert_to(jsonb_build_array(
                                    form, holder_id, version, lines)::text, 'UTF8')), ''::bytea
                                    ORDER BY form, holder_id)) AS digest
                           FROM fund_taxstatement GROUP BY 1) s ON s.tax_year_id = y.id
             WHERE y.state = 'released' AND (y.count, y.digest)
                   IS DISTINCT FROM (coalesce(s.count, 0), coalesce(s.digest, sha256(''::bytea)))
        """,
    )
