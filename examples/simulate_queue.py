"""A machine with one queue in the twin's kernel, beside what queueing theory says about it (M/M/1)."""

from __future__ import annotations

import numpy as np

from zhizao.decide.twin.run import simulate
from zhizao.decide.twin.shop import RULES, Policy, Shop, Work

ARRIVALS_PER_H, SERVED_PER_H, ORDERS, BATCHES = 0.8, 1.0, 40_000, 20


def queue(release_s: np.ndarray, run_s: np.ndarray) -> tuple[Shop, Work]:
    """One machine that is always at work, and orders of one step each."""
    n = len(release_s)
    whole, nobody, none = np.zeros(n, np.int64), np.full(n, -1), np.empty(0, np.int64)
    shop = Shop(
        machines=("press",),
        people=(),
        capacity=np.array([1]),
        multitask=none,
        calendar_ptr=np.array([0]),
        on_s=np.empty(0),
        off_s=np.empty(0),
        machine_calendar=np.array([-1]),
        person_calendar=none,
        skill_ptr=np.array([0]),
        skill_person=none,
        setup_s=np.empty((0, 0)),
        mtbf_s=np.zeros(1),
        mttr_s=np.zeros(1),
    )
    work = Work(
        release_s=release_s,
        due_s=np.full(n, np.inf),
        weight=np.ones(n),
        quantity=np.ones(n),
        product=whole,
        first=np.arange(n + 1),
        operation=whole,
        run_s=run_s,
        setup_fixed_s=np.zeros(n),
        family=nobody,
        delay_s=np.zeros(n),
        delay_worktime=np.zeros(n, bool),
        skill=nobody,
        option_ptr=np.arange(n + 1),
        option_machine=whole,
        option_factor=np.ones(n),
        option_defect=np.zeros(n),
        person_defect=np.empty(0),
        defect_u=np.zeros(n),
        pieces=np.ones(n),
        gate=nobody,
        running=np.zeros(n, bool),
        running_person=nobody,
    )
    return shop, work


def main() -> None:
    rng = np.random.default_rng(7)
    release_s = np.cumsum(rng.exponential(3600 / ARRIVALS_PER_H, ORDERS))
    shop, work = queue(release_s, rng.exponential(3600 / SERVED_PER_H, ORDERS))
    print(f"one machine, {ORDERS:,} orders, {ARRIVALS_PER_H} arrive and {SERVED_PER_H} are served per hour")
    for rule in ("fifo", "spt"):
        trace = simulate(shop, work, Policy(rule=np.array([RULES.index(rule)])))
        hours = (trace.end_s - release_s) / 3600
        batches = hours.reshape(BATCHES, -1).mean(axis=1)
        error = 2.093 * batches.std(ddof=1) / np.sqrt(BATCHES)  # Student's t, 19 degrees of freedom
        print(
            f"{rule}: {hours.mean():.2f} h in the shop (95 %: {hours.mean() - error:.2f} to {hours.mean() + error:.2f})"
        )
    print(f"theory, first come first served: {1 / (SERVED_PER_H - ARRIVALS_PER_H):.2f} h")


if __name__ == "__main__":
    main()
