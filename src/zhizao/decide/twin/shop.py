"""What the simulation kernel is given and gives back: the shop, the work, the policy and the trace, as arrays.

Seconds count from the start of the run (time 0). Everything random is drawn into `Work` before the run, so that two
policies meet exactly the same work (common random numbers), and a run can be told again from its arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["RULES", "Floats", "Ints", "Policy", "Shop", "Trace", "Work"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RULES = ("fifo", "spt", "edd", "slack", "atc", "cr", "family", "lifo", "sequence", "mwkr")
"""Dispatch rules by code: what a free machine takes next (`sequence` = smallest `Policy.priority` first; `family` =
an order of the family now set up before all others, then earliest due date)."""


def _no_ints() -> Ints:
    return np.empty(0, np.int64)


def _no_floats() -> Floats:
    return np.empty(0)


@dataclass(frozen=True, slots=True)
class Shop:
    """Who and what there is, and when.

    Parameters
    ----------
    machines, people : names, lengths M and P; no people at all means that labour is not a constraint
    capacity : orders a machine works on at once, (M,), >= 1
    multitask : orders a person attends at once, (P,), >= 1
    calendar_ptr : (K + 1,) offsets into `on_s`, `off_s`
    on_s, off_s : sorted, disjoint working intervals of each calendar, seconds; must cover the run
    machine_calendar, person_calendar : (M,), (P,) calendar of each, -1 = always at work
    skill_ptr, skill_person : people able to do skill k are skill_person[skill_ptr[k]:skill_ptr[k + 1]], best first
    setup_s : (F, F) seconds to change a machine from family row to family column; (0, 0) when there are no families
    mtbf_s, mttr_s : (M,) mean busy time between breakdowns and mean repair time, 0 = never breaks down; the breakdowns
        themselves are drawn beforehand into `Work.break_after_s` and `Work.repair_s` (`run.draw_breakdowns`)
    batch : (M,) steps of one family (without a family: of one operation) that a machine does together as one lot, all
        for the longest of their times; 1 or empty = none
    batch_wait_s : (M,) a batch that is not full starts when one of its steps has waited so long; 0 or empty = at once
    """

    machines: tuple[str, ...]
    people: tuple[str, ...]
    capacity: Ints
    multitask: Ints
    calendar_ptr: Ints
    on_s: Floats
    off_s: Floats
    machine_calendar: Ints
    person_calendar: Ints
    skill_ptr: Ints
    skill_person: Ints
    setup_s: Floats
    mtbf_s: Floats
    mttr_s: Floats
    batch: Ints = field(default_factory=_no_ints)
    batch_wait_s: Floats = field(default_factory=_no_floats)


@dataclass(frozen=True, slots=True)
class Work:
    """The jobs (orders) of one run and everything random about them, drawn once.

    Parameters
    ----------
    release_s, due_s, weight, quantity : (J,) per job, sorted by release; due inf = none
    product : (J,) product code
    first : (J + 1,) steps of job j are first[j]:first[j + 1]
    operation : (S,) operation code
    run_s : (S,) processing time of the whole lot on an option of factor 1
    setup_fixed_s : (S,) set-up that comes with the step whatever ran before (beside `Shop.setup_s`)
    family : (S,) set-up family, -1 = none
    delay_s : (S,) waiting before the step that is not queueing (transport, cooling, paper), counted from the end of the
        job's previous step, or from its release
    delay_worktime : (S,) True when that waiting runs only in the working hours of the step's first option
    skill : (S,) skill needed, -1 = nobody
    option_ptr, option_machine, option_factor : machines that can do step s are
        option_machine[option_ptr[s]:option_ptr[s + 1]], with factors on `run_s`; no option = no machine needed
    option_defect : probability that a piece is bad, per option
    person_defect : (P,) factor on that probability per person
    defect_u : (S,) uniform draw that decides the bad pieces of the step's lot
    pieces : (S,) pieces in the lot at the step
    gate : (S,) index (among all S) of an earlier step of the same job: this step is done only if that one made bad
        pieces; -1 = always
    running : (J,) True when the job's first step is under way at time 0 on its first option (run_s = what is left)
    running_person : (J,) who does it, -1 = nobody or unknown
    expected_s : (S,) mean of `run_s` as a planner knows it, the only time that rules look at; empty = `run_s`
    expected_left_s : (S,) mean work of the job from this step on; empty = sum of `expected_s` over this step and the
        later ones that have no gate
    machine_family : (M,) family that each machine is set up for at time 0, -1 = unknown; empty = unknown
    break_ptr, break_after_s, repair_s : breakdowns of machine m are break_ptr[m]:break_ptr[m + 1]; the first comes
        after break_after_s of busy time, each next one that much after the one before, and takes repair_s round the
        clock; empty = none

    An order released before time 0, or running, stands on the floor already: no cap holds it out.
    """

    release_s: Floats
    due_s: Floats
    weight: Floats
    quantity: Floats
    product: Ints
    first: Ints
    operation: Ints
    run_s: Floats
    setup_fixed_s: Floats
    family: Ints
    delay_s: Floats
    delay_worktime: NDArray[np.bool_]
    skill: Ints
    option_ptr: Ints
    option_machine: Ints
    option_factor: Floats
    option_defect: Floats
    person_defect: Floats
    defect_u: Floats
    pieces: Floats
    gate: Ints
    running: NDArray[np.bool_]
    running_person: Ints
    expected_s: Floats = field(default_factory=_no_floats)
    expected_left_s: Floats = field(default_factory=_no_floats)
    machine_family: Ints = field(default_factory=_no_ints)
    break_ptr: Ints = field(default_factory=_no_ints)
    break_after_s: Floats = field(default_factory=_no_floats)
    repair_s: Floats = field(default_factory=_no_floats)


@dataclass(frozen=True, slots=True)
class Policy:
    """How the shop is run: what a decision maker can change without buying anything.

    Parameters
    ----------
    rule : (M,) code into `RULES` per machine; one more entry rules the steps that need no machine (default: the rule
        that all machines share, else fifo)
    wip_cap : orders allowed on the floor at once (CONWIP), 0 = no cap; held orders enter by earliest due date, else age
    transfer_quantity : pieces after which the next step of the lot may start (overlap), 0 = the whole lot
    priority : (S,) for rule `sequence`: smaller goes first; empty otherwise
    assigned : (S,) index into `Work.option_machine` of the only option that may be used, -1 = any; empty = any
    """

    rule: Ints
    wip_cap: int = 0
    transfer_quantity: float = 0.0
    priority: Floats = field(default_factory=lambda: np.empty(0))
    assigned: Ints = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Trace:
    """What happened in a run, per step; nan or -1 where a step was not reached or was skipped.

    A step that began but had not ended when the run stopped has its begin and no end.

    Parameters
    ----------
    ready_s : (S,) when the step could have started but for machine and people
    setup_start_s, start_s, end_s : (S,) set-up began, work began, work ended
    machine, person : (S,) who did it
    bad : (S,) bad pieces made
    admitted_s, finished_s : (J,) entered the floor, left it
    events : arrivals plus operations completed
    """

    ready_s: Floats
    setup_start_s: Floats
    start_s: Floats
    end_s: Floats
    machine: Ints
    person: Ints
    bad: Floats
    admitted_s: Floats
    finished_s: Floats
    events: int
