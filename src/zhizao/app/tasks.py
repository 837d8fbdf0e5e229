"""The long work itself: import a file, open the sample plant, fit and test a twin, run the pilot, check the journal.

Each function runs in a process of its own (see `zhizao.app.jobs`), opens the workspace, calls the shared steps and
returns what goes into the job's result.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhizao import clock
from zhizao.app.findings import keep_test, write_finding
from zhizao.app.jobs import Jobs, Report
from zhizao.app.whatif import MOST
from zhizao.errors import InputError, JournalBroken

if TYPE_CHECKING:
    from zhizao.app.steps import Imported

__all__ = ["design_panel", "fit_twin", "import_file", "open_sample", "print_evaluation", "run_pilot", "verify"]


def _stages(report: Report, weights: dict[str, float]) -> Callable[[str, float], None]:
    """A progress function for stages of known weight, told as one share; unknown stages keep the share."""
    order = list(weights)
    whole = sum(weights.values())
    last = 0.0

    def tell(stage: str, share: float) -> None:
        nonlocal last
        if stage in weights:
            before = sum(weights[name] for name in order[: order.index(stage)])
            last = max(last, (before + weights[stage] * min(1.0, max(0.0, share))) / whole)
        report(last, stage)

    return tell


def import_file(workspace: Path, asked: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Import an uploaded file; `asked` has file, name, mapping (YAML or empty), zone and max_rejected."""
    from zhizao.app import steps
    from zhizao.app.herald import tell as tell_of
    from zhizao.record import Workspace
    from zhizao.sense.files import Mapping, write_rejections

    file = Path(str(asked["file"]))
    if not file.exists():
        raise InputError("the uploaded file is gone", where=str(asked.get("name", "")), fix="upload it again")
    mapping = Mapping.from_yaml(str(asked["mapping"]), "mapping") if asked.get("mapping") else None
    tell = _stages(report, {"read": 1.0, "convert": 1.0, "record": 2.0})
    with Workspace.open(workspace) as place:
        imported = steps.import_records(
            place,
            file,
            mapping=mapping,
            zone=str(asked.get("zone") or "") or None,
            max_rejected=float(asked.get("max_rejected", 0.2)),
            progress=tell,
        )
        if imported.reading.rejected.height:
            write_rejections(folder / "rejected.csv", imported.reading.rejected, lang=str(asked.get("lang", "en")))
        told = _account(imported, str(asked.get("name", file.name)))
        about = {key: told.get(key) for key in ("source", "read", "stored", "rejected", "duplicate")}
        with suppress(InputError):  # an outbox that cannot be written leaves the import as it is
            tell_of(
                workspace, place.plant, f"import.finished/{folder.name}", "import.finished", str(told["source"]), about
            )
    return told


def _account(imported: Imported, name: str) -> dict[str, Any]:
    from zhizao.sense.files.said import in_lang

    told, notes = asdict(imported.receipt), imported.reading.notes
    told["recorded_at"] = str(told.get("recorded_at") or "")
    reasons = dict(imported.reading.rejected.group_by("cause").len().sort("len", descending=True).iter_rows())
    return {
        **told,
        "source": name,
        "reasons": reasons,
        "notes": [str(note) for note in notes],
        "notes_zh": [in_lang(note, "zh") for note in notes],
    }


