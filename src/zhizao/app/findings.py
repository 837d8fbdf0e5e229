"""What a pilot leaves in a workspace, whoever ran it: report in both languages, files for Monday, the improved floor, and
how the twin did in its test.

The desk looks for all of it in the folder of a job. A pilot of the browser is a job already; one of the command line is
taken in as a finished one, so that pages and API show the same in either case.
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhizao import clock
from zhizao.app.jobs import Jobs
from zhizao.app.views import IMPROVED
from zhizao.app.whatif import keep_improved

if TYPE_CHECKING:
    from zhizao.pilot import Pilot
    from zhizao.record import Workspace

__all__ = ["COMMAND", "keep_finding", "keep_test", "write_finding"]

COMMAND = "zhizao pilot"
"""Who ran a pilot that no person of the pages started."""


def write_finding(found: Pilot, folder: Path, *, lang: str, monday: Path | None = None) -> None:
    """Write the files of a pilot into the folder of its job.

    Parameters
    ----------
    found : the pilot
    folder : of the job
    lang : language of the files for Monday; the report is there in both
    monday : files for Monday that are written already, to be copied
    """
    from zhizao.pilot import write_monday, write_report

    text = json.dumps(found.result.to_json(), ensure_ascii=False, indent=2)
    (folder / "pilot.json").write_text(text + "\n", encoding="utf-8")
    for one in ("en", "zh"):
        write_report(found, folder / f"report.{one}.html", lang=one)
    if monday is not None:
        shutil.copytree(monday, folder / "monday", dirs_exist_ok=True)
    elif found.chosen:
        write_monday(found, folder / "monday", lang=lang)
    keep_improved(found, folder / IMPROVED)


def keep_test(jobs: Jobs, found: Pilot, *, head: str, by: str, began: datetime) -> None:
    """Keep how the twin of a pilot did in its test, as if the twin had been fitted and tested by itself."""
    trust = found.result.fidelity
    told: dict[str, Any] = {
        "head": head,
        "measures": {name: one.model_dump(mode="json") for name, one in trust.measures.items()},
        "trusted": trust.trusted,
        "reasons": list(trust.reasons),
        "cut": trust.cut,
        "orders": found.log.frame["order"].n_unique(),
        "operations": found.log.frame.height,
        "seed": found.result.seed,
    }
    jobs.adopt("twin", told, {"head": head}, by, began, clock.now())


def keep_finding(
    workspace: Workspace, found: Pilot, *, began: datetime, lang: str, monday: Path | None = None, current: bool = True
) -> None:
    """Take the finding of the command line into the workspace, for the pages; a database without a folder keeps none.

    Parameters
    ----------
    workspace : where its records are
    found : the pilot
    began : when it began to read the records
    lang, monday : see `write_finding`
    current : whether it looked at the records as they are now, not as they stood earlier
    """
    from zhizao.app.desk import Desk

    if workspace.folder is None:
        return
    desk = Desk(workspace.folder)
    try:
        imported = desk.journal.account()["recorded_at"].max()
        same = current and isinstance(imported, datetime) and imported <= began and found.plant == desk.plant
        head = desk.head() if same else ""
        result = {"head": head, "result": found.result.to_json()}
        desk.jobs.adopt(
            "pilot",
            result,
            {"head": head},
            COMMAND,
            began,
            clock.now(),
            files=lambda folder: write_finding(found, folder, lang=lang, monday=monday),
        )
        keep_test(desk.jobs, found, head=head, by=COMMAND, began=began)
    finally:
        desk.close()
