"""Day first or month first: decided once for a file, by what its dates would mean when read either way.

Dates that do not exist or lie in the future decide; then whether the records follow each other in time, and how far
they spread; then what is usual where the plant is, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from zhizao.sense.files.said import Said
from zhizao.sense.files.times import LONGEST, ORDERS, UTC, Times, parse_times, sample, shape_of, tidy

__all__ = ["Decision", "decide_order"]


MANY = 20_000
"""Cells of one column that are looked at; more do not make the decision surer."""

_NOTHING = Said("", "")
_YEARS = 3.0
"""Years that an export may well cover."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How dates such as 03/04/2025 are read in a file, and why; `order` is None when there are none."""

    order: str | None
    why: Said = _NOTHING
    sure: bool = True


def decide_order(columns: Sequence[pl.Series], zone: str, now: datetime, plans: Sequence[pl.Series] = ()) -> Decision:
    """Day first or month first, decided once from all columns of times of a file.

    Parameters
    ----------
    columns : columns taken for times of work
    zone : IANA zone of the plant, for what is usual there when nothing else decides
    now : time of the import, aware; records do not lie in the future
    plans : columns of planned times, which may

    Examples
    --------
    >>> from datetime import UTC
    >>> decide_order([pl.Series(["03/04/2025", "13/04/2025"])], "Asia/Shanghai", datetime(2025, 9, 1, tzinfo=UTC)).order
    'dmy'
    """
    mixed = [column for column in [*columns, *plans] if column.dtype == pl.String and _ambiguous(column)]
    past = sum(any(column is one for one in columns) for column in mixed)
    if not mixed:
        return Decision(None)
    short = any(
        re.search(r"^\s*\d{1,2}[-/.]\d{1,2}[-/.]\d{2}(?!\d)", cell) for column in mixed for cell in sample(column, 16)
    )
    candidates = ORDERS if short else ORDERS[:2]
    mixed = [_telling(column) for column in mixed]
    parsed = {order: [parse_times(column, "UTC", order) for column in mixed] for order in candidates}
    cells = sum(len(column) - column.null_count() for column in mixed) or 1
    limit = pl.Series([now]).cast(UTC)[0]
    wrong: dict[str, float] = {}
    for order, times in parsed.items():
        failed = sum(int(t.bad.sum()) for t in times)
        future = sum(int(((t.values.dt.offset_by("-2d") > limit).sum()) or 0) for t in times[:past])
        wrong[order] = (failed + future) / cells
    ranked = sorted(candidates, key=lambda order: wrong[order])
    best, second = ranked[0], ranked[1]
    if wrong[second] - wrong[best] > 0.0005 or (wrong[best] == 0 and wrong[second] > 0):
        return Decision(
            best,
            _said(
                best,
                f"read otherwise, {wrong[second]:.1%} of the dates do not exist or lie in the future",
                f"否则有 {wrong[second]:.1%} 的日期不存在或在将来",
            ),
        )
    tied = [order for order in candidates if wrong[order] <= wrong[best] + 0.0005]
    far = {order: _apart(parsed[order][:past]) for order in tied}
    ranked = sorted(tied, key=lambda order: far[order])
    if far[ranked[-1]] - far[ranked[0]] > 0.02:
        tied = [order for order in tied if far[order] <= far[ranked[0]] + 0.02]
        if len(tied) == 1:
            return Decision(
                tied[0],
                _said(tied[0], "read otherwise, steps would take months or years", "否则工序会历时数月乃至数年"),
            )
    years = {order: _span(parsed[order], 0.0) / 365.25 for order in tied}
    least = min(years.values())
    if any(span > _YEARS and span > 5 * least for span in years.values()):
        tied = [order for order in tied if years[order] <= max(_YEARS, 5 * least)]
        if len(tied) == 1:
            return Decision(
                tied[0],
                _said(
                    tied[0],
                    f"read otherwise, they spread over {max(years.values()):.0f} years",
                    f"否则时间跨度达 {max(years.values()):.0f} 年",
                ),
            )
    rising = {order: _rising(parsed[order]) for order in tied}
    ranked = sorted(tied, key=lambda order: -rising[order])
    if rising[ranked[0]] - rising[ranked[1]] > 0.05:
        return Decision(
            ranked[0], _said(ranked[0], "so read, the records follow each other in time", "这样读记录才依次相接")
        )
    span = {order: _span(parsed[order]) for order in tied}
    ranked = sorted(tied, key=lambda order: span[order])
    if span[ranked[0]] < 0.6 * span[ranked[1]]:
        return Decision(
            ranked[0],
            _said(
                ranked[0],
                f"so read, they lie within {span[ranked[0]]:.0f} days, not {span[ranked[1]]:.0f}",
                f"这样读都在 {span[ranked[0]]:.0f} 天之内，而不是 {span[ranked[1]]:.0f} 天",
            ),
        )
    usual = "mdy" if zone.startswith(("America/", "US/")) else "dmy"
    if any("." in cell[:3] for cell in sample(mixed[0], 4)):
        usual = "dmy"
    return Decision(
        usual,
        _said(
            usual,
            "as is usual; the records do not decide it, so set `date_order` in the mapping file if that is wrong",
            "按当地习惯；记录本身无法判定，如有误请在映射文件中设 date_order",
        ),
        sure=False,
    )


