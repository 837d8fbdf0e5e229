"""States and probabilities: each rule by itself, then the published values as a whole."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.errors import InputError
from zhizao.programme.indicators import Actuals, Observation, Target, actuals, catalogue, definitions
from zhizao.programme.outlook import (
    Evaluation,
    Judgement,
    Settings,
    State,
    adjust,
    day_of,
    evaluate,
    judge,
    tracks_of,
)
from zhizao.programme.outlook.reasons import when_text
from zhizao.programme.outlook.track import thinned

D = definitions()
TODAY = date(2026, 6, 30)


def values(key: str, *pairs: tuple[float, float], **more: object) -> list[Observation]:
    return [
        Observation.model_validate({"indicator": key, "year": int(at), "at": at, "value": value, **more})
        for at, value in pairs
    ]


def judged(
    key: str, given_: list[Observation], year: int, value: float, today: date = TODAY, **more: object
) -> Judgement:
    tracks = tracks_of(D[key], given_, as_of=today)
    return judge(D[key], Target.model_validate({"year": year, "value": value, **more}), tracks, today=day_of(today))


@pytest.fixture(scope="module")
def published() -> Evaluation:
    return evaluate(catalogue(), actuals(), Settings(date(2026, 11, 26)))


def states(found: Evaluation, key: str) -> dict[tuple[str, int], State]:
    return {(one.target.target_set, one.target.year): one.state for one in found.result(key).judgements}


def test_a_value_of_the_targets_year_decides():
    given_ = values("IND07", (2023, 80.0), (2024, 82.0), (2025, 84.0))
    assert judged("IND07", given_, 2025, 84.0).state is State.REACHED
    assert judged("IND07", given_, 2025, 84.5).state is State.MISSED


def test_of_several_values_near_the_years_end_the_nearest_decides():
    given_ = values("IND07", (2024 + 11 / 12, 83.9), (2025, 84.1))
    assert judged("IND07", given_, 2025, 84.0).state is State.REACHED


def test_a_target_met_before_its_year_is_reached_ahead_of_time():
    found = judged("IND07", values("IND07", (2022, 80.0), (2023, 85.0)), 2025, 84.0)
    assert found.state is State.REACHED
    assert found.since is not None
    assert found.since.at == 2023.0


@pytest.mark.parametrize(("target", "state"), [(68.5, State.ON_TRACK), (73.0, State.AT_RISK), (80.0, State.OFF_TRACK)])
def test_pace_against_required_pace_gives_the_state(target: float, state: State):
    given_ = values("IND07", (2020, 50.0), (2021, 53.0), (2022, 56.0), (2023, 59.0), (2024, 62.0))
    assert judged("IND07", given_, 2027, target, date(2025, 1, 31)).state is state


def test_what_the_model_makes_less_likely_than_not_is_not_on_track(published: Evaluation):
    found = next(one for one in published.result("IND08").judgements if one.target.target_set == "14fyp")
    assert found.pace is not None
    assert found.required is not None
    assert found.pace > found.required
    assert found.probability is not None
    assert found.probability < 0.5
    assert found.state is State.AT_RISK


def test_one_value_tells_no_pace():
    found = judged("IND07", values("IND07", (2023, 80.0)), 2027, 84.0)
    assert found.state is State.CANNOT_JUDGE
    assert found.probability is None
    assert "one comparable value" in found.reason.en


def test_the_base_year_and_one_value_tell_a_pace():
    assert judged("IND09", values("IND09", (2020, -10.0)), 2025, -34.0).state is State.OFF_TRACK


def test_values_on_both_sides_decide_only_when_nearly_sure():
    near = values("IND07", (2019, 69.0), (2021, 74.5), (2022, 77.0))
    far = values("IND07", (2019, 75.0), (2021, 78.0), (2022, 80.0))
    assert judged("IND07", near, 2020, 72.0).state is State.CANNOT_JUDGE
    assert judged("IND07", near, 2020, 72.0).probability is not None
    assert judged("IND07", far, 2020, 72.0).state is State.REACHED


def test_a_value_more_than_six_years_before_the_target_says_nothing():
    assert judged("IND07", values("IND07", (2012, 48.0), (2013, 52.0)), 2025, 84.0).state is State.CANNOT_JUDGE


def test_a_bound_can_show_a_target_reached_and_never_missed():
    above = values("C4.factories", (2020, 1500.0), bound="more_than")
    assert judged("C4.factories", above, 2020, 1000.0).state is State.REACHED
    assert judged("C4.factories", above, 2020, 2000.0).state is State.CANNOT_JUDGE


def test_series_are_not_joined_across_a_break():
    old = values("IND07", (2012, 48.8), (2013, 52.0), series="sample")
    new = values("IND07", (2023, 60.0), series="platform")
    tracks = tracks_of(D["IND07"], [*old, *new], as_of=TODAY)
    assert [len(track.points) for track in tracks.tracks] == [2, 1]
    assert judge(D["IND07"], Target(year=2027, value=84.0), tracks, today=day_of(TODAY)).state is State.CANNOT_JUDGE


def test_a_target_against_another_base_year_is_rebased():
    given_ = values("IND09", (2020, -16.0), (2021, -20.7), (2022, -21.7), (2025, -28.0))
    # 0.72 / 0.84 - 1 = -14.3 %
    assert judged("IND09", given_, 2025, -13.5, base_year=2020).state is State.REACHED
    assert judged("IND09", given_, 2025, -15.0, base_year=2020).state is State.MISSED
    assert judged("IND09", given_, 2025, -13.5, base_year=2019).state is State.CANNOT_JUDGE


def test_growth_from_ratios_is_judged_over_its_period():
    ratios = [(year, 100 * 1.07 ** (year - 2015)) for year in range(2015, 2024)]
    given_ = values("IND05", *ratios, ratio=True)
    assert judged("IND05", given_, 2020, 7.5).state is State.MISSED
    assert judged("IND05", given_, 2020, 6.5).state is State.REACHED
    ahead = judged("IND05", given_, 2025, 6.5, date(2024, 6, 30))
    assert ahead.state is State.ON_TRACK
    assert ahead.middle == pytest.approx(7.0, abs=0.2)


def test_levels_behind_a_change_in_points_are_turned_into_it():
    tracks = tracks_of(D["IND04"], values("IND04", (2015, 21.77), (2019, 20.0), ratio=True), as_of=TODAY)
    assert [round(point.figure, 2) for point in tracks.tracks[0].points] == [0.0, -1.77]


def test_the_last_vintage_known_on_the_day_counts():
    first = values("IND07", (2022, 76.0), published="2023-02-01") + values(
        "IND07", (2023, 79.0), published="2024-02-01"
    )
    later = values("IND07", (2023, 80.5), published="2024-09-01")
    early, late = (tracks_of(D["IND07"], [*first, *later], as_of=day) for day in (date(2024, 3, 1), date(2025, 3, 1)))
    assert early.tracks[0].last.figure == 79.0
    assert early.later == 1
    assert late.tracks[0].last.figure == 80.5
    assert late.tracks[0].last.vintages == 2


def test_revisions_seen_before_widen_values_that_may_still_be_revised():
    rows = []
    for year, change in ((2019, 1.0), (2020, -1.2), (2021, 0.8)):
        rows += values("IND07", (year, 60.0 + year - 2019), published=f"{year + 1}-02-01")
        rows += values("IND07", (year, 60.0 + year - 2019 + change), published=f"{year + 2}-02-01")
    rows += values("IND07", (2023, 66.0), published="2024-02-01")
    track = tracks_of(D["IND07"], rows, as_of=TODAY).tracks[0]
    assert track.last.revision > 0
    assert track.points[0].revision == 0
    given_ = tracks_of(D["IND07"], rows, as_of=TODAY, revision=0.02).tracks[0]
    assert given_.last.revision == pytest.approx(0.02 * 66 * 100 / (66 * 34), rel=1e-9)


def test_remembered_values_and_forecasts_stay_out_unless_asked_for():
    recalled = values("IND10", (2020, -22.4), unverified=True)
    foretold = values("IND10", (2019, -20.0), forecast=True)
    assert tracks_of(D["IND10"], [*recalled, *foretold]).tracks == ()
    assert len(tracks_of(D["IND10"], [*recalled, *foretold], include_unverified=True).tracks) == 1


@given(st.floats(60.0, 95.0), st.floats(60.0, 95.0))
@settings(max_examples=20)
def test_a_higher_target_is_never_more_likely(a: float, b: float):
    given_ = values("IND07", (2020, 50.0), (2022, 56.0), (2023, 59.0), (2024, 62.0))
    low, high = sorted((a, b))
    easy, hard = (judged("IND07", given_, 2030, one).probability for one in (low, high))
    assert easy is not None
    assert hard is not None
    assert easy >= hard - 1e-12


def test_a_later_report_of_the_same_pace_makes_a_year_surer():
    few = values("IND07", (2020, 50.0), (2021, 53.0), (2022, 56.0))
    more = few + values("IND07", (2023, 59.0), (2024, 62.0))
    a, b = (judged("IND07", rows, 2026, 64.0, date(2025, 6, 30)) for rows in (few, more))
    assert a.high is not None
    assert a.low is not None
    assert b.high is not None
    assert b.low is not None
    assert b.high - b.low < a.high - a.low


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        # beside each: what the reading of the published values says
        ("IND01", {2020: State.REACHED, 2025: State.REACHED}),  # both met by 2023 on census coverage
        ("IND02", {2020: State.CANNOT_JUDGE, 2025: State.CANNOT_JUDGE}),  # no verified actual
        ("IND03", {2020: State.REACHED, 2025: State.REACHED}),  # 2025 target met in 2024
        ("IND04", {2020: State.OFF_TRACK, 2025: State.OFF_TRACK}),  # moved away from the target
        ("IND05", {2020: State.CANNOT_JUDGE, 2025: State.CANNOT_JUDGE}),  # no period average found
        ("IND06", {2020: State.REACHED, 2025: State.REACHED}),  # 2025 target met in 2018
        ("IND07", {2020: State.CANNOT_JUDGE, 2025: State.ON_TRACK}),  # 83.5 in 2025Q1 against 84
        ("IND08", {2020: State.REACHED, 2025: State.REACHED}),  # 2025 target met by early 2025
        ("IND09", {2020: State.MISSED, 2025: State.OFF_TRACK}),  # 2020 missed narrowly
        ("IND10", {2020: State.CANNOT_JUDGE, 2025: State.CANNOT_JUDGE}),  # no verified actual
        ("IND11", {2020: State.REACHED, 2025: State.REACHED}),  # far exceeded, met in 2021
        ("IND12", {2020: State.MISSED, 2025: State.CANNOT_JUDGE}),  # 55.4 in 2020 against 73
    ],
)
def test_the_published_values_are_judged_as_they_read(published: Evaluation, key: str, expected: dict[int, State]):
    found = states(published, key)
    assert {year: found["plan2025", year] for year in expected} == expected


@pytest.mark.parametrize(
    ("key", "at"), [("IND01", "2023"), ("IND03", "2024"), ("IND06", "2018-06"), ("IND08", "2025-03"), ("IND11", "2021")]
)
def test_the_first_value_beyond_the_2025_target_is_the_one_that_reads_so(published: Evaluation, key: str, at: str):
    found = next(one for one in published.result(key).judgements if one.target == D[key].target("plan2025", 2025))
    assert found.since is not None
    assert when_text(found.since.at) == at


def test_what_is_not_known_has_no_probability(published: Evaluation):
    for one in published.results:
        for each in one.judgements:
            if each.probability is not None:
                assert 0.0 <= each.probability <= 1.0
                assert each.values >= 2


def test_an_earlier_day_knows_less():
    found = evaluate(catalogue(), actuals(), Settings(date(2016, 12, 31), "plan2025"))
    assert found.result("IND11").cannot_judge is not None
    assert all(
        one.observation is None or one.observation.published <= date(2016, 12, 31)
        for result in found.results
        for one in result.tracks.observed
    )


def test_without_values_nothing_can_be_judged():
    found = evaluate(catalogue(), Actuals.of([]), Settings(TODAY))
    assert all(one.cannot_judge is not None for one in found.results)
    assert all(one.fan is None for one in found.results)


def test_a_target_is_adjusted_with_a_reason_and_its_effect():
    tracks = tracks_of(D["IND09"], [one for one in actuals().observations if one.indicator == "IND09"], as_of=TODAY)
    found = adjust(D["IND09"], tracks, year=2025, value=-25.0, reason="结构变化", as_of=TODAY)
    assert found.eased
    assert found.before.state is State.OFF_TRACK
    assert (found.before.probability or 0) < (found.after.probability or 0)
    changed = catalogue(json.dumps({"indicators": [found.definition]})).current["IND09"]
    assert changed.version == 2
    assert changed.changed_zh == "结构变化"
    new = changed.target("plan2025", 2025)
    assert new is not None
    assert new.value == -25.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reason": "  "}, "without a reason"),
        ({"year": 2031}, "no target of plan2025 for 2031"),
        ({"value": -34.0}, "already"),
    ],
)
def test_a_target_is_not_adjusted_without_reason_place_or_change(change: dict[str, object], said: str):
    tracks = tracks_of(D["IND09"], [])
    asked = {"year": 2025, "value": -30.0, "reason": "why", **change}
    with pytest.raises(InputError, match=said):
        adjust(D["IND09"], tracks, as_of=TODAY, **asked)  # type: ignore[arg-type]


def test_a_hundred_monthly_values_are_thinned_and_judged():
    at = [2014 + (i + 1) / 12 for i in range(120)]
    rows = values("IND07", *[(one, 50 + 2.5 * (one - 2014)) for one in at])
    track = tracks_of(D["IND07"], rows).tracks[0]
    assert len(track.points) == 120
    assert len(thinned(track.points)) <= 40
    found = judged("IND07", rows, 2027, 80.0)
    assert found.state is State.ON_TRACK
