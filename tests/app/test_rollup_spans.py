"""Quarters and years of published returns: made of their months, and telling nothing that these keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zhizao.app.cli.economy_commands import app as economy
from zhizao.app.cli.main import app
from zhizao.app.economy_returns import publish_economy
from zhizao.app.returns_desk import ReturnsDesk
from zhizao.app.rollup_answers import place_answer
from zhizao.app.rollup_desk import Place, RollupDesk, told_definitions
from zhizao.app.rollup_peers import rollup_peers
from zhizao.app.rollup_spans import months_of, spans_of, year_before
from zhizao.errors import InputError, NotAllowed
from zhizao.programme.returns import Actor
from zhizao.record import Workspace

ADMIN = Actor(name="a", role="admin", unit="")
PUBLIC = Actor(name="v", role="evaluator", unit="")


@pytest.fixture(scope="module")
def economy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("economy") / "e"
    economy(
        ["generate", "--out", str(folder), "--enterprises", "60", "--months", "6", "--workers", "1", "--clean"],
        standalone_mode=False,
    )
    return folder


@pytest.fixture(scope="module")
def workspace(economy_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("w")
    said = publish_economy(economy_folder, folder, first="2015-01", last="2015-04", enterprises=40)
    assert said["published"] > 100 and said["never_arrived"] == 0
    again = publish_economy(economy_folder, folder, first="2015-01", last="2015-04", enterprises=40)
    assert (again["published"], again["there_already"]) == (0, said["published"])
    return folder


def test_a_quarter_adds_up_flows_and_takes_the_last_stock(workspace: Path) -> None:
    with Workspace.open(workspace) as place:
        desk = RollupDesk(ReturnsDesk.of_workspace(place))
        assert spans_of(desk.periods(ADMIN)) == ["2015-Q1"]
        scope = desk.scope(ADMIN)
        months = [desk.month(scope, one) for one in months_of("2015-Q1")]
        quarter = desk.month(scope, "2015-Q1")
        rd, nc = quarter.cell("IND01"), quarter.cell("IND08")
        assert rd.numerator == pytest.approx(sum(one.cell("IND01").numerator or 0 for one in months))
        assert rd.value == pytest.approx(100 * (rd.numerator or 0) / (rd.denominator or 1))
        assert nc.value == pytest.approx(months[-1].cell("IND08").value)
        parts = desk.children(quarter, Place("IND01", "2015-Q1"), "region")
        assert sum(one.contribution or 0 for one in parts) == pytest.approx(rd.value)
        firms = desk.enterprises(quarter, Place("IND01", "2015-Q1"))
        assert sum(one.contribution or 0 for one in firms) == pytest.approx(rd.value)
        assert desk.month(scope, "2015").cell("IND01").value is None  # months are missing


def test_what_a_month_keeps_a_quarter_keeps(workspace: Path) -> None:
    with Workspace.open(workspace) as place:
        desk = RollupDesk(ReturnsDesk.of_workspace(place))
        scope = desk.scope(PUBLIC)
        months = [desk.month(scope, one) for one in months_of("2015-Q1")]
        quarter = desk.month(scope, "2015-Q1")
        kept = told = 0
        for indicator in told_definitions():
            for region, industry in [("", ""), *quarter.expected]:
                shut = any(one.cell(indicator, region, industry).withheld for one in months)
                cell = quarter.cell(indicator, region, industry)
                assert bool(cell.withheld) == shut
                assert not shut or (cell.value, cell.numerator, cell.returned) == (None, None, None)
                kept, told = kept + shut, told + (not shut)
        assert kept and told


def test_an_enterprise_opens_into_its_months(workspace: Path) -> None:
    with Workspace.open(workspace) as place:
        desk = RollupDesk(ReturnsDesk.of_workspace(place))
        name = desk.month(desk.scope(ADMIN), "2015-02").names[0]
        unit = desk.returns.tree.units[name]
        where = Place("IND01", "2015-Q1", str(unit.region), str(unit.industry), name)
        found = place_answer(desk, ADMIN, where)
        assert found["by"] == "month" and [one["code"] for one in found["children"]] == list(months_of("2015-Q1"))
        with pytest.raises(InputError, match="line is of one month"):
            place_answer(desk, ADMIN, Place("IND01", "2015-Q1", where.region, where.industry, name, "rd_spend_cny"))


def test_the_command_tells_a_quarter_and_refuses_what_is_none(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app(
        ["rollup", "-w", str(workspace), "--indicator", "IND01", "--period", "2015-Q1", "--json"], standalone_mode=False
    )
    found = json.loads(capsys.readouterr().out)
    assert found["period"] == "2015-Q1" and found["value"] > 0 and found["before"]["period"] == "2014-Q1"
    for wrong in ("2015-Q5", "15", "2015-13", "2015-Q1-01", "0000"):
        with pytest.raises(InputError) as told:
            app(["rollup", "-w", str(workspace), "--period", wrong], standalone_mode=False)
        assert told.value.fault.code == "bad_period"


@pytest.mark.parametrize(
    ("first", "last", "many", "code"),
    [("2015-03", "2015-01", 5, "bad_span"), ("2014-12", "2015-01", 5, "bad_span"), ("2015-01", "2015-02", 10**6, "too_many_returns"),
     ("2015-01", "2015-02", 0, "too_many_returns"), ("March", "2015-02", 5, "bad_month")],
)  # fmt: skip
def test_months_that_are_not_there_are_refused(
    economy_folder: Path, tmp_path: Path, first: str, last: str, many: int, code: str
) -> None:
    with pytest.raises(InputError) as told:
        publish_economy(economy_folder, tmp_path / "none", first=first, last=last, enterprises=many)
    assert told.value.fault.code == code
    assert not (tmp_path / "none").exists()


def test_a_year_before_keeps_its_kind() -> None:
    assert [year_before(one) for one in ("2025-03", "2025-Q2", "2025")] == ["2024-03", "2024-Q2", "2024"]


def test_an_enterprise_stands_among_its_peers_with_an_interval_from_its_months(workspace: Path) -> None:
    with Workspace.open(workspace) as place:
        desk = RollupDesk(ReturnsDesk.of_workspace(place))
        scope = desk.scope(ADMIN)
        league = rollup_peers(desk, ADMIN, Place("IND01", "2015-Q1"))["league"]
        cells = {
            one.code: one.value for one in desk.enterprises(desk.month(scope, "2015-Q1"), Place("IND01", "2015-Q1"))
        }
        assert {row["unit"]: row["value"] for row in league} == {k: v for k, v in cells.items() if v is not None}
        assert all(row["low"] <= row["rank"] <= row["high"] for row in league)
        assert any(row["low"] < row["high"] for row in league)
        middle = league[len(league) // 2]
        one = rollup_peers(desk, ADMIN, Place("IND01", "2015-Q1", enterprise=middle["unit"]))
        assert one["errors"] and one["better"] == "more" and one["unit"]["rank"] == middle["rank"]
        assert middle["unit"] not in {peer["unit"] for peer in one["unit"]["peers"]}
        ahead = next(move for move in one["unit"]["moves"] if move["to"] == "next")
        assert ahead["value"] == min(row["value"] for row in league if row["rank"] < middle["rank"])
        month = rollup_peers(desk, ADMIN, Place("IND01", "2015-01", enterprise=middle["unit"]))
        assert not month["errors"] and month["unit"]["low"] == month["unit"]["rank"]


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (Place("IND01", "2015-01", enterprise="nobody"), "no_unit"),
        (Place("IND99", "2015-01"), "no_indicator"),
        (Place("IND01", "2013-01"), "too_few_units"),
        (Place("IND01", "2015-13"), "bad_period"),
    ],
)
def test_peers_that_cannot_be_told_are_refused(workspace: Path, place: Place, code: str) -> None:
    with Workspace.open(workspace) as home:
        desk = RollupDesk(ReturnsDesk.of_workspace(home))
        with pytest.raises(InputError) as told:
            rollup_peers(desk, ADMIN, place)
        assert told.value.fault.code == code


def test_who_may_not_see_single_enterprises_is_told_of_no_peers(workspace: Path) -> None:
    with Workspace.open(workspace) as home, pytest.raises(NotAllowed):
        rollup_peers(RollupDesk(ReturnsDesk.of_workspace(home)), PUBLIC, Place("IND01", "2015-01"))


@pytest.mark.parametrize(("lang", "word"), [("en", "95 % of such leagues"), ("zh", "名次")])
def test_the_command_tells_the_league(
    workspace: Path, lang: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["rollup", "-w", str(workspace), "--indicator", "IND01", "--period", "2015-Q1", "--peers", "--lang", lang]
    app(asked, standalone_mode=False)
    assert word in capsys.readouterr().out


def test_a_month_is_guarded_once_however_often_the_journal_moves(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zhizao.app import rollup_desk

    asked: list[int] = []
    real = rollup_desk.guard_of
    monkeypatch.setattr(rollup_desk, "guard_of", lambda *args: (asked.append(1), real(*args))[1])
    monkeypatch.setattr(rollup_desk, "_GUARDS", type(rollup_desk._GUARDS)())
    found = []
    for _ in range(2):
        with Workspace.open(workspace) as home:
            desk = RollupDesk(ReturnsDesk.of_workspace(home))
            found.append(desk.month(desk.scope(PUBLIC), "2015-02").guard)
    assert len(asked) == 1 and found[0] is found[1]
