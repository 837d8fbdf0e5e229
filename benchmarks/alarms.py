"""Alarms while samples come: how far the judging lies behind the commit, at 10,000 changes a second; the limit is a second.

A thread stores 1,000 signals, each of ten changes a second, in twenty commits a second, as `zhizao sense` does, with the
judge beside it. A hundred alarms without delays watch them; some twenty a second are raised or cleared. For each such
change the time is taken from the end of the commit of its sample to the record of its fact in the journal. Every fact
that had to come must have come, else nothing is told.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import Row
from zhizao.app.alarm_watch import Watch
from zhizao.model import Kind, Samples
from zhizao.record import Workspace
from zhizao.record.historian import Historian

SECONDS, TAGS, ALARMS, COMMITS = 30, 1000, 100, 20
RATE = 10_000
_S = 1_000_000_000


def _batches(begin: int) -> list[Samples]:
    """Samples of each commit; the signals that are watched cross their limits about once in ten seconds."""
    rng = np.random.default_rng(4)
    names = [f"line/t{k}" for k in range(TAGS)]
    each = RATE // COMMITS
    found = []
    for number in range(SECONDS * COMMITS):
        which = (np.arange(each) + number * each) % TAGS
        at = begin + number * (_S // COMMITS) + np.arange(each) * 1000
        phase = (at - begin) / _S / 10 + which * 0.37
        value = 60 + 15 * np.where(phase % 1 < 0.5, 1, -1) + rng.normal(0, 1, each)
        found.append(Samples([names[k] for k in which], at, value, np.zeros(each, np.uint32)))
    return found


def run(folder: Path) -> tuple[np.ndarray, int, float]:
    """Seconds from commit to fact of each turn, how many had to come, and commits kept up with (1 is all in time)."""
    cards = "".join(f"  a{k}: {{tag: line/t{k}, condition: high, limit: 60}}\n" for k in range(ALARMS))
    (folder / "plant.yaml").write_text("zone: UTC\nalarms:\n" + cards, encoding="utf-8")
    begin = time.time_ns() // 1000 * 1000 - SECONDS * _S
    watched = {f"line/t{k}" for k in range(ALARMS)}
    committed: dict[int, int] = {}
    above: dict[str, bool] = {}
    turns = 0
    with Historian(folder / "signals") as historian:
        watch = Watch(folder, historian)
        watch.start()
        started = time.monotonic()
        for number, batch in enumerate(_batches(begin)):
            time.sleep(max(started + number / COMMITS - time.monotonic(), 0))
            historian.append([("line", batch, {})])
            done = time.time_ns()
            watch.take([("line", batch)])
            for tag, at, value in zip(batch.tag, batch.at.tolist(), batch.value.tolist(), strict=True):
                if tag in watched:
                    turns += above.get(tag, False) != (value > 60)
                    above[tag] = value > 60
                    committed[at] = done
        took = time.monotonic() - started
        watch.stop()
    with Workspace.open(folder) as home:
        facts = [one for one in home.journal.alarm_facts() if one.kind in (Kind.ALARM_RAISED, Kind.ALARM_CLEARED)]
    lags = np.array([(one.recorded_at - committed[one.at]) / _S for one in facts])
    return lags, turns, SECONDS / took


def measure() -> list[Row]:
    """Median and 99th percentile of the time from commit to fact."""
    with tempfile.TemporaryDirectory() as folder:
        lags, turns, kept = run(Path(folder))
    if len(lags) != turns:
        raise AssertionError(f"{turns} facts had to come, and {len(lags)} did")
    note = f"{turns} facts of {ALARMS} alarms in {SECONDS} s; {RATE * kept:,.0f} changes a second stored"
    return [
        Row(
            name=f"alarms: commit to fact, {share}, 10,000 changes/s",
            ours=float(np.percentile(lags, at)),
            peer="limit",
            peer_value=1.0,
            unit="s",
            ratio=1.0 / float(np.percentile(lags, at)),
            note=note,
        )
        for share, at in (("median", 50), ("P99", 99))
    ]
