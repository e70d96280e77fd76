"""Every promise of reliability: what is done, when it passes, and the tests that show it. Then the report of it.

`python -m tests.house.reliability` (`make report`) takes the newest runs from `.report/`, where `make test` (a tenth of
the counts) and `make crash` (all of them) leave what they saw, into `docs/reliability-report.json`, and writes
`docs/reliability-report.md` from it. Of each test the newest full run counts, else the newest tenth, each with its
commit. A test is named ``module::test`` below `tests/`, a module by itself stands for all of its tests.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
RUNS = CHECKOUT / ".report"
KEPT = CHECKOUT / "docs/reliability-report.json"
REPORT = CHECKOUT / "docs/reliability-report.md"
EXTENTS = ("full", "tenth")  # the first that was run counts


@dataclass(frozen=True)
class Row:
    """One promise. ``control``: the same with the protection taken away. ``short``: what is missing, as a sentence."""

    group: str
    do: str
    passes: str
    shown: tuple[str, ...]
    control: tuple[str, ...] = ()
    short: str = ""


def row(group: str, do: str, passes: str, *shown: str, control: Sequence[str] = (), short: str = "") -> Row:
    return Row(group, do, passes, shown, tuple(control), short)


ROWS = (
    row(
        "concurrency", "200 clients for the last 100 units' worth, 50 seeds",
        "sold exactly to the limit, the rest told so, no 5xx",
        "fund/dealing/test_rush.py::test_two_hundred_clients_for_the_last_hundred_lots",
        "portal/api/test_rush.py::test_many_apps_for_the_last_lots",
        "portal/web/test_rush.py::test_an_opening",
        control=[
            "fund/dealing/test_rush.py"
            "::test_without_the_cut_of_the_ballot_more_is_given_than_there_is_and_the_settlement_refuses",
        ],
    ),
    row(
        "concurrency", "one idempotency key, 64 at once", "one effect; the others replay or 409",
        "portal/api/test_idempotency.py::test_sixty_four_at_once_have_one_effect",
        "fund/dealing/test_races.py::test_one_key_from_eight_threads_is_one_order",
        control=["portal/api/test_idempotency.py::test_without_the_kept_answer_they_would_have_many"],
    ),
    row(
        "concurrency", "the cap from two devices and an officer at once", "never exceeded",
        "investors/test_subscribing.py::test_the_cap_holds_from_two_devices_while_officers_lower_it",
        "investors/test_subscribing.py::test_the_cap_holds_on_many_devices_at_once",
        control=["investors/test_subscribing.py::test_without_the_lock_on_the_investor_it_would_not"],
    ),
    row(
        "concurrency", "buy / withdraw / fund / expire at random for 10 minutes",
        "invariants after every step; no unretried deadlock; lock waits ≤ 3 s",
        "fund/dealing/test_random_trade.py::test_trading_at_random_keeps_every_invariant_and_waits_for_nobody",
        "fund/dealing/test_races.py::test_buying_paying_withdrawing_and_lapsing_at_random_keeps_every_invariant",
        control=[
            "fund/dealing/test_random_trade.py::test_locks_that_are_held_for_long_or_taken_in_another_order_would_be_seen",
            "fund/dealing/test_races.py::test_without_the_applicants_lock_the_maximum_is_passed",
        ],
    ),
    row(
        "crash",
        "`kill -9` web, worker, scheduler, PostgreSQL, Valkey at 500 random points while orders, imports, settlement,"
        " NAV and distribution run",
        "0 acknowledged lost, 0 doubled, `prove` clean, a recount in SQL agrees, ready again < 30 s",
        "crash/test_busy_day.py::test_nothing_acknowledged_is_lost_or_doubled_whatever_is_killed",
        "crash/test_settlement.py::test_killed_workers_and_a_killed_postgresql_lose_and_double_nothing",
        control=[
            "crash/test_busy_day.py::test_without_durable_commits_an_acknowledged_order_is_lost",
            "crash/test_settlement.py"
            "::test_without_its_transaction_a_killed_worker_leaves_a_range_that_nobody_can_settle",
        ],
    ),
    row(
        "crash", "`kill -9` in a 10,000-holder distribution, 100 rounds", "one payment each",
        "crash/test_distribution.py::test_killed_workers_and_a_killed_postgresql_pay_every_holder_once",
        control=[
            "crash/test_distribution.py"
            "::test_without_mark_and_key_a_range_that_is_done_again_pays_everybody_in_it_twice",
            "crash/test_distribution.py"
            "::test_without_its_transaction_a_killed_worker_leaves_a_range_that_nobody_can_pay",
        ],
    ),
    row(
        "crash", "Valkey emptied", "everything sent again ≤ 60 s",
        "portal/test_relay.py::test_an_emptied_queue_loses_nothing_and_is_filled_again_within_a_minute",
        "journeys/test_walk.py::test_the_whole_walk",
        control=["portal/test_relay.py::test_without_the_second_sending_an_emptied_queue_would_lose_the_work"],
    ),
    row(
        "crash", "every task delivered 1–5 times in any order", "same state hash",
        "crash/test_settlement.py::test_tasks_that_arrive_up_to_five_times_in_any_order_change_nothing",
        "portal/test_relay.py::test_messages_in_any_order_and_number_have_one_effect_each",
        "portal/notices/test_notices.py::test_a_note_is_told_once_however_often_the_task_comes",
        control=[
            "crash/test_settlement.py::test_a_task_that_arrives_again_is_stopped_by_five_things_one_behind_the_other",
            "portal/test_relay.py::test_without_the_claim_a_doubled_message_would_have_two_effects",
            "portal/notices/test_notices.py::test_without_the_constraint_a_doubled_task_would_tell_twice",
        ],
    ),
    row(
        "crash",
        "a task that outlives the visibility timeout; clocks ± 2 h; two schedulers; none over midnight",
        "one effect; every business date once, in order",
        "portal/test_clockwork.py::test_a_task_that_outlives_its_claim_has_one_effect",
        "portal/test_clockwork.py::test_workers_whose_clocks_are_two_hours_apart_have_one_effect_a_note",
        "fund/nav/test_due.py"
        "::test_days_follow_one_another_whatever_the_clocks_say_and_whoever_sleeps_over_midnight",
        "fund/nav/test_due.py::test_two_schedulers_value_one_nav",
        "fund/nav/test_due.py::test_after_an_outage_the_days_are_made_up_for_in_order",
        "house/test_settings.py::test_celery_agrees_about_the_visibility_timeout_in_all_three_places",
        control=[
            "portal/test_clockwork.py::test_without_the_mark_it_would_have_two",
            "fund/nav/test_due.py::test_without_the_lock_both_would_value_it",
        ],
    ),
    row(
        "crash", "a bank file cut at every KiB; overlapping and replayed statements",
        "nothing posted; nothing doubled or missing",
        "fund/payments/formats/test_camt_soundness.py::test_the_real_files_cut_off_at_every_kib_are_refused",
        "fund/payments/test_whole_or_not.py::test_a_file_cut_anywhere_posts_nothing",
        "fund/payments/test_random_order.py::test_every_payment_is_posted_once_whatever_the_order",
        control=["fund/payments/test_random_order.py::test_without_the_memory_and_identity_of_entries_they_double"],
    ),
    row(
        "ledger", "2,000 stateful sequences × 100 steps (Hypothesis)",
        "Σ = 0, balance = Σ transfers, units = Σ holders, after each step",
        "fund/ledger/test_stateful.py::test_the_book_keeps_its_promises_under_any_sequence",
        control=["fund/ledger/test_stateful.py::test_without_the_trigger_the_sequences_find_it"],
    ),
    row(
        "ledger", "UPDATE / DELETE / TRUNCATE as the app's role; one byte flipped as superuser",
        "refused; `prove` names the row",
        "fund/ledger/test_post.py::test_nobody_rewrites_the_book",
        "fund/ledger/test_post.py::test_a_flipped_figure_is_named_by_prove",
        "fund/governance/test_audit.py::test_nobody_rewrites_the_log",
        "fund/governance/test_audit.py::test_a_changed_row_is_named",
        control=["fund/ledger/test_post.py::test_without_the_triggers_the_owner_could"],
    ),
    row(
        "access", "every URL × every role × own / foreign / missing",
        "0 wrong 2xx; foreign ≡ missing; a URL not listed fails the test",
        "portal/web/test_crawl.py::test_every_address_has_a_declared_rule",
        "portal/web/test_crawl.py::test_nobody_is_let_in_who_may_not",
        "portal/web/test_crawl.py::test_anothers_thing_answers_exactly_as_a_missing_one",
        "portal/test_access.py::test_every_address_says_who_may_enter",
        "portal/api/test_who.py::test_every_operation_for_everybody",
        "portal/api/test_who.py::test_anothers_thing_answers_exactly_as_a_missing_one",
        "portal/officers/test_pages.py::test_a_duty_opens_its_rooms_and_no_others",
        control=[
            "portal/web/test_crawl.py::test_nobody_is_let_in_who_may_not",
            "portal/api/test_who.py::test_an_open_door_would_be_noticed",
        ],
    ),
    row(
        "access", "SQL without the RLS setting; users alternating on one connection", "0 foreign rows",
        "portal/test_walls.py::test_without_the_setting_the_citizens_role_sees_nothing",
        "portal/test_walls.py::test_a_citizen_sees_the_own_rows_alone_and_nobody_sees_none",
        "portal/test_walls.py::test_people_who_alternate_on_one_connection",
        "portal/test_walls.py::test_every_table_that_leads_to_a_person_has_a_wall_or_a_reason",
        control=["portal/test_walls.py::test_without_the_walls_foreign_rows_would_be_seen"],
    ),
    row(
        "access", "self-approval, second account, edited after approval, two approvers at once",
        "refused; exactly one effect",
        "fund/governance/test_approval.py::test_the_same_person_cannot_turn_both_keys",
        "fund/governance/test_approval.py::test_a_second_account_of_the_same_person_cannot_turn_the_second_key",
        "fund/governance/test_approval.py::test_editing_the_payload_voids_the_signatures",
        "portal/officers/test_approvals.py::test_two_officers_at_once_have_one_effect",
        control=[
            "fund/governance/test_approval.py::test_without_the_trigger_one_key_would_do",
            "portal/officers/test_approvals.py::test_without_the_posted_digest_the_edited_payload_would_be_signed",
        ],
    ),
    row(
        "sign-in",
        "passkey with wrong origin, replay, no user verification; TOTP reuse; fixation; logout everywhere; recovery",
        "refused; recovery never skips a factor",
        "portal/web/test_passkeys.py::test_an_assertion_made_on_another_site_is_refused",
        "portal/web/test_passkeys.py::test_a_replayed_assertion_is_refused",
        "portal/web/test_passkeys.py::test_an_assertion_without_user_verification_is_refused",
        "portal/web/test_security_pages.py::test_a_code_is_not_accepted_twice",
        "portal/web/test_security_pages.py::test_the_session_changes_its_key_when_somebody_signs_in",
        "portal/web/test_security_pages.py::test_signing_out_everywhere_ends_browsers_and_apps",
        "portal/web/test_recover.py::test_all_or_nothing",
        control=[
            "portal/web/test_recover.py"
            "::test_without_the_new_factor_in_the_same_transaction_the_password_alone_would_do",
            "portal/web/test_recover.py::test_sessions_would_live_on_if_they_were_not_ended",
        ],
    ),
    row(
        "sign-in", "bank change, redemption, approval more than 5 min after sign-in", "asks again, for that very act",
        "portal/test_step_up.py::test_it_asks_again_after_five_minutes",
        "portal/test_step_up.py::test_the_very_act_is_performed_after_the_proof",
        "portal/officers/test_approvals.py"
        "::test_five_minutes_after_signing_in_it_asks_again_and_then_performs_that_very_act",
        "portal/api/test_redemptions.py::test_without_a_fresh_proof_nothing_is_asked_for",
        "portal/web/test_redemptions.py"
        "::test_without_a_fresh_proof_nothing_is_asked_for_and_with_it_that_very_act_is_done",
        control=[
            "portal/test_step_up.py::test_without_the_question_a_stale_session_would_change_it",
            "portal/officers/test_approvals.py::test_without_the_question_a_stale_session_would_sign",
            "portal/web/test_redemptions.py::test_without_the_question_a_stale_session_would_ask",
        ],
    ),
    row(
        "personal data",
        "1,000 planted SSN and My Numbers; scan dump, WAL, Valkey, logs, task arguments, error pages, in dashed,"
        " full-width, base64, hex form",
        "0 hits; a planted control is found",
        "house/test_personal_data.py::test_nothing_personal_stands_anywhere",
        control=["house/test_personal_data.py::test_the_scan_finds_what_is_planted"],
    ),
    row(
        "personal data", "rotate keys at 50 requests/s, killed midway", "0 errors, resumes, 100 % re-wrapped",
        "investors/test_rotation.py::test_rotated_under_load_and_killed_midway_nothing_fails_and_nothing_is_left",
        control=["investors/test_rotation.py::test_without_the_condition_a_value_written_meanwhile_is_lost"],
    ),
    row(
        "input", "every API operation fuzzed (schemathesis ≥ 500 cases each)", "0 5xx; every error RFC 9457",
        "portal/api/test_schema.py::test_no_request_that_the_document_allows_or_forbids_finds_a_fault",
        control=["portal/api/test_problems.py::test_without_that_rule_it_would_be_called_our_fault"],
    ),
    row(
        "input",
        "camt bombs (XXE, billion laughs, XInclude, UTF-16, 200 MB); JSON depth 100,000, NUL, lone surrogates",
        "refused < 2 s, < 256 MB",
        "fund/payments/formats/test_camt_soundness.py::test_bombs_cost_less_than_two_seconds_and_256_mb",
        "fund/payments/formats/test_camt_soundness.py::test_an_external_entity_is_refused",
        "fund/payments/formats/test_camt_soundness.py::test_xinclude_is_refused",
        "fund/payments/formats/test_camt_soundness.py::test_other_encodings_are_refused",
        "portal/api/test_border.py::test_what_was_made_to_hurt_is_refused_in_a_tenth_of_a_second",
        "portal/api/test_border.py::test_nul_and_lone_surrogates_are_refused_where_they_stand",
        control=["portal/api/test_border.py::test_the_parser_of_the_library_would_fail_on_the_depth"],
    ),
    row(
        "input", "polyglots, pixel bombs, SVG, EXIF; CSV cells beginning = + - @ TAB CR",
        "refused or re-encoded; neutralised",
        "investors/test_pictures.py::test_bombs_cost_less_than_two_seconds_and_256_mb",
        "investors/test_pictures.py::test_a_file_that_is_two_things_comes_out_as_one",
        "investors/test_pictures.py::test_a_phones_picture_is_turned_upright_and_tells_nothing_any_more",
        "investors/test_pictures.py::test_only_what_begins_as_a_picture_is_looked_at",
        "portal/web/test_tables.py::test_a_text_is_never_a_formula",
        "portal/api/test_public.py::test_a_cell_is_never_a_formula",
        "portal/officers/test_audit_log.py::test_no_cell_of_the_export_is_a_formula",
        control=[
            "investors/test_pictures.py::test_without_the_bound_of_pixels_more_would_be_decoded",
            "portal/web/test_tables.py::test_without_the_apostrophe_it_would_be",
        ],
    ),
    row(
        "abuse", "credential stuffing, spoofed forwarding headers, limiter down, slow clients",
        "429; honest p95 < 500 ms; login fails closed",
        "portal/web/test_security_pages.py::test_passwords_are_not_tried_freely_at_one_account",
        "portal/web/test_security_pages.py::test_nor_from_one_address_whatever_it_says_of_itself",
        "portal/web/test_security_pages.py::test_without_the_cache_nobody_signs_in",
        "portal/api/test_limits.py::test_a_forwarding_header_is_not_believed",
        "portal/api/test_limits.py::test_without_the_cache_signing_in_is_closed",
        "portal/test_forwarded.py",
        "portal/test_arriving.py::test_slow_clients_hold_nobody_up",
        control=["portal/test_arriving.py::test_read_by_the_site_itself_two_slow_bodies_would_stop_everybody"],
    ),
    row(
        "operations", "restore to a random moment under load; boot the restored copy",
        "exact transaction; nothing is paid or mailed again until an officer releases it",
        "crash/test_restore.py::test_a_restored_copy_has_exactly_its_transactions_and_lets_nothing_out",
        "portal/test_fence.py::test_nothing_is_mailed_until_both_nations_release_it",
        control=["portal/test_fence.py::test_without_the_fence_a_copy_mails_again"],
    ),
    row(
        "operations", "every migration at 50 requests/s with old and new code", "0 5xx; locks ≤ 2 s",
        "crash/test_migrations.py::test_every_new_migration_runs_under_traffic_of_old_and_new_code",
        "house/test_migrations.py::test_code_is_ready_with_tables_that_are_a_step_ahead",
        control=["house/test_migrations.py::test_without_the_limit_its_readers_wait"],
    ),
    row(
        "operations", "an imbalance, a stuck outbox, a silent scheduler, a broken chain",
        "alert ≤ 2 min on `/metrics`, visible on `/status`",
        "portal/watch/test_alerts.py",
        control=["portal/watch/test_alerts.py::test_without_the_round_an_imbalance_would_not_be_seen"],
    ),
    row(
        "supply", "hash-locked install, audit, SBOM, `check --deploy`", "0 known high, 0 warnings",
        "house/test_supply.py", control=["house/test_supply.py::test_a_licence_that_nobody_has_allowed_is_named"],
    ),
)  # fmt: skip

HEAD = """\
# What is promised and what was seen

