"""Hours and minutes of the historian: the same figures from cells and from samples, whatever is late, joined or given up."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.model import BAD, Samples
from zhizao.record.historian import Historian
from zhizao.record.historian.cells import HOUR_NS, MINUTE_NS, fold, made
from zhizao.record.historian.kernels import FIGURES, weigh

DAY_NS = 24 * HOUR_NS
T0 = 20_000 * DAY_NS
Rows = list[tuple[int, int, float, bool]]

samples = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 3 * 24 * 60).map(lambda minute: minute * MINUTE_NS),
        st.sampled_from([0.1, 0.2, 1.7, -3.3, 1e6]),
        st.booleans(),
    ),
    max_size=60,
)


def _batch(rows: Rows) -> Samples:
    return Samples(
        [f"t{tag}" for tag, *_ in rows],
        np.array([T0 + at for _, at, *_ in rows], np.int64),
        np.array([value for *_, value, _ in rows]),
        np.array([0 if good else BAD for *_, good in rows], np.uint32),
    )


def _figures(historian: Historian, begin: int, end: int, every: int) -> pl.DataFrame:
    return historian.figures_of_all(T0 + begin, T0 + end, every).sort("tag", "begin")


@settings(max_examples=25, deadline=None)
@given(st.lists(samples, min_size=1, max_size=3), st.sampled_from([HOUR_NS, 3 * HOUR_NS, 5 * MINUTE_NS * 12]))
def test_log_table_and_joined_days_give_the_same_figures_to_the_last_digit(parts: list[Rows], every: int) -> None:
    span = (0, 3 * DAY_NS + 17 * MINUTE_NS, every)
    with tempfile.TemporaryDirectory() as name:
        with Historian(Path(name) / "log", sync=False) as log:
            for part in parts:
                log.append([("a", _batch(part), {})])
            told = _figures(log, *span)
        with Historian(Path(name) / "table", sync=False) as table:
            for part in parts:  # what comes later is late for an hour that has its cells already
                table.append([("a", _batch(part), {})])
                table.flush()
                assert _figures(table, *span).height >= 0
            assert _figures(table, *span).equals(told)
            table.tidy_up()
            assert _figures(table, *span).equals(told)
            if told.height:
                one = table.figures("t0", T0, T0 + span[1], every) if "t0" in table.tags else None
                mine = told.filter(pl.col("tag") == "t0").drop("tag")
                assert one is None or one.equals(mine)
            reader = Historian(Path(name) / "table", write=False)
            assert _figures(reader, *span).equals(told)


@settings(max_examples=60, deadline=None)
@given(samples, st.integers(1, 5))
def test_cells_put_together_say_what_the_samples_say(rows: Rows, hours: int) -> None:
    said = sorted({at: (T0 + at, value, good) for tag, at, value, good in rows if tag == 0}.values())
    at, value = np.array([a for a, *_ in said], np.int64), np.array([v for _, v, _ in said], np.float64)
    good = np.array([g for *_, g in said], np.bool_)
    edges = np.arange(T0, T0 + 4 * DAY_NS, hours * HOUR_NS)
    held = np.array([2.5]), np.array([True]), np.array([True])
    mine = fold(made(np.array([0, len(at)]), at, value, good, HOUR_NS), 1, edges, HOUR_NS, *held)[0]
    out = np.zeros((len(edges) - 1, len(FIGURES)))
    inside = at < edges[-1]
    weigh(at[inside], value[inside], good[inside], edges, 2.5, True, T0 - 1, 0, out)
    for k, name in enumerate(FIGURES):
        if name != "last_at":
            np.testing.assert_allclose(mine[:, k], out[:, k], rtol=1e-9, atol=1e-3 * (name == "integral"), err_msg=name)


def test_hours_stay_when_samples_are_given_up(tmp_path: Path) -> None:
    rows = [(tag, minute * MINUTE_NS, float(minute % 7), True) for minute in range(3 * 24 * 60) for tag in (0, 1)]
    with Historian(tmp_path, sync=False) as historian:
        historian.append([("a", _batch(rows), {})])
        historian.flush()
        before = _figures(historian, 0, 3 * DAY_NS, HOUR_NS)
        since = str(np.datetime64(T0 + 2 * DAY_NS, "ns").astype("datetime64[D]"))
        assert historian.retain(since) == 2
        assert not len(historian.rows("t0", T0, T0 + 2 * DAY_NS))
        assert _figures(historian, 0, 3 * DAY_NS, HOUR_NS).equals(before)
        assert _figures(historian, DAY_NS, 3 * DAY_NS, HOUR_NS).equals(
            before.filter(pl.col("begin").dt.epoch("ns") >= T0 + DAY_NS)
        )
        historian.append([("a", _batch([(0, 30, 99.0, True)]), {})])  # late for a day that is given up
        historian.flush()
        historian.retain(since)
        assert _figures(historian, 0, 3 * DAY_NS, HOUR_NS).equals(before)
    with Historian(tmp_path, write=False) as reader:
        assert _figures(reader, 0, 3 * DAY_NS, HOUR_NS).equals(before)


@pytest.mark.parametrize("broken", [b"", b"PAR1 no such thing", None])
def test_cells_that_are_missing_or_broken_are_derived_anew(tmp_path: Path, broken: bytes | None) -> None:
    rows = [(0, minute * MINUTE_NS, float(minute % 7), True) for minute in range(24 * 60)]
    with Historian(tmp_path, sync=False) as historian:
        historian.append([("a", _batch(rows), {})])
        historian.flush()
        before = _figures(historian, 0, DAY_NS, HOUR_NS)
    (place,) = (tmp_path / "hours").glob("day=*/*.parquet")
    place.unlink() if broken is None else place.write_bytes(broken)
    with Historian(tmp_path, sync=False) as historian:
        assert _figures(historian, 0, DAY_NS, HOUR_NS).equals(before)
        historian.tidy_up()
        assert _figures(historian, 0, DAY_NS, HOUR_NS).equals(before)
