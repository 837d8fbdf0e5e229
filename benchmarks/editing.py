"""Editing: share of seeded errors found against share of good returns questioned, and seconds for 400,000 returns.

Returns come from `zhizao.testing.bad_returns`, a model that knows nothing of the rules' thresholds; mistakes and
inventions are seeded. A mistake counts as found when the return is marked, as located when a field that was changed is
named. No open system publishes such rates, and the R packages that come nearest (validate, errorlocate, SeleMix) are
not run here; limits that were set stand beside the seconds.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import numpy as np
import polars as pl

from benchmarks import Row
from zhizao.programme.editing import (
    Edited,
    cells_of,
    compile_rules,
    deduce,
    edit,
    expect,
    from_frame,
    localise,
    pseudo_bias,
    rule_set,
    suspicions,
    verdicts,
)
from zhizao.programme.items import item_keys
from zhizao.testing.bad_returns import INVENTIONS, MISTAKES, falsify, honest_returns, spoil

LARGE = 400_000


def auc(score: np.ndarray, bad: np.ndarray) -> float:
    """Area under the curve of found against questioned: chance that a bad one scores above a good one."""
    ranks = pl.Series(score).rank().to_numpy()
    n, m = int(bad.sum()), int((~bad).sum())
    return float((ranks[bad].sum() - n * (n + 1) / 2) / (n * m))


def last_month(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The month to edit, and those before."""
    last = pl.col("period") == frame["period"].max()
    return frame.filter(last), frame.filter(~last)


def suspicion_score(done: Edited) -> np.ndarray:
    """One number a return: how much speaks for an error in it, of any kind."""
    score = 100.0 * done.hard.any(axis=1) + 50.0 * (done.deduced.method > 0).any(axis=1)
    off = np.zeros(len(score))
    for one in done.outliers:
        off[one.row] = max(off[one.row], min(one.score, 40.0))
    influence = np.zeros(len(score))
    influence[done.callbacks.rows] = done.callbacks.score
    rank = np.argsort(np.argsort(influence)) / max(len(score), 1)
    return np.asarray(score + off + rank + 5.0 * np.isnan(done.returns.values).any(axis=1))


def mistakes(enterprises: int, seed: int) -> list[Row]:
    """Detection of mistakes, by kind, with last month known and without."""
    honest = honest_returns(enterprises, 13, np.random.default_rng(seed))
    told, truth = spoil(honest, np.random.default_rng(seed + 1))
    now, before = last_month(told)
    rows: list[Row] = []
    keys = item_keys()
    for label, earlier in (("12 months known", [before]), ("no month known", [])):
        done = edit(from_frame(now, earlier=earlier), rule_set(), signs=False)
        place = {name: i for i, name in enumerate(done.returns.enterprise.tolist())}
        bad = np.zeros(len(place), dtype=bool)
        bad[[place[name] for name in truth["enterprise"].unique()]] = True
        marked = (done.deduced.method > 0) | (done.localised.mark == 1)
        far = np.zeros(len(place), dtype=bool)
        far[[one.row for one in done.outliers]] = True
        asked = marked.any(axis=1) | far | done.hard.any(axis=1) | np.isnan(done.returns.values).any(axis=1)
        named = defaultdict(set)
        for one in done.outliers:
            named[one.row].update((one.item, one.other))
        rows.append(row(f"editing: AUC of any mistake, {label}", auc(suspicion_score(done), bad), "1", done))
        rows.append(row(f"editing: good returns questioned, {label}", float(asked[~bad].mean()), "share", done))
        for kind in MISTAKES:
            of_kind = truth.filter(pl.col("kind") == kind)
            hit, located, right = [], [], []
            for name, cells in of_kind.group_by("enterprise"):
                r = place[str(name[0])]
                hit.append(bool(asked[r]))
                wrong = set(cells["item"])
                fields = {keys[j] for j in np.flatnonzero(marked[r])} | named[r]
                located.append(bool(wrong & fields) or kind == "missing")
                for item, value in zip(cells["item"], cells["right"], strict=True):
                    if marked[r, keys.index(item)] or kind == "missing":
                        right.append(abs(done.values[r, keys.index(item)] / value - 1) < 0.25 if value else False)
            note = f"field named {np.mean(located):.1%}, of corrected values within 25 % of the truth {np.mean(right) if right else 0:.1%}"
            rows.append(row(f"editing: {kind} found, {label}", float(np.mean(hit)), "share", done, note))
        if earlier:
            rows.extend(call_backs(done, honest))
    return rows


