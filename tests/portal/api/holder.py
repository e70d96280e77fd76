"""`python -m tests.portal.api.holder TOKEN KEY SILENCE SECONDS`: a process of the site that dies or falls silent.

It says ``holding`` when the order stands in its transaction and nothing is committed, and then waits to be ended,
for so many seconds at most.
"""

# ruff: noqa: E402  models can be imported only after Django's setup
import sys
import time
from typing import Any

import django

django.setup()

from portal.api import idempotency
from tests.portal.api.conftest import Api

keep = idempotency.keep


def keep_after_a_while(kept: Any) -> None:
    print("holding", flush=True)
    time.sleep(float(seconds))
    keep(kept)


if __name__ == "__main__":
    token, key, silence, seconds = sys.argv[1:]
    idempotency.keep = keep_after_a_while
    idempotency.LONGEST_SILENCE = int(silence)
    print(Api(**{"X-Session-Token": token}).subscribe(key=key).status_code)
