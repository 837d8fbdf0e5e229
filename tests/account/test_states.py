"""States from signals: times add up, silence is never the last value, windows and late samples change nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.account.oee import OeeParts, figures, losses, oee_parts, pieces_of, sum_parts
from zhizao.account.states import STATES, Counter, Said, Signal, Timeline, Told, gaps, timeline
from zhizao.account.stops import due_at, group_micro, progress, stops
from zhizao.model import State
from zhizao.model.state import READY_MAPS

S = 10**9
MAP = READY_MAPS["machinery"]
WORDS = ("Executing", "NotExecuting", "OutOfService", "NotAvailable", "strange", None)
END = 1000 * S
QUICK = settings(max_examples=40, deadline=None)


def rows(words: tuple[str | None, ...]) -> st.SearchStrategy[list[tuple[int, str | None]]]:
    times = st.lists(st.integers(0, 999), max_size=25, unique=True).map(sorted)
    return times.flatmap(
        lambda at: st.lists(st.sampled_from(words), min_size=len(at), max_size=len(at)).map(
            lambda said: [(t * S, word) for t, word in zip(at, said, strict=True)]
        )
    )


@st.composite
def told(draw: st.DrawFn) -> Told:
    at = sorted(draw(st.lists(st.integers(0, 999), max_size=25, unique=True)))
    steps = draw(st.lists(st.integers(0, 3), min_size=len(at), max_size=len(at)))
    resets = draw(st.sets(st.integers(0, 24)))
    total, parts = 5, []
    for k, step in enumerate(steps):
        total = 0 if k in resets else total + step
        parts.append(float(total))
    bad = [float(np.floor(value / 3)) for value in parts]
    when = np.array(at, np.int64) * S
    dark = draw(st.booleans())
    return Told(
        Signal.of(draw(rows(WORDS))),
        Signal.of(draw(rows(("Setup", "Maintenance", "Processing", None)))),
        Signal.of(draw(rows(("A", "B", "", None)))),
        Counter(when, np.array(parts)),
        Counter(when, np.array(bad)),
        (np.array([300 * S]), np.array([400 * S])) if dark else (np.empty(0, np.int64), np.empty(0, np.int64)),
    )


SAID = st.lists(
    st.builds(
        lambda a, n, why: Said(a * S, None if n is None else (a + n) * S, why[0], why[1]),
        st.integers(0, 990),
        st.none() | st.integers(1, 300),
        st.sampled_from([("tool", State.DOWN), ("upkeep", State.PLANNED), ("other", None)]),
    ),
    max_size=4,
)
SHIFT = (np.array([100 * S, 500 * S]), np.array([450 * S, 900 * S]))
BREAK = (np.array([200 * S]), np.array([250 * S]))


def of(signals: Told, begin: int, end: int, said: list[Said] | None = None) -> Timeline:
    return timeline(signals, MAP, begin, end, on_shift=SHIFT, breaks=BREAK, said=said or [])


def sums(signals: Told, begin: int, end: int, said: list[Said]) -> OeeParts:
    return oee_parts(of(signals, begin, end, said), signals, {"A": 2.0}, 3.0)


@QUICK
@given(told(), SAID)
def test_states_cover_the_time_without_a_gap_and_times_add_up_to_it(signals: Told, said: list[Said]) -> None:
    line = of(signals, 0, END, said)
    assert line.start[0] == 0 and line.end[-1] == END
    assert (line.start[1:] == line.end[:-1]).all() and (line.end > line.start).all()
    parts = sums(signals, 0, END, said)
    e = parts.elements
    rest = parts.times["PDOT"] + parts.times["OFF"] + parts.times["SILENT"]
    assert e["PBT"] == pytest.approx(e["APT"] + e["AUST"] + e["ADET"] + e["ADOT"])
    assert e["PBT"] + rest == pytest.approx(parts.calendar_h) == pytest.approx(1000 / 3600)


@QUICK
@given(told(), SAID)
def test_oee_and_its_losses_add_up_to_one(signals: Told, said: list[Said]) -> None:
    parts = sums(signals, 0, END, said)
    value = figures(parts)["oee"].value
    if value is None:
        assert parts.elements["PBT"] == 0
        return
    assert value + sum(loss.share for loss in losses(parts)) == pytest.approx(1.0)
    a, e, q = (figures(parts)[key].value for key in ("availability", "effectiveness", "quality_ratio"))
    if None not in (a, e, q) and set(signals.order.words if signals.order else ()) <= {""}:
        assert a * e * q == pytest.approx(value)


@QUICK
@given(told(), SAID, st.lists(st.integers(1, 999), min_size=1, max_size=4, unique=True))
def test_a_time_split_anywhere_gives_the_same_sums(signals: Told, said: list[Said], cuts: list[int]) -> None:
    # a stop that somebody spoke of without an end is where it was as long as its end lies in the time
    edges = [0, *sorted(cut * S for cut in cuts), END]
    closed = [one for one in said if one.end is not None]
    whole = sums(signals, 0, END, closed)
    both = sum_parts(sums(signals, a, b, closed) for a, b in pairwise(edges))
    assert both.times == pytest.approx(whole.times)
    assert both.stood == pytest.approx(whole.stood)
    assert (both.pieces, both.scrap) == pytest.approx((whole.pieces, whole.scrap))
    assert (both.unseen, both.ideal_h, both.ideal_good_h) == pytest.approx(
        (whole.unseen, whole.ideal_h, whole.ideal_good_h)
    )


@QUICK
@given(told(), st.integers(0, 990))
def test_an_open_statement_holds_to_the_end_of_its_stop_wherever_one_looks_from(signals: Told, at: int) -> None:
    said = [Said(at * S, None, "tool", State.DOWN)]
    whole = of(signals, 0, END, said)
    later = of(signals, 500 * S, END, said)
    seen = np.maximum(whole.start, 500 * S) < whole.end
    assert whole.state[seen].tolist() == later.state.tolist()
    assert whole.reason[seen].tolist() == later.reason.tolist()


@QUICK
@given(told())
def test_it_is_silent_exactly_where_a_slow_look_finds_nobody_knows(signals: Told) -> None:
    line = timeline(signals, MAP, 0, END)
    for at in range(0, 1000, 37):
        t = at * S
        word = held(signals.state, t)
        mode, order = held(signals.mode, t) or "", held(signals.order, t)
        dark = any(a <= t < b for a, b in zip(*signals.unknown, strict=True))
        wanted = State.SILENT
        if word is not None and not dark:
            wanted = MAP.of(word, mode, order=None if order is None else bool(order))
        assert STATES[line.state[np.searchsorted(line.start, t, side="right") - 1]] is wanted


def held(signal: Signal | None, at: int) -> str | None:
    """Value at a time, one sample after the other."""
    found: str | None = None
    if signal is not None:
        for when, code in zip(signal.at.tolist(), signal.code.tolist(), strict=True):
            if when <= at:
                found = None if code < 0 else signal.words[code]
    return found


def test_the_standards_worked_example() -> None:
    minute = 60 * S
    signals = Told(
        Signal.of(
            [
                (0, "Executing"),
                (390 * minute, "NotExecuting"),
                (430 * minute, "OutOfService"),
                (460 * minute, "NotExecuting"),
            ]
        ),
        Signal.of([(0, "Processing"), (390 * minute, "Setup"), (430 * minute, "None")]),
        Signal.of([(0, "A"), (460 * minute, "")]),
        Counter(np.array([0, 200 * minute]), np.array([0.0, 400.0])),
        Counter(np.array([0, 200 * minute]), np.array([0.0, 20.0])),
    )
    found = figures(oee_parts(timeline(signals, MAP, 0, 480 * minute), signals, {"A": 54.0}))
    # PBT 480, APT 390, AUST 40, ADET 30, ADOT 20 min, PRI 0.9 min, PQ 400, GQ 380
    wanted = {"availability": 0.8125, "effectiveness": 0.923077, "quality_ratio": 0.95, "oee": 0.7125, "nee": 0.785577}
    wanted |= {"allocation_efficiency": 0.958333, "utilisation_efficiency": 0.847826, "setup_ratio": 0.093023}
    assert {key: found[key].value for key in wanted} == pytest.approx(wanted, abs=1e-6)


def test_a_counter_that_is_reset_has_counted_its_value_since() -> None:
    at, number, _ = pieces_of(Counter(np.arange(5) * S, np.array([98.0, 99.0, 1.0, 1.0, np.nan])), 0, 10 * S)
    assert (at // S).tolist() == [1, 2] and number.tolist() == [1.0, 1.0]


def test_pieces_made_in_a_silence_are_set_apart() -> None:
    signals = Told(
        Signal.of([(0, "Executing"), (100 * S, None), (200 * S, "Executing")]),
        parts=Counter(np.array([0, 100, 200, 300]) * S, np.array([0.0, 10.0, 20.0, 30.0])),
        scrap=Counter(np.array([0]) * S, np.array([0.0])),
    )
    parts = oee_parts(timeline(signals, MAP, 0, 400 * S), signals, {}, 10.0)
    assert (parts.pieces, parts.unseen) == (30.0, 10.0)
    assert parts.elements["PQ"] == 20.0
    low, high = parts.bounds or (0, 0)
    assert (low, high) == pytest.approx((0.5, 0.75))


def test_who_says_later_holds_and_a_stop_can_be_split() -> None:
    signals = Told(Signal.of([(0, "Executing"), (100 * S, "OutOfService"), (300 * S, "Executing")]))
    said = [Said(100 * S, None, "fault", State.DOWN), Said(200 * S, 300 * S, "upkeep", State.PLANNED)]
    line = timeline(signals, MAP, 0, 400 * S, said=said)
    found = [(one.begin // S, one.end // S, one.state, one.was, one.reason) for one in stops(line, "m", micro_s=0)]
    assert found == [(100, 200, "down", "down", "fault"), (200, 300, "planned", "down", "upkeep")]


def test_short_stops_are_one_line_and_a_standing_one_is_none_of_them() -> None:
    signals = Told(
        Signal.of(
            [
                (0, "Executing"),
                (10 * S, "OutOfService"),
                (12 * S, "Executing"),
                (20 * S, "OutOfService"),
                (21 * S, "Executing"),
                (30 * S, "OutOfService"),
            ]
        )
    )
    found = group_micro(stops(timeline(signals, MAP, 0, 31 * S), "m", micro_s=5.0, now=31 * S))
    assert [(one.count, one.seconds, one.micro, one.running) for one in found] == [
        (2, 3.0, True, False),
        (1, 1.0, False, True),
    ]


@given(st.lists(st.integers(0, 200), max_size=30).map(sorted), st.integers(1, 30))
def test_silence_is_what_no_sample_reaches(heard: list[int], limit: int) -> None:
    off, on = gaps(np.array(heard, np.int64), limit, 0, 210)
    for t in range(210):
        dark = any(a <= t < b for a, b in zip(off.tolist(), on.tolist(), strict=True))
        reached = any(at <= t < at + limit for at in heard)
        if heard and heard[0] == 0:
            assert dark == (not reached)
        elif reached:
            assert not dark


def test_nine_of_ten_orders_end_within_their_interval() -> None:
    rng, hits = np.random.default_rng(5), 0
    for _ in range(400):
        at = np.cumsum(rng.gamma(4.0, 15.0, 60)) * S
        seen = 20
        signals = Told(
            Signal.of([(0, "Executing")]),
            order=Signal.of([(0, "A")]),
            parts=Counter(np.append(0, at[:seen]).astype(np.int64), np.arange(seen + 1.0)),
        )
        now = int(at[seen - 1]) + S
        found = progress(timeline(signals, MAP, 0, now), signals, "m", 60.0)
        assert found is not None and found.low_h is not None and found.high_h is not None
        hits += found.low_h <= (at[-1] - now) / S / 3600 <= found.high_h
    assert 0.86 <= hits / 400 <= 0.96


def test_an_order_goes_on_after_the_night() -> None:
    on = (np.array([0, 16 * 3600]) * S, np.array([8 * 3600, 24 * 3600]) * S)
    assert due_at(7 * 3600 * S, 2.0, on, (np.empty(0), np.empty(0))) == 17 * 3600 * S
    assert due_at(7 * 3600 * S, 20.0, on, (np.empty(0), np.empty(0))) is None
