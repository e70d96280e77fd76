"""The proof of holding (D50): what everybody holds at a NAV is committed to, and each can show that they are counted.

At every published NAV, corrections included, the units that it priced are laid out holder by holder and hashed into a
``tree``; root, total and number of holders are public. The salts come from ``BLIND_INDEX_KEY``, which is not in the
database and which rotation leaves alone: a killed commitment comes out the same when it is done again, and a proof of
any past day can be made at any time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from fund import calendars, envelope
from fund.governance.checks import Check, compare
from fund.ledger.accounts import account
from fund.ledger.models import column
from fund.nav.models import ClassNav, Nav
from fund.refusal import Refusal
from fund.register import tree
from fund.register.proof_models import HoldingRoot


class Unproved(Refusal):
    """There is no such proof. no_commitment: nothing was committed of that class and day; no_units: none were held."""

    code = "no_commitment"


class Differs(Exception):
    """The ledger does not say what was committed or priced: never on sound books."""


RANGE = 2**17  # holders that are read at a time

# What a range of holders had by the end of the NAV's day, as far as it was recorded when the day was valued: their
# cards now, less what moved later. The valuing transaction counts what it had posted itself.
LATER = """({at}.effective_at >= %(end)s OR {at}.xact >= %(oldest)s AND {at}.xact <> %(xact)s
            AND NOT pg_visible_in_snapshot({at}.xact::text::xid8, %(seen)s::pg_snapshot))"""
HOLDINGS = f"""
    SELECT c.holder_id, coalesce(c.{{units}}, 0) - coalesce(l.units, 0) AS units
      FROM fund_card c
      LEFT JOIN (
        SELECT holder_id, sum(units)::bigint AS units
          FROM (SELECT t.holder_id, CASE t.credit_id WHEN %(account)s THEN t.amount ELSE -t.amount END AS units
                  FROM fund_transfer t
                 WHERE t.holder_id BETWEEN %(first)s AND %(last)s
                   AND %(account)s IN (t.debit_id, t.credit_id) AND t.phase IN (0, 2) AND {LATER.format(at="t")}
                 UNION ALL
                SELECT s.holder_id, s.units
                  FROM fund_settlementbatch b JOIN fund_settlement s ON s.batch_id = b.id
                 WHERE s.holder_id BETWEEN %(first)s AND %(last)s
                   AND b.unit_class_id = %(class)s AND {LATER.format(at="b")}
                 UNION ALL
                SELECT e.holder_id, CASE WHEN e.reversal THEN -e.bought ELSE e.bought END
                  FROM fund_settlementbatch b JOIN fund_entitlement e ON e.batch_id = b.id
                 WHERE e.holder_id BETWEEN %(first)s AND %(last)s
                   AND b.unit_class_id = %(class)s AND {LATER.format(at="b")}) moved
         GROUP BY holder_id) l USING (holder_id)
     WHERE c.holder_id BETWEEN %(first)s AND %(last)s AND coalesce(c.{{units}}, 0) <> coalesce(l.units, 0)
