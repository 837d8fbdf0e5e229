"""Over-capacity: what is warned of, how soon, how often falsely, and that nothing later is looked at."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from zhizao.errors import InputError
from zhizao.programme.alerts import (
    Fall,
    Rule,
    Spell,
    as_json,
    date_falls,
    fixed_line,
    over_capacity,
    panel_of,
    replay,
    replay_versions,
    score,
)
from zhizao.programme.alerts.replay import spells_of, watch_panel
from zhizao.programme.alerts.watch import forms, of_panel, watch
from zhizao.testing.industry_series import Series, industry_series


def falls_of(series: Series) -> list[Fall]:
    return [Fall(one.scope, one.onset, one.trough, one.end) for one in series.truth]


@pytest.fixture(scope="module")
def series() -> Series:
    return industry_series(np.random.default_rng(2001))


@pytest.fixture(scope="module")
def held_out():
    """Replays of economies that no setting was chosen on, with injected over-capacity, ours and the fixed line's."""
    ours = lines = None
    for seed in (2002, 2003, 2004):
        one = industry_series(np.random.default_rng(seed))
        panel, falls = panel_of(one.frame), falls_of(one)
        found = replay(panel, falls, rng=np.random.default_rng(0))
        line = score(fixed_line(panel, 0.75), falls, length=len(panel.months), first=48)
        ours = found if ours is None else ours + found
        lines = line if lines is None else lines + line
    return ours, lines


def test_injected_over_capacity_is_found_with_the_stated_lead_time(held_out):
    """docs/alerts.md states: nine months before the trough at least in the median, nine of ten found, two of three right."""
    ours, _ = held_out
    assert ours.falls >= 20
    assert ours.lead_time_months >= 9
    assert ours.recall >= 0.85
    assert ours.precision >= 0.65


def test_lines_drawn_by_era_and_trade_beat_one_line_for_all(held_out):
    ours, line = held_out
    assert ours.precision > line.precision + 0.15
    assert ours.recall > line.recall + 0.15


@pytest.mark.slow
def test_false_alarms_keep_the_budget_where_nothing_is_wrong():
    false = years = 0.0
    for seed in range(3000, 3016):
        panel = panel_of(industry_series(np.random.default_rng(seed), episodes=0.0).frame)
        found = replay(panel, [], rng=np.random.default_rng(0), budget=1.0)
        false, years = false + found.warnings, years + found.years
    assert 0.4 < false / years < 1.5


def test_nothing_later_is_looked_at(series: Series):
    """Warnings on the past as told today are the warnings that were given then."""
    whole = panel_of(series.frame)
    rule = Rule()
    watched, curve, threshold = watch_panel(whole, rule, 1.0, np.random.default_rng(0))
    fitted = rule.at(12, whole.signals)
    weights, group = of_panel(whole)
    for last in (70, 96, 121):
        cut = whole.until(last)
        then = watch(forms(cut.charted, rule), weights, group, 12, fitted, threshold=threshold)
        np.testing.assert_array_equal(then.pressure, watched.pressure[:, : last + 1])
        np.testing.assert_array_equal(then.votes, watched.votes[..., : last + 1])
        now = [one for one in spells_of(whole, watched, threshold, rule) if one.opened <= last]
        assert [(a.scope, a.opened) for a in spells_of(cut, then, threshold, rule)] == [
            (b.scope, b.opened) for b in now
        ]
    assert curve.threshold(0.25) >= curve.threshold(1.0) >= curve.threshold(4.0)


def test_the_past_by_versions_is_the_past_at_once_when_nothing_was_revised(series: Series):
    few = [*[one.scope for one in series.truth][:2], "13", "14"]
    frame = series.frame.filter(pl.col("industry").is_in(few)).with_columns(known_at=pl.col("month"))
    days = frame["month"].unique().sort().to_list()[48:]
    falls = falls_of(series)
    at_once = replay(panel_of(frame), falls, rng=np.random.default_rng(0))
    by_version = replay_versions(frame, falls, rng=np.random.default_rng(0), judged=days)
    assert (by_version.warnings, by_version.right, by_version.warned) == (
        at_once.warnings,
        at_once.right,
        at_once.warned,
    )


def test_a_figure_that_was_revised_later_is_not_known_earlier():
    frame = pl.DataFrame(
        {
            "industry": ["31"] * 3,
            "month": [date(2020, 1, 1), date(2020, 2, 1), date(2020, 1, 1)],
            "known_at": [date(2020, 2, 10), date(2020, 3, 10), date(2020, 6, 1)],
            "utilisation": [0.80, 0.79, 0.71],
        }
    )
    early, late = panel_of(frame, as_of=date(2020, 3, 31)), panel_of(frame, as_of=date(2020, 12, 1))
    assert early.values[0, 0].tolist() == [0.80, 0.79]
    assert late.values[0, 0].tolist() == [0.71, 0.79]


