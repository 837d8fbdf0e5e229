"""zhizao: from a factory's records to a proven improvement.

The steps of the main job, as typed functions; each is loaded when it is first used:

>>> import zhizao
>>> log = zhizao.sample_records(weeks=2)
>>> figures = zhizao.three_figures(log, zhizao.Plant(zone=log.zone))
>>> figures.production_cycle_h.unit
'h'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from zhizao.account import defect_rate, iso22400, losses, operating_cost, production_cycle, three_figures
    from zhizao.app.steps import import_records, read_log
    from zhizao.decide.schedule import Problem, check, solve
    from zhizao.decide.twin import Twin, distances, fidelity
    from zhizao.decide.twin.mechanism import Mechanism, held_out
    from zhizao.decide.twin.run import replicate, simulate
    from zhizao.model import Plant, WorkLog
    from zhizao.pilot import PilotResult, run_pilot, write_monday, write_report
    from zhizao.record import Workspace
    from zhizao.record import open_workspace as open  # the door that all share
    from zhizao.sense.files import Mapping, explain, read_records
    from zhizao.testing.sample import records as sample_records

_HOME = {
    "zhizao.account": (
        "defect_rate", "iso22400", "losses", "operating_cost", "production_cycle", "three_figures",
    ),
    "zhizao.app.steps": ("import_records", "read_log"),
    "zhizao.decide.schedule": ("Problem", "check", "solve"),
    "zhizao.decide.twin": ("Twin", "distances", "fidelity"),
    "zhizao.decide.twin.mechanism": ("Mechanism", "held_out"),
    "zhizao.decide.twin.run": ("replicate", "simulate"),
    "zhizao.model": ("Plant", "WorkLog"),
    "zhizao.pilot": ("PilotResult", "run_pilot", "write_monday", "write_report"),
    "zhizao.record": ("Workspace", "open"),
    "zhizao.sense.files": ("Mapping", "explain", "read_records"),
    "zhizao.testing.sample": ("sample_records",),
}  # fmt: skip
_OTHER = {"open": "open_workspace", "sample_records": "records"}
_ROOM = {name: room for room, names in _HOME.items() for name in names}

__all__ = [
    "Mapping",
    "Mechanism",
    "PilotResult",
    "Plant",
    "Problem",
    "Twin",
    "WorkLog",
    "Workspace",
    "check",
    "defect_rate",
    "distances",
    "explain",
    "fidelity",
    "held_out",
    "import_records",
    "iso22400",
    "losses",
    "open",
    "operating_cost",
    "production_cycle",
    "read_log",
    "read_records",
    "replicate",
    "run_pilot",
    "sample_records",
    "simulate",
    "solve",
    "three_figures",
    "write_monday",
    "write_report",
]


def __getattr__(name: str) -> Any:
    room = _ROOM.get(name)
    if room is None:
        raise AttributeError(f"module 'zhizao' has no attribute {name!r}")
    return getattr(import_module(room), _OTHER.get(name, name))


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
