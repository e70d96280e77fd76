"""The officers' lists, pages and searches in a fund of many citizens and orders, and in one of few."""

import statistics
import time

from django.conf import settings
from django.db import connection
from django.test import Client

from bench import server, stage
from fund.governance.officers import Officer
from portal.local.place import Place

SEED = 42
REPEATED = 15
WAITING = 200  # applications, at any size
AGENT = {"SERVER_NAME": "localhost"}

# Every holder of the book as a citizen who was approved long ago; behind them, some whose application waits.
PEOPLE = """
    INSERT INTO portal_user (email, password, language, is_superuser, is_staff, is_active, date_joined)
    SELECT 'citizen' || id || '@example.org', '!', 'ja', false, false, true, %(at)s
      FROM fund_holder WHERE kind = 'citizen';
    INSERT INTO investors_investor (user_id, holder_id, nations, state, registered_at, verified_until, likeness)
    SELECT u.id, h.id, '{JP}', 'approved', %(at)s, %(at)s + interval '2 years', '{}'
      FROM fund_holder h JOIN portal_user u ON u.email = 'citizen' || h.id || '@example.org' WHERE h.kind = 'citizen';
    INSERT INTO investors_application (
           investor_id, occasion, changed, status, opened_at, first_submitted_at, submitted_at)
    SELECT id, 'joining', '{}', CASE WHEN rank <= %(waiting)s THEN 'in_review' ELSE 'approved' END, %(at)s, %(at)s,
           %(at)s + id * interval '1 second'
      FROM (SELECT id, row_number() OVER (ORDER BY id DESC) AS rank FROM investors_investor) i;
    INSERT INTO fund_act (at, actor, verb, subject, detail)
    SELECT %(at)s + id * interval '1 second', 'investor:' || id, 'submit', 'application ' || id, '{}'
      FROM investors_investor;
    INSERT INTO fund_note (topic, subject, payload, left_at, relayed_at)
    SELECT 'application.submitted', 'application:' || id, '{}', %(at)s, %(at)s FROM investors_investor;
    INSERT INTO portal_delivery (note_id, task, due_at, failures, error, done_at)
    SELECT id, 'notify', %(at)s, 0, '', %(at)s FROM fund_note;
"""


def prepare(place: Place, *, orders: int) -> str:
    """A database in which so many orders are paid, of four fifths as many citizens; returns its name."""
    name = f"desk_{orders}"
    server.copy(place, source="empty", target=name)
    stage.use(name)
    stage.paid_book(orders=orders, seed=SEED)
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, {"at": stage.ANNOUNCED, "waiting": WAITING})
    connection.close()
    with server.connect(place, name) as vacuuming:
        vacuuming.execute("VACUUM (ANALYZE, FREEZE)")
    return name


def run(database: str) -> dict[str, float]:
    """Seconds of each page, the median of its repetitions, as an officer with every duty opens it."""
    stage.use(database)
    settings.OFFICER_MFA_REQUIRED = False  # the pages are measured, not the sign-in
    browser = Client(**AGENT)
    browser.force_login(Officer.objects.get(person="officer-JP").user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    found = {what: statistics.median(_seconds(browser, address) for _ in range(REPEATED)) for what, address in pages()}
    connection.close()
    return found


def pages() -> list[tuple[str, str]]:
    """What officers open: the desk, first pages, later pages, and searches that find one row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, reference, numeric_reference FROM fund_subscription ORDER BY id OFFSET 500 LIMIT 1")
        order, reference, ten = cursor.fetchone() or ("", "", "")
        cursor.execute("SELECT i.id, u.email FROM investors_investor i JOIN portal_user u ON u.id = i.user_id LIMIT 1")
        citizen, email = cursor.fetchone() or ("", "")
    base = "/en/officers"
    return [
        ("the desk", f"{base}/"),
        ("applications", f"{base}/investors/application/"),
        ("applications that wait", f"{base}/investors/application/?status__exact=in_review"),
        ("orders", f"{base}/fund/subscription/"),
        ("orders, a later page", f"{base}/fund/subscription/?before={order}"),
        ("an order by its reference", f"{base}/fund/subscription/?q={reference}"),
        ("an order by ten digits", f"{base}/fund/subscription/?q={ten}"),
        ("citizens", f"{base}/investors/investor/"),
        ("a citizen by address", f"{base}/investors/investor/?q={email}"),
        ("a citizen's page", f"{base}/investors/investor/{citizen}/"),
        ("the acts of a citizen", f"{base}/fund/act/?actor=investor:{citizen}"),
        ("the outbox", f"{base}/fund/note/"),
        ("deliveries given up", f"{base}/portal/delivery/?dead_at__isempty=0"),
        ("suspense", f"{base}/fund/bankentry/?way_out=open"),
    ]


def _seconds(browser: Client, address: str) -> float:
    began = time.monotonic()
    answer = browser.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}")
    return time.monotonic() - began