def call_backs(done: Edited, honest: pl.DataFrame) -> list[Row]:
    """Bias of the totals that is left, against calls made in order of influence."""
    truth = from_frame(last_month(honest)[0]).values
    n = len(truth)
    at = np.array([0, n // 100, n // 20, n // 10])
    keep = [
        item_keys().index(key) for key in ("output_cny", "revenue_cny", "energy_tce", "electricity_kwh", "employees")
    ]
    ones = np.ones(n)
    raw = pseudo_bias(done.returns.values[:, keep], truth[:, keep], ones, done.callbacks.rows, at)
    left = pseudo_bias(done.values[:, keep], truth[:, keep], ones, done.callbacks.rows, at)
    said = ", ".join(f"{100 * a / n:.0f} % called: {b:.2%}" for a, b in zip(at, left.max(axis=1), strict=True))
    return [
        row("editing: largest bias of five totals as reported", float(raw[0].max()), "share", done),
        row("editing: the same after editing, no call made", float(left[0].max()), "share", done, said),
        row("editing: calls needed", float(done.callbacks.chosen / n), "share", done, "0.1 % of each total may remain"),
    ]


def inventions(enterprises: int, seed: int) -> list[Row]:
    """Detection of made-up series and months."""
    honest = honest_returns(enterprises, 24, np.random.default_rng(seed))
    told, who = falsify(honest, np.random.default_rng(seed + 1))
    found = suspicions(from_frame(told))
    kind_of = dict(who.iter_rows())
    bad = np.array([name in kind_of for name in found.enterprises.tolist()])
    rows = [
        row("editing: AUC of invention", auc(-np.log(found.p), bad), "1"),
        row("editing: honest enterprises named", float(found.chosen[~bad].mean()), "share"),
        row("editing: honest among the named", float((~bad)[found.chosen].mean()), "share", note="5 % were allowed"),
    ]
    for kind in INVENTIONS:
        here = np.array([kind_of.get(name) == kind for name in found.enterprises.tolist()])
        rows.append(row(f"editing: {kind} found", float(found.chosen[here].mean()), "share"))
    return rows


def speed(returns: int, seed: int) -> list[Row]:
    """Seconds at size, step by step."""
    honest = honest_returns(returns, 2, np.random.default_rng(seed))
    told, _ = spoil(honest, np.random.default_rng(seed + 1))
    del honest
    now, before = last_month(told)
    rules = rule_set()
    small = from_frame(now.head(20_000), earlier=[before.head(20_000)])
    edit(small, rules)  # compiled before the clock runs
    whole = from_frame(now, earlier=[before])
    here = whole.take(np.flatnonzero(whole.judged))
    hard = compile_rules(rules, "hard")
    z, active = hard.records(here), hard.active(here)
    began = time.perf_counter()
    found = verdicts(hard, z, active)
    judged = time.perf_counter() - began
    expected = expect(here, cells_of(here))
    z[:, :40] = deduce(hard, z, active, found, expected).values
    found = verdicts(hard, z, active)
    localise(hard, z, active, found=found, expected=expected.values)  # compiled before the clock runs
    began = time.perf_counter()
    located = localise(hard, z, active, found=found, expected=expected.values)
    took = time.perf_counter() - began
    edit(whole, rules, signs=False)
    fails = int((found == 0).any(axis=1).sum())
    began, busy = time.perf_counter(), time.process_time()
    edit(whole, rules)
    whole_took, busy = time.perf_counter() - began, time.process_time() - busy
    size = f"{returns:,} returns"
    easy = int((located.state == 1).sum())
    note = f"{easy:,} on the fast path, {int((located.state == 2).sum()):,} on the exact one"
    return [
        limit(f"editing: judge {size} by {len(hard.rules)} hard rules", judged, "s", 10.0),
        limit(f"editing: locate errors, records a second ({fails:,} failing)", fails / took, "records/s", 1000.0, note),
        limit(
            f"editing: everything, {size}, a month before known", whole_took, "s", 120.0, f"{busy:.0f} s of one core"
        ),
    ]


def row(name: str, ours: float, unit: str, done: Edited | None = None, note: str = "") -> Row:
    made = Row(name=name, ours=ours, peer="none publishes it", peer_value=None, unit=unit, ratio=None)
    return made | {"note": note} if note else made


def limit(name: str, ours: float, unit: str, value: float, note: str = "") -> Row:
    ratio = ours / value if unit.endswith("/s") else value / ours
    made = Row(name=name, ours=ours, peer="limit set", peer_value=value, unit=unit, ratio=ratio)
    return made | {"note": note} if note else made


def measure(returns: int = LARGE, enterprises: int = 6000) -> list[Row]:
    """Detection rates of mistakes and inventions, then seconds at size."""
    return [*mistakes(enterprises, 7), *inventions(enterprises, 17), *speed(returns, 27)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--returns", type=int, default=LARGE, help="for the seconds; 0 leaves them out")
    parser.add_argument("--enterprises", type=int, default=6000, help="for the rates")
    options = parser.parse_args()
    rows = [*mistakes(options.enterprises, 7), *inventions(options.enterprises, 17)]
    if options.returns:
        rows.extend(speed(options.returns, 27))
    for one in rows:
        note = f"   ({one['note']})" if "note" in one else ""
        print(f"{one['name']}: {one['ours']:.4g} {one['unit']}{note}")


if __name__ == "__main__":
    main()
