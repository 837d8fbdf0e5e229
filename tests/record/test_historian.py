"""The historian keeps every sample once, whole, and answers the same from the log and from the table."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.errors import InputError
from zhizao.model import BAD, GOOD, UNCERTAIN, Samples
from zhizao.record.historian import Historian

S = 1_000_000_000
T0 = 1_760_000_400 * S


def one(tag: str, at: int, value: float | str | None, quality: int = GOOD) -> Samples:
    return Samples.of([(tag, T0 + at, value)], quality)


def keep(historian: Historian, *rows: tuple[str, int, float | str | None], source: str = "a") -> tuple[int, int]:
    """Store rows in one commit; stored and duplicate."""
    done = historian.append([(source, Samples.of([(tag, T0 + at, value) for tag, at, value in rows]), {})])[0]
    return done.stored, done.duplicate


def test_a_sample_said_again_is_a_duplicate_and_another_value_counts_from_then_on(tmp_path: Path) -> None:
    with Historian(tmp_path) as historian:
        assert keep(historian, ("x", 0, 1.0), ("x", S, 2.0)) == (2, 0)
        assert keep(historian, ("x", 0, 1.0), ("x", S, 2.0)) == (0, 2)
        assert keep(historian, ("x", 0, 1.5), ("x", 0, 1.5), ("x", 2 * S, 3.0), ("x", 2 * S, 3.0)) == (2, 2)
        assert historian.rows("x", T0, T0 + 9 * S).value.tolist() == [1.5, 2.0, 3.0]
        line = historian.ledger().row(0, named=True)
        assert (line["received"], line["stored"], line["duplicate"], line["balance"]) == (8, 4, 4, True)


def test_what_cannot_be_a_sample_is_refused_and_counted(tmp_path: Path) -> None:
    with Historian(tmp_path) as historian:
        ahead = time.time_ns() + 3 * 86_400 * S
        bad = Samples.of([("x", ahead, 1.0), ("x", -5, 1.0), ("", T0, 1.0), ("x", T0, 1.0)])
        done = historian.append([("a", bad, {"bad_type": 2})])[0]
        assert done.stored == 1
        assert done.rejected == {"bad_type": 2, "in_the_future": 1, "before_1970": 1, "no_tag": 1}
        line = historian.ledger().row(0, named=True)
        assert line["received"] == 6 == line["stored"] + line["rejected"] + line["duplicate"]


TAGS = ("mill/load", "mill/state", "saw/load")
SAMPLE = st.tuples(
    st.sampled_from(TAGS),
    st.integers(0, 40),
    st.one_of(st.sampled_from([1.0, 2.5, 0.0, 1 / 3, 1e300, 5e-324]), st.sampled_from(["run", "idle"]), st.none()),
)


@settings(max_examples=60, deadline=None)
@given(
    commits=st.lists(st.lists(SAMPLE, max_size=12), min_size=1, max_size=12),
    steps=st.lists(st.sampled_from(["go on", "flush", "tidy", "open again"]), min_size=12, max_size=12),
)
def test_whatever_comes_in_whatever_order_the_last_word_of_each_time_counts(
    tmp_path_factory: pytest.TempPathFactory, commits: list[list[tuple[str, int, float | str | None]]], steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("h")
    historian = Historian(folder, sync=False, flush_rows=15)
    truth: dict[str, dict[int, float | str | None]] = {tag: {} for tag in TAGS}
    received = 0
    for rows, step in zip(commits, steps, strict=False):
        keep(historian, *[(tag, at * S, value) for tag, at, value in rows])
        received += len(rows)
        for tag, at, value in rows:
            truth[tag][T0 + at * S] = value
        if step == "flush":
            historian.flush()
        elif step == "tidy":
            historian.flush()
            historian.tidy_up()
        elif step == "open again":
            historian.close()
            historian = Historian(folder, sync=False, flush_rows=15)
    for tag in historian.tags:
        found = historian.range(tag, 0, 2**62)
        values = [text if text is not None else value for value, text in found.select("value", "text").iter_rows()]
        expected = sorted(truth[tag].items())
        assert [(repr(a), b) for a, b in zip(values, found["at"].dt.epoch("ns").to_list(), strict=True)] == [
            (repr(value), at) for at, value in expected
        ]
        last = historian.last([tag]).row(0, named=True)
        assert last["at"] == found["at"][-1]
    if received:
        line = historian.ledger().row(0, named=True)
        assert line["balance"] and line["received"] == received
    historian.close()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=False, width=64), min_size=1, max_size=50))
def test_no_value_is_changed_by_the_table(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    with Historian(tmp_path_factory.mktemp("h"), sync=False) as historian:
        keep(historian, *[("x", k, value) for k, value in enumerate(values)])
        historian.flush()
        back = historian.rows("x", T0, T0 + S).value
        assert back.tobytes() == np.array(values).tobytes()


def test_a_log_cut_off_at_any_byte_holds_the_commits_before_the_cut(tmp_path: Path) -> None:
    with Historian(tmp_path / "whole") as historian:
        sizes = []
        for k in range(5):
            keep(historian, ("x", k * S, float(k)), ("state", k * S, f"word {k}"))
            sizes.append(historian._segment.size)
    raw = (tmp_path / "whole/log/000000000.seg").read_bytes()
    first = sizes[0]
    for cut in [*range(0, first, 7), *range(first, len(raw) + 1)]:
        folder = tmp_path / f"cut{cut}"
        (folder / "log").mkdir(parents=True)
        (folder / "log/000000000.seg").write_bytes(raw[:cut])
        with Historian(folder) as historian:
            whole = sum(size <= cut for size in sizes)
            held = len(historian.rows("x", T0, T0 + 99 * S)) if historian.tags else 0
            assert held == whole
            keep(historian, ("x", 50 * S, 1.0))
            assert len(historian.rows("x", T0, T0 + 99 * S)) == whole + 1


def test_a_flipped_byte_ends_the_log_before_its_commit(tmp_path: Path) -> None:
    with Historian(tmp_path) as historian:
        keep(historian, ("x", 0, 1.0))
        size = historian._segment.size
        keep(historian, ("x", S, 2.0))
    path = tmp_path / "log/000000000.seg"
    raw = bytearray(path.read_bytes())
    raw[size + 60] ^= 1
    path.write_bytes(raw)
    with Historian(tmp_path) as historian:
        assert historian.rows("x", T0, T0 + 9 * S).value.tolist() == [1.0]


def test_one_process_writes_and_others_see_what_it_stored(tmp_path: Path) -> None:
    with Historian(tmp_path, flush_rows=4) as writer:
        keep(writer, ("x", 0, 1.0))
        with pytest.raises(InputError, match="another process"):
            Historian(tmp_path)
        reader = Historian(tmp_path, write=False)
        assert reader.rows("x", T0, T0 + 9 * S).value.tolist() == [1.0]
        keep(writer, *[("x", k * S, float(k)) for k in range(1, 8)])
        writer.flush()
        keep(writer, ("x", 8 * S, 8.0))
        reader.refresh()
        assert reader.rows("x", T0, T0 + 9 * S).value.tolist() == [1.0, *map(float, range(1, 9))]
        assert reader.ledger().equals(writer.ledger())


def test_a_table_that_cannot_be_written_stops_nothing_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Historian(tmp_path, flush_rows=4) as historian:
        with monkeypatch.context() as broken:  # a disk that fills just then cannot be had at will

            def full(*_: object, **__: object) -> None:
                raise OSError(28, "No space left on device")

            broken.setattr(historian.table, "prepare", full)
            stored = 0
            with pytest.raises(OSError, match="No space"):
                for k in range(100):
                    keep(historian, ("x", k * S, float(k)))
                    stored += 1
            assert stored >= 12
        keep(historian, ("x", 200 * S, 1.0))
        historian.flush()
        assert len(historian.rows("x", T0, T0 + 999 * S)) == stored + 1
        assert historian.ledger()["stored"][0] == stored + 1
    with Historian(tmp_path) as historian:
        assert len(historian.rows("x", T0, T0 + 999 * S)) == stored + 1


def test_a_reader_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with Historian(tmp_path, flush_rows=50) as writer:
        reader = Historian(tmp_path, write=False)
        for k in range(120):
            keep(writer, ("x", k * S, float(k)), (f"new {k // 40}", k * S, "word"))
            if k % 7 == 0:
                reader.refresh()
                found = reader.rows("x", T0, T0 + 999 * S).value.tolist()
                assert found == [float(j) for j in range(k + 1)]
                assert reader.ledger().equals(writer.ledger()) and reader.last().equals(writer.last())


def test_a_full_disk_stores_nothing_of_the_commit_and_says_so(tmp_path: Path) -> None:
    script = f"""
