"""What is logged never shows a secret or a person."""

import pytest
from django.test import RequestFactory

from portal.redaction import HIDDEN, redact

SHOWN = [
    ({"password": "hunter2hunter2"}, {"password": HIDDEN}),
    (
        {"headers": {"Authorization": "Bearer abc", "accept": "x"}},
        {"headers": {"Authorization": HIDDEN, "accept": "x"}},
    ),
    ({"event": "cannot reach postgres://site:hush@db/x"}, {"event": f"cannot reach postgres://site:{HIDDEN}@db/x"}),
    ({"event": "taro@example.jp signed in"}, {"event": f"{HIDDEN} signed in"}),
    ({"event": "SSN 078-05-1120 given"}, {"event": f"SSN {HIDDEN} given"}),
    ({"event": "SSN 078051120 given"}, {"event": f"SSN {HIDDEN} given"}),
    ({"event": "０７８－０５－１１２０ given"}, {"event": f"{HIDDEN} given"}),
    (
        {"event": "/join/%EF%BC%90%EF%BC%97%EF%BC%98%EF%BC%90%EF%BC%95%EF%BC%91%EF%BC%91%EF%BC%92%EF%BC%90"},
        {"event": f"/join/{HIDDEN}"},
    ),
    ({"error": ValueError("no number: 621498320257")}, {"error": f"ValueError('no number: {HIDDEN}')"}),
    ({"event": "1234 5678 9018 given"}, {"event": f"{HIDDEN} given"}),
    ({"request": "GET /en/join?code=1234"}, {"request": "GET /en/join"}),
    ({"request": RequestFactory().get("/en/join?code=1234")}, {"request": "<WSGIRequest: GET '/en/join"}),
]


@pytest.mark.parametrize(("event", "shown"), SHOWN)
def test_hides(event: dict[str, object], shown: dict[str, object]) -> None:
    assert redact(None, "info", event) == shown


@pytest.mark.parametrize("event", [{"event": "order placed", "order": 41, "reference": "RF51S2K7F9Q3M", "rate": 1.5}])
def test_leaves_the_rest_alone(event: dict[str, object]) -> None:
    assert redact(None, "info", dict(event)) == event
