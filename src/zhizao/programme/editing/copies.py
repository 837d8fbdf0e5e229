"""Returns that repeat another: the enterprise's own of last month, or a peer's of the same month, found by hashing.

Flows of at least a hundred are compared, since stocks and small counts may honestly stay as they are. To find peers
without comparing all with all, the items are cut into bands and each band hashed: whoever shares a band of at least
three figures is compared in full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from zhizao.programme.editing.returns import Returns
from zhizao.programme.items import items

__all__ = ["Copied", "Twin", "copies"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

LEAST = 6
"""Fewest figures that are compared."""

BANDS = 5
CROWD = 40
"""Of so many returns that share a band each is compared with its neighbour only."""

SMALLEST = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Copied:
    """Pairs of returns that agree more than chance lets them.

    Parameters
    ----------
    rows, others : the return and the one it repeats, (pairs,)
    same, of : figures that agree, of how many compared, (pairs,)
    p : probability of as many by chance, (pairs,)
    judged : rows that could be judged, (rows,)
    """

    rows: Whole
    others: Whole
    same: Whole
    of: Whole
    p: Floats
    judged: Whole


@dataclass(frozen=True, slots=True)
class Twin:
    """Copies of last month's return, and of a peer's."""

    last: Copied
    peer: Copied


def copies(returns: Returns, least_share: float = 0.5) -> Twin:
    """Pairs of returns of which at least `least_share` of the figures agree."""
    flow = np.flatnonzero([i.over == "flow" for i in items().values()])
    values = returns.values[:, flow]
    big = np.abs(values) >= SMALLEST
    return Twin(
        _of_last(returns, values, big, flow, least_share),
        _of_peer(returns, values, returns.last[:, flow], big, least_share),
    )


def _of_last(returns: Returns, values: Floats, big: NDArray[np.bool_], flow: Whole, least_share: float) -> Copied:
    before = returns.last[:, flow]
    both = big & ~np.isnan(before)
    same = both & (values == before)
    per_item = same.sum(axis=0) / np.maximum(both.sum(axis=0), 1)
    usual = float(np.clip(np.median(per_item[both.any(axis=0)]) if both.any() else 0.0, 0.002, 0.5))
    of, k = both.sum(axis=1), same.sum(axis=1)
    judged = np.flatnonzero(of >= LEAST)
    rows = judged[k[judged] >= least_share * of[judged]]
    where = np.searchsorted(returns.enterprise, returns.enterprise[rows])  # rows are sorted by enterprise and period
    others = np.where(where < rows, rows - 1, rows)
    p = np.maximum(binom.sf(k[rows] - 1, of[rows], usual), 1e-30)
    return Copied(rows, others, k[rows], of[rows], p, judged)


def _of_peer(returns: Returns, values: Floats, before: Floats, big: NDArray[np.bool_], least_share: float) -> Copied:
    n, m = values.shape
    judged = np.flatnonzero(big.sum(axis=1) >= LEAST)
    cents = np.where(big, np.round(np.nan_to_num(values) * 100), 0.0).astype(np.int64).view(np.uint64)
    odd: NDArray[np.uint64] = np.asarray(
        np.random.default_rng(20250519).integers(1, 2**63, m, dtype=np.uint64) | np.uint64(1)
    )
    pairs: list[NDArray[np.int64]] = []
    for band in range(BANDS):
        columns = np.arange(band, m, BANDS)
        mixed = cents[:, columns] * odd[columns]
        mixed ^= mixed >> np.uint64(29)
        key = (mixed * odd[columns[::-1]]).sum(axis=1) + returns.period.astype(np.uint64) * odd[0]
        rows = np.flatnonzero(big[:, columns].sum(axis=1) >= 3)
        rows = rows[np.argsort(key[rows], kind="stable")]
        edges = np.flatnonzero(np.diff(key[rows], prepend=0) != 0)
        edges = np.unique(np.concatenate([[0], edges, [len(rows)]]))
        for begin in edges[:-1][np.diff(edges) > 1]:
            group = rows[begin : edges[np.searchsorted(edges, begin) + 1]]
            if len(group) <= CROWD:
                one, other = np.triu_indices(len(group), 1)
                pairs.append(np.column_stack([group[one], group[other]]))
            else:
                pairs.append(np.column_stack([group[:-1], group[1:]]))
    none = np.zeros(0, dtype=np.int64)
    if not pairs:
        return Copied(none, none, none, none, np.zeros(0), judged)
    found = np.unique(np.vstack(pairs), axis=0)
    a, b = found[:, 0], found[:, 1]
    distinct = returns.enterprise[a] != returns.enterprise[b]
    a, b = a[distinct], b[distinct]
    both = big[a] & big[b]
    of, k = both.sum(axis=1), (both & (values[a] == values[b])).sum(axis=1)
    good = (of >= LEAST) & (k >= least_share * of)
    a, b, k, of = a[good], b[good], k[good], of[good]
    chance = np.maximum(np.minimum(binom.sf(k - 1, of, 0.002) * max(n, 1), 1.0), 1e-30)  # the nearest of all was picked
    first, second = _strange(values[a], before[a], big[a]), _strange(values[b], before[b], big[b])
    blame_a = ~(second > 2 * first + 0.1)  # whoever left its own past copied; both are named where that does not show
    blame_b = ~(first > 2 * second + 0.1)
    rows, others = np.concatenate([a[blame_a], b[blame_b]]), np.concatenate([b[blame_a], a[blame_b]])
    k, of, chance = (np.concatenate([one[blame_a], one[blame_b]]) for one in (k, of, chance))
    return Copied(rows, others, k, of, chance, judged)


def _strange(values: Floats, before: Floats, big: NDArray[np.bool_]) -> Floats:
    """Median size of the log changes against last month of each return; 0 where nothing is known of it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(big & (values > 0) & (before > 0), np.abs(np.log(values / before)), np.nan)
    found = np.zeros(len(values))
    known = (~np.isnan(change)).any(axis=1)
    found[known] = np.nanmedian(change[known], axis=1)
    return found