"""
IN_ROWS = f"SELECT coalesce(string_agg(int8send(h.units) || int8send(h.holder_id), ''), '') FROM ({HOLDINGS}) h"


def secret(*, class_code: str, nav: Nav) -> bytes:
    """What the salts of one commitment are made with (32 bytes)."""
    return envelope.blind_index(f"{class_code} {nav.valuation_day} {nav.version}", purpose="proof of holding")


def commit_next(*, now: datetime) -> bool:
    """Commit to the holdings of one class at one published NAV, the newest first; False when nothing is left to commit.

    Raises Differs where holders do not have the units that the NAV priced, ``tree.TooMany`` where one has less than no
    units.
    """
    one = _uncommitted().first()
    if one is None:
        return False
    try:
        with transaction.atomic():
            commit(class_nav=one, now=now)
    except IntegrityError:
        if not HoldingRoot.objects.filter(nav=one.nav_id, unit_class=one.unit_class_id).exists():
            raise
    return True


def _uncommitted() -> QuerySet[ClassNav]:
    done = HoldingRoot.objects.filter(nav=OuterRef("nav"), unit_class=OuterRef("unit_class"))
    priced = ClassNav.objects.filter(nav__state=Nav.State.PUBLISHED, units__gt=0).select_related("nav")
    return priced.exclude(Exists(done)).order_by("-nav__valuation_day", "-nav__version", "unit_class")


def commit(*, class_nav: ClassNav, now: datetime) -> HoldingRoot:
    """Hash the holdings of a class at a NAV and write down the root and its blocks.

    Raises Differs, ``tree.TooMany`` where somebody has less than no units, IntegrityError.
    """
    nav, code = class_nav.nav, class_nav.unit_class_id
    holders = _everybody()
    planted = tree.Tree(secret(class_code=code, nav=nav), most=len(holders))
    planted.plant(_rows(nav, code, holders))
    units = tree.units_of(planted.root)
    if units != class_nav.units:
        raise Differs(f"{code} {nav}: priced {class_nav.units}, held {units}")
    root = HoldingRoot.objects.create(
        nav=nav,
        unit_class_id=code,
        root=planted.root[: tree.HASH],
        total_units=units,
        holders=planted.count,
        committed_at=now,
    )
    with connection.cursor() as cursor:
        # As COPY takes them: a block is 64 kB, of which a million holders have 250.
        statement = "COPY fund_holdingblock (holding_root_id, number, first, node, rows) FROM STDIN (FORMAT binary)"
        with cursor.copy(statement) as copy:
            copy.set_types(["int8", "int4", "bytea", "bytea", "bytea"])
            for number, one in enumerate(planted.blocks()):
                copy.write_row((root.pk, number, one.first, one.node, one.rows))
    return root


def _everybody() -> range:
    """The numbers of all who have ever held anything lie in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(holder_id), max(holder_id) FROM fund_card")
        first, last = cursor.fetchone()
    return range(first, last + 1)


def _rows(nav: Nav, class_code: str, holders: range) -> Iterator[bytes]:
    """What they hold at a NAV as rows of the tree, piece by piece, so that one is hashed while the next is read."""
    # In binary, since a cursor's own results come as text, twice as long.
    statement = f"COPY ({_with_units(IN_ROWS, class_code)}) TO STDOUT (FORMAT binary)"
    params = _params(nav, class_code)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")  # the processors have enough to do
        for first in holders[::RANGE]:
            with cursor.copy(statement, {**params, "first": first, "last": first + RANGE - 1}) as copy:
                copy.set_types(["bytea"])
                ((rows,),) = copy.rows()
            yield rows


def _with_units(statement: str, class_code: str) -> str:
    return statement.format(units=column(f"units:{class_code}"))


def _params(nav: Nav, class_code: str) -> dict[str, int | str | datetime]:
    """Of ``HOLDINGS``; it also takes the first and the last holder."""
    return {
        "class": class_code,
        "account": account(f"units:{class_code}").pk,
        "end": calendars.books_close(nav.valuation_day),
        "seen": nav.snapshot,
        "oldest": int(nav.snapshot.split(":")[0]),  # every transaction below it was over
        "xact": nav.xact,
    }


# ── what is public, and what is one's own ──


def committed(*, class_code: str, day: date | None = None) -> QuerySet[HoldingRoot]:
    """The commitments of a class, of a day the newest version first; without a day the newest day first."""
    rows = HoldingRoot.objects.filter(unit_class=class_code).select_related("nav")
    if day is not None:
        rows = rows.filter(nav__valuation_day=day)
    return rows.order_by("-nav__valuation_day", "-nav__version")


def newest() -> list[HoldingRoot]:
    """The newest commitment of every class."""
    roots = HoldingRoot.objects.select_related("nav", "unit_class")
    return list(roots.order_by("unit_class", "-nav__valuation_day", "-nav__version").distinct("unit_class"))