def open_sample(workspace: Path, asked: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Write the sample plant's records and import them."""
    from zhizao.app import steps
    from zhizao.app.facts import import_facts
    from zhizao.clock import now
    from zhizao.record import Workspace
    from zhizao.testing.sample import generate

    report(0.02, "sample")
    weeks = int(asked.get("weeks", 26))
    written = generate(folder / "sample", kind=str(asked.get("kind", "messy")), weeks=weeks, seed=1)
    for name in ("plant.yaml", "units.yaml"):
        if not (workspace / name).exists():
            (workspace / name).write_bytes((folder / "sample" / name).read_bytes())
    tell = _stages(report, {"sample": 1.0, "read": 1.0, "convert": 1.0, "record": 2.0})
    tell("sample", 1.0)
    with Workspace.open(workspace) as place:
        imported = steps.import_records(place, Path(written.path), progress=tell)
        for name in ("meters.csv", "accounts.csv"):
            beside = written.path.with_name(name)
            if len(beside.read_bytes().splitlines()) > 1:  # a run shorter than a month has closed no accounts
                import_facts(place, beside, now=now())
    if asked.get("returns"):
        from zhizao.app.returns_sample import add_returns

        add_returns(workspace)
    return _account(imported, "sample-plant.csv")


def fit_twin(workspace: Path, asked: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Test the twin on the tail of the records that it has not seen, as the pilot does, then fit it to all of them."""
    import numpy as np

    from zhizao.app import steps
    from zhizao.decide.twin import Twin
    from zhizao.decide.twin.mechanism import held_out
    from zhizao.pilot.run import latest
    from zhizao.record import Workspace

    seed = int(asked.get("seed", 0))
    with Workspace.open(workspace) as place:
        log = steps.log_of(place)
        plant = place.plant
    report(0.1, "held_out")
    rng = np.random.default_rng(seed)
    tested = held_out(latest(log, MOST), plant=plant, rng=rng, runs=int(asked.get("runs", 10)))
    report(0.6, "fitting")
    steps.save_twin(Twin.fit(log, plant=plant, rng=rng), folder / "twin.json.gz")
    return {
        "head": str(asked.get("head", "")),
        "measures": tested.measures,
        "trusted": bool(tested.trusted),
        "reasons": [str(reason) for reason in tested.reasons],
        "cut": str(tested.cut),
        "orders": log.frame["order"].n_unique(),
        "operations": log.frame.height,
        "seed": seed,
    }


def run_pilot(workspace: Path, asked: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Run the pilot on everything in the workspace; writes report, JSON and what to do on Monday."""
    from zhizao.app import steps
    from zhizao.record import Workspace

    began = clock.now()
    weights = {
        "reading the journal": 0.5,
        "figures as recorded": 1.0,
        "testing the twin on held-out records": 6.0,
        "fitting the twin": 2.0,
        "levers alone": 8.0,
        **{f"levers together, round {n}": 1.5 for n in range(1, 8)},
        "schedule alone": 6.0,
        "promise": 6.0,
        "writing": 1.0,
    }
    tell = _stages(report, weights)
    budget = asked.get("budget")
    with Workspace.open(workspace) as place:
        found = steps.pilot(
            place,
            seed=int(asked.get("seed", 0)),
            budget=float("inf") if budget in (None, "") else float(str(budget)),
            progress=tell,
        )
        tell("writing", 0.0)
        write_finding(found, folder, lang=str(asked.get("lang", "en")))
        steps.keep_result(place, found)
    head = str(asked.get("head", ""))
    keep_test(Jobs(workspace, {}), found, head=head, by=str(asked.get("by", "")), began=began)
    return {"head": head, "result": found.result.to_json()}


def verify(workspace: Path, asked: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Compute the hash chain again."""
    from zhizao.record import Workspace

    with Workspace.open(workspace) as place:
        found = place.journal.verify(progress=lambda _stage, share: report(share, "verifying"))
    if not found.ok:
        raise JournalBroken(
            f"event {found.first_bad} does not match the hash chain: {found.reason}",
            fix="restore the journal from a copy made before; later facts can be imported again",
        )
    return {"events": found.events, "ok": True}


def print_evaluation(workspace: Path, asked: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Print an evaluation report, made already, to PDF."""
    from zhizao.app.evaluation import write_pdf

    page = Path(str(asked["html"]))
    report(0.1, "print")
    html = page.read_text(encoding="utf-8")
    page.unlink(missing_ok=True)
    made = write_pdf(html, folder / "report.pdf")
    return {"as_of": str(asked.get("as_of", "")), "size": made.stat().st_size}


def design_panel(workspace: Path, asked: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Design a panel for an uploaded frame and draw it; `asked` has file, name, n, cv, method and seed."""
    from zhizao.app import survey_steps
    from zhizao.record.whole import write_whole

    file = Path(str(asked["file"]))
    if not file.exists():
        raise InputError("the uploaded file is gone", where=str(asked.get("name", "")), fix="upload it again")
    tell = _stages(report, {"read": 2.0, "strata": 1.0, "allocate": 2.0, "precision": 1.0, "draw": 1.0})
    n, cv = asked.get("n"), asked.get("cv")
    made = survey_steps.design(
        file,
        n=int(n) if n else None,
        cv=float(cv) if cv else None,
        allocate=asked.get("method", "neyman"),
        progress=tell,
    )
    write_whole(folder / "design.json", json.dumps(made, ensure_ascii=False, indent=1))
    panel, said = survey_steps.draw(file, folder / "design.json", seed=int(asked.get("seed", 1)), progress=tell)
    write_whole(folder / "panel.csv", survey_steps.table_bytes(panel, folder / "panel.csv"))
    later, changes = survey_steps.draw(file, folder / "design.json", previous=folder / "panel.csv", progress=tell)
    write_whole(
        folder / "rotation.csv", survey_steps.table_bytes(survey_steps.rotation(panel, later), folder / "x.csv")
    )
    report(1.0, "done")
    kept = ("stayed", "entered", "rotated_out", "dead")
    rotated = {key: changes[key] for key in kept} | {"overlap": changes["stayed"] / max(panel.height, 1), "rotate": 0.2}
    return {"name": str(asked.get("name", file.name)), "design": made, "drawn": said, "rotation": rotated}
