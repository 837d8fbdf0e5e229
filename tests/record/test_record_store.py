"""The way of many rows into the database: nothing is lost where all rows share a value, whatever it holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from shopfloor import frame

from zhizao.record import Workspace

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1200])
@pytest.mark.parametrize("value", ["it's", 'a "quoted" one', "bad\x00value", "", "价格?", "%s :name ?1"])
def test_a_value_that_all_rows_share_comes_back_as_it_was(tmp_path: Path, count: int, value: str) -> None:
    refused = pl.DataFrame({"row": range(2, count + 2), "value": [value] * count, "code": ["bad"] * count})
    with Workspace.open(tmp_path) as workspace:
        receipt = workspace.journal.append_records(
            frame(), source="o'clock?.csv", rejected=refused, read=count, recorded_at=NOON
        )
        back = workspace.journal.rejections(receipt.import_id)
        assert back["value"].to_list() == [value] * count
        assert back["sheet"].null_count() == count
        assert workspace.journal.verify().ok
