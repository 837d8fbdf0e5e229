"""Runs of the shop: one, or many on all cores; compiled where that pays, plain Python where the answer would wait.

The kernel is one source (`kernel`). Plain Python needs no compiler and no import of Numba, so a small what-if answers
at once; a large one is compiled, and the machine code is kept on disk by Numba. Both give the same trace, bit for bit.
"""

from __future__ import annotations

import inspect
import math
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from . import kernel, kernel_fifo, kernel_hours, kernel_queue, kernel_records
from .kernel_build import build, trace
from .kernel_check import check_arrays
from .kernel_records import Floor
from .shop import Floats, Ints, Policy, Shop, Trace, Work

__all__ = ["check_arrays", "draw_breakdowns", "replicate", "simulate", "warm"]

PLAIN_IF_CACHED = 10_000
"""Steps up to which plain Python answers sooner than importing Numba and loading machine code from disk (0.5 s)."""
PLAIN_IF_COLD = 100_000
"""Steps up to which plain Python answers sooner than a compiler that finds nothing on disk (some 6 s)."""


def simulate(
    shop: Shop, work: Work, policy: Policy, *, until_s: float = math.inf, compiled: bool | None = None
) -> Trace:
    """Run the work through the shop under a policy.

    Parameters
    ----------
    shop, work, policy : arrays, as their docstrings say
    until_s : stop then; what would happen later has not happened
    compiled : by machine code (True) or plain Python (False), which give the same trace; by default whichever answers
        first: plain Python up to `PLAIN_IF_CACHED` steps in all, or `PLAIN_IF_COLD` in one run where no machine code
        lies on disk yet

    Raises
    ------
    InputError
        arrays that do not fit each other, by name (`check_arrays`)

    Examples
    --------
    Two orders of one step each, 5 s and 3 s, meet at one machine; the shorter goes first.

    >>> import numpy as np
    >>> from zhizao.decide.twin.shop import RULES
    >>> none, no_ints, no_one = np.empty(0), np.empty(0, np.int64), np.full(2, -1)
    >>> shop = Shop(
    ...     machines=("press",), people=(), capacity=np.array([1]), multitask=no_ints, calendar_ptr=np.array([0]),
    ...     on_s=none, off_s=none, machine_calendar=np.array([-1]), person_calendar=no_ints, skill_ptr=np.array([0]),
    ...     skill_person=no_ints, setup_s=np.empty((0, 0)), mtbf_s=np.zeros(1), mttr_s=np.zeros(1),
    ... )
    >>> work = Work(
    ...     release_s=np.zeros(2), due_s=np.full(2, np.inf), weight=np.ones(2), quantity=np.ones(2),
    ...     product=np.zeros(2, np.int64), first=np.array([0, 1, 2]), operation=np.zeros(2, np.int64),
    ...     run_s=np.array([5.0, 3.0]), setup_fixed_s=np.zeros(2), family=no_one, delay_s=np.zeros(2),
    ...     delay_worktime=np.zeros(2, bool), skill=no_one, option_ptr=np.array([0, 1, 2]),
    ...     option_machine=np.array([0, 0]), option_factor=np.ones(2), option_defect=np.zeros(2), person_defect=none,
    ...     defect_u=np.zeros(2), pieces=np.ones(2), gate=no_one, running=np.zeros(2, bool), running_person=no_one,
    ... )
    >>> simulate(shop, work, Policy(rule=np.array([RULES.index("spt")]))).end_s.tolist()
    [8.0, 3.0]
    """
    check_arrays(shop, work, policy)
    if compiled is None:
        compiled = _pays(len(work.run_s), patient=False)
    return _run(shop, work, policy, until_s, compiled)


