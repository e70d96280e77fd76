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
    return [statements_follow_from_entries(), years_are_as_approved()]


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
