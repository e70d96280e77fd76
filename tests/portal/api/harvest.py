"""Examples for the document, harvested from real answers: `EXAMPLES=write pytest tests/portal/api` writes them anew.

Every request of the API's tests is then asked in both languages. Of each operation the fullest answer is kept, of each
code one problem document; long lists are cut. The people in them are those of the tests: none of them exists.
"""

import json
import os
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import connection, transaction
from drf_spectacular.generators import SchemaGenerator

from portal.api import examples

WRITING = os.environ.get("EXAMPLES") == "write"
LONGEST_LIST, LARGEST = 2, 12_000
found: dict[str, dict[str, Any]] = {"answers": {}, "tables": {}, "problems": {}, "codes": {}}


@cache
def places() -> list[tuple[re.Pattern[str], str, str]]:
    """Every operation: its address as a pattern, its method, its name."""
    return [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), method.upper(), operation["operationId"])
        for path, operations in SchemaGenerator().get_schema(public=True)["paths"].items()
        for method, operation in operations.items()
    ]


def operation_at(method: str, address: str) -> str:
    """The name of an operation; "" where there is none."""
    path = address.partition("?")[0]
    return next((name for at, how, name in places() if how == method and at.fullmatch(path)), "")


def in_both_languages(method: str, address: str, ask: Callable[[str], Any]) -> Any:
    """The answer in English; what it did in Japanese before is taken back."""
    if not connection.in_atomic_block and method != "GET":
        return ask("en")
    point = transaction.savepoint_create() if connection.in_atomic_block else None
    japanese = ask("ja")
    if point is not None:
        transaction.savepoint_rollback(point)
    english = ask("en")
    kind = english.get("Content-Type", "").partition(";")[0]
    if kind.endswith("json") and english.status_code == japanese.status_code:
        keep(
            operation_at(method, address),
            english.status_code,
            *(cut(json.loads(one.content)) for one in (english, japanese)),
        )
    if kind == "text/csv" and english.status_code == japanese.status_code == 200:
        keep_table(operation_at(method, address), english.content.decode(), japanese.content.decode())
    return english


def keep_table(name: str, english: str, japanese: str) -> None:
    """The head and the first rows, of the longest table that a run has met."""
    first = {language: cut_rows(table) for language, table in (("en", english), ("ja", japanese))}
    if len(first["en"]) > len(found["tables"].get(name, {"en": ""})["en"]):
        found["tables"][name] = first


def cut_rows(table: str) -> str:
    return "".join(table.splitlines(keepends=True)[: 1 + LONGEST_LIST])


def keep(name: str, status: int, english: Any, japanese: Any) -> None:
    if status < 300:
        kept, key = found["answers"], name
        before = size(kept[name]["en"]) if name in kept else 0
        if not name or (before and not before < size(english) < LARGEST):
            return
    else:
        kept, key = found["problems"], english["code"]
        if name:
            found["codes"].setdefault(name, set()).add(key)
        if key in kept or japanese["code"] != key:
            return
    kept[key] = {"en": english, "ja": japanese}


def size(value: Any) -> int:
    return len(json.dumps(value))


def cut(value: Any) -> Any:
    """A value with at most a few items of each list."""
    match value:
        case dict():
            return {name: cut(inner) for name, inner in value.items()}
        case list():
            return [cut(inner) for inner in value[:LONGEST_LIST]]
        case _:
            return value


def write() -> None:
    """What this run did not meet stays as it was, but for operations that are gone."""
    names = {name for _at, _method, name in places()}
    kept = {
        **{
            kind: {
                name: told for name, told in {**examples.kept().get(kind, {}), **found[kind]}.items() if name in names
            }
            for kind in ("answers", "tables")
        },
        "problems": {**examples.kept()["problems"], **found["problems"]},
        "codes": {
            name: sorted({*examples.kept().get("codes", {}).get(name, []), *found["codes"].get(name, set())})
            for name in sorted(names)
        },
    }
    text = json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True)
    examples.FILE.write_text(f"{text}\n", encoding="utf-8")
