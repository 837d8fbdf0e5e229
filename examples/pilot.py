"""The pilot in Python: records in, the three figures with what is promised, and the report as one HTML file."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from zhizao.pilot import RecordsAccount, run_pilot, write_report
from zhizao.record import Workspace
from zhizao.sense.files import read_records
from zhizao.testing.sample import generate

NOW = datetime(2025, 12, 1, tzinfo=UTC)


def main(folder: Path, weeks: int = 12, runs: int = 0) -> None:
    export = generate(folder / "sample", seed=1, weeks=weeks).path  # in your plant: the file you have
    with Workspace.open(folder / "plant", plant=export.parent / "plant.yaml") as place:
        reading = read_records(export, zone=place.plant.zone, now=NOW)
        receipt = place.journal.append_records(
            reading.frame, source=export.name, rejected=reading.rejected, read=reading.read, recorded_at=NOW
        )
        records = RecordsAccount(
            read=receipt.read, stored=receipt.stored, rejected=receipt.rejected, duplicate=receipt.duplicate
        )
        found = run_pilot(
            place.journal.worklog(zone=place.plant.zone), place.plant, records=records, runs=runs, workers=1
        )
    trust = found.result.fidelity
    print("the twin is trusted" if trust.trusted else f"the twin is not trusted: {'; '.join(trust.reasons)}")
    for name, figure in found.result.figures.items():
        promise = f"{figure.change:+.0%} ({figure.low:+.0%} to {figure.high:+.0%})" if figure.promised else "no promise"
        print(f"{name}: {figure.before:.3g} {figure.unit}, {promise}")
    print("pull:", ", ".join(sorted({lever.group for lever in found.result.levers if lever.chosen})) or "nothing")
    print("report:", write_report(found, folder / "report.html").name)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "pilot-example"))