import resource, signal
from pathlib import Path
from zhizao.errors import InputError
from zhizao.model import Samples
from zhizao.record.historian import Historian
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
h = Historian(Path({str(tmp_path)!r}))
h.append([("a", Samples.of([("x", {T0}, 1.0)]), {{}})])
resource.setrlimit(resource.RLIMIT_FSIZE, (h._segment.size + 5000, resource.RLIM_INFINITY))
for k in range(1, 400):
    try:
        h.append([("a", Samples.of([("x", {T0} + k, 1.0), (f"new {{k}}", {T0} + k, float(k))]), {{}})])
    except InputError as error:
        code = error.fault.code
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(k, code, len(h.rows("x", 0, 2**62)), h.ledger()["stored"][0], len(h.tags))
h.append([("a", Samples.of([("x", {T0} + k, 1.0), (f"new {{k}}", {T0} + k, float(k))]), {{}})])
h.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    k, code, held, stored, tags = done.stdout.split()
    assert code == "disk_error" and int(k) > 1
    assert (int(held), int(stored), int(tags)) == (int(k), 2 * int(k) - 1, int(k))
    with Historian(tmp_path) as historian:
        assert len(historian.rows("x", 0, 2**62)) == int(k) + 1
        assert historian.ledger()["balance"].all()


