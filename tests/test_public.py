"""What `import zhizao` offers: every name is there, is what its room calls it, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import zhizao


def test_every_public_name_resolves() -> None:
    assert sorted(zhizao.__all__) == sorted(zhizao._ROOM)
    for name in zhizao.__all__:
        assert callable(getattr(zhizao, name)), name


def test_importing_it_loads_no_room() -> None:
    code = "import sys, zhizao; print([m for m in sys.modules if m.startswith('zhizao.')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_main_job_in_a_few_lines(tmp_path: Path) -> None:
    from zhizao.testing.sample import generate

    written = generate(tmp_path / "records", weeks=2)
    with zhizao.open(tmp_path / "plant") as plant:
        done = zhizao.import_records(plant, written.path)
        receipt = done.receipt
        assert receipt.read == written.rows == receipt.stored + receipt.rejected + receipt.duplicate
        assert (receipt.duplicate, receipt.rejected) == (written.twice, written.backwards)
        log = plant.journal.worklog(zone=plant.plant.zone)
        figures = zhizao.three_figures(log, plant.plant).main()
    assert figures["production_cycle"].value is not None and figures["production_cycle"].value > 5.0
