"""The pilot from beginning to end: figures as recorded, twin, trust, levers, promise.

    records -> three figures -> twin -> fidelity on the held-out tail -> levers in the twin -> what is promised, and how far

Where the twin is not trusted nothing is promised: the figures stand as recorded and the reasons are given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from zhizao.account import ThreeFigures, three_figures
from zhizao.decide.twin import MEASURES, FidelityReport
from zhizao.decide.twin.fidelity import UNITS
from zhizao.decide.twin.mechanism import Mechanism, Scene, held_out
from zhizao.decide.twin.records import to_time
from zhizao.decide.twin.run import simulate
from zhizao.decide.twin.shop import Floats
from zhizao.errors import InputError
from zhizao.model import Plant, WorkLog
from zhizao.pilot.candidates import Base, Candidate, base_of, propose
from zhizao.pilot.levers import Lever
from zhizao.pilot.result import (
    FIGURES,
    TARGETS,
    Change,
    Fidelity,
    FigureResult,
    FrontPoint,
    LeverResult,
    Measure,
    PilotResult,
    RecordsAccount,
)
from zhizao.pilot.search import Found, Tried, levers_of, pareto, score, search
from zhizao.pilot.trial import COLUMNS, Plan, changes, try_sets

__all__ = ["Pilot", "run_pilot"]

Progress = Callable[[str, float], None]

_FEWEST_ORDERS = 1
_MODEL_ERROR = {"production_cycle": 0.10, "operating_cost": 0.12, "defect_rate": 0.30}
_LEAST_ERROR = 0.008
_MOST_REPLAY_ERROR = 0.2
"""What the twin may be wrong by, as standard deviation of a promised change: a share of it, and at least so much. Who
makes bad pieces is known least: a person factor is one number for all operations."""

_WEEK_S = 604_800.0
_SCHEDULED_STEPS = 3_000
"""Steps on which a schedule renewed all the time is tried."""

_MOST_OPERATIONS = 60_000
"""Levers are tried on the latest part of the records, at most this long."""


@dataclass(frozen=True, slots=True)
class Pilot:
    """Result and what it rests on, for the report, the pages and the Monday files.

    Parameters
    ----------
    result : the finding
    log : records
    plant : rates and what else the user declared
    figures : three figures as recorded, with intervals and parts
    mechanism : fitted to the (latest) records
    fidelity : its test on the held-out tail; None when there were too few records for one
    scene : one run of the recorded demand, as the plant is run now
    base : what the plant as it is looks like in that run
    candidates : levers tried
    chosen : names of the candidates that are recommended
    """

    result: PilotResult
    log: WorkLog
    plant: Plant
    figures: ThreeFigures
    mechanism: Mechanism
    fidelity: FidelityReport | None
    scene: Scene
    base: Base
    candidates: tuple[Candidate, ...]
    chosen: tuple[str, ...]


def run_pilot(
    log: WorkLog,
    plant: Plant,
    *,
    records: RecordsAccount,
    seed: int = 0,
    budget: float = float("inf"),
    runs: int = 0,
    workers: int = 2,
    progress: Progress | None = None,
) -> Pilot:
    """From a work log to a promise.

    Parameters
    ----------
    log : all records
    plant : rates and what else the user declared
    records : account of the records, passed through
    seed : seed of everything random
    budget : most that the levers may cost in the period, in the plant's currency
    runs : paired runs per set; 0 = by size of the log
    workers : processes
    progress : called with stage and share

    Raises
    ------
    InputError : when there are too few finished orders to say anything
    """
    tell = progress or (lambda _stage, _share: None)
    rng = np.random.default_rng(seed)
    done = log.done
    orders = done["order"].n_unique()
    if orders < _FEWEST_ORDERS:
        raise InputError(
            f"the records hold {orders} finished orders; a pilot needs at least {_FEWEST_ORDERS}",
            fix="export a longer period, some months if possible",
            code="too_few_orders",
        )
    tell("figures as recorded", 0.0)
    figures = three_figures(log, plant)
    tell("figures as recorded", 1.0)
    report, trust = _earn_trust(latest(log, _MOST_OPERATIONS), plant, rng, tell)
    tell("fitting the twin", 0.0)
    recent = latest(log, _MOST_OPERATIONS)
    mechanism = Mechanism.fit(recent, plant=plant)
    tell("fitting the twin", 0.4)
    mechanism = mechanism.calibrated(rng)
    tell("fitting the twin", 1.0)
    trust = _replayed(mechanism, trust, rng)
    plan = Plan(mechanism, plant)
    scene = mechanism.replay(np.random.default_rng([seed, 99]))
    base = base_of(scene, simulate(scene.shop, scene.work, scene.policy, compiled=True))
    candidates = propose(recent, plant, mechanism, scene, base)
    runs = runs or (8 if done.height < 30_000 else 4)
    found = search(plan, candidates, seed=seed + 1, runs=runs, budget=budget, workers=workers, progress=tell)
    alone: tuple[list[Candidate], list[Tried]] = ([], [])
    if trust.trusted:  # minutes of search would only decorate a report that promises nothing
        alone = _schedule_alone(plan, base, scene, seed=seed + 3, workers=workers, tell=tell)
    chosen, changed = _promise(plan, candidates, found, seed=seed + 2, runs=2 * runs + 4, workers=workers, tell=tell)
    result = PilotResult(
        plant=plant.name,
        currency=plant.rates.currency,
        period=_period(log),
        orders=figures.orders,
        operations=log.frame.height,
        records=records,
        fidelity=trust,
        figures=_figure_results(figures, changed if trust.trusted else {}, trust),
        levers=_lever_results([*candidates, *alone[0]], (*found.alone, *alone[1]), chosen if trust.trusted else ()),
        front=_front(found, chosen if trust.trusted else ()),
        assumptions=dict(plant.assumptions()),
        notes=tuple(_notes(log, figures, trust, chosen)),
        seed=seed,
    )
    kept = chosen if trust.trusted else ()
    return Pilot(result, log, plant, figures, mechanism, report, scene, base, tuple(candidates), kept)


def _replayed(mechanism: Mechanism, trust: Fidelity, rng: np.random.Generator) -> Fidelity:
    """Trust also rests on the whole records: run again, their own orders must take about as long as they did."""
    error = mechanism.replay_error(rng)
    if error <= _MOST_REPLAY_ERROR:
        return trust
    reason = f"run again in the twin, the recorded orders take cycles that are {100 * error:.0f} % off those recorded"
    return trust.model_copy(update={"trusted": False, "reasons": (reason, *trust.reasons)})


def _period(log: WorkLog) -> tuple[str, str]:
    """First start and last end in the records, local time with offset."""
    local = log.done.select(
        pl.col("start").min().dt.convert_time_zone(log.zone), pl.col("end").max().dt.convert_time_zone(log.zone)
    )
    first, last = local.row(0)
    return first.isoformat(timespec="minutes"), last.isoformat(timespec="minutes")


def _earn_trust(
    log: WorkLog, plant: Plant, rng: np.random.Generator, tell: Progress
) -> tuple[FidelityReport | None, Fidelity]:
    stage = "testing the twin on held-out records"
    tell(stage, 0.0)
    try:
        report = held_out(log, plant=plant, rng=rng, progress=lambda share: tell(stage, share))
    except InputError as error:
        unknown = {
            name: Measure(twin=None, noise_floor=None, naive=None, unit=UNITS.get(name, "h")) for name in MEASURES
        }
        return None, Fidelity(measures=unknown, trusted=False, reasons=(str(error),))
    measures = {name: Measure.model_validate(values) for name, values in report.measures.items()}
    return report, Fidelity(
        measures=measures, trusted=report.trusted, reasons=tuple(report.reasons), cut=str(report.cut)
    )


def latest(log: WorkLog, most: int) -> WorkLog:
    """The orders that began last, with at most so many rows; the whole log when it is no longer than that."""
    if log.frame.height <= most:
        return log
    first: datetime = log.frame["start"].sort()[-most]
    begins = log.frame.group_by("order").agg(pl.col("start").min()).filter(pl.col("start") >= first)["order"]
    return WorkLog(log.frame.filter(pl.col("order").is_in(begins.implode())), log.zone)


def _schedule_alone(
    plan: Plan, base: Base, scene: Scene, *, seed: int, workers: int, tell: Progress
) -> tuple[list[Candidate], list[Tried]]:
    """What a schedule renewed every three days would bring by itself, on the latest weeks of the recorded demand.

    It is shown, not promised: a schedule has to be made anew with the orders that come, so that it cannot be carried
    out from a report alone. The schedule of the orders open now is among the files for Monday.
    """
    if base.waiting_h.sum() <= 0 or not len(scene.shop.machines):
        return [], []
    steps_per_week = len(scene.work.operation) / max(scene.window_s / _WEEK_S, 1.0)
    weeks = min(scene.window_s / _WEEK_S, _SCHEDULED_STEPS / max(steps_per_week, 1.0))
    if weeks < 1.0:
        return [], []
    start = to_time(plan.mechanism.past.until_s - weeks * _WEEK_S, plan.mechanism.zone)
    why = "a plan over all machines sees conflicts that a rule at one machine cannot"
    lever = Lever("schedule", "plant", {"file": "schedule.csv", "every_h": 72}, "schedule", why=why)
    try:
        seen = try_sets(
            replace(plan, start=start),
            [(), (lever,)],
            seed=seed,
            runs=3,
            workers=workers,
            progress=lambda share: tell("schedule alone", share),
        )
    except InputError:
        return [], []
    tried = Tried(("schedule",), seen.values[1], seen.values[0], 0.0)
    return [Candidate("schedule", (lever,), "dispatch")], [tried]


def _promise(
    plan: Plan,
    candidates: Sequence[Candidate],
    found: Found,
    *,
    seed: int,
    runs: int,
    workers: int,
    tell: Progress,
) -> tuple[tuple[str, ...], dict[str, Change]]:
    """The chosen set seen with fresh luck; what no longer helps is dropped."""
    if not found.chosen:
        return (), {}
    levers = levers_of(candidates, found.chosen)
    span_s = float(plan.mechanism.past.until_s - plan.mechanism.past.from_s)
    further = replace(plan, weeks=max(2, round(span_s / 604800.0)))
    fresh = try_sets(
        further, [(), levers], seed=seed, runs=runs, workers=workers, progress=lambda share: tell("promise", share)
    )
    before, after = fresh.values[0], fresh.values[1]
    changed = {name: change for name in FIGURES if (change := _change(after, before, name)) is not None}
    if not any(change.high < 0 for change in changed.values()):
        return (), {}
    return found.chosen, changed


def _change(after: Floats, before: Floats, name: str) -> Change | None:
    at = COLUMNS.index(name)
    change = changes(after[:, at], before[:, at])
    if change is None:
        return None
    return changes(after[:, at], before[:, at], spread=_MODEL_ERROR[name] * abs(change.change) + _LEAST_ERROR)


def _figure_results(figures: ThreeFigures, changed: dict[str, Change], trust: Fidelity) -> dict[str, FigureResult]:
    out = {}
    for name, figure in figures.main().items():
        change = changed.get(name)
        if figure.value is None:
            out[name] = FigureResult(unit=figure.unit, before=None, reason=figure.reason)
        elif not trust.trusted:
            out[name] = FigureResult(unit=figure.unit, before=figure.value, reason="not_trusted")
        elif change is None:
            out[name] = FigureResult(
                unit=figure.unit,
                before=figure.value,
                after=figure.value,
                change=0.0,
                low=0.0,
                high=0.0,
                reason="no_lever_helps",
            )
        else:
            out[name] = FigureResult(
                unit=figure.unit,
                before=figure.value,
                after=figure.value * (1.0 + change.change),
                change=change.change,
                low=change.low,
                high=change.high,
                promised=change.high < 0,
                reason="" if change.high < 0 else "within_luck",
                reached=(change.high <= TARGETS[0], change.high <= TARGETS[1]),
            )
    return out


def _effects(tried: Tried) -> dict[str, Change]:
    return {name: change for name in FIGURES if (change := _change(tried.runs, tried.before, name)) is not None}


def _lever_results(
    candidates: Sequence[Candidate], tried: Sequence[Tried], chosen: tuple[str, ...]
) -> tuple[LeverResult, ...]:
    # a set with which orders come later, or are lost from the period, has no figures to show
    effects = {one.names[0]: _effects(one) for one in tried if np.isfinite(score(one.runs, one.before)).all()}
    out = []
    for candidate in candidates:
        for lever in candidate.levers:
            out.append(
                LeverResult(
                    kind=lever.kind,  # type: ignore[arg-type]  # checked by pydantic
                    scope=lever.scope,
                    setting=lever.setting,
                    chosen=candidate.name in chosen,
                    figures=effects.get(candidate.name, {}),
                    cost=lever.cost,
                    group=candidate.name,
                    machines=lever.machines,
                    why=lever.why,
                )
            )
    return tuple(out)


def _front(found: Found, chosen: tuple[str, ...]) -> tuple[FrontPoint, ...]:
    return tuple(
        FrontPoint(levers=one.names, figures=_effects(one), cost=one.cost, chosen=one.names == chosen)
        for one in pareto(found.tried)
    )


def _notes(log: WorkLog, figures: ThreeFigures, trust: Fidelity, chosen: tuple[str, ...]) -> list[str]:
    """Codes of what limits the finding: what the records do not hold, and why nothing is promised."""
    frame = log.frame
    lacking = {
        "quantities": frame["good"].null_count() == frame.height and frame["scrap"].null_count() == frame.height,
        "people": frame["person"].null_count() == frame.height,
        "machines": frame["machine"].null_count() == frame.height,
        "due": frame["due"].null_count() == frame.height,
        "release": frame["released"].null_count() == frame.height,
        "breakdown": not (frame["report"] == "breakdown").any(),
    }
    notes = [name for name, absent in lacking.items() if absent]
    told = {"no_due_dates", "no_quantities", "no_people", "no_machines"}
    notes += [f"{name}: {reason}" for name, reason in figures.missing.items() if reason not in told]
    if not trust.trusted:
        notes.append("not_trusted")
    elif not chosen:
        notes.append("no_lever_helps")
    return notes