WRITER = """
import sys, numpy as np
from pathlib import Path
from zhizao.model import Samples
from zhizao.record.historian import Historian
h = Historian(Path(sys.argv[1]), flush_rows=3000)
begin = int(sys.argv[2])
for k in range(begin, begin + 100_000):
    rows = [(f"t{j}", (k * 10 + j) * 1000 + 10**18, float(k)) for j in range(10)]
    rows += rows[:3]
    h.append([("a", Samples.of(rows), {})])
    if k % 700 == 699:
        h.tidy_up()
    sys.stdout.write(f"{k}\\n"); sys.stdout.flush()
"""


@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_any_point_nothing_acknowledged_is_missing_and_nothing_doubled(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    acknowledged = 0
    for _ in range(kills):
        run = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(acknowledged)], stdout=subprocess.PIPE)
        assert run.stdout is not None
        limit = acknowledged + 1 + int(chance.random() ** 3 * 900)
        for line in run.stdout:
            if not line.endswith(b"\n"):
                break
            acknowledged = int(line) + 1
            if acknowledged >= limit:
                break
        if chance.random() < 0.5:
            time.sleep(chance.random() * 0.02)
        os.kill(run.pid, signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) + 1 for line in run.stdout if line.endswith(b"\n"))])
        run.wait()
        run.stdout.close()
        with Historian(tmp_path, write=False) as historian:
            for tag in historian.tags:
                rows = historian.rows(tag, 0, 2**62)
                assert len(rows) >= acknowledged and rows.value.tolist() == [float(k) for k in range(len(rows))]
            if historian.tags:
                line = historian.ledger().row(0, named=True)
                assert line["balance"]
                assert line["stored"] == sum(len(historian._stored(n, 0, 2**62)) for n in range(len(historian.tags)))


def figures_of(
    historian: Historian, tag: str, begin: int, end: int, every: int | None = None, stale: int = 0
) -> pl.DataFrame:
    return historian.figures(tag, T0 + begin, T0 + end, every, stale=stale)


