"""What every chart of the monitor contract is held to; a new chart earns the checks by being listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zhizao.decide.monitor import Cusum, Ewma, Individuals, LevelChange, Residual, load
from zhizao.errors import InputError, NotAllowed

CHARTS: dict[str, Callable[[], Any]] = {
    "individuals": lambda: Individuals(arl0=200),
    "ewma": lambda: Ewma(weight=0.2, arl0=370),
    "ewma_fixed_high": lambda: Ewma(weight=0.1, limit=2.5, exact=False, sides="high", restart=True),
    "cusum": lambda: Cusum(slack=0.5, arl0=370),
    "cusum_fir_low": lambda: Cusum(slack=0.25, limit=6.0, head_start=0.5, sides="low", restart=True),
    "level_change": lambda: LevelChange(window=24, arl0=200),
    "level_change_high": lambda: LevelChange(window=12, limit=3.0, sides="high", restart=True),
    "residual_cusum": lambda: Residual(chart=Cusum(slack=0.5, arl0=370), period=12),
    "residual_ewma_trend": lambda: Residual(chart=Ewma(weight=0.3), period=4, trend=True),
    "residual_level": lambda: Residual(chart=LevelChange(window=12, arl0=100), period=1),
}


def readings(streams: int = 3, n: int = 150, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = 50 + 3 * np.sin(np.arange(n) * np.pi / 6) + rng.normal(0, 1.5, (streams, n))
    x[:, 120:] += 4.0
    x[0, 100] = np.nan
    return x


def the_same(one: Any, other: Any) -> None:
    for name in ("value", "low", "high", "code", "run"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def check_repeats(make: Callable[[], Any]) -> None:
    """Same readings, same verdicts."""
    x = readings()
    the_same(make().learn(x[:, :80]).judge(x[:, 80:]), make().learn(x[:, :80]).judge(x[:, 80:]))


def check_one_by_one(make: Callable[[], Any]) -> None:
    """One reading at a time, one stream at once, and many streams at once give the same verdicts."""
    x = readings()
    together = make().learn(x[:, :80]).judge(x[:, 80:])
    for s in range(len(x)):
        chart = make().learn(x[s, :80].tolist())
        single = make().learn(x[s, :80]).judge(x[s, 80:])
        for t, reading in enumerate(x[s, 80:].tolist()):
            found = chart.update(reading)
            for name in ("value", "low", "high"):
                np.testing.assert_allclose(getattr(found, name), getattr(together, name)[s, t], rtol=1e-9, atol=1e-9)
            assert repr(found) == repr(single[t])
            assert (found.alarm, found.rule, found.run) == (
                together[s, t].alarm,
                together[s, t].rule,
                together[s, t].run,
            )


def check_saved(make: Callable[[], Any]) -> None:
    """Saved as JSON and loaded, it goes on where it was; saved before learning, it can still learn."""
    x = readings()
    chart = make().learn(x[:, :80])
    chart.judge(x[:, 80:110])
    again = load(json.loads(json.dumps(chart.save())))
    the_same(chart.judge(x[:, 110:]), again.judge(x[:, 110:]))
    fresh = load(json.loads(json.dumps(make().save())))
    the_same(fresh.learn(x[:, :80]).judge(x[:, 80:]), make().learn(x[:, :80]).judge(x[:, 80:]))


def check_not_before_learning(make: Callable[[], Any]) -> None:
    """Judging before learning says so, and says how to mend it."""
    with pytest.raises(NotAllowed, match="has not learned what is normal"):
        make().update(1.0)
    with pytest.raises(NotAllowed, match="call learn"):
        make().judge(np.zeros((2, 3)))


def check_missing(make: Callable[[], Any]) -> None:
    """A missing reading is no alarm and is said; an infinite one, words, and too few are refused."""
    x = readings(1)[0]
    chart = make().learn(x[:80])
    found = chart.update(float("nan"))
    assert (found.alarm, found.rule) == (False, "missing")
    assert found.reason("en") == "there is no reading"
    with pytest.raises(InputError, match="infinite"):
        chart.update(float("inf"))
    with pytest.raises(InputError, match="not numbers"):
        make().learn(["much", "little"])
    with pytest.raises(InputError, match=r"too few|fewer"):
        make().learn([1.0])
    with pytest.raises(InputError, match="streams are given"):
        chart.judge(np.zeros((4, 2)))


def check_constant(make: Callable[[], Any]) -> None:
    """Readings that never change teach no spread, which is said in words."""
    with pytest.raises(InputError, match="are the same"):
        make().learn(np.full(60, 7.0))


CHECKS = [check_repeats, check_one_by_one, check_saved, check_not_before_learning, check_missing, check_constant]
