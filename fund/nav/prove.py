"""Recompute what the NAVs promise."""

from fund.governance.checks import Check, compare


def prove() -> list[Check]:
    """Every recomputation of this room; a fund without a NAV is clean."""
    return [classes_add_up(), one_chain()]


def classes_add_up() -> Check:
    """The classes of every NAV add up to its net assets, and all classes stand in it."""
    return compare(
        "classes add up to the NAV",
        rows="SELECT count(*) FROM fund_nav",
        differences="""
            SELECT 'NAV ' || n.valuation_day || ' v' || n.version || ': net ' || n.net
                   || ', classes ' || coalesce(sum(c.value_base), 0)
              FROM fund_nav n LEFT JOIN fund_classnav c ON c.nav_id = n.id
             GROUP BY n.id HAVING coalesce(sum(c.value_base), 0) <> n.net
        """,
    )


def one_chain() -> Check:
    """Every published NAV continues the version that held of the day before when it was published."""
    return compare(
        "published NAVs are one chain",
        rows="SELECT count(*) FROM fund_nav WHERE state = 'published'",
        differences="""
            SELECT 'NAV ' || n.valuation_day || ' v' || n.version
              FROM fund_nav n
             WHERE n.state = 'published' AND n.previous_id IS DISTINCT FROM (
                   SELECT b.id FROM fund_nav b
                    WHERE b.state = 'published' AND b.valuation_day < n.valuation_day
                      AND b.published_at <= n.published_at
                    ORDER BY b.valuation_day DESC, b.version DESC LIMIT 1)
        """,
    )