_NAMES = {"dmy": ("day first", "日在前"), "mdy": ("month first", "月在前"), "ymd": ("year first", "年在前")}


def _said(order: str, en: str, zh: str) -> Said:
    return Said(f"{_NAMES[order][0]}: {en}", f"{_NAMES[order][1]}：{zh}")


def _telling(column: pl.Series) -> pl.Series:
    """Of a long column cells from all over it, and those with a number above 12 in one of the first two places."""
    if len(column) <= MANY:
        return column
    keep = [pl.arange(0, len(column), max(1, len(column) // MANY), eager=True, dtype=pl.Int64)]
    for pattern in (r"^\s*(?:1[3-9]|[23]\d)[-/.]", r"^\s*\d{1,2}[-/.](?:1[3-9]|[23]\d)[-/.]"):
        keep.append(column.str.contains(pattern).fill_null(value=False).arg_true().head(MANY // 10).cast(pl.Int64))
    return column.gather(pl.concat(keep).unique().sort())


def _ambiguous(column: pl.Series) -> bool:
    shapes = [shape_of(tidy(cell)) for cell in sample(column, 64)]
    return any(shape is not None and shape.order == "?" for shape in shapes)


def _rising(times: Sequence[Times]) -> float:
    """Share of neighbours in the file that are in time order (either way)."""
    shares = []
    for t in times:
        steps = t.values.drop_nulls().dt.timestamp("us").diff().drop_nulls()
        if len(steps) >= 5:
            up = float((steps >= 0).mean() or 0)  # type: ignore[arg-type] # a mean of booleans is a float
            shares.append(max(up, 1 - up))
    return max(shares, default=0.0)


def _apart(times: Sequence[Times]) -> float:
    """Share of rows whose times lie further apart than a piece of work takes."""
    if len(times) < 2 or len({len(t.values) for t in times}) > 1:
        return 0.0
    first = times[0].values
    far = [int(((t.values - first).dt.total_days().abs() > LONGEST.days).sum()) for t in times[1:]]
    return max(far) / max(len(first), 1)


def _span(times: Sequence[Times], tail: float = 0.1) -> float:
    """Days between the earliest and the latest tenth, or another share of them."""
    days = []
    for t in times:
        stamps = t.values.drop_nulls().dt.timestamp("us").cast(pl.Float64)
        if len(stamps):
            days.append((float(stamps.quantile(1 - tail) or 0) - float(stamps.quantile(tail) or 0)) / 86_400e6)
    return max(days, default=0.0)
