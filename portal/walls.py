"""The walls between citizens: row-level security, table by table (decision 29).

On behalf of a citizen (role ``kakehashi_citizen``) the database shows, takes and changes rows of that citizen alone;
told of nobody, it shows none. The site's role, for which workers, officers and sums ask, sees all by a policy. Security
is forced, so that not even the tables' owner sees a row without one.

A new table that leads to a citizen stands here, or ``tests/portal/test_walls.py`` fails.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections


@dataclass(frozen=True)
class Own:
    """A citizen's rows: ``column`` is the asker's ``kakehashi.<key>``; ``also`` names who stands on its other side."""

    key: str
    column: str
    also: str = ""

    def sql(self) -> str:
        asker = f"nullif(current_setting('kakehashi.{self.key}', true), '')::bigint"
        return f"{self.column} = {asker}" + (f" OR {self.also} = {asker}" if self.also else "")


@dataclass(frozen=True)
class Part:
    """Rows that belong to a row of another table, behind its wall: ``column`` is that row's ``of_column``."""

    column: str
    of: str
    of_column: str = "id"

    def sql(self) -> str:
        return f"EXISTS (SELECT FROM {self.of} whole WHERE whole.{self.of_column} = {self.column})"


@dataclass(frozen=True)
class Closed:
    """Leads to citizens and is for officers and workers alone: a citizen sees no row of it."""

    def sql(self) -> None:
        return None


type Wall = Own | Part | Closed

ACCOUNT = Own("account", "user_id")
INVESTOR = Own("investor", "investor_id")
HOLDER = Own("holder", "holder_id")
APPLICATION = Part("application_id", "investors_application")
CLOSED = Closed()

WALLS: dict[str, Wall] = {
    # the account
    "portal_user": Own("account", "id"),
    "portal_user_groups": ACCOUNT,
    "portal_user_user_permissions": ACCOUNT,
    "account_emailaddress": ACCOUNT,
    "account_emailconfirmation": Part("email_address_id", "account_emailaddress"),
    "mfa_authenticator": ACCOUNT,
    "socialaccount_socialaccount": ACCOUNT,
    "socialaccount_socialtoken": Part("account_id", "socialaccount_socialaccount"),
    "usersessions_usersession": ACCOUNT,
    "portal_device": ACCOUNT,
    "portal_message": ACCOUNT,
    "portal_keptanswer": ACCOUNT,
    "portal_webhook": ACCOUNT,
    "portal_webhookdelivery": Part("webhook_id", "portal_webhook"),
    # the reception
    "investors_investor": ACCOUNT,
    "investors_taxpayernumber": INVESTOR,
    "investors_mynumber": INVESTOR,
    "investors_acceptance": INVESTOR,
    "investors_application": INVESTOR,
    "investors_answer": APPLICATION,
    "investors_statuschange": APPLICATION,
    "investors_assessment": APPLICATION,
    "investors_decision": APPLICATION,
    "investors_document": APPLICATION,
    "investors_documentpage": Part("document_id", "investors_document"),
    "investors_appeal": Part("decision_id", "investors_decision"),
    "investors_appealdecision": Part("appeal_id", "investors_appeal"),
    "investors_taxform": INVESTOR,
    "investors_bankaccount": INVESTOR,
    "investors_recoverycase": INVESTOR,
    "investors_deletion": INVESTOR,
    "investors_hit": INVESTOR,
    "investors_plan": INVESTOR,
    "investors_planturn": Part("plan_id", "investors_plan"),
    "investors_recipientcode": INVESTOR,
    "investors_transferpaper": INVESTOR,
    "investors_transferpaperpage": Part("paper_id", "investors_transferpaper"),
    "investors_hitdecision": CLOSED,
    "investors_assignment": CLOSED,
    "investors_casenote": CLOSED,
    "investors_pair": CLOSED,
    "investors_finding": CLOSED,
    "portal_paper": INVESTOR,
    # the vault
    "fund_holder": Own("holder", "id"),
    "fund_applicant": HOLDER,
    "fund_subscription": HOLDER,
    "fund_waitingline": HOLDER,
    "fund_settlement": HOLDER,
    "fund_entitlement": HOLDER,
    "fund_redemption": HOLDER,
    "fund_redemptionline": HOLDER,
    "fund_estate": HOLDER,
    "fund_conveyance": Own("holder", "holder_id", also="recipient_id"),
    "fund_conveyedlot": Part("conveyance_id", "fund_conveyance"),
    "fund_transfer": HOLDER,
    "fund_card": HOLDER,
    "fund_expected": HOLDER,
    "fund_knownname": HOLDER,
    "fund_bankentry": Part("expected_id", "fund_expected", "reference"),
    "fund_resolution": Part("entry_id", "fund_bankentry"),
    "fund_payoutline": HOLDER,
    "fund_bankanswer": CLOSED,
    "fund_choice": HOLDER,
    "fund_taxstatus": HOLDER,
    "fund_taxstatement": HOLDER,
    "fund_commitment": HOLDER,
    "fund_callline": HOLDER,
    "fund_contribution": Part("line_id", "fund_callline"),
}

# Tables without a wall that lead to a person, and why.
OPEN: dict[str, str] = {
    "django_admin_log": "Nothing writes to it: the desk's acts are in the audit log.",
    "fund_officer": "Officers hold a public office; who is one is asked of every account.",
    "fund_officeentry": "Officers hold a public office.",
}


# Views ask as whoever reads them: a view that asked as its owner would be a gate in the walls.
VIEWS = ("fund_leg", "fund_balance", "fund_allotmentline")

# A table with its wall as it was built last (a comment on the keepers' policy), None while its security is not forced;
# a view with whether it asks as its reader.
STANDING = """
    SELECT c.relname, CASE WHEN c.relkind = 'v' THEN array_to_string(c.reloptions, ',')
                           WHEN c.relforcerowsecurity THEN obj_description(p.oid, 'pg_policy') END
      FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'keepers'
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
"""


def build(using: str = DEFAULT_DB_ALIAS) -> None:
    """Put up what is missing, as the owner. A wall that stands as it is written here is left alone, without a lock."""
    with connections[using].cursor() as cursor:
        cursor.execute(STANDING)
        standing: dict[str, str | None] = dict(cursor.fetchall())
        for table, wall in WALLS.items():
            mark = wall.sql() or "closed"
            if table in standing and standing[table] != mark:
                cursor.execute(_wall(table, wall.sql(), mark))
        for view in VIEWS:
            if view in standing and "security_invoker=true" not in (standing[view] or ""):
                cursor.execute(f"ALTER VIEW {view} SET (security_invoker = true)")


def _wall(table: str, own: str | None, mark: str) -> str:
    """One transaction, so that the table is never seen half walled."""
    commands = [
        f"SET LOCAL lock_timeout = {round(settings.MIGRATION_LOCK_SECONDS * 1000)}",  # then `migrate` is run again
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS keepers ON {table}",
        f"DROP POLICY IF EXISTS own ON {table}",
        f"CREATE POLICY keepers ON {table} TO kakehashi_app, CURRENT_USER USING (true)",
        f"COMMENT ON POLICY keepers ON {table} IS '{mark.replace("'", "''")}'",
    ]
    if own:
        commands.append(f"CREATE POLICY own ON {table} TO kakehashi_citizen USING ({own})")
    return "; ".join(commands)
