"""Quality and safety by region and product: shares of batches that fail, pooled so that small cells do not cry wolf.

A cell with twelve batches a month says little by itself. What is normal for it is shrunk towards the other cells of the same
product (a beta prior by moments, as in small-area estimation), and a month's failures are judged by what would be drawn from
that: the beta-binomial chance of so many, with the spread between months that the data show and what is not known of the
cell's own share. The chance, as a normal score, goes into a one-sided cumulative sum whose run length shares the budget of
false alarms out over the cells.

Source: beta-binomial shrinkage, Robbins (1956), Griffin and Krutchkoff (1971); normal scores of discrete counts with the
mid-p chance, Lancaster (1961); cumulative sums of scores, Rossi, Lampugnani and Marchi (1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import betaln, gammaln, ndtri

from zhizao.decide.monitor import Cusum, cusum_limit
from zhizao.errors import InputError
from zhizao.programme.alerts.warning import Alert, CannotJudge, Evidence, Level, Record, actions_for
from zhizao.programme.classes import industries, regions

__all__ = ["QualityFound", "chance_scores", "quality_alerts", "replay_quality", "shrink"]

Floats = NDArray[np.float64]
_SCOPES = ("region", "industry", "product")
_FIRST = 24
"""Months learned from before the first judgement."""
_CLIP = 3.5
_SLACK = 0.5


@dataclass(frozen=True, slots=True)
class QualityFound:
    """Warnings, what cannot be judged, and how good such warnings are on cells like these (see `replay_quality`)."""

    alerts: tuple[Alert, ...]
    cannot_judge: tuple[CannotJudge, ...]
    replayed: dict[str, float | None]


def shrink(failed: Floats, tried: Floats) -> tuple[Floats, Floats]:
    """Shares of cells shrunk towards each other: mean and precision (beta a + b) of each, (cells,).

    Examples
    --------
    >>> import numpy as np
    >>> mean, precision = shrink(np.array([0.0, 5.0, 50.0, 6.0]), np.array([5.0, 100.0, 1000.0, 100.0]))
    >>> bool(0.02 < mean[0] < 0.06), bool(abs(mean[2] - 0.05) < 0.002)
    (True, True)
    """
    total, n = failed.sum(), tried.sum()
    if n <= 0:
        return np.full(len(failed), np.nan), np.zeros(len(failed))
    centre = np.clip(total / n, 1e-6, 1 - 1e-6)
    share = np.where(tried > 0, failed / np.maximum(tried, 1), centre)
    between = (tried * (share - centre) ** 2).sum() - (np.count_nonzero(tried) - 1) * centre * (1 - centre)
    spread = n - (tried**2).sum() / n
    variance = max(float(between / spread) if spread > 0 else 0.0, 1e-4 * centre * (1 - centre))
    prior = max(centre * (1 - centre) / variance - 1, 1.0)
    return (prior * centre + failed) / (prior + tried), prior + tried


def chance_scores(failed: Floats, tried: Floats, mean: Floats, precision: Floats) -> Floats:
    """Normal scores of the mid-p chance of so many failures or more, high when too many fail.

    Parameters
    ----------
    failed, tried : (n,)
    mean, precision : of the beta distribution of the share, (n,)

    Examples
    --------
    >>> import numpy as np
    >>> z = chance_scores(np.array([2.0, 9.0]), np.array([40.0, 40.0]), np.array([0.05, 0.05]), np.array([500.0, 500.0]))
    >>> bool(abs(z[0]) < 0.3), bool(z[1] > 3)
    (True, True)
    """
    a, b = mean * precision, (1 - mean) * precision
    out = np.full(failed.shape, np.nan)
    good = (tried > 0) & np.isfinite(mean) & (precision > 0)
    many = good & (failed > 300)
    sd = np.sqrt(tried * mean * (1 - mean) * (precision + tried) / (precision + 1))
    out[many] = ((failed - tried * mean) / np.maximum(sd, 1e-12))[many]
    few = np.flatnonzero(good & ~many)
    k, n = failed[few], tried[few]
    below, at = np.zeros(len(few)), np.zeros(len(few))
    for j in range(int(k.max(initial=0)) + 1):
        live = k >= j
        nl, al, bl = n[live], a[few][live], b[few][live]
        log = gammaln(nl + 1) - gammaln(j + 1) - gammaln(nl - j + 1) + betaln(j + al, nl - j + bl) - betaln(al, bl)
        mass = np.exp(log)
        below[live] += np.where(k[live] > j, mass, 0.0)
        at[live] = np.where(k[live] == j, mass, at[live])
    out[few] = ndtri(np.clip(below + 0.5 * at, 1e-9, 1 - 1e-9))
    return out


def _counts(frame: pl.DataFrame) -> tuple[list[str], list[tuple[str, ...]], list[date], Floats, Floats]:
    """Scope columns, cells, months, failed and tried (cells, months)."""
    scopes = [one for one in _SCOPES if one in frame.columns]
    if {"batches_inspected", "batches_passed"} <= set(frame.columns):
        frame = frame.with_columns(
            tried=pl.col("batches_inspected"), failed=pl.col("batches_inspected") - pl.col("batches_passed")
        )
    else:
        frame = frame.with_columns(tried=pl.col("products_made"), failed=pl.col("products_defective"))
    wrong = frame.filter((pl.col("failed") < 0) | (pl.col("failed") > pl.col("tried")))
    if wrong.height:
        row = wrong.row(0, named=True)
        raise InputError(
            f"{row['failed']:g} of {row['tried']:g} failed in {row['month']:%Y-%m}",
            where=", ".join(str(row[one]) for one in scopes),
            fix="more cannot pass, or fail, than were inspected",
            code="bad_counts",
        )
    summed = frame.group_by([*scopes, "month"]).agg(pl.col("tried", "failed").sum()).sort([*scopes, "month"])
    months = summed["month"].unique().sort().to_list()
    cells = [tuple(row) for row in summed.select(scopes).unique(maintain_order=True).rows()]
    place = {cell: i for i, cell in enumerate(cells)}
    column = {month: j for j, month in enumerate(months)}
    failed, tried = np.zeros((len(cells), len(months))), np.zeros((len(cells), len(months)))
    rows = [place[tuple(one)] for one in summed.select(scopes).rows()]
    columns = [column[one] for one in summed["month"]]
    failed[rows, columns], tried[rows, columns] = summed["failed"].fill_null(0), summed["tried"].fill_null(0)
    return scopes, cells, months, failed, tried


def _group(scopes: list[str], cells: list[tuple[str, ...]]) -> NDArray[np.int64]:
    """Cells of the same product (or industry) learn from each other; products with under five cells learn from all."""
    at = len(scopes) - 1 if len(scopes) > 1 else None
    keys = [cell[at] if at is not None else "" for cell in cells]
    small = {key for key in keys if keys.count(key) < 5}
    names = {key: i for i, key in enumerate(sorted(set(keys)))}
    return np.array([-1 if key in small else names[key] for key in keys])


def _scores(failed: Floats, tried: Floats, group: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Normal scores (cells, months), and the normal share with its precision as learned for the last month."""
    cells, months = failed.shape
    scores = np.full((cells, months), np.nan)
    mean, precision = np.full(cells, np.nan), np.zeros(cells)
    for begin in range(_FIRST, months, 12):
        end, back = min(begin + 12, months), 12 if begin > _FIRST else 0
        past = slice(max(0, begin - back - 60), begin - back)
        f, n = failed[:, past].sum(axis=1), tried[:, past].sum(axis=1)
        for one in np.unique(group).tolist():
            rows = group == one
            mean[rows], precision[rows] = shrink(f[rows], n[rows])
        monthly = _between_months(failed[:, past], tried[:, past], mean)
        both = 1.0 / (1.0 / np.maximum(precision, 1e-9) + 1.0 / monthly)
        shape = (cells, end - begin)
        scores[:, begin:end] = chance_scores(
            failed[:, begin:end].ravel(), tried[:, begin:end].ravel(),
            np.broadcast_to(mean[:, None], shape).ravel(), np.broadcast_to(both[:, None], shape).ravel(),
        ).reshape(shape)  # fmt: skip
    return scores, mean, precision