def test_a_value_weighs_as_long_as_it_holds(tmp_path: Path) -> None:
    with Historian(tmp_path) as historian:
        keep(historian, ("x", 0, 10.0), ("x", 6 * S, 20.0), ("x", 8 * S, 0.0))
        whole = figures_of(historian, "x", 0, 10 * S).row(0, named=True)
        assert whole["mean"] == pytest.approx((10 * 6 + 20 * 2 + 0 * 2) / 10)
        assert whole["average"] == pytest.approx(10.0)
        later = figures_of(historian, "x", 7 * S, 9 * S).row(0, named=True)
        assert later["mean"] == pytest.approx((20 + 0) / 2), "what held before the interval counts in it"
        silent = figures_of(historian, "x", 20 * S, 30 * S).row(0, named=True)
        assert (silent["mean"], silent["samples"]) == (0.0, 0)


def test_bad_samples_and_silence_end_what_is_known(tmp_path: Path) -> None:
    with Historian(tmp_path) as historian:
        historian.append(
            [("a", one("x", 0, 10.0), {}), ("a", one("x", 4 * S, None), {}), ("a", one("x", 7 * S, 5.0, UNCERTAIN), {})]
        )
        found = figures_of(historian, "x", 0, 10 * S).row(0, named=True)
        assert (found["held_s"], found["bad_s"], found["unknown_s"]) == (7.0, 3.0, 0.0)
        assert found["mean"] == pytest.approx((10 * 4 + 5 * 3) / 7)
        found = figures_of(historian, "x", 0, 10 * S, stale=2 * S).row(0, named=True)
        assert (found["held_s"], found["bad_s"], found["unknown_s"]) == (4.0, 2.0, 4.0)
        assert historian.value_at("x", T0 + 5 * S) is None
        assert historian.rows("x", T0, T0 + 5 * S).quality.tolist() == [GOOD, BAD]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 999), st.sampled_from([1.0, 2.0, 5.25, None])), min_size=1, max_size=60),
    every=st.sampled_from([50, 77, 333, 1000]),
    stale=st.sampled_from([0, 40, 200]),
)
def test_parts_of_a_time_add_up_to_it_and_log_and_table_tell_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, float | None]], every: int, stale: int
) -> None:
    with Historian(tmp_path_factory.mktemp("h"), sync=False) as historian:
        keep(historian, *[("x", at * S, value) for at, value in rows])
        parts = figures_of(historian, "x", 0, 1000 * S, every * S, stale * S)
        whole = figures_of(historian, "x", 0, 1000 * S, None, stale * S).row(0, named=True)
        for name in ("samples", "good", "held_s", "bad_s", "unknown_s"):
            assert parts[name].sum() == pytest.approx(whole[name])
        if whole["held_s"]:
            weighed = (parts["mean"].fill_null(0) * parts["held_s"]).sum() / whole["held_s"]
            assert weighed == pytest.approx(whole["mean"])
        historian.flush()
        assert figures_of(historian, "x", 0, 1000 * S, every * S, stale * S).equals(parts)
        historian.tidy_up()
        assert figures_of(historian, "x", 0, 1000 * S, every * S, stale * S).equals(parts)
        lengths = historian.states("x", T0, T0 + 1000 * S, stale=stale * S)["seconds"].sum()
        assert lengths == pytest.approx(1000.0)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 9999), st.sampled_from([1.0, 2.0, None])), min_size=1
    ),
    stale=st.sampled_from([0, 300]),
    flushed=st.booleans(),
)
def test_figures_of_all_tags_are_those_of_each(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, float | None]], stale: int, flushed: bool
) -> None:
    with Historian(tmp_path_factory.mktemp("h"), sync=False) as historian:
        half = len(rows) // 2
        keep(historian, *[(tag, at * S, value) for tag, at, value in rows[:half]])
        if flushed and half:
            historian.flush()
        keep(historian, *[(tag, at * S, value) for tag, at, value in rows[half:]])
        span = T0 + 5000 * S, T0 + 9000 * S, 700 * S
        both = historian.figures_of_all(*span, stale=stale * S)
        for tag in historian.tags:
            alone = historian.figures(tag, *span, stale=stale * S)
            assert both.filter(pl.col("tag") == tag).drop("tag").equals(alone)


