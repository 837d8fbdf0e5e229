"""What a pilot finds: records, fidelity, the three figures, the levers and the Pareto front, in the JSON shape of `--json`.

`change` is a fraction (-0.3 for 30 % less) with a 95 % interval. A figure without a promise has no `after` and no
`change`, and says why.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from zhizao.model import Noun

__all__ = [
    "FIGURES",
    "TARGETS",
    "Change",
    "Fidelity",
    "FigureResult",
    "FrontPoint",
    "LeverResult",
    "Measure",
    "PilotResult",
    "RecordsAccount",
]

FIGURES = ("production_cycle", "operating_cost", "defect_rate")
"""The three figures of the plan (III.2, column 2)."""

TARGETS = (-0.30, -0.50)
"""What the plan asks of a pilot factory, first and second stage."""

LeverKind = Literal[
    "dispatch",
    "release",
    "transfer_batch",
    "setup_family",
    "hours",
    "assignment",
    "inspection",
    "maintenance",
    "schedule",
]


class RecordsAccount(Noun):
    """read = stored + rejected + duplicate."""

    read: int = Field(ge=0)
    """Rows seen in the file."""
    stored: int = Field(ge=0)
    """Rows that became facts."""
    rejected: int = Field(ge=0)
    """Rows refused, each with a cause."""
    duplicate: int = Field(ge=0)
    """Rows that say what was known already."""
    reasons: dict[str, int] = {}
    """Rejected rows by cause."""


class Measure(Noun):
    """One distance between simulated and held-out records; smaller is better."""

    twin: float | None
    """Twin, mean over its runs."""
    noise_floor: float | None
    """One half of reality against the other half."""
    naive: float | None
    """Past cases moved by whole weeks into the held-out window."""
    twin_sd: float | None = None
    """Standard deviation over the runs."""
    unit: str = "1"
    """h, orders or 1."""


class Fidelity(Noun):
    """How far the twin is from records that it has not seen."""

    measures: dict[str, Measure]
    """Distances by name."""
    trusted: bool
    """Whether promises are made from it."""
    reasons: tuple[str, ...] = ()
    """Why it is (not) trusted."""
    cut: str = ""
    """Where the records were cut into fitted and held-out part."""


class Change(Noun):
    """Change of one figure as a fraction, with a 95 % interval."""

    change: float
    low: float
    high: float


class FigureResult(Noun):
    """One of the three figures: before, after, and what was promised."""

    unit: str
    """h, currency per good piece, or share of pieces."""
    before: float | None
    """As recorded."""
    after: float | None = None
    """before x (1 + change)."""
    change: float | None = None
    """Promised change with the chosen levers."""
    low: float | None = None
    """Lower end of its 95 % interval."""
    high: float | None = None
    """Upper end of its 95 % interval."""
    promised: bool = False
    """False: no promise is made."""
    reason: str = ""
    """Why there is no figure or no promise."""
    reached: tuple[bool, bool] = (False, False)
    """Whether the whole interval lies beyond -30 % and -50 %."""


class LeverResult(Noun):
    """One lever with the effect it has alone."""

    kind: LeverKind
    """What is done."""
    scope: str
    """Where: a machine, an operation, a resource or `plant`."""
    setting: dict[str, Any]
    """How, in terms that whoever has the plant can carry out."""
    chosen: bool
    """Whether it is in the recommended set."""
    figures: dict[str, Change]
    """Effect alone on each figure."""
    cost: float
    """What carrying it out costs in the period, in the plant's currency."""
    group: str = ""
    """Levers of one group are pulled together; the figures are the group's."""
    machines: tuple[str, ...] = ()
    """Machines that it touches."""
    why: str = ""
    """Reason in words."""


class FrontPoint(Noun):
    """One set of levers that no other set beats on all three figures."""

    levers: tuple[str, ...]
    """Groups pulled."""
    figures: dict[str, Change]
    """Effect of the set."""
    cost: float
    """What it costs."""
    chosen: bool = False
    """Whether it is the recommended set."""


class PilotResult(Noun):
    """The whole finding of a pilot."""

    version: int = 1
    """Version of this shape."""
    plant: str = "plant"
    """Name of the plant."""
    currency: str = "CNY"
    """Currency of costs."""
    period: tuple[str, str]
    """First and last time in the records."""
    orders: int
    """Orders completed in the records."""
    operations: int
    """Reported operations."""
    records: RecordsAccount
    """Account of the records."""
    fidelity: Fidelity
    """Why to believe it."""
    figures: dict[str, FigureResult]
    """The three figures."""
    levers: tuple[LeverResult, ...]
    """Levers tried."""
    front: tuple[FrontPoint, ...] = ()
    """Pareto front of cycle, cost and defects."""
    assumptions: dict[str, float | str] = {}
    """Settings that the user did not give."""
    notes: tuple[str, ...] = ()
    """Limits: what is not promised, and what data would be needed for it."""
    seed: int = 0
    """Seed of the run."""

    def to_json(self) -> dict[str, Any]:
        """The shape of `--json`: as this noun, with `fidelity` flat: {measure: {...}, trusted: ...}."""
        out = self.model_dump(mode="json")
        fidelity = out.pop("fidelity")
        out["fidelity"] = {
            **fidelity.pop("measures"),
            **fidelity,
        }
        return out

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PilotResult:
        """The noun again from `to_json`."""
        data = dict(data)
        flat = dict(data.pop("fidelity"))
        keys = ("trusted", "reasons", "cut")
        rest = {key: flat.pop(key) for key in keys if key in flat}
        return cls.model_validate({**data, "fidelity": {**rest, "measures": flat}})
