"""The whole journey of a citizen: `python journey.py plan.json`, from signing up to what is held.

``plan.json``: base, language, email, password, answers, documents (kind → file), offering, value. The code from the
mail is read from the keyboard. Every step is told as one line of JSON.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from kakehashi import Kakehashi, Refused

PATIENCE = 600  # seconds for an officer to decide, and for the money to come


def told(step: str, **facts: Any) -> None:
    print(json.dumps({"step": step, **facts}, ensure_ascii=False), flush=True)


def journey(plan: dict[str, Any]) -> None:
    api = Kakehashi(plan["base"], language=plan["language"])
    api.sign_up(plan["email"], plan["password"])
    told("signed up")
    api.confirm(input().strip())
    api.set_up_authenticator()

    api.save(plan["answers"])
    for kind, file in plan["documents"].items():
        api.give(kind, Path(file).read_bytes())
    assert api.application()["remaining"] == [], "something is missing still"
    told("submitted", status=api.submit()["status"])
    until(lambda: api.application()["decision"] is not None)
    told("decided", outcome=(api.application()["decision"] or {})["outcome"])

    offering = next(one for one in api.offerings() if one["code"] == plan["offering"])
    try:
        api.subscribe(offering, "1e5")
    except Refused as refused:
        told("refused", code=refused.problem["code"], pointers=[one["pointer"] for one in refused.problem["errors"]])
    receipt = api.subscribe(offering, plan["value"])
    told("ordered", reference=receipt["reference"], status=receipt["status"], pay=receipt["payment"])
    until(lambda: api.subscription(receipt["reference"])["status"] == "funded")
    told("paid", holdings=api.holdings())

    api.sign_out()
    told("signed out", token=api.token)


def until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "this took too long"
        time.sleep(1)


if __name__ == "__main__":
    journey(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
