"""How long things take: work by operation, machine, product and pieces; set-ups by what ran before; waits that are no queue.

Work is estimated on the log scale: a mean per operation and product drawn towards the operation's where visits are few
(empirical Bayes), a factor per machine, an exponent of the pieces; what is left over is redrawn from the visits
themselves, so its shape is the records' own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.mechanism.visits import Visits
from zhizao.decide.twin.mechanism.week import worked_s
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Delays", "Setups", "Times", "learn_delays", "learn_setups", "learn_times"]

_LEAN = 4.0
"""Visits that a pooled mean counts for."""

_SHORTEST_S = 1.0


@dataclass(frozen=True, slots=True)
class Times:
    """Work times: exp(mean[o, product]) x pieces ** size[o] x factor[o, machine] x exp(residual).

    Parameters
    ----------
    mean : (O, products + 1) log seconds; last column for unknown products
    size : (O,) exponent of the pieces, 0 = whatever the lot, 1 = by piece
    factor : (O, M) time of a machine relative to the others
    residual : (V,) log residual of each visit; nan where it says nothing
    """

    mean: Floats
    size: Floats
    factor: Floats
    residual: Floats


def learn_times(visits: Visits, product: Ints, products: int, pieces: Floats) -> Times:
    """Work times.

    Parameters
    ----------
    visits : (V,)
    product : (V,) product code of the visit's order, -1 = unknown
    products : number of products
    pieces : (V,) pieces worked on, > 0
    """
    operations, machines = len(visits.operations), len(visits.machines)
    good = (visits.run_s > _SHORTEST_S) & np.isfinite(visits.end_s)
    op, machine = visits.operation, visits.machine
    what = np.where(product < 0, products, product)
    log_run = np.log(np.maximum(visits.run_s, _SHORTEST_S))
    log_n = np.log(np.maximum(pieces, 1.0))
    cell = op * (products + 1) + what
    cells = operations * (products + 1)
    size = _exponents(op, cell, cells, log_run, log_n, good, operations)
    mean = np.zeros((operations, products + 1))
    factor = np.zeros((operations, machines))
    at = op * machines + machine
    for _ in range(6):
        rest = log_run - size[op] * log_n - factor[op, machine]
        of_op = _mean(op, rest, good, operations)
        n = np.bincount(cell[good], minlength=cells)
        total = np.bincount(cell[good], (rest - of_op[op])[good], minlength=cells)
        mean = of_op[:, None] + (total / (n + _LEAN)).reshape(operations, products + 1)
        rest = log_run - size[op] * log_n - mean[op, what]
        m = np.bincount(at[good], minlength=operations * machines)
        factor = (np.bincount(at[good], rest[good], minlength=operations * machines) / (m + 2 * _LEAN)).reshape(
            operations, machines
        )
        weight = m.reshape(operations, machines)
        factor -= ((factor * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1))[:, None]
    residual = log_run - size[op] * log_n - factor[op, machine] - mean[op, what]
    return Times(mean, size, np.exp(factor), np.where(good, residual, np.nan))


def _mean(group: Ints, values: Floats, good: np.ndarray, count: int) -> Floats:
    n = np.bincount(group[good], minlength=count)
    out: Floats = np.bincount(group[good], values[good], minlength=count) / np.maximum(n, 1)
    return out


def _exponents(op: Ints, cell: Ints, cells: int, y: Floats, x: Floats, good: np.ndarray, operations: int) -> Floats:
    """Least squares of log time on log pieces within operation and product, drawn towards all operations'."""
    dx = x - _mean(cell, x, good, cells)[cell]
    dy = y - _mean(cell, y, good, cells)[cell]
    xx = np.bincount(op[good], (dx * dx)[good], minlength=operations)
    xy = np.bincount(op[good], (dx * dy)[good], minlength=operations)
    pooled = float(np.clip(xy.sum() / xx.sum(), 0.0, 1.1)) if xx.sum() > 1.0 else 0.0
    return np.clip((xy + 3.0 * pooled) / (xx + 3.0), 0.0, 1.1)


@dataclass(frozen=True, slots=True)
class Setups:
    """Set-ups.

    Parameters
    ----------
    by_sequence : whether they depend on what ran before
    family : (O, products + 1) code of an operation and a product's set-up family, -1 = none; only where they depend on what ran before
    seconds : (F, F) from family to family
    share : (O,) share of an operation's visits with a set-up, where they do not depend on what ran before
    drawn : per operation, set-up seconds as recorded, to be drawn from
    """

    by_sequence: bool
    family: Ints
    seconds: Floats
    share: Floats
    drawn: tuple[Floats, ...]


