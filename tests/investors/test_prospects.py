"""Who cannot take part, or not yet, hears it as soon as it is certain (D5–D7); what a refusal means."""

from datetime import UTC, date, datetime

import pytest
from django.utils import translation

from investors import onboarding, people, prospects, steps
from investors.applications import Answer, Reason
from investors.steps import Known
from tests.investors.conftest import NOW, american, fill, japanese

pytestmark = pytest.mark.django_db


def known(*, nations=None, born=None, country=None, state="", now=NOW) -> Known:
    answers = {}
    if nations is not None:
        answers["citizenship"] = {"nations": nations}
    if born is not None:
        answers["birth"] = {"birth_date": born}
    if country is not None:
        answers["residence"] = {"country": country, "state": state}
    return Known(now, answers)


@pytest.mark.parametrize(
    ("told", "reason", "from_day"),
    [
        ({}, None, None),
        ({"nations": ["JP"]}, None, None),
        ({"nations": ["neither"]}, "citizenship", None),
        ({"country": "JP"}, None, None),
        ({"country": "FR"}, "residence", None),
        ({"born": "2008-11-21"}, "adult", date(2026, 11, 21)),
        ({"born": "2008-11-19"}, None, None),
        ({"born": "2008-11-19", "country": "US", "state": "NY"}, None, None),
        ({"born": "2008-11-19", "country": "US", "state": "AL"}, "adult", date(2027, 11, 19)),
        ({"born": "2008-11-19", "country": "US", "state": "NE"}, "adult", date(2027, 11, 19)),
        ({"born": "2006-11-19", "country": "US", "state": "MS"}, "adult", date(2027, 11, 19)),
        ({"born": "2005-11-19", "country": "US", "state": "MS"}, None, None),
        ({"born": "2008-02-29", "country": "JP"}, None, None),
        ({"born": "2012-02-29", "country": "JP"}, "adult", date(2030, 3, 1)),
        ({"born": "2007-11-20", "country": "US", "state": "AL"}, "adult", date(2026, 11, 20)),
    ],
)
def test_as_soon_as_it_is_certain(told, reason, from_day):
    found = prospects.barrier(known(**told))
    assert (found and found.reason) == reason
    assert (found and found.from_day) == from_day


@pytest.mark.parametrize(
    ("country", "state", "instant", "barred"),
    [  # 18 on 21 November; it is the applicant's own day that counts
        ("JP", "", datetime(2026, 11, 20, 14, 59, tzinfo=UTC), True),
        ("JP", "", datetime(2026, 11, 20, 15, 0, tzinfo=UTC), False),
        ("US", "NY", datetime(2026, 11, 21, 4, 59, tzinfo=UTC), True),
        ("US", "NY", datetime(2026, 11, 21, 5, 0, tzinfo=UTC), False),
    ],
)
def test_on_the_applicants_own_day(country, state, instant, barred):
    found = prospects.barrier(known(born="2008-11-21", country=country, state=state, now=instant))
    assert (found is not None) is barred


@pytest.mark.parametrize("years", [18, 19, 21])
@pytest.mark.parametrize("born", [date(2008, 2, 29), date(2008, 2, 28), date(2008, 3, 1), date(2005, 12, 31)])
def test_the_day_of_majority_is_the_first_day_of_that_age(born, years):
    day = people.of_age_on(born, years)
    assert people.age(born, day) == years
    assert people.age(born, date.fromordinal(day.toordinal() - 1)) == years - 1


@pytest.mark.parametrize(
    ("step", "given"),
    [
        ("citizenship", {"nations": ["neither"]}),
        ("birth", {"birth_date": "2010-05-05"}),
        ("residence", {"country": "FR"}),
    ],
)
def test_nothing_more_is_asked_and_it_can_be_corrected(investor, step, given):
    onboarding.save(investor=investor, step=step, answers=given, now=NOW)
    with pytest.raises(onboarding.Barred) as refused:
        onboarding.save(investor=investor, step="name", answers=american()["name"], now=NOW)
    assert refused.value.code == "barred"
    assert not Answer.objects.filter(step="name").exists()
    onboarding.save(investor=investor, step=step, answers=american()[step], now=NOW)
    if step == "citizenship":
        onboarding.save(investor=investor, step="name", answers=american()["name"], now=NOW)


def test_no_address_is_kept_of_a_country_that_is_not_accepted(investor):
    typed = japanese()["residence"] | {"country": "FR"}
    onboarding.save(investor=investor, step="residence", answers=typed, now=NOW)
    assert onboarding.draft(investor=investor, now=NOW).answers["residence"] == {"country": "FR"}


def test_neither_is_not_chosen_together_with_a_citizenship():
    with pytest.raises(steps.fields.ValidationError) as refused:
        steps.clean("citizenship", {"nations": ["US", "neither"]}, known())
    assert "nations" in refused.value.error_dict


def test_who_turned_too_young_by_moving_does_not_submit(investor):
    """Of age in New York, not in Mississippi."""
    young = american(birth={"birth_date": "2007-01-01"})
    fill(investor, young)
    moved = young["residence"] | {"state": "MS", "postcode": "39201", "city": "Jackson"}
    onboarding.save(investor=investor, step="residence", answers=moved, now=NOW)
    with pytest.raises(onboarding.Barred):
        onboarding.submit(investor=investor, now=NOW)


def test_on_the_day_of_majority_the_draft_goes_on(investor):
    fill(investor, {"citizenship": {"nations": ["JP"]}, "birth": {"birth_date": "2009-01-05"}})
    with pytest.raises(onboarding.Barred):
        onboarding.save(investor=investor, step="name", answers=japanese()["name"], now=NOW)
    birthday = datetime(2027, 1, 5, 6, tzinfo=UTC)
    onboarding.save(investor=investor, step="name", answers=japanese()["name"], now=birthday)


def test_every_reason_says_what_it_means_in_both_languages():
    assert set(prospects.WORDS) == set(Reason)
    told = known(born="2010-05-05", country="JP")
    for language in ("en", "ja"):
        with translation.override(language):
            found = prospects.after_refusal(reasons=Reason.values, known=told)
            texts = {str(text) for one in found for text in (one.label, one.meaning, one.advice)}
        assert all(("。" in text) == (language == "ja") for text in texts)
    assert {one.code for one in found if not one.again} == {"adult", "no_duplicate", "sanctions_clear"}
    assert next(one for one in found if one.code == "adult").from_day == date(2028, 5, 5)
