"""Error localisation: which fewest fields of each return must be wrong (Fellegi and Holt, 1976).

Records whose failed clauses can be mended by one or two fields a group are decided by `lines`, the others by `exact`;
both prove that no lighter set would do. Values that are missing may become anything and weigh nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.programme.editing.exact import asked_of, smallest_set
from zhizao.programme.editing.lines import OPEN, localise_all, localiser
from zhizao.programme.editing.system import HELD, System, verdicts

__all__ = ["Localised", "localise"]

Floats = NDArray[np.float64]
SMALL = 2000
"""Up to so many records nobody waits for a compiler."""

IMPOSSIBLE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Localised:
    """Fields found wrong.

    Parameters
    ----------
    mark : 1 where a field has to be changed, 2 where a missing one was filled on the way, (records, fields)
    values : fields after a change that keeps all hard rules, (records, fields)
    state : 0 nothing fails, 1 found by the fast path, 2 by the exact one, 3 no values keep the rules, (records,)
    """

    mark: NDArray[np.int8]
    values: Floats
    state: NDArray[np.int8]


def localise(
    system: System,
    z: Floats,
    active: NDArray[np.bool_],
    *,
    found: NDArray[np.int8] | None = None,
    weight: Floats | None = None,
    expected: Floats | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Localised:
    """Lightest set of fields of each record that can be changed so that all rules hold.

    Parameters
    ----------
    system : compiled hard rules
    z : records, (records, columns)
    active : guards, (records, guards)
    found : verdicts, where they are known already
    weight : reliability of each field, above 0, (fields,); 1 each when absent
    expected : what each value was expected to be, NaN where nothing was; chooses among equally light sets the one with
        the largest surprise, and is what values are changed to where the rules let them, (records, fields)
    progress : told a stage and a fraction

    Raises
    ------
    InputError : when a weight is not above 0

    Examples
    --------
    >>> from zhizao.programme.editing.rules import read_rules, rule_set
    >>> from zhizao.programme.editing.system import compile_rules
    >>> rules = "[{id: A, check: debts_cny <= assets_cny}, {id: B, check: receivables_cny <= assets_cny}]"
    >>> system = compile_rules(rule_set(read_rules(rules), shipped=False), "hard")
    >>> z = np.zeros((1, 40)); z[0, [36, 38, 39]] = 7, 5, 9  # receivables, assets, debts
    >>> np.flatnonzero(localise(system, z, np.ones((1, 1), dtype=bool)).mark[0]).tolist()
    [38]
    """
    m = system.fields
    weight = np.ones(m) if weight is None else np.asarray(weight, dtype=np.float64)
    if weight.shape != (m,) or not np.all(weight > 0):
        raise InputError("a reliability weight is missing or not above 0", fix="give each item a weight above 0")
    if found is None:
        found = verdicts(system, z, active)
    goal = np.full((len(z), m), np.nan) if expected is None else expected
    told = z[:, :m]
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.abs(np.log((np.abs(told) + 1.0) / (np.abs(goal) + 1.0)))
        surprise = np.where(np.sign(told) * np.sign(goal) < 0, surprise + 5.0, surprise)
    doubt = np.nan_to_num(np.minimum(surprise, 20.0))
    mended, mark = z.copy(), np.zeros((len(z), m), dtype=np.int8)
    state = np.zeros(len(z), dtype=np.int8)
    rows = np.flatnonzero((found != HELD).any(axis=1))
    some = [part[rows] for part in (mended, active, found, doubt, goal, mark, state)]
    kernel: Callable[..., None] = localise_all if len(rows) <= SMALL else localiser()
    kernel(system.arrays, *some[:3], weight, *some[3:])
    mended[rows], mark[rows], state[rows] = some[0], some[5], some[6]
    still = np.flatnonzero(state == OPEN)
    for i, r in enumerate(still):
        if progress is not None and i % 20 == 0:
            progress("errors that take several fields", i / len(still))
        answer = smallest_set(asked_of(system.arrays, active[r]), z[r], weight, doubt[r], goal[r])
        if answer is None:
            state[r] = IMPOSSIBLE
            continue
        fields, values = answer
        mended[r] = values
        if fields:
            mark[r, list(fields)] = 1
        else:
            state[r] = 0
        mark[r, np.isnan(told[r]) & ~np.isnan(values[:m])] = 2
    return Localised(mark, mended[:, :m], state)