def replicate(
    tasks: Sequence[tuple[Shop, Work, Policy]],
    *,
    until_s: float = math.inf,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Trace]:
    """Run many tasks, on all cores unless `workers` says how many; the traces in the order of the tasks.

    Results do not depend on `workers`: everything random is in the tasks. `progress(done, all)` is called after each.
    """
    for task in tasks:
        check_arrays(*task)
    compiled = _pays(sum(len(work.run_s) for _, work, _ in tasks), patient=True)
    if not compiled or workers == 1 or len(tasks) < 2:
        made = (_run(*task, until_s, compiled) for task in tasks)
    else:
        from joblib import Parallel, delayed

        for task in tasks:
            (_lean_code if kernel_fifo.fits(*task) else _machine_code)()  # made here once, not by each thread
        # threads, since machine code lets go of the interpreter: nothing is copied and nothing has to start up
        parallel = Parallel(n_jobs=workers or -1, prefer="threads", return_as="generator")
        made = parallel(delayed(_run)(*task, until_s, True) for task in tasks)
    traces: list[Trace] = []
    for one in made:
        traces.append(one)
        if progress is not None:
            progress(len(traces), len(tasks))
    return traces


def draw_breakdowns(shop: Shop, busy_s: float, rng: np.random.Generator) -> tuple[Ints, Floats, Floats]:
    """Breakdowns enough for `busy_s` of busy time on every machine: `break_ptr`, `break_after_s`, `repair_s` of `Work`.

    Times between and repair times are exponential with means `Shop.mtbf_s` and `Shop.mttr_s`.
    """
    counts = [0]
    after: list[Floats] = []
    repair: list[Floats] = []
    for mtbf, mttr in zip(shop.mtbf_s, shop.mttr_s, strict=True):
        mean = busy_s / mtbf if mtbf > 0 else 0.0
        n = math.ceil(mean + 5 * math.sqrt(mean) + 5) if mtbf > 0 else 0
        after.append(rng.standard_exponential(n) * mtbf)
        repair.append(rng.standard_exponential(n) * mttr)
        counts.append(n)
    empty = [np.empty(0)]
    return np.cumsum(np.array(counts, np.int64)), np.concatenate(empty + after), np.concatenate(empty + repair)


def _run(shop: Shop, work: Work, policy: Policy, until_s: float, compiled: bool, lean: bool | None = None) -> Trace:
    """One run by the lean kernel where it fits (or as told), else by the general one."""
    if lean is None:
        lean = kernel_fifo.fits(shop, work, policy)
    if lean:
        return _run_fifo(shop, work, until_s, compiled)
    if compiled:
        code, stamp = _machine_code()
        floor = build(shop, work, policy, rows=True, stamp=stamp)
        code(float(until_s), floor)
    else:
        floor = build(shop, work, policy, rows=False)
        kernel.run(until_s, floor)
    return trace(floor, len(shop.machines), until_s)


def _run_fifo(shop: Shop, work: Work, until_s: float, compiled: bool) -> Trace:
    m, n_jobs, n_steps = len(shop.machines), len(work.release_s), len(work.run_s)
    # without an end of time every step is reached and every entry written
    blank = np.empty if until_s == math.inf else _nans
    ready, start, end, finished = blank(n_steps), blank(n_steps), blank(n_steps), blank(n_jobs)
    given = (
        np.require(work.release_s, np.float64, ["C", "W"]),  # else Numba would compile anew for a read-only array
        np.require(work.first, np.int64, ["C", "W"]),
        np.require(work.option_machine, np.int64, ["C", "W"]),
        np.require(work.run_s, np.float64, ["C", "W"]),
        np.require(work.option_factor, np.float64, ["C", "W"]),
    )
    state = (
        work.first[:-1].copy(),
        np.empty(n_jobs, np.int64),
        *(np.full(m, -1) for _ in range(3)),
        np.full(m, np.inf),
    )
    if compiled:
        events = _lean_code()(*given, float(until_s), *state, ready, start, end, finished)
    else:
        told = tuple(array.tolist() for array in (ready, start, end, finished))
        plain: Callable[..., int] = kernel_fifo.run_fifo
        events = plain(*(array.tolist() for array in given), until_s, *(array.tolist() for array in state), *told)
        ready, start, end, finished = (np.array(values, np.float64) for values in told)
    bad = np.zeros(n_steps)
    machine = work.option_machine.copy()
    if until_s < math.inf:
        machine[np.isnan(start)] = -1
        open_ended = ~(end <= until_s)
        end[open_ended] = np.nan
        bad[open_ended] = np.nan
    return Trace(
        ready_s=ready,
        setup_start_s=start.copy(),
        start_s=start,
        end_s=end,
        machine=machine,
        person=np.full(n_steps, -1),
        bad=bad,
        admitted_s=np.where(work.release_s <= until_s, work.release_s, np.nan),
        finished_s=finished,
        events=int(events),
    )


