"""Files in a watched folder are taken once, when they are whole, or refused with reasons."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from field_recorder import Recorder, rows_of, running, until

from zhizao.errors import InputError
from zhizao.model.signal import BAD, UNCERTAIN
from zhizao.sense.folder import Settings, connector
from zhizao.sense.folder.table import open_table
from zhizao.sense.rows import Rows

AT = 1_704_067_201_000_000_000
GOOD_FILE = "time,tag,value\n2024-01-01T00:00:01Z,load,1.5\n2024-01-01T00:00:02Z,mode,AUTO\n"


def read(text: str | bytes, **more: str) -> list[tuple[str, int, float | str | None, int]]:
    table, rows = open_table(text.encode() if isinstance(text, str) else text, "p", **more), Rows()
    while table.read(rows, 3):
        pass
    read.reasons = dict(table.reasons)  # type: ignore[attr-defined]
    return rows_of(rows.samples(0))


def test_one_row_a_sample_with_quality() -> None:
    got = read(
        "Time;Tag;Value;Quality\n2024-01-01 00:00:01;load;1,5;good\n1704067201;temp;20;64\n1704067201000;x;;bad\n"
        "2024-01-01T00:00:01Z;door;true;\nnoon;load;1;good\n1704067201;;1;good\n1704067201;y;1;so-so\n"
    )
    assert got == [
        ("p/load", AT, 1.5, 0), ("p/temp", AT, 20.0, UNCERTAIN), ("p/x", AT, None, BAD), ("p/door", AT, 1.0, 0),
    ]  # fmt: skip
    assert read.reasons == {"bad_time": 1, "no_tag": 1, "bad_quality": 1}  # type: ignore[attr-defined]


def test_one_column_a_tag() -> None:
    got = read("时间\tload\tmode\n2024/01/01 08:00:01\t1.5\t自动\n2024/01/01 08:00:02\t\t手动\n", zone="Asia/Shanghai")
    assert got == [("p/load", AT, 1.5, 0), ("p/mode", AT, "自动", 0), ("p/mode", AT + 10**9, "手动", 0)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "no_time_column"), (b"a,b\n1,2\n", "no_time_column"), (b"\x00\x01", "not_text"), (b"time\n1\n", "no_values"),
        (b"\xff\x00\xff", "bad_encoding"), (b"time,a,a\n1,2,3\n", "double_column"),
    ],
)  # fmt: skip
def test_files_that_are_no_samples_are_refused_with_a_reason(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        open_table(data, "p")
    assert caught.value.fault.code in (code, "empty_file")


def watch(path: Path, **more: object) -> Settings:
    return Settings.model_validate({"path": str(path), "every_s": 0.02, "settle_s": 0.1, **more})


def test_files_are_taken_once_and_put_away(tmp_path: Path) -> None:
    async def go() -> None:
        sink, one = Recorder(), connector("f", watch(tmp_path))
        (tmp_path / "good.csv").write_text(GOOD_FILE)
        (tmp_path / "part.csv").write_text(GOOD_FILE + "noon,load,2\n")
        (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
        async with running(one, sink):
            await until(lambda: not list(tmp_path.glob("*.csv")))
            (tmp_path / "again.csv").write_text(GOOD_FILE)
            await until(lambda: (tmp_path / "done" / "again.csv").exists())
        assert sorted(sink.of("f/load")) == [1.5, 1.5]  # part.csv is another file: its samples are duplicates below
        assert sink.rejected == {"bad_time": 1, "no_time_column": 1, "file_taken_before": 1}
        assert (tmp_path / "done" / "good.csv").read_text() == GOOD_FILE
        assert "4,bad_time,noon" in (tmp_path / "done" / "part.csv.reasons.txt").read_text()
        assert "no column of times" in (tmp_path / "refused" / "bad.csv.reasons.txt").read_text()
        # After a start anew the file is still known.
        (tmp_path / "third.csv").write_text(GOOD_FILE)
        later = Recorder()
        async with running(connector("f", watch(tmp_path)), later):
            await until(lambda: (tmp_path / "done" / "third.csv").exists())
        assert not later.rows

    asyncio.run(go())


def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    async def go() -> None:
        sink = Recorder()
        async with running(connector("f", watch(tmp_path, settle_s=0.3)), sink):
            with (tmp_path / "slow.csv").open("w") as file:
                file.write("time,tag,value\n")
                for second in range(10):
                    file.write(f"2024-01-01T00:00:0{second}Z,load,{second}\n")
                    file.flush()
                    await asyncio.sleep(0.08)
                    assert not sink.rows
            await until(lambda: sink.rows)
        assert sink.of("f/load") == list(range(10))

    asyncio.run(go())


def test_a_stop_before_a_file_is_put_away_takes_it_again_and_loses_nothing(tmp_path: Path) -> None:
    class Dies(Recorder):
        async def take(self, samples, rejected=None):
            await super().take(samples, rejected)
            raise OSError("the power fails")

    async def go() -> None:
        (tmp_path / "good.csv").write_text(GOOD_FILE)
        dies, sink = Dies(), Recorder()
        async with running(connector("f", watch(tmp_path)), dies) as errors:
            await until(lambda: errors)
        assert (tmp_path / "good.csv").exists()
        async with running(connector("f", watch(tmp_path)), sink):
            await until(lambda: (tmp_path / "done" / "good.csv").exists())
        assert sink.rows == dies.rows[:2]  # the same samples: the record knows them as duplicates

    asyncio.run(go())


def test_a_check_reads_the_heads_of_what_waits(tmp_path: Path) -> None:
    async def go() -> None:
        (tmp_path / "a.csv").write_text(GOOD_FILE)
        (tmp_path / "b.csv").write_text("x,y\n")
        found = await connector("f", watch(tmp_path)).check()
        assert [one.level for one in found] == ["ok", "ok", "fault"]
        assert [one.level for one in await connector("f", watch(tmp_path / "no")).check()] == ["fault"]

    asyncio.run(go())