Written by `make report`; do not edit. Every promise of reliability and security with the tests that show it, the same
test with its protection taken away, and what the newest runs saw. `make crash` runs the counts of a release (full),
`make test` a tenth of them. Rows that fall short stay and say so.

"""


def main() -> int:
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for extent in EXTENTS:
        run = RUNS / f"{extent}.json"
        if run.exists():
            take(kept, json.loads(run.read_text()))
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    REPORT.write_text(report(kept))
    return 0


def take(kept: dict[str, Any], run: dict[str, Any]) -> None:
    """Keep what a run saw of the tests that some row names; of others of the same run before it nothing changes."""
    wanted = [name for one in ROWS for name in (*one.shown, *one.control)]
    told = {name: run[name] for name in ("commit", "on")}
    for test, seen in run["tests"].items():
        if any(test == name or test.startswith(f"{name}::") for name in wanted):
            kept.setdefault(test, {})[run["extent"]] = {**seen, **told}


def report(kept: dict[str, Any]) -> str:
    lines = [HEAD, runs(kept), "\n"]
    group = ""
    for one in ROWS:
        if one.group != group:
            group = one.group
            lines.append(f"\n## {group.capitalize()}\n")
        lines += ["\n", *section(one, kept)]
    return "".join(lines)


def runs(kept: dict[str, Any]) -> str:
    """Of which commits the outcomes are."""
    each_run = {(one["on"], extent, one["commit"]) for tests in kept.values() for extent, one in tests.items()}
    verdicts = [verdict(one, kept) for one in ROWS]
    counted = ", ".join(f"{verdicts.count(each)} {each}" for each in dict.fromkeys(verdicts))
    newest = sorted(each_run, reverse=True)
    named = "; ".join(f"{extent}, {on}, `{commit}`" for on, extent, commit in newest) or "none"
    return f"{len(ROWS)} promises: {counted}.\nRuns: {named}.\n"


def section(one: Row, kept: dict[str, Any]) -> list[str]:
    lines = [f"**{one.do}** → {one.passes}\n\n", f"- {verdict(one, kept)}{': ' + one.short if one.short else ''}\n"]
    for heading, names in (("shown by", one.shown), ("negative control", one.control)):
        lines += [f"- {heading}: `{name}`: {told(name, kept)}\n" for name in names]
    return lines


def told(name: str, kept: dict[str, Any]) -> str:
    """What became of one test, or of a module's."""
    outcomes = list(latest(name, kept))
    if not outcomes:
        return "not run in these runs"
    failed = sum(each["failed"] > 0 for _extent, each in outcomes)
    figures = [figure for _extent, each in outcomes for figure in each["seen"]]
    extents = sorted({f"{extent} at `{each['commit']}`" for extent, each in outcomes})
    if failed:
        outcome = f"{failed} of {len(outcomes)} failed" if len(outcomes) > 1 else "failed"
    else:
        outcome = f"{len(outcomes)} passed" if len(outcomes) > 1 else "passed"
    return "; ".join([f"{outcome} ({', '.join(extents)})", *figures])


