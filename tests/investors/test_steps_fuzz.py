"""Whatever somebody sends to a step, it is clean or refused by field; nothing else happens."""

import json

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from investors import steps
from investors.steps import Known
from tests.investors.conftest import NOW, american, japanese

pytestmark = pytest.mark.django_db

TEXTS = st.text(max_size=60) | st.sampled_from(
    ["true", "US", "JP", "passport", "0001", "2026-11-20", "１２３", "\ud800", "\0"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def outcome(code, given, known):
    try:
        return steps.clean(code, given, known), {}
    except ValidationError as refused:
        return {}, refused.message_dict


@pytest.mark.parametrize("code", [code for code, step in steps.STEPS.items() if step.fields])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_step_is_clean_or_refused(code, data):
    answers = data.draw(st.sampled_from([japanese(), american()]))
    known = Known(NOW, data.draw(st.sampled_from([{}, answers])))
    names = [one.name for one in steps.STEPS[code].fields]
    changed = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=len(names)))
    clean, errors = outcome(code, answers[code] | changed, known)
    assert set(errors) <= set(names)
    json.dumps([clean, errors], ensure_ascii=False).encode()