def _between_months(failed: Floats, tried: Floats, mean: Floats) -> float:
    """Precision of a beta distribution of the share from month to month, pooled over cells: large when there is none."""
    p = np.clip(mean, 1e-6, 1 - 1e-6)[:, None]
    seen = (tried > 1) & np.isfinite(p)
    chi = np.where(seen, (failed - tried * p) ** 2 / (np.maximum(tried, 1) * p * (1 - p)), 0.0).sum()
    excess = (chi - seen.sum()) / max(float(np.where(seen, tried - 1, 0.0).sum()), 1.0)
    return float(1.0 / max(excess, 1e-6)) - 1 if excess > 0 else 1e6


def quality_alerts(frame: pl.DataFrame, *, budget: float = 1.0, rng: np.random.Generator) -> QualityFound:
    """Warnings on shares of failed batches (or defective pieces) as of the last month.

    Parameters
    ----------
    frame : `month`, one or more of `region`, `industry`, `product`, and `batches_inspected` with `batches_passed`, or
        `products_made` with `products_defective`
    budget : false alarms a year over all cells together
    rng : for the replay
    """
    scopes, cells, months, failed, tried = _counts(frame)
    cannot = []
    enough = tried[:, :-1].sum(axis=1) > 0
    if len(months) <= _FIRST:
        return QualityFound(
            (),
            (
                CannotJudge(
                    "quality",
                    {},
                    f"只有 {len(months)} 个月，需要 {_FIRST + 1} 个月",
                    f"{len(months)} months; {_FIRST + 1} are needed",
                ),
            ),
            {},
        )
    for i in np.flatnonzero(~enough).tolist():
        cannot.append(
            CannotJudge(
                "quality", dict(zip(scopes, cells[i], strict=True)), "过去没有抽查", "nothing was inspected before"
            )
        )
    group = _group(scopes, cells)
    scores, mean, precision = _scores(failed, tried, group)
    limit = cusum_limit(_SLACK, max(2.0, len(cells) * 12 / budget), sides="high")
    chart = Cusum(slack=_SLACK, limit=limit, sides="high").known(np.zeros(len(cells)), np.ones(len(cells)))
    found = chart.judge(np.clip(scores, -_CLIP, _CLIP)[:, _FIRST:])
    replayed = replay_quality(tried, mean, group, limit, rng)
    record = Record(
        None,
        replayed["precision"],
        replayed["recall"],
        (
            "在同类单元上注入不合格率翻倍后重演测得；无提前期",
            "measured by replay with injected doublings on cells like these; there is no lead time",
        ),
    )
    alerts = []
    seen = np.isfinite(found.value)
    for i in range(len(cells)):
        known = np.flatnonzero(seen[i])
        if not enough[i] or not len(known):
            continue
        last = int(known[-1])
        vote = float(found.value[i, last] / limit)
        if vote < 0.75:
            continue
        run = int(found.run[i, last])
        span = slice(max(0, _FIRST + last - max(run, 1) + 1), _FIRST + last + 1)
        share = failed[i, span].sum() / max(tried[i, span].sum(), 1)
        level: Level = "watch" if vote < 1 else ("serious" if share >= 2 * mean[i] else "warning")
        sd = np.sqrt(mean[i] * (1 - mean[i]) * (1 / max(tried[i, span].sum(), 1) + 1 / max(precision[i], 1)))
        first_over = np.flatnonzero(found.value[i, : last + 1] >= 0.75 * limit)
        since = months[span.start]
        row = Evidence(
            "failed_share", "不合格率", "share that failed", 100 * share, max(0.0, 100 * (mean[i] - 2 * sd)), 100 * (mean[i] + 2 * sd),
            "%", "CUSUM of beta-binomial scores", vote, since,
        )  # fmt: skip
        scope = dict(zip(scopes, cells[i], strict=True))
        alerts.append(
            Alert(
                "quality",
                scope,
                _name(scope),
                level,
                since,
                months[_FIRST + int(first_over[0])],
                (row,),
                actions_for("quality"),
                record,
            )
        )
    alerts.sort(key=lambda one: -one.evidence[0].vote)
    return QualityFound(tuple(alerts), tuple(cannot), replayed)


