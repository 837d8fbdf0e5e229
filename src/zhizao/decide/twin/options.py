"""Machines that can stand in for each other, as the records show it: by kind of work and product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.twin.records import Past
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Options", "expand", "learn_defects", "learn_options"]

LEAST_SHARE = 0.05
LEAST_ROWS = 3
LEAN_PIECES = 50.0


@dataclass(frozen=True, slots=True)
class Options:
    """Machines of each group of rows: those of one kind of work and, where it was done often enough, one product.

    Parameters
    ----------
    group : (R,) group of each past row
    free : (R,) whether another machine could have done it: the whole stay of the order at the machine is this report,
        with at most one set-up before it (what takes several reports stays where it was begun)
    ptr, machine : machines of group g are machine[ptr[g]:ptr[g + 1]], most used first
    """

    group: Ints
    free: NDArray[np.bool_]
    ptr: Ints
    machine: Ints


def learn_options(past: Past) -> Options:
    """Machines that did each kind of work often enough (5 % of its rows and 3 of them) to be counted on."""
    product = past.product[past.case]
    kinds, machines = len(past.kinds), len(past.machines)
    key = past.kind * (len(past.products) + 1)
    fine = key + product + 1
    rows = np.bincount(fine, minlength=kinds * (len(past.products) + 1))
    enough = (rows[fine] >= 4 * LEAST_ROWS) & (product >= 0)
    key = np.where(enough, fine, key)
    group = np.unique(key, return_inverse=True)[1].astype(np.int64)
    groups = int(group.max()) + 1
    cell, count = np.unique(group * machines + past.machine, return_counts=True)
    total = np.bincount(group, minlength=groups)
    of, machine = cell // machines, cell % machines
    keep = (count >= LEAST_ROWS) & (count >= LEAST_SHARE * total[of])
    keep |= count == np.maximum.reduceat(count, np.searchsorted(of, np.arange(groups)))[of]
    of, machine, count = of[keep], machine[keep], count[keep]
    order = np.lexsort((-count, of))
    ptr = np.searchsorted(of[order], np.arange(groups + 1)).astype(np.int64)
    setup = np.array([kind.report == "setup" for kind in past.kinds])[past.kind]
    operation = np.unique([kind.operation for kind in past.kinds], return_inverse=True)[1][past.kind]
    place = np.stack([past.case, past.machine, operation])
    fresh = np.concatenate([[True], (place[:, 1:] != place[:, :-1]).any(0)])
    stay = np.cumsum(fresh) - 1
    reports = np.bincount(stay, weights=~setup)
    free = (reports[stay] == 1) & (np.bincount(stay, weights=setup)[stay] <= 1)
    return Options(group, free & ~setup, ptr, machine[order])


def learn_defects(past: Past) -> Floats:
    """Probability that a piece goes bad, (kinds, machines), drawn to that of the kind of work by 50 pieces."""
    kinds, machines = len(past.kinds), len(past.machines)
    bad = np.nan_to_num(past.scrap) + np.nan_to_num(past.again)
    pieces = np.nan_to_num(past.good) + bad
    usual = np.bincount(past.kind, bad, kinds) / np.maximum(np.bincount(past.kind, pieces, kinds), 1.0)
    cell = past.kind * machines + past.machine
    bad_at = np.bincount(cell, bad, kinds * machines).reshape(kinds, machines)
    pieces_at = np.bincount(cell, pieces, kinds * machines).reshape(kinds, machines)
    return np.clip((bad_at + LEAN_PIECES * usual[:, None]) / (pieces_at + LEAN_PIECES), 0.0, 1.0)


def expand(past: Past, options: Options, factor: Floats, row: Ints) -> tuple[Ints, Ints, Floats]:
    """Options of steps that take after past rows, the machine of the row first: (option_ptr, machine, factor)."""
    group = options.group[row]
    size = np.where(options.free[row], np.diff(options.ptr)[group], 0)
    step = np.repeat(np.arange(len(row)), size)
    place = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    machine = options.machine[np.repeat(options.ptr[group], size) + place]
    own = past.machine[row]
    other = machine != own[step]
    step = np.concatenate([np.arange(len(row)), step[other]])
    machine = np.concatenate([own, machine[other]])
    place = np.concatenate([np.full(len(row), -1), place[other]])
    order = np.lexsort((place, step))
    step, machine = step[order], machine[order]
    ptr = np.searchsorted(step, np.arange(len(row) + 1)).astype(np.int64)
    kind = past.kind[row][step]
    return ptr, machine, factor[kind, machine] / factor[kind, own[step]]
