"""From an export to the account of records and the three figures: read, record, account."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from zhizao.account import three_figures
from zhizao.record import Workspace
from zhizao.sense.files import read_records
from zhizao.testing.sample import generate

NOW = datetime(2025, 6, 1, tzinfo=UTC)  # recorded then: the same every time


def main() -> None:
    with TemporaryDirectory() as folder:
        export = generate(Path(folder) / "sample", seed=1, weeks=8).path  # in your plant: the file you have
        with Workspace.open(Path(folder) / "plant", plant=export.parent / "plant.yaml") as place:
            for turn in ("first import", "the same file again"):
                reading = read_records(export, zone=place.plant.zone, now=NOW)
                receipt = place.journal.append_records(
                    reading.frame, source=export.name, rejected=reading.rejected, read=reading.read, recorded_at=NOW
                )
                print(
                    f"{turn}: read {receipt.read} = stored {receipt.stored}"
                    f" + rejected {receipt.rejected} + duplicate {receipt.duplicate}"
                )
            figures = three_figures(place.journal.worklog(zone=place.plant.zone), place.plant)
        for name, figure in figures.main().items():
            print(f"{name}: {figure.value:.3g} {figure.unit} (95 %: {figure.low:.3g} to {figure.high:.3g})")


if __name__ == "__main__":
    main()
