"""Readings, accounts and returns in the journal: recognised, corrected, accounted for, chained, read back as of any time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

import zhizao.record
from zhizao.errors import InputError, NotAllowed
from zhizao.model import Kind
from zhizao.record import Workspace
from zhizao.record.facts import import_facts
from zhizao.record.importing import REJECTION_SCHEMA
from zhizao.record.returns import record_step, subject_of

T0 = datetime(2025, 6, 1, tzinfo=UTC)
NOW = datetime(2025, 7, 2, tzinfo=UTC)
NONE = pl.DataFrame(schema=REJECTION_SCHEMA)


def readings(*amounts: float, meter: str = "E0") -> pl.DataFrame:
    rows = [
        (meter, "electricity", amount, "kWh", T0 + timedelta(days=at), T0 + timedelta(days=at + 1), at + 2, None)
        for at, amount in enumerate(amounts)
    ]
    time = pl.Datetime("us", "UTC")
    schema: dict[str, Any] = {"meter": pl.String, "carrier": pl.String, "quantity": pl.Float64, "unit": pl.String}
    return pl.DataFrame(
        rows, schema={**schema, "start": time, "end": time, "row": pl.Int64, "sheet": pl.String}, orient="row"
    )


def ledger(value: float, period: str = "2025-05") -> pl.DataFrame:
    row = {"period": period, "item": "revenue_cny", "account": "6001", "value": value, "unit": "CNY", "row": 2}
    return pl.DataFrame([row]).with_columns(pl.lit(None, pl.String).alias("sheet"))


def store(workspace: Workspace, frame: pl.DataFrame, kind: Kind = Kind.METERED, at: datetime = NOW) -> Any:
    return workspace.journal.append_facts(frame, kind, source="f.csv", rejected=NONE, read=frame.height, recorded_at=at)


def step(workspace: Workspace, kind: Kind, number: int, at: datetime = NOW, **payload: Any) -> None:
    record_step(workspace.journal, kind, "E1", "2025-06", step=number, at=at, source="zhao", payload=payload)


def test_the_same_readings_again_change_nothing(workspace: Workspace) -> None:
    first, again = store(workspace, readings(1.0, 2.0)), store(workspace, readings(1.0, 2.0, 3.0))
    assert (first.stored, first.duplicate) == (2, 0)
    assert (again.stored, again.duplicate) == (1, 2)
    assert workspace.journal.flows()["quantity"].to_list() == [1.0, 2.0, 3.0]


def test_another_quantity_corrects_a_reading_and_both_stay(workspace: Workspace) -> None:
    store(workspace, readings(1.0, 2.0))
    receipt = store(workspace, readings(1.0, 5.0), at=NOW + timedelta(days=1))
    assert (receipt.stored, receipt.superseding, receipt.duplicate) == (1, 1, 1)
    assert workspace.journal.flows()["quantity"].to_list() == [1.0, 5.0]
    assert workspace.journal.flows(as_of=NOW)["quantity"].to_list() == [1.0, 2.0]
    history = workspace.journal.history(3)
    assert history["current"].to_list() == [False, True]
    stale = store(workspace, readings(1.0, 2.0), at=NOW + timedelta(days=2))
    assert (stale.stored, stale.stale) == (0, 1)


def test_a_reading_twice_in_one_file_is_a_duplicate_and_one_corrected_in_it_counts_last(workspace: Workspace) -> None:
    receipt = store(workspace, pl.concat([readings(1.0), readings(1.0), readings(4.0)]))
    assert (receipt.read, receipt.stored, receipt.duplicate, receipt.superseding) == (3, 2, 1, 1)
    assert workspace.journal.flows()["quantity"].to_list() == [4.0]


def test_accounts_are_known_by_name_and_month(workspace: Workspace) -> None:
    store(workspace, ledger(10.0), Kind.ACCOUNTS_CLOSED)
    store(workspace, ledger(20.0, "2025-06"), Kind.ACCOUNTS_CLOSED)
    store(workspace, ledger(11.0), Kind.ACCOUNTS_CLOSED)
    found = workspace.journal.accounts()
    assert found.select("period", "value").rows() == [("2025-05", 11.0), ("2025-06", 20.0)]
    ends = [event.at for event in workspace.journal.events(Kind.ACCOUNTS_CLOSED)]
    assert ends[1] == datetime(2025, 7, 1, tzinfo=UTC)


def test_what_is_read_is_stored_rejected_or_duplicate(workspace: Workspace) -> None:
    refused = pl.DataFrame([{"row": 9, "code": "negative", "what": "below 0"}])
    frame = readings(1.0, 2.0)
    workspace.journal.append_facts(frame, Kind.METERED, source="f.csv", rejected=refused, read=3, recorded_at=NOW)
    with pytest.raises(InputError) as caught:
        workspace.journal.append_facts(frame, Kind.METERED, source="f.csv", rejected=NONE, read=3, recorded_at=NOW)
    assert caught.value.fault.code == "unbalanced"
    [row] = workspace.journal.account().iter_rows(named=True)
    assert (row["read"], row["stored"], row["rejected"], row["balance"], row["finished"]) == (3, 2, 1, True, True)
    assert workspace.journal.verify().ok


def test_batches_of_any_size_store_the_same(opened: Callable[[], Workspace]) -> None:
    workspace = opened()
    frame = pl.concat([readings(1.0, 2.0, 3.0), readings(1.0, 9.0), readings(4.0, meter="E1")])
    receipt = import_facts(
        workspace._store, frame, Kind.METERED, source="f", rejected=NONE, read=6, recorded_at=NOW, batch_rows=1
    )
    assert (receipt.stored, receipt.duplicate, receipt.superseding) == (5, 1, 1)
    assert workspace.journal.flows()["quantity"].to_list() == [1.0, 9.0, 3.0, 4.0]
    assert workspace.journal.account()["balance"].all()


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (readings(1.0).drop("unit"), Kind.METERED),
        (readings(1.0).with_columns(pl.lit(None, pl.Float64).alias("quantity")), Kind.METERED),
        (readings(1.0), Kind.OPERATION_ENDED),
    ],
)
def test_facts_that_are_not_whole_are_refused(workspace: Workspace, frame: pl.DataFrame, kind: Kind) -> None:
    with pytest.raises(InputError) as caught:
        store(workspace, frame, kind)
    assert caught.value.fault.code == "bad_facts"


def test_steps_of_a_return_are_read_back_in_their_order_and_as_of_a_time(workspace: Workspace) -> None:
    step(workspace, Kind.RETURN_SUBMITTED, 1, version=1, values={"employees": 29.0, "coal_t": None})
    step(workspace, Kind.RETURN_WITHDRAWN, 2, NOW + timedelta(hours=1), version=1)
    store(workspace, readings(1.0), at=NOW + timedelta(hours=2))
    found = workspace.journal.return_steps()
    assert [event.kind for event in found] == [Kind.RETURN_SUBMITTED, Kind.RETURN_WITHDRAWN]
    assert found[0].subject == subject_of("E1", "2025-06")
    assert len(workspace.journal.return_steps("E1/2025-06", as_of=NOW)) == 1
    assert workspace.journal.return_steps("E1/2025-07") == []
    assert workspace.journal.verify().ok


def test_of_two_who_act_on_one_state_the_second_is_told(workspace: Workspace) -> None:
    step(workspace, Kind.RETURN_SUBMITTED, 1, version=1, values={})
    for again in ({"version": 1, "values": {"employees": 1.0}}, {"version": 1, "values": {}}):
        with pytest.raises(NotAllowed) as caught:
            step(workspace, Kind.RETURN_SUBMITTED, 1, **again)
        assert caught.value.fault.code == "moved_on"
    assert len(workspace.journal.return_steps()) == 1


def test_published_values_are_those_of_the_version_last_published(workspace: Workspace) -> None:
    day = timedelta(days=1)
    step(workspace, Kind.RETURN_SUBMITTED, 1, version=1, values={"employees": 29.0, "coal_t": None})
    assert workspace.journal.returned().is_empty()
    step(workspace, Kind.RETURN_PUBLISHED, 2, NOW + day, version=1)
    step(workspace, Kind.RETURN_REOPENED, 3, NOW + 2 * day, version=1)
    step(workspace, Kind.RETURN_CORRECTED, 4, NOW + 3 * day, version=2, values={"employees": 30.0})
    assert workspace.journal.returned().row(0) == ("E1", "2025-06", 1, "employees", 29.0, 1)
    assert workspace.journal.returned("latest")["value"].to_list() == [30.0]
    step(workspace, Kind.RETURN_PUBLISHED, 5, NOW + 4 * day, version=2)
    assert workspace.journal.returned().row(0) == ("E1", "2025-06", 2, "employees", 30.0, 4)
    assert workspace.journal.returned(as_of=NOW + 2 * day)["value"].to_list() == [29.0]


def test_what_people_said_and_meters_read_is_found_by_an_index(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "plant") as workspace, workspace._store.reading() as connection:
        for where, index in (
            ("import_id IS NULL AND subject = 'E1/2025-06'", "event_said"),
            ("kind IN ('metered', 'accounts.closed') AND kind = 'metered'", "event_flow"),
        ):
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN SELECT payload FROM event WHERE {where}")).all()
            assert index in str(plan)


def test_a_journal_of_the_version_before_gains_the_indexes_and_keeps_its_facts(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "plant") as workspace:
        store(workspace, readings(1.0, 2.0))
        head = workspace.journal.verify().head
        with workspace._store.engine.begin() as connection:
            config = Config()
            folder = Path(zhizao.record.__file__).parent / "migrations"
            config.set_main_option("script_location", str(folder))
            config.attributes["connection"] = connection
            command.downgrade(config, "0001")
            assert "event_flow" not in {one["name"] for one in inspect(connection).get_indexes("event")}
    with Workspace.open(tmp_path / "plant") as workspace:
        assert workspace.journal.verify().head == head
        names = {one["name"] for one in inspect(workspace._store.engine).get_indexes("event")}
        assert {"event_flow", "event_said"} <= names