def latest(name: str, kept: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """The outcomes that count of a test or of all tests of a module."""
    for test, extents in kept.items():
        if test == name or test.startswith(f"{name}::"):
            extent = next(each for each in EXTENTS if each in extents)
            yield extent, extents[extent]


def verdict(one: Row, kept: dict[str, Any]) -> str:
    """In a word. A row passes when all of its tests ran and passed, and nothing is said to be missing."""
    names = (*one.shown, *one.control)
    outcomes = [list(latest(name, kept)) for name in names]
    if any(each["failed"] for found in outcomes for _extent, each in found):
        return "FAILS"
    if not all(outcomes):
        return "not all run"
    if one.short:
        return "falls short"
    full = any(extent == "full" for found in outcomes[: len(one.shown)] for extent, _each in found)
    return "passes" if full or not counted(one) else "passes at a tenth"


def counted(one: Row) -> bool:
    """Whether the counts of a release are larger than those of `make test`: then its tests say figures in both."""
    return any(name.split("::")[0] in COUNTED for name in one.shown)


# What `make crash` runs with the counts of a release.
COUNTED = (
    "crash/test_busy_day.py",
    "crash/test_distribution.py",
    "crash/test_migrations.py",
    "crash/test_restore.py",
    "crash/test_settlement.py",
    "fund/dealing/test_random_trade.py",
    "fund/dealing/test_rush.py",
    "house/test_personal_data.py",
    "investors/test_rotation.py",
    "portal/api/test_rush.py",
    "portal/web/test_rush.py",
)


if __name__ == "__main__":
    sys.exit(main())