def public_facts(one: HoldingRoot) -> dict[str, object]:
    """What everybody may read of a commitment, in the shape of the format."""
    return {
        "class": one.unit_class_id,
        "date": one.nav.valuation_day.isoformat(),
        "root": bytes(one.root).hex(),
        "total_units": str(one.total_units),
        "holders": one.holders,
    }


def of_holder(*, holder_id: int, class_code: str, day: date | None = None) -> dict[str, object]:
    """The proof of one holder in the newest commitment of a class (of a day), as it is downloaded.

    The units are read from the ledger, not from the commitment. Raises Unproved; Differs when the two disagree.
    """
    one = committed(class_code=class_code, day=day).first()
    if one is None:
        raise Unproved(_("The holdings of that day have not been committed to."))
    units = _units_at(one.nav, class_code, holder_id)
    if not units:
        raise Unproved(_("You held no units of this class on that day."), code="no_units")
    key = secret(class_code=class_code, nav=one.nav)
    salt = tree.salts(key, tree.as_rows([(holder_id, units)]))
    path = _path(one, key, tree.leaf(salt=salt, holder=str(holder_id), units=units))
    return {
        "class": class_code,
        "date": one.nav.valuation_day.isoformat(),
        "holder": str(holder_id),
        "salt": salt.hex(),
        "units": str(units),
        "path": [
            {"side": step.side, "hash": step.node[: tree.HASH].hex(), "units": str(tree.units_of(step.node))}
            for step in path
        ],
        "root": bytes(one.root).hex(),
        "total_units": str(one.total_units),
    }


def units_of(*, holder_id: int, roots: Sequence[HoldingRoot]) -> dict[int, int]:
    """The units of a holder that stand in each of some commitments, by its key: from the ledger."""
    return {one.pk: _units_at(one.nav, one.unit_class_id, holder_id) for one in roots}


@dataclass(frozen=True)
class Recomputed:
    """What the ledger says of a commitment, from every movement of the book: units, holders, and the root."""

    units: int
    holders: int
    root: bytes


def recompute(one: HoldingRoot) -> Recomputed:
    """Lay out and hash a commitment again from the book."""
    held = _from_the_book(one)
    nodes = sorted(tree.nodes(secret(class_code=one.unit_class_id, nav=one.nav), tree.as_rows(held)))
    root = [*tree.levels(nodes)][-1][0][: tree.HASH] if nodes else b""
    return Recomputed(sum(units for _holder, units in held), len(held), root)


def _units_at(nav: Nav, class_code: str, holder_id: int) -> int:
    with connection.cursor() as cursor:
        params = {**_params(nav, class_code), "first": holder_id, "last": holder_id}
        cursor.execute(_with_units(HOLDINGS, class_code), params)
        row = cursor.fetchone()
    return int(row[1]) if row else 0


def _path(one: HoldingRoot, key: bytes, own: bytes) -> list[tree.Step]:
    block = one.blocks.filter(first__lte=own[: tree.HASH]).order_by("-number").first()
    here = tree.nodes(key, bytes(block.rows)) if block else []
    if block is None or own not in here:
        raise Differs(f"{one}: what the ledger says of a holder is not what was committed")
    nodes = [bytes(node) for node in one.blocks.order_by("number").values_list("node", flat=True)]
    return tree.path(here, here.index(own)) + tree.path(nodes, block.number)


def is_published(read: tree.Proof) -> bool:
    """Whether the root and total of a proof are those that the fund has published for its class and day."""
    try:
        day = date.fromisoformat(read.day)
    except ValueError:
        return False
    rows = committed(class_code=read.unit_class, day=day)
    return rows.filter(root=read.root, total_units=read.total).exists()


# ── recomputing ──


def prove() -> list[Check]:
    """Every recomputation of this room; a fund that has committed to nothing is clean."""
    return [totals_are_priced(), roots_stand_on_their_blocks(), newest_are_the_ledger()]