def test_a_warning_carries_evidence_actions_and_record(series: Series):
    found = over_capacity(panel_of(series.frame), rng=np.random.default_rng(0))
    assert found.alerts
    bad = {one.scope for one in series.truth}
    firm = [one for one in found.alerts if one.level != "watch" and one.scope["industry"] != "all"]
    assert np.mean([one.scope["industry"] in bad for one in firm]) > 0.6
    for one in firm:
        assert {row.signal for row in one.evidence} >= {"utilisation", "inventory_days"}
        assert any(row.vote >= 1 for row in one.evidence)
        assert {action.way for action in one.actions} == {"absorb", "shift", "integrate", "phase_out"}
        assert all(action.needs_zh and action.needs_en and action.en[0].islower() for action in one.actions)
        assert one.since and one.opened and one.since <= one.opened
        assert one.record.precision is not None and one.record.recall is not None
        shown = as_json(one)
        assert shown["kind"] == "over-capacity" and shown["record"]["lead_time_months"] == one.record.lead_time_months


def test_a_trade_that_runs_low_by_nature_is_not_warned_of_and_one_that_falls_from_high_is():
    """A fixed line has both wrong: 68 % for ever is normal there, from 92 to 80 % is a fall."""
    rng = np.random.default_rng(9)
    months = 108
    level = np.full((12, months), 0.80) + rng.normal(0, 0.006, (12, months))
    level[0] -= 0.12
    level[1] += 0.12
    level[1, 66:] -= np.minimum(np.arange(months - 66) / 24, 1) * 0.12
    days = 20 * np.exp(rng.normal(0, 0.03, (12, months)))
    days[1, 66:] *= np.exp(0.5 * np.minimum(np.arange(months - 66) / 24, 1))
    frame = pl.DataFrame(
        {
            "industry": np.repeat([f"{13 + i}" for i in range(12)], months),
            "month": [date(2010 + j // 12, j % 12 + 1, 1) for j in range(months)] * 12,
            "utilisation": level.ravel(),
            "inventory_days": days.ravel(),
        }
    )
    found = over_capacity(panel_of(frame), rng=np.random.default_rng(0), budget=0.5)
    warned = {one.scope["industry"] for one in found.alerts if one.level != "watch"}
    assert "14" in warned and "13" not in warned and len(warned) <= 3
    line = {spell.scope for spell in fixed_line(panel_of(frame), 0.75)}
    assert "13" in line and "14" not in line


def test_a_slump_of_all_industries_is_seen_as_that():
    rng = np.random.default_rng(3)
    months = 96
    slump = np.where(np.arange(months) >= 70, np.minimum((np.arange(months) - 70) / 12, 1) * 0.09, 0.0)
    frame = pl.DataFrame(
        {
            "industry": np.repeat([f"{13 + i}" for i in range(16)], months),
            "month": [date(2010 + j // 12, j % 12 + 1, 1) for j in range(months)] * 16,
            "utilisation": (0.8 - slump + rng.normal(0, 0.01, (16, months))).ravel(),
            "margin": (0.07 - 0.4 * slump + rng.normal(0, 0.005, (16, months))).ravel(),
        }
    )
    found = over_capacity(panel_of(frame), rng=np.random.default_rng(0))
    assert "all" in {one.scope["industry"] for one in found.alerts if one.level != "watch"}


def test_falls_are_dated_afterwards_near_where_they_were(series: Series):
    panel = panel_of(series.frame)
    dated = date_falls(panel)
    near = [
        min((abs(one.trough - fall.trough) for fall in dated if fall.scope == one.scope), default=99)
        for one in series.truth
        if one.end < 130
    ]
    assert near and np.median(near) <= 6


def test_warnings_are_scored_by_hand():
    falls = [Fall("31", 60, 84, 110), Fall("17", 30, 55, 70), Fall("22", 70, 90, 110)]
    spells = [Spell("31", 70, 100), Spell("31", 96, 99), Spell("31", 97, 99), Spell("17", 50, 60), Spell("19", 80, -1)]
    found = score(spells, falls, length=120, first=48, budget=1.0, lag=2)
    # 31: warned at 70, 14 months before, less the two until it was known; 96 is within a year of the trough, 97 is not;
    # 17 began before judging did and is left out; 22 was missed; 19 is false
    assert found.leads == (12.0,) and found.delays == (12.0,)
    assert (found.warnings, found.right, found.falls, found.warned) == (4, 2, 2, 1)
    assert found.false_per_year == pytest.approx(2 / 6)


def test_too_short_a_past_cannot_be_judged_and_says_so():
    frame = pl.DataFrame(
        {
            "industry": ["31"] * 7,
            "month": [date(2016 + i, 1, 1) for i in range(7)],
            "utilisation": [0.733, 0.77, 0.765, 0.766, 0.745, 0.775, 0.756],
        }
    )
    found = over_capacity(panel_of(frame.head(4)), rng=np.random.default_rng(0))
    assert (
        not found.alerts
        and found.cannot_judge[0].en == "utilisation has 4 readings; 7 are needed to learn what is normal"
    )
    only_prices = frame.select("industry", "month", price_index=pl.col("utilisation"))
    assert "no utilisation" in over_capacity(panel_of(only_prices), rng=np.random.default_rng(0)).cannot_judge[0].en


def test_tables_that_cannot_be_series_are_refused():
    good = pl.DataFrame(
        {"industry": ["31", "31"], "month": [date(2020, 1, 1), date(2020, 2, 1)], "utilisation": [0.8, 0.7]}
    )
    for frame, said in (
        (pl.concat([good, good]), "more than once"),
        (good.drop("month"), 'no column "month"'),
        (good.select("industry", "month"), "no signal"),
        (good.clear(), "no row is left"),
    ):
        with pytest.raises(InputError, match=said):
            panel_of(frame)
    with pytest.raises(InputError, match="begin in 2020-01"):
        panel_of(good).at(date(2019, 1, 1))


def test_gaps_quarters_and_years_are_told_apart():
    quarters = pl.DataFrame(
        {
            "industry": ["31"] * 3,
            "month": [date(2020, 1, 1), date(2020, 4, 1), date(2021, 1, 1)],
            "utilisation": [0.8, 0.7, 0.75],
        }
    )
    panel = panel_of(quarters)
    assert panel.period == 4 and len(panel.months) == 5 and np.isnan(panel.values[0, 0, 2])
    years = quarters.with_columns(month=pl.Series([date(2018, 1, 1), date(2019, 1, 1), date(2021, 1, 1)]))
    assert panel_of(years).period == 1 and len(panel_of(years).months) == 4


def test_finer_rows_are_gathered_before_they_are_charted(series: Series):
    whole = series.frame.filter(pl.col("industry").is_in(["13", "14"]))
    money = [one for one in whole.columns if one.endswith("_cny")]
    parts = pl.concat(
        [whole.with_columns(pl.col(money) * share, region=pl.lit(code)) for code, share in (("11", 0.25), ("44", 0.75))]
    )
    one, other = panel_of(whole), panel_of(parts)
    np.testing.assert_allclose(other.values, one.values, rtol=1e-12)


def test_quarterly_series_are_watched_as_well():
    series = industry_series(np.random.default_rng(2005))
    quarter = pl.col("month").dt.truncate("1q")
    flows = [pl.col(one).sum() for one in ("output_cny", "capacity_cny", "revenue_cny", "profit_cny", "investment_cny")]
    stocks = [pl.col(one).last() for one in ("inventory_cny", "receivables_cny")]
    rates = [pl.col(one).mean() for one in ("price_index", "loss_share")]
    frame = series.frame.group_by("industry", quarter, maintain_order=True).agg(*flows, *stocks, *rates)
    panel = panel_of(frame)
    assert panel.period == 4
    falls = [Fall(one.scope, one.onset // 3, one.trough // 3, one.end // 3) for one in series.truth]
    found = replay(panel, falls, rng=np.random.default_rng(0))
    assert found.recall >= 0.8 and found.precision >= 0.6 and found.lead_time_months >= 6


def test_a_warning_that_nothing_has_answered_yet_is_not_called_false():
    spells = [Spell("31", 110, -1), Spell("17", 112, 115), Spell("22", 60, -1)]
    assert score(spells, [], length=120, first=48).warnings == 3
    assert score(spells, [], length=120, first=48, pending=24).warnings == 2


def test_series_that_never_change_or_repeat_themselves_exactly_do_not_stop_the_others(series: Series):
    months = pl.int_range(pl.len()).over("industry") % 12
    frame = series.frame.with_columns(
        loss_share=pl.when(pl.col("industry") == "14").then(0.0).otherwise(pl.col("loss_share")),
        inventory_cny=pl.when(pl.col("industry") == "15").then(0.0).otherwise(pl.col("inventory_cny")),
        price_index=pl.when(pl.col("industry") == "16").then(100.0 + months).otherwise(pl.col("price_index")),
        investment_cny=pl.when(pl.col("industry") == "17").then(None).otherwise(pl.col("investment_cny")),
    )
    found = over_capacity(panel_of(frame), rng=np.random.default_rng(0))
    assert found.watched is not None and np.isfinite(found.watched.pressure[:, 60:]).all()
