"""What is asked of the historian: samples, figures of intervals, durations of states, a value between samples.

A value holds until the next sample. A bad sample ends the value before it: from there on nothing is known until the next
good one. With `stale`, silence ends it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.model import is_good
from zhizao.record.historian.cells import HOUR_NS, LEVELS, Cells, fold, made
from zhizao.record.historian.kernels import FIGURES, marked, weigh, weigh_runs
from zhizao.record.historian.segment import Rows

if TYPE_CHECKING:
    from zhizao.record.historian.historian import Historian

__all__ = [
    "FIGURES_SCHEMA",
    "MOST_INTERVALS",
    "RANGE_SCHEMA",
    "STATES_SCHEMA",
    "Mark",
    "figures",
    "frame",
    "since",
    "states",
    "value_at",
]

TIME = pl.Datetime("ns", "UTC")
RANGE_SCHEMA: dict[str, Any] = {"at": TIME, "value": pl.Float64, "text": pl.String, "quality": pl.UInt32}
"""Samples: `value` is null where it is a text or absent; `quality` an OPC UA status code, 0 is good."""

FIGURES_SCHEMA: dict[str, Any] = {
    "begin": TIME,
    "end": TIME,
    "mean": pl.Float64,
    "average": pl.Float64,
    "min": pl.Float64,
    "max": pl.Float64,
    "first": pl.Float64,
    "last": pl.Float64,
    "samples": pl.Int64,
    "good": pl.Int64,
    "held_s": pl.Float64,
    "bad_s": pl.Float64,
    "unknown_s": pl.Float64,
}
"""Of an interval: `mean` weighs values by the time they held, `average` counts each good sample once; `held_s`, `bad_s`
and `unknown_s` add up to its length."""

STATES_SCHEMA: dict[str, Any] = {"state": pl.String, "seconds": pl.Float64, "times": pl.Int64}
"""How long each value held and how often it was entered; null is the time in which nothing good was known."""

Mark = tuple[str, int, int]
"""How far somebody has followed what is stored; opaque."""

MOST_INTERVALS = 1_000_000
_LOOK_BACK_NS = 3_600_000_000_000


def frame(rows: Rows, words: Sequence[str], tags: Sequence[str] | None = None) -> pl.DataFrame:
    """Rows as a table.

    Parameters
    ----------
    rows : as the historian gives them
    words : texts by number
    tags : name of the tag of each row, to stand in front
    """
    texts = [words[one] if one >= 0 else None for one in rows.word.tolist()] if (rows.word >= 0).any() else None
    columns: dict[str, Any] = {} if tags is None else {"tag": pl.Series(tags, dtype=pl.String)}
    columns["at"] = pl.Series(rows.at).cast(TIME.base_type()("ns")).dt.replace_time_zone("UTC")
    columns["value"] = pl.Series(rows.value).fill_nan(None)
    columns["text"] = pl.Series(texts, dtype=pl.String) if texts else pl.Series([None] * len(rows), dtype=pl.String)
    columns["quality"] = pl.Series(rows.quality)
    return pl.DataFrame(columns)


def before(historian: Historian, tag: str, at: int, begins: Sequence[int]) -> Rows:
    """See `Historian.before`; `begins` are the times where files begin that may hold samples of the tag."""
    older = sorted((begin for begin in begins if begin < at), reverse=True)
    for begin in (at - 3_600_000_000_000, at - 86_400_000_000_000, *older, 0):
        rows = historian.rows(tag, max(begin, 0), at)
        if len(rows):
            return rows[-1:]
    return Rows.none()


def _held(historian: Historian, tag: str, begin: int) -> tuple[float, bool, int, int]:
    """Value, goodness, time and text that held at a time; time -1 for nothing."""
    before = historian.before(tag, begin)
    if not len(before):
        return np.nan, False, -1, -1
    good = bool(is_good(before.quality)[0])
    return float(before.value[0]), good, int(before.at[0]), int(before.word[0])


def _level(begin: int, every: int, stale: int) -> str | None:
    """The longest cells that such intervals are made of; None where they are made of samples."""
    for level, span in LEVELS.items():
        if not stale and every % span == 0 and begin % span == 0:
            return level
    return None


def _put_together(historian: Historian, level: str, begin: int, end: int, tag: str | None = None) -> Cells:
    """Cells of all tags, or of one, with begin <= time < end: as they are kept, or put together anew from samples."""
    span = LEVELS[level]
    slots = begin // span, -(-end // span)
    number = -1 if tag is None else historian.number(tag)
    with historian._lock:
        log = np.zeros(slots[1] - slots[0], np.bool_)
        for tail in historian.tails():
            marked(tail.rows().at, span, slots[0], log)
        if end % span:
            log[-1] = True
        found, bare = historian.table.levels.found(level, historian.table.files, *slots, log, number)
    parts = [found]
    for one, other in bare:
        stop = min(other * span, end)
        if tag is None:
            rows, first = historian.all_rows(one * span, stop)
            parts.append(made(first, rows.at, rows.value, is_good(rows.quality), span, end))
        else:
            rows = historian.rows(tag, one * span, stop)
            first = np.array([0, len(rows)])
            part = made(first, rows.at, rows.value, is_good(rows.quality), span, end)
            parts.append(Cells(np.full(len(part), number, np.int32), part.slot, part.data))
    return Cells.joined(parts)


def _kept_before(historian: Historian, number: int, at: int) -> tuple[float, bool, bool]:
    """What held at a time, from days whose samples are gone: value, goodness, whether there was anything."""
    levels = historian.table.levels
    for place in reversed(levels.kept("hours")):
        runs = levels.runs(place)
        if runs and runs[0][0] * HOUR_NS < at:
            found = levels.read(place, number)
            found = found[found.slot < at // HOUR_NS] if found is not None else None
            if found is not None and len(found):
                return float(found.data[-1, 11]), bool(found.data[-1, 12]), True
    return np.nan, False, False


def _held_at(historian: Historian, tag: str, begin: int) -> tuple[float, bool, bool]:
    value, good, at, _ = _held(historian, tag, begin)
    return (value, good, True) if at >= 0 else _kept_before(historian, historian.number(tag), begin)


def figures(historian: Historian, tag: str, begin: int, end: int, every: int | None, *, stale: int) -> pl.DataFrame:
    """See `Historian.figures`."""
    edges = _edges(begin, end, every)
    level = _level(begin, every or end - begin, stale)
    if level is not None:
        found = _put_together(historian, level, begin, end, tag)
        held = [np.array([one]) for one in _held_at(historian, tag, begin)]
        alone = Cells(np.zeros(len(found), np.int32), found.slot, found.data)
        return _told(edges, fold(alone, 1, edges, LEVELS[level], *held)[0])
    rows = historian.rows(tag, begin, end)
    value, good, held_at, _ = _held(historian, tag, begin)
    out = np.zeros((len(edges) - 1, len(FIGURES)))
    weigh(rows.at, rows.value, is_good(rows.quality), edges, value, good, held_at, stale, out)
    return _told(edges, out)


def figures_of_all(historian: Historian, begin: int, end: int, every: int | None, *, stale: int) -> pl.DataFrame:
    """See `Historian.figures_of_all`."""
    edges = _edges(begin, end, every)
    names = historian.tags
    if len(names) * (len(edges) - 1) > 10 * MOST_INTERVALS:
        raise InputError(
            f"{len(names)} tags in {len(edges) - 1} intervals are more than {10 * MOST_INTERVALS} figures",
            fix="take longer intervals or a shorter time",
            code="too_many_intervals",
        )
    level = _level(begin, every or end - begin, stale)
    out = _of_cells(historian, level, edges) if level is not None else _of_samples(historian, edges, stale)
    told = _told(np.tile(edges[:-1], len(names)), out.reshape(-1, len(FIGURES)), np.tile(edges[1:], len(names)))
    tags = pl.Series(names, dtype=pl.String).gather(np.repeat(np.arange(len(names)), len(edges) - 1))
    return told.insert_column(0, tags.alias("tag"))


def _of_cells(historian: Historian, level: str, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    names, span, begin = historian.tags, LEVELS[level], int(edges[0])
    since = max(begin - _LOOK_BACK_NS, 0)
    found = _put_together(historian, level, since, int(edges[-1]))
    held, good = np.full(len(names), np.nan), np.zeros(len(names), np.bool_)
    known = np.zeros(len(names), np.bool_)
    before = found[found.slot < begin // span]
    ends = np.append(np.flatnonzero(np.diff(before.tag)), len(before) - 1)[: len(before)]
    held[before.tag[ends]], good[before.tag[ends]] = before.data[ends, 11], before.data[ends, 12] > 0
    known[before.tag[ends]] = True
    if historian.earliest() < since or historian.table.levels.kept("hours"):
        for number in np.flatnonzero(~known).tolist():
            held[number], good[number], known[number] = _held_at(historian, names[number], begin)
    mine = found if begin == since or not len(before) else found[found.slot >= begin // span]
    return fold(mine, len(names), edges, span, held, good, known)


def _of_samples(historian: Historian, edges: NDArray[np.int64], stale: int) -> NDArray[np.float64]:
    names, begin, end = historian.tags, int(edges[0]), int(edges[-1])
    since = max(begin - _LOOK_BACK_NS, 0)
    rows, first = historian.all_rows(since, end)
    out = np.zeros((len(names), len(edges) - 1, len(FIGURES)))
    known = np.zeros(len(names), np.bool_)
    weigh_runs(first, rows.at, rows.value, is_good(rows.quality), edges, stale, out, known)
    for number in np.flatnonzero(~known).tolist() if historian.earliest() < since else ():
        held, good, held_at, _ = _held(historian, names[number], begin)
        if held_at >= 0:
            mine = slice(int(first[number]), int(first[number + 1]))
            fine = is_good(rows.quality[mine])
            weigh(rows.at[mine], rows.value[mine], fine, edges, held, good, held_at, stale, out[number])
    return out


def _edges(begin: int, end: int, every: int | None) -> NDArray[np.int64]:
    if end <= begin:
        raise InputError("the end is not after the beginning", fix="give a later end", code="bad_range")
    step = every or end - begin
    if step <= 0 or (end - begin) / step > MOST_INTERVALS:
        raise InputError(
            f"{(end - begin) / max(step, 1):.0f} intervals are more than {MOST_INTERVALS}",
            fix="take longer intervals or a shorter time",
            code="too_many_intervals",
        )
    return np.append(np.arange(begin, end, step, dtype=np.int64), np.int64(end))


def _told(begins: NDArray[np.int64], out: NDArray[np.float64], ends: NDArray[np.int64] | None = None) -> pl.DataFrame:
    """What `weigh` found, as a table; without `ends`, `begins` holds all edges."""
    if ends is None:
        begins, ends = begins[:-1], begins[1:]
    found = dict(zip(FIGURES, out.T, strict=True))
    length = (ends - begins) / 1e9
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, average = found["integral"] / found["held_ns"], found["sum"] / found["good"]
    return pl.DataFrame(
        {
            "begin": begins,
            "end": ends,
            "mean": mean,
            "average": average,
            **{name: found[name] for name in ("min", "max", "first", "last")},
            "samples": found["count"].astype(np.int64),
            "good": found["good"].astype(np.int64),
            "held_s": found["held_ns"] / 1e9,
            "bad_s": found["bad_ns"] / 1e9,
            "unknown_s": np.maximum(length - (found["held_ns"] + found["bad_ns"]) / 1e9, 0.0),
        }
    ).with_columns(
        pl.from_epoch("begin", "ns").dt.replace_time_zone("UTC"),
        pl.from_epoch("end", "ns").dt.replace_time_zone("UTC"),
        pl.col("mean", "average", "min", "max", "first", "last").fill_nan(None),
    )


def states(historian: Historian, tag: str, begin: int, end: int, *, stale: int) -> pl.DataFrame:
    """See `Historian.states`."""
    if end <= begin:
        raise InputError("the end is not after the beginning", fix="give a later end", code="bad_range")
    rows = historian.rows(tag, begin, end)
    held, good, held_at, word = _held(historian, tag, begin)
    labels: list[str | None] = [_label(historian, held, word) if held_at >= 0 and good else None]
    labels += [
        _label(historian, value, one) if fine else None
        for value, one, fine in zip(
            rows.value.tolist(), rows.word.tolist(), is_good(rows.quality).tolist(), strict=True
        )
    ]
    since = np.concatenate([[held_at if held_at >= 0 else begin], rows.at])
    starts = np.concatenate([[begin], rows.at])
    ends = np.append(rows.at, end)
    until = np.minimum(ends, np.maximum(since + stale, starts)) if stale > 0 else ends
    seconds: dict[str | None, float] = {}
    times: dict[str | None, int] = {}
    before: str | None = labels[0]
    for k, (label, start, stop, over) in enumerate(
        zip(labels, starts.tolist(), until.tolist(), ends.tolist(), strict=True)
    ):
        if k == 0 and over == start:
            continue  # the first sample stands at the very beginning
        seconds[label] = seconds.get(label, 0.0) + (stop - start) / 1e9
        if over > stop:
            seconds[None] = seconds.get(None, 0.0) + (over - stop) / 1e9
        if not times or label != before:
            times[label] = times.get(label, 0) + (k > 0 or held_at < 0)
        before = label
    found = [(label, length, times.get(label, 0)) for label, length in seconds.items() if length > 0]
    return pl.DataFrame(found, schema=STATES_SCHEMA, orient="row").sort("seconds", descending=True)


def _label(historian: Historian, value: float, word: int) -> str | None:
    text = historian.text(word)
    if text is not None:
        return text
    return None if value != value else f"{value:g}"


def value_at(historian: Historian, tag: str, at: int, *, linear: bool) -> float | str | None:
    """See `Historian.value_at`."""
    before = historian.before(tag, at + 1)
    if not len(before) or not is_good(before.quality)[0]:
        return None
    text = historian.text(int(before.word[0]))
    if text is not None:
        return text
    value = float(before.value[0])
    if not linear or before.at[0] == at:
        return value
    after = historian.rows(tag, at + 1, at + 86_400_000_000_000)
    if not len(after) or not is_good(after.quality)[0]:
        return value
    share = (at - before.at[0]) / (after.at[0] - before.at[0])
    return float(value + share * (after.value[0] - value))


def since(historian: Historian, mark: Mark | None) -> tuple[Mark, Rows | None]:
    """What came after a mark, in the order in which it was stored, and the next mark.

    Parameters
    ----------
    historian : that reads, and was refreshed
    mark : from the last call; None for none yet

    Returns
    -------
    Rows : None where that cannot be said any more, so that whoever follows reads anew
    """
    with historian._lock:
        here = (*historian._seen, historian._tail.count)
        if mark is None or mark[:2] != here[:2] or mark[2] > here[2]:
            return here, None
        return here, historian._tail.rows()[mark[2] :]
