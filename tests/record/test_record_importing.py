"""What an import does: new, duplicate, correction; every row is accounted for."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import polars as pl
import pytest
from shopfloor import MONDAY, NOBODY, at, content, counts, frame, put, row, shop
from sqlalchemy import inspect

from zhizao.errors import InputError
from zhizao.model import WORKLOG_SCHEMA, Kind
from zhizao.record import Workspace, importing


def test_a_row_becomes_one_event_that_ended_or_has_only_started(workspace: Workspace) -> None:
    receipt = put(workspace.journal, frame(row("A", 0, 1), row("B", 2, None)))
    assert counts(receipt) == (2, 0, 0, 0)
    ended, running = workspace.journal.events()
    assert (ended.kind, ended.subject, ended.at) == (Kind.OPERATION_ENDED, "A", at(1))
    assert (running.kind, running.subject, running.at) == (Kind.OPERATION_STARTED, "B", at(2))
    assert ended.payload["start_ns"] == int(at(0).timestamp()) * 10**9
    assert (ended.sequence, ended.row, ended.import_id, running.sequence) == (1, 2, 1, 2)


def test_the_work_log_gives_back_what_was_stored_and_names_the_events(workspace: Workspace) -> None:
    rows = frame(
        row("B", 3, 4, product="P", person="W", scrap=1.5, rework=0.0, order_quantity=7.0, released=at(-9), due=at(99)),
        row(
            'quoted "A", 工单\n2', 0, 1, activity='x","good":null,"y\\', operation="op", report="setup", is_rework=True
        ),
    )
    put(workspace.journal, rows)
    log = workspace.journal.worklog(zone="Asia/Shanghai")
    assert log.zone == "Asia/Shanghai"
    assert log.frame["event"].to_list() == [2, 1]
    filled = rows.with_columns(
        pl.col("operation").fill_null(pl.col("activity")),
        pl.col("report").fill_null("production"),
        pl.col("is_rework").fill_null(value=False),
    )
    expected = filled.reverse().select(name for name in WORKLOG_SCHEMA if name != "event")
    assert log.frame.drop("event").equals(expected)


def test_times_are_kept_to_the_nanosecond(workspace: Workspace) -> None:
    rows = frame(row()).with_columns(pl.col("start") + pl.duration(nanoseconds=123))
    put(workspace.journal, rows)
    assert workspace.journal.worklog(zone="UTC").frame["start"].equals(rows["start"])


def test_importing_the_same_rows_twice_stores_nothing_new_whatever_the_file_is_called(workspace: Workspace) -> None:
    rows = shop(300)
    put(workspace.journal, rows, source="week1.csv")
    before = content(workspace.journal)
    again = put(workspace.journal, rows.reverse(), source="renamed.xlsx")
    assert counts(again) == (0, 0, 300, 0)
    assert content(workspace.journal).equals(before)


def test_a_longer_export_a_week_later_stores_only_what_is_new(workspace: Workspace) -> None:
    rows = shop(400)
    put(workspace.journal, rows.head(250))
    receipt = put(workspace.journal, rows, when=MONDAY + timedelta(days=7))
    assert counts(receipt) == (150, 0, 250, 0)
    assert workspace.journal.worklog(zone="UTC").frame.height == 400


def test_a_row_twice_in_one_file_counts_once(workspace: Workspace) -> None:
    receipt = put(workspace.journal, frame(row(), row("B"), row(), row()))
    assert counts(receipt) == (2, 0, 2, 0)


def test_a_corrected_row_supersedes_the_old_one_and_both_stay_visible(workspace: Workspace) -> None:
    put(workspace.journal, frame(row(good=10.0), row("B")))
    receipt = put(workspace.journal, frame(row(good=8.0, scrap=2.0), row("B")), source="corrected.csv")
    assert counts(receipt) == (1, 0, 1, 1)
    log = workspace.journal.worklog(zone="UTC").frame
    assert log.filter(pl.col("order") == "A").select("event", "good", "scrap").rows() == [(3, 8.0, 2.0)]
    old, _, new = workspace.journal.events()
    assert (new.supersedes, new.id == old.id) == (old.id, False)
    versions = workspace.journal.history(1)
    assert versions.equals(workspace.journal.history(3))
    assert versions.select("event", "current", "source", "good").rows() == [
        (1, False, "export.csv", 10.0),
        (3, True, "corrected.csv", 8.0),
    ]


def test_work_that_ends_in_a_later_export_completes_its_record(workspace: Workspace) -> None:
    put(workspace.journal, frame(row("A", 0, None)))
    receipt = put(workspace.journal, frame(row("A", 0, 3)))
    assert counts(receipt) == (1, 0, 0, 1)
    assert workspace.journal.worklog(zone="UTC").frame.select("event", "end").rows() == [(2, at(3))]


def test_an_older_export_read_after_a_newer_one_changes_nothing(workspace: Workspace) -> None:
    put(workspace.journal, frame(row("A", 0, 3), row("B", good=8.0)))
    late = put(workspace.journal, frame(row("A", 0, None)))
    assert (counts(late), late.stale) == ((0, 0, 1, 0), 1)
    put(workspace.journal, frame(row("B", good=7.0)))
    repeated = put(workspace.journal, frame(row("B", good=8.0)))
    assert (counts(repeated), repeated.stale) == ((0, 0, 1, 0), 1)
    assert workspace.journal.worklog(zone="UTC").frame["good"].sort().to_list() == [7.0, 10.0]


def test_a_key_of_the_source_decides_alone_which_record_a_row_is(workspace: Workspace) -> None:
    put(workspace.journal, frame(row("A", 0, 1, key="7"), row("A", 0, 1, key="8")))
    assert workspace.journal.worklog(zone="UTC").frame.height == 2
    receipt = put(workspace.journal, frame(row("A", 5, 6, machine="M9", key="7")))
    assert counts(receipt) == (1, 0, 0, 1)
    assert sorted(workspace.journal.worklog(zone="UTC").frame["machine"]) == ["M1", "M9"]


def test_one_key_twice_in_a_file_keeps_the_last_content(workspace: Workspace) -> None:
    receipt = put(workspace.journal, frame(row(key="7", end=None), row(key="7", good=3.0), row(key="7", good=4.0)))
    assert counts(receipt) == (3, 0, 0, 2)
    assert workspace.journal.worklog(zone="UTC").frame["good"].to_list() == [4.0]
    assert workspace.journal.history(1)["event"].to_list() == [1, 2, 3]
    again = put(workspace.journal, frame(row(key="7", end=None), row(key="7", good=3.0), row(key="7", good=4.0)))
    assert counts(again) == (0, 0, 3, 0)


def test_a_key_that_stands_for_many_pieces_of_work_is_refused(workspace: Workspace) -> None:
    rows = frame(*(row("A", hour, hour + 1, key="PO-1") for hour in range(8)), row("B", key="PO-2"))
    with pytest.raises(InputError, match=r'2 keys for 9 pieces of work \("PO-1" has 8\)') as caught:
        put(workspace.journal, rows)
    assert caught.value.fault.code == "key_repeats"
    assert workspace.journal.account().is_empty()


@pytest.mark.parametrize("keyed_first", [True, False])
def test_the_same_work_first_with_and_then_without_a_key_would_count_twice_and_is_refused(
    workspace: Workspace, keyed_first: bool
) -> None:
    plain = shop(40)
    keyed = plain.with_columns(key=pl.format("K{}", pl.int_range(40)))
    first, second = (keyed, plain) if keyed_first else (plain, keyed)
    put(workspace.journal, first)
    with pytest.raises(InputError, match="40 of 40 rows were recorded with") as caught:
        put(workspace.journal, second)
    assert caught.value.fault.code == "key_changed"
    other = second.with_columns(pl.format("other {}", "order").alias("order"))
    assert counts(put(workspace.journal, other)) == (40, 0, 0, 0)


def test_two_reports_at_the_same_minute_are_two_records(workspace: Workspace) -> None:
    both = frame(row(good=5.0), row(good=6.0))
    assert counts(put(workspace.journal, both)) == (2, 0, 0, 0)
    assert counts(put(workspace.journal, both.reverse())) == (0, 0, 2, 0)
    changed = put(workspace.journal, frame(row(good=6.0), row(good=7.0)))
    assert counts(changed) == (1, 0, 1, 1)
    assert sorted(workspace.journal.worklog(zone="UTC").frame["good"]) == [6.0, 7.0]
    third = put(workspace.journal, frame(row(good=6.0), row(good=7.0), row(good=1.0)))
    assert counts(third) == (1, 0, 2, 0)
    assert sorted(workspace.journal.worklog(zone="UTC").frame["good"]) == [1.0, 6.0, 7.0]


def test_what_has_ended_completes_the_running_twin_first(workspace: Workspace) -> None:
    put(workspace.journal, frame(row(good=5.0), row(end=None)))
    put(workspace.journal, frame(row(good=9.0, end=2.0)))
    log = workspace.journal.worklog(zone="UTC").frame
    assert log["good"].to_list() == [5.0, 9.0]


def test_batches_of_any_size_give_the_same_journal(workspace: Workspace) -> None:
    rows = pl.concat([shop(200), shop(200).with_columns(pl.col("good") + 1), shop(50)])
    small = put(workspace.journal, rows, batch_rows=7)
    assert small.read == small.stored + small.duplicate == 450
    large = put(workspace.journal, rows.reverse())
    assert counts(large) == (0, 0, 450, 0)
    assert workspace.journal.verify().ok


def test_every_row_is_accounted_for_with_its_reason(workspace: Workspace) -> None:
    rejected = pl.DataFrame(
        {
            "row": [5, 5, 9, None],
            "sheet": ["S1", "S1", None, None],
            "column": ["start", "end", "good", None],
            "value": ["31/02", "", "ten", None],
            "cause": ["bad_time", "no_end", "bad_number", "bad_time"],
            "cure": ["write 2025-02-28", "fill in", "write 10", None],
        },
        schema_overrides={"row": pl.Int64},
    )
    receipt = put(workspace.journal, frame(row(), row(), row("B")), rejected=rejected, read=6)
    assert counts(receipt) == (2, 3, 1, 0)
    put(workspace.journal, frame(row()), source="again.csv")
    first, second = workspace.journal.account().iter_rows(named=True)
    assert [first[name] for name in ("source", "read", "stored", "rejected", "duplicate")] == ["export.csv", 6, 2, 3, 1]
    assert first["balance"] and second["balance"] and first["finished"]
    assert first["reasons"] == [{"code": "bad_time", "rows": 2}, {"code": "bad_number", "rows": 1}]
    assert second["reasons"] == []
    listed = workspace.journal.rejections(1)
    assert listed["row"].to_list() == [5, 5, 9, None]
    assert listed.select("value", "code", "fix").row(2) == ("ten", "bad_number", "write 10")
    assert workspace.journal.account(2)["import_id"].to_list() == [2]


def test_a_file_without_rows_is_still_accounted_for(workspace: Workspace) -> None:
    receipt = put(workspace.journal, frame())
    assert counts(receipt) == (0, 0, 0, 0)
    assert workspace.journal.account().select("read", "finished", "balance").rows() == [(0, True, True)]
    assert workspace.journal.worklog(zone="UTC").frame.is_empty()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (frame(row(order=None)), "row 2 has no order"),  # type: ignore[arg-type]  # that is the fault
        (frame(row(), row(activity=None)), "row 3 has no activity"),
        (frame(row(end=-1.0)), "row 2 has an end before the start"),
        (frame(row(good=float("nan"))), "row 2 has a number that is not finite"),
        (frame(row(person="a\x00b")), "row 2 has a NUL character"),
        (frame(row()).drop("due", "person"), "lack the columns person, due"),
        (frame(row()).with_columns(pl.col("end").dt.replace_time_zone(None)), 'times in "end" have no zone'),
        (frame(row()).with_columns(good=pl.lit("ten")), "another type"),
    ],
)
def test_rows_that_are_not_whole_are_refused_before_anything_is_stored(
    tmp_path: pytest.TempPathFactory, rows: pl.DataFrame, told: str
) -> None:
    with Workspace.open(str(tmp_path)) as workspace:
        with pytest.raises(InputError, match=told):
            put(workspace.journal, rows)
        assert workspace.journal.account().is_empty()


def test_rows_that_do_not_add_up_are_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="3 rows were read, but 1 are given to be stored and 0 are listed") as caught:
        workspace.journal.append_records(frame(row()), source="x", rejected=NOBODY, read=3, recorded_at=MONDAY)
    assert caught.value.fault.code == "unbalanced"


def test_progress_is_told_batch_by_batch(workspace: Workspace) -> None:
    told: list[tuple[str, float]] = []
    put(workspace.journal, shop(40), batch_rows=10, progress=lambda stage, share: told.append((stage, share)))
    assert told == [("record", 0.25), ("record", 0.5), ("record", 0.75), ("record", 1.0)]


def test_an_interrupted_import_leaves_whole_batches_and_is_completed_by_running_it_again(workspace: Workspace) -> None:
    rows = shop(100)

    def stop(_stage: str, share: float) -> None:
        if share >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put(workspace.journal, rows, batch_rows=10, progress=stop)
    cut = workspace.journal.account().row(0, named=True)
    assert (cut["rows"], cut["read"], cut["stored"], cut["finished"], cut["balance"]) == (100, 50, 50, False, True)
    assert workspace.journal.verify().ok
    receipt = put(workspace.journal, rows, batch_rows=10)
    assert counts(receipt) == (50, 0, 50, 0)
    assert workspace.journal.worklog(zone="UTC").frame.height == 100


def indexes(workspace: Workspace) -> set[str]:
    with workspace.journal._store.reading() as connection:
        return {one["name"] for one in inspect(connection).get_indexes("event") if one["name"]}


@pytest.mark.parametrize("between", ["nothing", "a kill", "another import", "a kill and another import"])
def test_a_large_first_import_has_its_index_over_ids_in_the_end_whatever_comes_between(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    monkeypatch.setattr(importing, "MANY_ROWS", 50)
    rows, others = shop(100), frame(row(order="other", start=5.0, end=6.0))
    seen: list[set[str]] = []

    def halfway(_stage: str, share: float) -> None:
        seen.append(indexes(workspace))
        if share == 0.5:
            if "another" in between:
                put(workspace.journal, others)
            if "kill" in between:
                raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        put(workspace.journal, rows, batch_rows=10, progress=halfway)
    assert workspace.journal.verify().ok
    receipt = put(workspace.journal, rows, batch_rows=10)
    assert receipt.stored == (50 if "kill" in between else 0)
    assert receipt.stored + receipt.duplicate == 100
    put(workspace.journal, others)
    assert workspace.journal.worklog(zone="UTC").frame.height == 101
    assert workspace.journal.verify().ok
    assert "event_id" in indexes(workspace)
    if workspace.journal._store.engine.dialect.name == "sqlite":
        assert "event_id" not in seen[0]