def totals_are_priced() -> Check:
    """Every commitment has the total of its NAV; none is missing of a NAV that was published before a committed one."""
    return compare(
        "proofs of holding have the units of their NAV",
        rows="SELECT count(*) FROM fund_holdingroot",
        differences="""
            SELECT 'proof ' || c.unit_class_id || ' ' || n.valuation_day || ' v' || n.version
                   || ': priced ' || c.units || ', committed ' || coalesce(r.total_units, 0)
              FROM fund_classnav c
              JOIN fund_nav n ON n.id = c.nav_id
              LEFT JOIN fund_holdingroot r ON r.nav_id = c.nav_id AND r.unit_class_id = c.unit_class_id
             WHERE r.total_units <> c.units
                OR r.id IS NULL AND c.units > 0 AND n.state = 'published' AND n.published_at < (
                   SELECT max(b.published_at) FROM fund_nav b JOIN fund_holdingroot l ON l.nav_id = b.id)
        """,
    )


def roots_stand_on_their_blocks() -> Check:
    """Every root is the root of its blocks, and these have as many leaves as there are holders."""
    wrong = []
    roots = HoldingRoot.objects.select_related("nav").order_by("pk")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT holding_root_id, string_agg(node, '' ORDER BY number), sum(length(rows)) / %s"
            " FROM fund_holdingblock GROUP BY 1",
            [tree.ROW],
        )
        kept = {root: (bytes(nodes), holders) for root, nodes, holders in cursor}
    for one in roots:
        nodes, holders = kept.get(one.pk, (b"", 0))
        node = tree.top(nodes) if nodes else b""
        if (node[: tree.HASH], tree.units_of(node), holders) != (bytes(one.root), one.total_units, one.holders):
            wrong.append(f"proof {one}")
    return Check("proofs of holding stand on their blocks", len(roots), len(wrong), wrong[0] if wrong else "")


def newest_are_the_ledger() -> Check:
    """The newest root of each class, hashed again from the movements of the book, with every block."""
    looked_at, wrong = 0, []
    for one in HoldingRoot.objects.order_by("unit_class", "-pk").distinct("unit_class").select_related("nav"):
        looked_at += one.holders
        key = secret(class_code=one.unit_class_id, nav=one.nav)
        nodes = sorted(tree.nodes(key, tree.as_rows(_from_the_book(one))))
        *_below, top = tree.levels(nodes) if nodes else [[b""]]
        if top[0][: tree.HASH] != bytes(one.root) or len(nodes) != one.holders:
            wrong.append(f"proof {one}: the ledger gives another root")
        wrong += [f"proof {one} block {number}" for number in _blocks_that_differ(one, key, nodes)]
    return Check("newest proofs of holding are the ledger's", looked_at, len(wrong), wrong[0] if wrong else "")


def _from_the_book(one: HoldingRoot) -> list[tuple[int, int]]:
    """Holders and their units from every movement of the book, and from nothing that is kept beside it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT t.holder_id, sum(CASE t.credit_id WHEN a.id THEN t.amount ELSE -t.amount END)::bigint
              FROM fund_nav n, fund_account a
              JOIN fund_leg t ON a.id IN (t.debit_id, t.credit_id)
             WHERE n.id = %(nav)s AND a.code = %(code)s AND t.phase IN (0, 2) AND t.effective_at < %(end)s
               AND (pg_visible_in_snapshot(t.xact::text::xid8, n.snapshot::pg_snapshot) OR t.xact = n.xact)
             GROUP BY 1 HAVING sum(CASE t.credit_id WHEN a.id THEN t.amount ELSE -t.amount END) <> 0
            """,
            {
                "nav": one.nav_id,
                "code": f"units:{one.unit_class_id}",
                "end": calendars.books_close(one.nav.valuation_day),
            },
        )
        held: list[tuple[int, int]] = cursor.fetchall()
    return held


def _blocks_that_differ(one: HoldingRoot, key: bytes, nodes: list[bytes]) -> Iterator[int]:
    for block in one.blocks.order_by("number").iterator(chunk_size=50):
        start = block.number * tree.BLOCK
        if tree.nodes(key, bytes(block.rows)) != nodes[start : start + tree.BLOCK]:
            yield block.number