def learn_setups(visits: Visits, product: Ints, products: int) -> Setups:
    """Set-ups, and whether they depend on what ran before on the machine."""
    operations = len(visits.operations)
    what = np.where(product < 0, products, product)
    had = visits.setup_s > 0
    total = np.bincount(visits.operation, minlength=operations)
    share = np.bincount(visits.operation[had], minlength=operations) / np.maximum(total, 1)
    drawn = tuple(visits.setup_s[had & (visits.operation == o)] for o in range(operations))
    none = np.full((operations, products + 1), -1)
    plain = Setups(False, none, np.zeros((0, 0)), share, drawn)
    order = np.lexsort((visits.start_s, visits.machine))
    same = visits.machine[order][1:] == visits.machine[order][:-1]
    now, before = order[1:][same], order[:-1][same]
    uses = share > 0.2
    now_ok = uses[visits.operation[now]]
    now, before = now[now_ok], before[now_ok]
    if len(now) < 200:
        return plain
    mean = np.bincount(visits.operation, visits.setup_s, minlength=operations) / np.maximum(total, 1)
    ratio = visits.setup_s[now] / np.maximum(mean[visits.operation[now]], 1.0)
    cluster = _families(what[before], what[now], ratio, products + 1)
    clusters = int(cluster.max()) + 1
    kind = visits.operation * clusters + cluster[what]
    labels = np.unique(kind[uses[visits.operation]])
    count = len(labels)
    if count > 600:
        return plain
    lookup = np.full(operations * clusters, -1)
    lookup[labels] = np.arange(count)
    to, frm = lookup[kind[now]], lookup[kind[before]]
    known = frm >= 0
    to, frm, op = to[known], frm[known], visits.operation[now][known]
    y = visits.setup_s[now][known]
    if len(y) < 200:
        return plain
    table, predicted = _table_of(frm, to, y, mean[op], count, labels % clusters)
    explained = 1.0 - np.sum((y - predicted) ** 2) / max(float(np.sum((y - mean[op]) ** 2)), 1e-9)
    if explained < 0.2:
        return plain
    family = lookup.reshape(operations, clusters)[:, cluster]
    return Setups(True, family, table, share, drawn)


def _families(before: Ints, after: Ints, ratio: Floats, products: int) -> Ints:
    """Set-up families: products between which a change takes clearly less than between others (average linkage)."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if products < 3:
        return np.arange(products)
    cell = before * products + after
    n = np.bincount(cell, minlength=products**2).reshape(products, products)
    total = np.bincount(cell, ratio, minlength=products**2).reshape(products, products)
    n, total = n + n.T, total + total.T
    mean = float(ratio.mean())
    far = (total + 2.0 * mean) / (n + 2.0)
    np.fill_diagonal(far, 0.0)
    tree = linkage(squareform(np.maximum(far, 1e-9), checks=False), "average")
    return np.asarray(fcluster(tree, 0.6 * mean, "distance"), np.int64) - 1


def _table_of(frm: Ints, to: Ints, y: Floats, base: Floats, count: int, item: Ints) -> tuple[Floats, Floats]:
    """Seconds from family to family: what was seen, drawn towards (operation, product pair), towards the operation."""
    items = int(item.max()) + 1
    # the same two products at any operation, relative to the operation's mean
    ratio = y / np.maximum(base, 1.0)
    pair = item[frm] * items + item[to]
    n = np.bincount(pair, minlength=items * items)
    pooled = (np.bincount(pair, ratio, minlength=items * items) + _LEAN) / (n + _LEAN)
    of_to = np.zeros(count)
    seen = np.bincount(to, minlength=count)
    of_to = np.bincount(to, base, minlength=count) / np.maximum(seen, 1)
    prior = pooled.reshape(items, items)[item[:, None], item[None, :]] * of_to[None, :]
    cell = frm * count + to
    m = np.bincount(cell, minlength=count * count).reshape(count, count)
    total = np.bincount(cell, y, minlength=count * count).reshape(count, count)
    table = (total + _LEAN * prior) / (m + _LEAN)
    return table, table[frm, to]


@dataclass(frozen=True, slots=True)
class Delays:
    """Waits that are no queue, before a visit: by operation before (-1 = release) and operation.

    Parameters
    ----------
    median_s : (O + 1, O) seconds; last row after the release
    spread : (O + 1, O) standard deviation of the logarithm
    """

    median_s: Floats
    spread: Floats


def learn_delays(visits: Visits, released_s: Floats, before_end_s: Floats, before_op: Ints) -> Delays:
    """Delays from visits that began on a machine that stood ready and idle: they waited for nothing but themselves.

    Parameters
    ----------
    visits : (V,)
    released_s : (V,) release of the order, nan = unknown
    before_end_s, before_op : (V,) end and operation of the order's visit before, -1 = none
    """
    operations = len(visits.operations)
    ready = np.where(before_op >= 0, before_end_s, released_s)
    wait = visits.start_s - ready
    order = np.lexsort((visits.start_s, visits.machine))
    idle_since = np.full(len(order), -np.inf)
    same = visits.machine[order][1:] == visits.machine[order][:-1]
    ends = np.where(np.isfinite(visits.end_s), visits.end_s, np.inf)
    idle_since[order[1:]] = np.where(same, ends[order[:-1]], -np.inf)
    # the machine was at work and idle for the last quarter of an hour before the start
    quarter = 900.0
    open_s = worked_s(visits.machine_week, visits.machine, visits.start_s) - worked_s(
        visits.machine_week, visits.machine, visits.start_s - quarter
    )
    idle = (idle_since <= visits.start_s - quarter) & (open_s >= quarter - 1.0) & np.isfinite(wait) & (wait >= 0)
    row = np.where(before_op >= 0, before_op, operations)
    median = np.zeros((operations + 1, operations))
    spread = np.zeros((operations + 1, operations))
    cell = row * operations + visits.operation
    for key in np.unique(cell[np.isfinite(wait)]):
        mine = cell == key
        a, b = divmod(int(key), operations)
        seen = wait[mine & idle]
        if len(seen) >= 8:
            median[a, b] = np.quantile(seen, 0.4)
            low = np.maximum(seen, 60.0)
            spread[a, b] = float(np.clip(np.log(np.quantile(low, 0.5) / np.quantile(low, 0.15)) / 1.04, 0.0, 1.0))
        else:
            every = wait[mine & np.isfinite(wait) & (wait >= 0)]
            median[a, b] = float(np.quantile(every, 0.1)) if len(every) >= 5 else 0.0
    return Delays(median, spread)