def _name(scope: dict[str, str]) -> tuple[str, str]:
    zh, en = [], []
    for key, code in scope.items():
        known = regions().get(code) if key == "region" else industries().get(code) if key == "industry" else None
        zh.append(known.zh if known else code)
        en.append(known.en if known else code)
    return " ".join(zh), " ".join(en)


def replay_quality(
    tried: Floats,
    mean: Floats,
    group: NDArray[np.int64],
    limit: float,
    rng: np.random.Generator,
    *,
    factor: float = 2.0,
) -> dict[str, float | None]:
    """Cells like these drawn anew, in a fifth of them the share multiplied from a random month on, and the chart run.

    Returns
    -------
    precision, recall, delay in months (median), false alarms a year, months judged, factor
    """
    cells, months = tried.shape
    begins = rng.integers(_FIRST, max(_FIRST + 1, months - 6), cells)
    bad = np.asarray(rng.random(cells) < 0.2)
    share = np.clip(np.where(np.isfinite(mean), mean, 0.0)[:, None] * np.ones((1, months)), 0, 1)
    share = np.where(bad[:, None] & (np.arange(months) >= begins[:, None]), np.minimum(factor * share, 1.0), share)
    failed = rng.binomial(tried.astype(np.int64), share).astype(np.float64)
    scores, _, _ = _scores(failed, tried, group)
    chart = Cusum(slack=_SLACK, limit=limit, sides="high").known(np.zeros(cells), np.ones(cells))
    alarm = np.zeros((cells, months), bool)
    alarm[:, _FIRST:] = chart.judge(np.clip(scores, -_CLIP, _CLIP)[:, _FIRST:]).alarm
    first = np.where(alarm.any(axis=1), alarm.argmax(axis=1), -1)
    right = bad & (first >= begins)
    warned = first >= 0
    return {
        "precision": float(right.sum() / warned.sum()) if warned.any() else None,
        "recall": float(right.sum() / bad.sum()) if bad.any() else None,
        "delay_months": float(np.median((first - begins)[right])) if right.any() else None,
        "false_alarms_per_year": float((warned & ~right).sum() / max((months - _FIRST) / 12, 1e-9)),
        "months": float(months - _FIRST),
        "factor": factor,
    }