def test_states_are_entered_and_held(tmp_path: Path) -> None:
    with Historian(tmp_path) as historian:
        keep(
            historian,
            ("s", 0, "run"),
            ("s", 5 * S, "idle"),
            ("s", 6 * S, "idle"),
            ("s", 7 * S, "run"),
            ("s", 9 * S, None),
        )
        found = {row[0]: row[1:] for row in historian.states("s", T0, T0 + 12 * S).iter_rows()}
        assert found == {"run": (7.0, 2), "idle": (2.0, 1), None: (3.0, 1)}
        assert historian.value_at("s", T0 + 8 * S) == "run"


def test_between_samples_a_value_holds_or_lies_on_the_line(tmp_path: Path) -> None:
    with Historian(tmp_path) as historian:
        keep(historian, ("x", 0, 10.0), ("x", 10 * S, 20.0))
        assert historian.value_at("x", T0 + 5 * S) == 10.0
        assert historian.value_at("x", T0 + 5 * S, linear=True) == 15.0
        assert historian.value_at("x", T0 - S) is None


def test_the_table_is_open_to_other_engines_and_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    at = T0 + np.arange(20_000) * 5 * S + rng.integers(-50, 50, 20_000) * 1_000_000
    value = np.round(100 + np.cumsum(rng.normal(0, 0.2, 20_000)), 2)
    with Historian(tmp_path) as historian:
        batch = Samples(["x"] * 20_000, at, value, np.zeros(20_000, np.uint32))
        historian.append([("a", batch, {})])
        historian.flush()
        size = sum(file.size for file in historian.table.files) / 20_000
    back = pl.read_delta(str(tmp_path / "samples")).sort("at_ms")
    assert (back["whole"] / 10.0 ** back["scale"].cast(pl.Int32)).to_list() == value.tolist()
    assert (back["at_ms"] * 1_000_000 + back["ns"]).to_list() == at.tolist()
    assert size < 4.0
    assert DeltaTable(str(tmp_path / "samples")).transaction_version("zhizao-log") == 0


def test_days_before_a_date_are_given_up(tmp_path: Path) -> None:
    day = 86_400 * S
    with Historian(tmp_path) as historian:
        keep(historian, *[("x", k * day, float(k)) for k in range(4)])
        historian.flush()
        first = historian.range("x", 0, 2**62)["at"][2].date().isoformat()
        assert historian.retain(first) == 2
        assert historian.rows("x", 0, 2**62).value.tolist() == [2.0, 3.0]
    with Historian(tmp_path) as historian:
        assert historian.rows("x", 0, 2**62).value.tolist() == [2.0, 3.0]


def test_an_unknown_tag_is_told_with_the_nearest_names(tmp_path: Path) -> None:
    with Historian(tmp_path) as historian:
        keep(historian, ("mill 3/spindle/load", 0, 1.0))
        with pytest.raises(InputError, match="mill 3/spindle/load"):
            historian.rows("mill 3/spindle/laod", 0, 1)


def test_what_is_stored_while_days_are_joined_counts_after_it(tmp_path: Path) -> None:
    with Historian(tmp_path) as historian:
        for k in range(3):
            keep(historian, *[("x", (100 * k + j) * S, float(k)) for j in range(100)])
            historian.flush()
        joined = historian.table.joined

        def meanwhile(*given: object) -> object:
            made = joined(*given)  # type: ignore[arg-type]
            keep(historian, ("x", 0, 99.0), ("x", 300 * S, 3.0))
            historian.flush()
            return made

        historian.table.joined = meanwhile  # type: ignore[method-assign, assignment]
        historian.tidy_up()
        historian.vacuum(0)
        found = historian.rows("x", T0, T0 + 400 * S)
        assert (len(found), found.value[0], found.value[-1]) == (301, 99.0, 3.0)
    with Historian(tmp_path) as historian:
        assert historian.rows("x", T0, T0 + 400 * S).value.tolist() == found.value.tolist()
