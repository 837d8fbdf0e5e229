"""What comes between the truth and the return, each piece told in a table: errors, made-up figures, first versions that
were replaced, late and missing returns, empty lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.testing.economy.register import Register
from zhizao.testing.economy.truth import ITEMS, SIZES, Truth

__all__ = ["ERROR_KINDS", "FALSE_KINDS", "NEVER", "Faults", "spoil"]

NEVER = 255
ERROR_KINDS = ("unit_1000", "unit_10000", "swapped", "sign", "digit", "sum")
FALSE_KINDS = ("copied", "peer", "smooth", "rounded", "heaped")

_SWAPS = (
    ("revenue_cny", "operating_cost_cny"), ("output_cny", "value_added_cny"), ("employees", "rd_people"),
    ("energy_tce", "coal_t"), ("waste_generated_t", "waste_used_t"), ("key_processes", "key_processes_nc"),
    ("assets_cny", "debts_cny"), ("inventory_cny", "receivables_cny"),
)  # fmt: skip
_REVISED = ("revenue_cny", "output_cny", "value_added_cny", "energy_tce")
_FLAG = ITEMS.index("digital_rd_tools")
_SCALED = [k for k in range(len(ITEMS)) if k != _FLAG]

F = NDArray[np.float32]
Rows = NDArray[np.void]

ERROR_ROW = np.dtype(
    [("enterprise", "i4"), ("month", "i2"), ("item", "i1"), ("kind", "i1"), ("true", "f4"), ("returned", "f4"),
     ("corrected_lag", "u1")]
)  # fmt: skip
FALSE_ROW = np.dtype([("enterprise", "i4"), ("kind", "i1"), ("first", "i2"), ("last", "i2"), ("peer", "i4")])
REVISION_ROW = np.dtype([("enterprise", "i4"), ("month", "i2"), ("item", "i1"), ("lag", "u1"), ("first", "f4")])


@dataclass(frozen=True, slots=True)
class Faults:
    """What was done to a stretch of returns; enterprises are counted from the stretch's first.

    Parameters
    ----------
    errors : one row a wrong line; `corrected_lag` 0 when it stands to this day
    false : one row an enterprise and kind, months `first` to `last`
    revisions : first versions of lines that were replaced, corrected errors among them
    arrival : months late, `NEVER` when it never came, shape (months, enterprises)
    """

    errors: Rows
    false: Rows
    revisions: Rows
    arrival: NDArray[np.uint8]


def spoil(truth: Truth, firms: Register, values: F, rng: np.random.Generator) -> Faults:
    """Turn true values, in place, into what was returned.

    Parameters
    ----------
    values : (items, months, enterprises)
    """
    told = truth.of("faults")
    false = _make_up(told, firms, values, rng)
    arrival = _arrivals(told, firms, values, rng)
    came = np.argwhere(~np.isnan(values[0]) & (arrival != NEVER))
    errors, corrected = _err(told, came, values, rng)
    revised = _revise(told, came, values, errors, rng)
    empty = rng.integers(0, max(len(came), 1), rng.poisson(told["empty_lines"] * len(came) * len(ITEMS)))
    values[rng.integers(0, len(ITEMS), len(empty)), came[empty, 0], came[empty, 1]] = np.nan
    for month in range(values.shape[1]):
        values[:, month, arrival[month] == NEVER] = np.nan
    return Faults(errors, false, np.concatenate([corrected, revised]), arrival)


def _make_up(told: dict[str, Any], firms: Register, values: F, rng: np.random.Generator) -> Rows:
    months, n = values.shape[1:]
    rows = []
    kinds = np.array([told["false_kinds"][kind] for kind in FALSE_KINDS])
    chosen = np.flatnonzero(rng.random(n) < told["false_enterprises"])
    for e, kind, length, start in zip(
        chosen,
        rng.choice(len(FALSE_KINDS), len(chosen), p=kinds / kinds.sum()),
        rng.integers(told["false_months"][0], told["false_months"][1] + 1, len(chosen)),
        rng.random(len(chosen)),
        strict=True,
    ):
        low, high = max(int(firms.born[e]), 0), min(int(firms.died[e]), months)
        first = low + 1 + int(start * max(high - low - 1 - length, 0))
        last = min(first + int(length), high)
        if last - first < 6:
            continue
        span, peer = slice(first, last), -1
        if FALSE_KINDS[kind] == "copied":
            values[:, span, e] = values[:, first - 1, e][:, None]
        elif FALSE_KINDS[kind] == "peer":
            near = int(e) + 1 if e + 1 < n else int(e) - 1
            if near < 0 or np.isnan(values[0, span, near]).any():
                continue
            values[:, span, e], peer = values[:, span, near], near
        else:
            _touch_up(FALSE_KINDS[kind], values[:, span, e], told["overstated"])
        rows.append((e, kind, first, last - 1, peer))
    return np.array(rows, dtype=FALSE_ROW)


def _touch_up(kind: str, own: F, overstated: float) -> None:
    """Smooth, round or heap the lines of one enterprise in place, shape (items, months)."""
    line = own[_SCALED].astype(np.float64)
    if kind == "smooth":  # a straight line from its first to its last, hardly any noise
        share = np.linspace(0.0, 1.0, line.shape[1])
        line = (line[:, :1] * (1 - share) + line[:, -1:] * share) * overstated
    else:
        size = np.abs(line) * overstated
        digits = 10.0 ** (np.floor(np.log10(np.where(size > 0, size, 1.0))) - 1)
        step = digits if kind == "rounded" else digits / 2  # two figures; or a third one that is 0 or 5
        line = np.rint(line * overstated / step) * step
    own[_SCALED] = line


def _arrivals(told: dict[str, Any], firms: Register, values: F, rng: np.random.Generator) -> NDArray[np.uint8]:
    shape = values.shape[1:]
    never = np.array([told["never"][code] for code in SIZES], dtype=np.float32)[firms.size]
    late = np.array([told["late"][code] for code in SIZES], dtype=np.float32)[firms.size]
    careless = np.exp(0.8 * rng.standard_normal(shape[1], dtype=np.float32) - 0.32)  # some are late again and again
    even = rng.random(shape, dtype=np.float32)
    arrival = np.zeros(shape, dtype=np.uint8)
    is_late = even < np.minimum(late * careless, 0.9)
    arrival[is_late] = np.minimum(rng.geometric(1 - told["late_stays"], int(is_late.sum())), told["late_most"])
    arrival[even > 1 - np.minimum(never * careless, 0.1)] = NEVER
    return arrival


def _err(told: dict[str, Any], came: NDArray[np.int64], values: F, rng: np.random.Generator) -> tuple[Rows, Rows]:
    wanted = np.array([told["error_kinds"][kind] for kind in ERROR_KINDS])
    many = min(rng.poisson(told["errors"] * len(came)), len(came))
    where = came[rng.choice(len(came), many, replace=False)] if many else came[:0]
    kinds = rng.choice(len(ERROR_KINDS), many, p=wanted / wanted.sum())
    corrected = np.where(rng.random(many) < told["errors_corrected"], rng.integers(1, 7, many), 0)
    even = rng.random((many, 3))
    errors, revisions = [], []
    for (month, e), kind, lag, u in zip(where, kinds, corrected, even, strict=True):
        for item, wrong in _wrong(ERROR_KINDS[kind], values[:, month, e], u).items():
            right = values[item, month, e]
            if wrong == right or np.isnan(right):
                continue
            errors.append((e, month, item, kind, right, wrong, lag))
            if lag:
                revisions.append((e, month, item, lag, wrong))
            else:
                values[item, month, e] = wrong
    return np.array(errors, dtype=ERROR_ROW), np.array(revisions, dtype=REVISION_ROW)


def _wrong(kind: str, line: F, even: NDArray[np.float64]) -> dict[int, float]:
    """Items of one return that an error changes, with what stands there then."""
    if kind == "swapped":
        one, other = (ITEMS.index(key) for key in _SWAPS[int(even[0] * len(_SWAPS))])
        return {one: float(line[other]), other: float(line[one])}
    if kind == "sum":
        profit = ITEMS.index("profit_cny")
        return {profit: float(line[profit]) + float(line[ITEMS.index("tax_cny")]) * (1 + even[0])}
    filled = [k for k in _SCALED if line[k] != 0 and line[k] == line[k]]
    if not filled:
        return {}
    item = filled[int(even[0] * len(filled))]
    value = float(line[item])
    if kind == "sign":
        return {item: -value}
    if kind == "digit":  # one figure typed as another
        place = 10.0 ** (np.floor(np.log10(abs(value))) - int(even[1] * 3))
        figure = int(abs(value) / place) % 10
        return {item: value + np.copysign(((figure + 1 + int(even[2] * 9)) % 10 - figure) * place, value)}
    factor = 1000.0 if kind == "unit_1000" else 10000.0
    return {item: value * factor if even[1] < 0.5 else value / factor}


def _revise(told: dict[str, Any], came: NDArray[np.int64], values: F, errors: Rows, rng: np.random.Generator) -> Rows:
    many = min(rng.poisson(told["revised"] * len(came)), len(came))
    where = came[rng.choice(len(came), many, replace=False)] if many else came[:0]
    if len(errors):  # a return has an error or an estimate, never both: the place of each stays plain
        taken = errors["month"].astype(np.int64) * values.shape[2] + errors["enterprise"]
        where = where[~np.isin(where[:, 0] * values.shape[2] + where[:, 1], taken)]
    lag = rng.integers(1, 7, len(where))
    off = np.exp(told["revised_spread"] * rng.standard_normal(len(where)) + told["revised_bias"]).astype(np.float32)
    made = []
    for key in _REVISED:
        rows = np.zeros(len(where), dtype=REVISION_ROW)
        rows["enterprise"], rows["month"], rows["item"] = where[:, 1], where[:, 0], ITEMS.index(key)
        rows["lag"], rows["first"] = lag, values[ITEMS.index(key), where[:, 0], where[:, 1]] * off
        made.append(rows)
    return np.concatenate(made)
