"""What-if: levers pulled in the twin beside the plant as it is, on the same drawn work, within seconds.

And the floor as the pilot would run it: the recorded demand again, once as it is and once with the chosen levers.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhizao.app.desk import Desk
from zhizao.errors import InputError, NotAllowed

if TYPE_CHECKING:
    from zhizao.decide.twin.mechanism import Mechanism
    from zhizao.model import WorkLog
    from zhizao.pilot import Lever, Pilot

__all__ = ["improved_log", "keep_improved", "levers_from", "mechanism_of", "what_if"]

WEEKS = 12
RUNS = 10
MOST = 60_000
"""Rows of work that the mechanism is learned from: the latest."""


def mechanism_of(desk: Desk) -> Mechanism:
    """The mechanism learned from the records as they are now, as the pilot learns it."""
    import numpy as np

    from zhizao.decide.twin.mechanism import Mechanism
    from zhizao.pilot.run import latest

    def work() -> Mechanism:
        recent = latest(desk.log(), MOST)
        return Mechanism.fit(recent, plant=desk.plant).calibrated(np.random.default_rng(0))

    return desk.once("mechanism", work)


def levers_from(asked: list[dict[str, Any]]) -> tuple[Lever, ...]:
    """Levers from their data: kind, scope, setting, machines.

    Raises
    ------
    InputError : when one lacks its kind, or its setting is no object
    """
    from zhizao.pilot import Lever

    out = []
    for one in asked:
        setting = one.get("setting")
        if not isinstance(one.get("kind"), str) or not isinstance(setting, dict):
            raise InputError(
                "a lever needs kind and setting",
                fix='write {"kind": "release", "setting": {"wip_cap": 40}}',
                code="bad_lever",
            )
        machines = tuple(str(name) for name in one.get("machines") or ())
        out.append(Lever(str(one["kind"]), str(one.get("scope") or "plant"), setting, machines=machines))
    return tuple(out)


def what_if(desk: Desk, asked: list[dict[str, Any]], *, seed: int = 0, runs: int = RUNS) -> dict[str, Any]:
    """Change of the three figures when levers are pulled, with 95 % intervals.

    Figures are of finished orders. A set that leaves orders undone, or makes them later from release to end, would look
    well by finishing only the easy ones: it gets no figures, and `reason` says why (`fewer_finished`, `later`).

    Parameters
    ----------
    desk : the workspace, with a fitted twin
    asked : levers as data
    seed : of everything random
    runs : paired runs of the last weeks

    Raises
    ------
    NotAllowed : when no twin has been fitted
    InputError : when a lever cannot be pulled
    """
    from zhizao.pilot.result import FIGURES
    from zhizao.pilot.search import undone
    from zhizao.pilot.trial import Plan, changes, try_sets

    if not asked:
        raise InputError("no lever is pulled", fix="change one of the levers", code="no_lever")
    job = desk.latest("twin")
    if job is None:
        raise NotAllowed("no twin has been fitted yet", fix="fit it on the page Twin", code="no_twin")
    tested = desk.jobs.result(job.id)
    levers = levers_from(asked)
    first, last = desk.span()
    begin = last - timedelta(weeks=WEEKS)

    def work() -> dict[str, Any]:
        plan = Plan(mechanism_of(desk), desk.plant, begin if begin > first else None, None)
        found = try_sets(plan, [(), levers], seed=seed, runs=runs, workers=1)
        reason = undone(found.values[1], found.values[0])
        out = {}
        for name in FIGURES:
            column = found.column(name)
            change = None if reason else changes(column[1], column[0])
            out[name] = None if change is None else change.model_dump()
        finished = found.column("finished").mean(axis=1)
        return {
            "job": job.id,
            "figures": out,
            "reason": reason,
            "finished": {"before": round(float(finished[0]), 1), "after": round(float(finished[1]), 1)},
            "runs": runs,
            "weeks": WEEKS,
            "trusted": bool(tested["trusted"]),
        }

    return desk.once("whatif", work, str(asked), seed, runs)


def improved_log(found: Pilot) -> WorkLog | None:
    """The recorded demand as it would run with the chosen levers, in one run of the twin; None when none is chosen."""
    import polars as pl

    from zhizao.decide.twin.mechanism import worklog_of
    from zhizao.decide.twin.run import simulate
    from zhizao.model import WorkLog
    from zhizao.pilot.levers import pull_all
    from zhizao.pilot.search import levers_of

    if not found.chosen:
        return None
    scene = pull_all(found.scene, levers_of(found.candidates, found.chosen))
    log = worklog_of(scene, simulate(scene.shop, scene.work, scene.policy, compiled=True))
    if found.log.frame["machine"].null_count() < found.log.frame.height:
        return log
    # the records name people only, who stand in for machines in the twin
    return WorkLog(log.frame.with_columns(person=pl.col("machine"), machine=pl.lit(None, pl.String)), log.zone)


def keep_improved(found: Pilot, file: Path) -> bool:
    """Write it beside the pilot's other files; whether there was something to write."""
    log = improved_log(found)
    if log is None:
        return False
    log.frame.write_parquet(file, compression="lz4")
    return True