_so_far = {"steps": 0}
"""Steps run plainly in this process: many small runs deserve machine code as one large one does."""


def _nans(n: int) -> Floats:
    return np.full(n, np.nan)


def _pays(steps: int, *, patient: bool) -> bool:
    """Whether machine code answers sooner than plain Python; the impatient wait for no compiler after small runs."""
    if _machine_code.cache_info().currsize:
        return True
    total = steps + _so_far["steps"]
    pays = total > PLAIN_IF_CACHED if _on_disk() else (total if patient else steps) > PLAIN_IF_COLD
    if not pays:
        _so_far["steps"] = total
    return pays


def warm() -> None:
    """Compile both kernels now, or load their machine code from disk: for a server's start, so that nobody waits."""
    none, no_ints = np.empty(0), np.empty(0, np.int64)
    zero = np.zeros(1, np.int64)
    shop = Shop(
        (), (), no_ints, no_ints, zero, none, none, no_ints, no_ints, zero, no_ints, np.empty((0, 0)), none, none
    )
    no_flags = np.empty(0, np.bool_)
    work = Work(
        release_s=none, due_s=none, weight=none, quantity=none, product=no_ints, first=zero, operation=no_ints,
        run_s=none, setup_fixed_s=none, family=no_ints, delay_s=none, delay_worktime=no_flags, skill=no_ints,
        option_ptr=zero, option_machine=no_ints, option_factor=none, option_defect=none, person_defect=none,
        defect_u=none, pieces=none, gate=no_ints, running=no_flags, running_person=no_ints,
    )  # fmt: skip
    for lean in (True, False):
        _run(shop, work, Policy(no_ints), math.inf, True, lean)


def _on_disk() -> bool:
    """Whether Numba seems to have machine code of the kernel (only a hint: it decides nothing but speed)."""
    folder = Path(kernel.__file__).parent / "__pycache__"
    return next(folder.glob("kernel.run-*.nbi"), None) is not None


@cache
def _machine_code() -> tuple[Callable[[float, Floor], None], str]:
    """The compiled general kernel and the stamp of its source.

    Numba's cache looks at the file of the function only, so the stamp goes into the type of one record: machine code of
    another version has another type.
    """
    parts = (kernel, kernel_hours, kernel_queue, kernel_records, _compile)
    text = "".join(inspect.getsource(part) for part in parts)
    return _compile(kernel.run, kernel.HELPERS), f"source_{zlib.crc32(text.encode()):08x}"


@cache
def _lean_code() -> Callable[..., int]:
    """The compiled lean kernel."""
    return _compile(kernel_fifo.run_fifo, kernel_fifo.HELPERS)


def _compile(function: Callable[..., Any], helpers: tuple[Callable[..., object], ...]) -> Callable[..., Any]:
    """Machine code of a kernel, kept on disk; it needs no reference counts (`_nrt`), as it allocates nothing."""
    import numba
    from numba.extending import register_jitable

    for helper in helpers:
        register_jitable(_nrt=False)(helper)
    code: Callable[..., Any] = numba.njit(cache=True, nogil=True, _nrt=False)(function)
    return code
