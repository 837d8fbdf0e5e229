"""Laws of the journal: however exports overlap and are ordered, what is known in the end is the last full export."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shopfloor import MONDAY, at, content, frame, put, row

from zhizao.record import Workspace
from zhizao.record.matching import matched

# few values, so that equal natural keys, twins and running work all come up
_WORK = st.fixed_dictionaries(
    {
        "order": st.sampled_from(["A", "B", "工单"]),
        "activity": st.sampled_from(["mill", "turn"]),
        "machine": st.sampled_from(["M1", None]),
        "start": st.integers(0, 12),
        "lasts": st.integers(0, 30),
        "good": st.sampled_from([1.0, 2.0, 0.5, 1e16]),
    }
)


def export(work: list[dict[str, object]], until: float) -> pl.DataFrame:
    """What a machine-data system would write at a time: work begun by then, its end once it has come."""
    rows = []
    for one in work:
        start, end = float(str(one["start"])), float(str(one["start"])) + float(str(one["lasts"]))
        if start <= until:
            more = {name: one[name] for name in ("order", "activity", "machine", "good", "key") if name in one}
            rows.append(row(start=start, end=end if end <= until else None) | more | {"start": at(start)})
    return frame(*[one if one["end"] is not None else {**one, "good": None} for one in rows])


def keyed(work: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{**one, "key": f"K{number}"} for number, one in enumerate(work)]


def unlike(work: list[dict[str, object]]) -> list[dict[str, object]]:
    """Work of which no two pieces share a natural key."""
    seen = {(one["order"], one["activity"], one["machine"], one["start"]): one for one in work}
    return list(seen.values())


@pytest.mark.parametrize("shape", [keyed, unlike])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    work=st.lists(_WORK, min_size=1, max_size=14),
    cuts=st.lists(st.integers(0, 45), max_size=4),
    rng=st.randoms(use_true_random=False),
    size=st.integers(1, 6),
)
def test_overlapping_exports_in_any_order_give_the_work_log_of_the_last_full_export(
    tmp_path_factory: pytest.TempPathFactory,
    shape: object,
    work: list[dict[str, object]],
    cuts: list[int],
    rng: object,
    size: int,
) -> None:
    work = shape(work)  # type: ignore[operator]
    exports = [export(work, cut) for cut in (*cuts, 50)]
    rng.shuffle(exports)  # type: ignore[attr-defined]
    with Workspace.open(tmp_path_factory.mktemp("plant")) as workspace:
        for number, rows in enumerate(exports):
            order = list(range(rows.height))
            rng.shuffle(order)  # type: ignore[attr-defined]
            put(workspace.journal, rows[order], when=MONDAY + timedelta(days=number), batch_rows=size)
        found = content(workspace.journal)
        assert workspace.journal.account()["balance"].all()
        assert workspace.journal.verify().ok
    with Workspace.open(tmp_path_factory.mktemp("plant")) as workspace:
        put(workspace.journal, export(work, 50))
        assert found.equals(content(workspace.journal))


@settings(max_examples=15, deadline=None)
@given(
    work=st.lists(_WORK, min_size=1, max_size=14),
    times=st.lists(st.integers(0, 14), min_size=1, max_size=4),
    size=st.integers(1, 6),
)
def test_twins_are_told_apart_as_long_as_exports_grow(
    tmp_path_factory: pytest.TempPathFactory, work: list[dict[str, object]], times: list[int], size: int
) -> None:
    ended = [{**one, "lasts": 0, "good": float(number)} for number, one in enumerate(work)]
    with Workspace.open(tmp_path_factory.mktemp("plant")) as workspace:
        for time in [*sorted(times), 50]:
            put(workspace.journal, export(ended, time), batch_rows=size)
        assert content(workspace.journal)["good"].sort().to_list() == [float(number) for number in range(len(ended))]


_CONTENTS = st.lists(st.tuples(st.sampled_from("GH"), st.sampled_from("abcd")), max_size=8)


@settings(max_examples=200, deadline=None)
@given(first=_CONTENTS, second=_CONTENTS)
def test_the_plan_stores_each_content_once_and_ends_with_what_the_file_shows(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    """Whatever two files hold, the heads of each group are the second file's contents, or more of the first's."""
    stored: list[tuple[bytes, bytes, bytes | None, str]] = []
    for rows in (first, second):
        batch = pl.DataFrame(
            [(i, group.encode() * 16, False, False, text) for i, (group, text) in enumerate(rows)],
            schema={
                "index": pl.Int64,
                "origin": pl.Binary,
                "keyed": pl.Boolean,
                "running": pl.Boolean,
                "payload": pl.String,
            },
            orient="row",
        )
        existing = pl.DataFrame(
            [(id_, origin, before, number, False, text) for number, (id_, origin, before, text) in enumerate(stored)],
            schema={
                "id": pl.Binary,
                "origin": pl.Binary,
                "supersedes": pl.Binary,
                "sequence": pl.Int64,
                "running": pl.Boolean,
                "payload": pl.String,
            },
            orient="row",
        )
        plan = matched(batch, existing)
        assert plan.placed.height + plan.duplicate == len(rows)
        for index, id_, origin, before in plan.placed.iter_rows():
            stored.append((id_, origin or id_, before, rows[index][1]))
    ids = [one[0] for one in stored]
    assert len(set(ids)) == len(ids)
    superseded = [one[2] for one in stored if one[2] is not None]
    assert len(set(superseded)) == len(superseded)
    for group in "GH":
        events = [one for one in stored if one[1] == group.encode() * 16]
        texts = [one[3] for one in events]
        assert len(set(texts)) == len(texts)  # nothing is stored twice
        heads = {one[3] for one in events if one[0] not in superseded}
        wanted = {text for name, text in second if name == group}
        known = {text for name, text in first if name == group}
        assert wanted <= heads
        assert len(heads) == max(len(wanted), len(known))


def test_a_folder_with_percent_signs_and_spaces_is_a_workspace(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "50 % 车间 ?x#y") as workspace:
        put(workspace.journal, frame(row()))
    with Workspace.open(tmp_path / "50 % 车间 ?x#y", create=False) as workspace:
        assert workspace.journal.worklog(zone="UTC").frame.height == 1
