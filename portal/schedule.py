"""The clock: which job runs how often. The jobs themselves are tasks of the same name in ``portal/tasks.py``."""

from typing import Any

# Seconds between two runs. A run that was not begun before the next one is due is left out.
EVERY: dict[str, float] = {
    "relay": 1,
    "webhooks": 2,
    "mail": 5,
    "open_and_close": 5,
    "seal": 10,
    "watch": 30,
    "value_day": 60,
    "pay_distributions": 60,
    "lapse": 60,
    "plans": 20,
    "convey": 60,
    "write_statements": 600,
    "forget": 600,
    "delete_due": 3600,
    "reverify": 3600,
}

SCHEDULE: dict[str, dict[str, Any]] = {
    job: {
        "task": f"portal.{job}",
        "schedule": float(seconds),
        "options": {"expires": max(5, seconds), "queue": "clock"},
    }
    for job, seconds in EVERY.items()
}
