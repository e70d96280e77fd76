"""The tables can be spread over many machines by citizen (``docs/scaling.md``), or stand in a list with what it takes.

Citus distributes a table by one column. It then refuses a unique key without that column, and a foreign key to anything
but the same citizen's rows or a small table of which every machine has a copy.
"""

import pytest
from django.db import connection

from portal.walls import CLOSED, WALLS, Own, Part

# A whole is spread by its own number where others name it by that.
SPREAD_BY = {"investors_investor": "id"}

# Small tables that every machine has a copy of: what they hold does not grow with citizens.
COPIED = {
    "auth_group", "auth_permission", "fund_bankfile", "fund_call", "fund_officer", "fund_payoutrun", "fund_proposal",
    "fund_redemptionwindow",
    "fund_taxyear", "fund_unitclass", "investors_agreement", "investors_duplicatecase", "investors_entry",
    "socialaccount_socialapp",
}  # fmt: skip

ONE_NODE = "Of officers; stays on the first machine, where its writers are few."
DIRECTORY = "Asked before the citizen is known: becomes a directory spread by this very value, written first."
DRAWN = "Drawn at random for one payer: becomes (holder, reference), beside a directory spread by the reference."
BANKS = "What a bank tells has no holder until it is matched: spread by the bank's own identity, matched as a set."
ONE_HOLDERS = "What it names is one holder's for good, so (holder, it) refuses the same."
PARTNERS = "Papers of co-owners and partners, who have no reception and are few: in a table of their own."
SHARED = "Account and investor share one number from then on, and so one machine."
PERSON = "Two registrations of one person lie on two machines: becomes a directory spread by the blind index."

# What is not yet as it has to be, by table or by the name of the key: why, and what it becomes.
TO_CHANGE = {
    # unique over all citizens
    "unique_verified_email": DIRECTORY,
    "portal_user_email_key": DIRECTORY,
    "account_emailconfirmation_key_key": "Nothing writes to this table: addresses are confirmed by codes.",
    "socialaccount_socialaccount_provider_uid_fc810c6e_uniq": DIRECTORY,
    "usersessions_usersession_session_key_key": DIRECTORY,
    "my_number_of_one_holder": PERSON,
    "taxpayer_number_of_one_holder": PERSON,
    "investors_recipientcode_code_key": DIRECTORY,
    "investors_recoverycase_number_key": DIRECTORY,
    "paper_digest": "Asked by whoever holds the paper: becomes a directory spread by the digest.",
    "investors_investor_user_id_key": SHARED,
    "investors_investor_holder_id_key": "Of the two rooms: the holder is opened with the investor's own number.",
    "pair_once": ONE_NODE,
    "investors_assignment_pkey": ONE_NODE,
    "paper_version_of_a_holder": PARTNERS,
    "payout_line_one_an_authority": "Of the few tax offices, which are nobody's rows; stays on the first machine.",
    "applicant_ticket": "A ticket is drawn from one sequence and never chosen: (offering, holder, ticket) is as good.",
    "fund_subscription_reference_key": DRAWN,
    "fund_subscription_numeric_reference_key": DRAWN,
    "fund_expected_pkey": DRAWN,
    "fund_expected_numeric_reference_key": DRAWN,
    "holder_one_co_owner_a_nation": "Two rows for all time, made at the foundation by the owner of the tables.",
    "fund_transfer_pkey": f"{ONE_HOLDERS} The fund's own movements, which have none, stay on the first machine.",
    "transfer_resolved_once": ONE_HOLDERS,
    "fund_bankanswer_identity_key": BANKS,
    "bank_entry_identity": BANKS,
    "bank_entry_one_a_payout": BANKS,
    # foreign keys from one citizen's rows to where they do not lie
    "investors_investor.user_id": SHARED,
    "investors_investor.holder_id": "Of the two rooms: reception and vault are two databases from then on.",
    "fund_resolution.expected_id": BANKS,
    "portal_paper.holder_id": PARTNERS,
    "fund_officer.user_id": ONE_NODE,
    "fund_officeentry.user_id": ONE_NODE,
    "django_admin_log.user_id": ONE_NODE,
    "investors_pair.first_id": ONE_NODE,
    "investors_pair.second_id": ONE_NODE,
    "investors_finding.kept_id": ONE_NODE,
    "investors_assignment.application_id": ONE_NODE,
    "investors_casenote.application_id": ONE_NODE,
    "investors_hitdecision.hit_id": ONE_NODE,
    "investors_finding.pair_id": ONE_NODE,
}

# A citizen's tables that name her by the row they are a part of: they take over her number, which never changes.
PARTS = {table for table, wall in WALLS.items() if isinstance(wall, Part)}

UNIQUE = """
    SELECT t.relname, i.relname,
           ARRAY(SELECT a.attname FROM unnest(x.indkey) k JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k),
           (SELECT bool_or(a.attidentity <> '' OR a.atttypid = 'uuid'::regtype)
              FROM unnest(x.indkey) k JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k)
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
     WHERE (x.indisunique OR x.indisexclusion) AND t.relnamespace = 'public'::regnamespace
"""
FOREIGN = """
    SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text, b.attname
      FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
      JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
     WHERE c.contype = 'f'
"""


def asked(sql: str) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def spread_by(table: str) -> str:
    """The column that says whose a row is; for a part the one that names its whole."""
    wall = WALLS[table]
    return SPREAD_BY.get(table) or getattr(wall, "column", "")


def unique_beyond_a_citizen() -> set[str]:
    """Unique keys that Citus would refuse and that do not follow from how one value is made (a counter, a UUID)."""
    return {
        name
        for table, name, columns, made in asked(UNIQUE)
        if table in WALLS and spread_by(table) not in columns and not (made and len(columns) == 1)
    }


def foreign_beyond_a_citizen() -> set[str]:
    """Foreign keys that leave a citizen's rows for no copied table, or lead to them from elsewhere."""
    beyond = set()
    for table, column, whole, key in asked(FOREIGN):
        if whole not in WALLS:
            together = table not in WALLS or whole in COPIED
        elif table not in WALLS or CLOSED in (WALLS[table], WALLS[whole]):
            together = False
        else:
            wall = WALLS[table]
            part = isinstance(wall, Part) and WALLS[whole] != CLOSED and column in (wall.column, "assessment_id")
            together = part or (column == spread_by(table) and key == spread_by(whole))
        if not together:
            beyond.add(f"{table}.{column}")
    return beyond


@pytest.mark.django_db
def test_every_table_can_be_spread_by_citizen_or_says_what_it_takes():
    owned = {table for table, wall in WALLS.items() if isinstance(wall, Own)}
    closed = {table for table, wall in WALLS.items() if wall == CLOSED}
    assert owned | PARTS | closed == set(WALLS)
    carrying = {table for table, column in asked(COLUMNS) if table in owned and column == spread_by(table)}
    assert carrying == owned
    assert unique_beyond_a_citizen() | foreign_beyond_a_citizen() == set(TO_CHANGE)
    assert all(TO_CHANGE.values())


COLUMNS = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"


@pytest.mark.django_db
def test_a_key_over_all_citizens_would_be_noticed():
    """Negative controls."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX over_all ON fund_settlement (order_id, units)")
        cursor.execute("ALTER TABLE portal_message ADD elsewhere bigint REFERENCES investors_investor (id)")
        cursor.execute("ALTER TABLE fund_unitclass ADD first_holder bigint REFERENCES fund_holder (id)")
    assert "over_all" in unique_beyond_a_citizen()
    assert {"portal_message.elsewhere", "fund_unitclass.first_holder"} <= foreign_beyond_a_citizen()
