"""Roll-ups over REST: from a national figure to the events of the sample plant, and no withheld cell in any answer."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import openpyxl
import polars as pl
import pytest

from app.calling import PASSWORD, Caller
from app.rollups import MONTHS, make
from zhizao.app.access import Access, Role
from zhizao.app.desk import Desk
from zhizao.app.http.application import build
from zhizao.app.rollup_desk import RollupDesk, told_definitions
from zhizao.programme.disclosure import bounds, primary, rule_named
from zhizao.programme.returns import Actor
from zhizao.programme.rollup import contributions
from zhizao.testing.sample import ENTERPRISE

API, MONTH = "/api/v1/rollup", MONTHS[-1]
PEOPLE = {
    "zhao": (Role.REPORTER, ENTERPRISE),
    "qian": (Role.REPORTER, "EX-44-34-01"),
    "sun": (Role.REVIEWER, "GD"),
    "zheng": (Role.REVIEWER, "GD-P1"),
    "wu": (Role.MANAGER, "CN"),
    "wang": (Role.EVALUATOR, ""),
    "feng": (Role.EVALUATOR, "ZJ"),
    "chen": (Role.VIEWER, ""),
    "chu": (Role.MANAGER, ""),
    "han": (Role.OPERATOR, ""),
    "yang": (Role.ENGINEER, ""),
    "wei": (Role.ADMIN, ""),
}
CLOSED = ("wang", "feng", "chen", "chu", "han", "yang")
"""Those who may not see single enterprises."""


@pytest.fixture(scope="module")
def served_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(make(tmp_path_factory.mktemp("rollup") / "plant", tmp_path_factory.mktemp("source")))
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def by(served_desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Caller]]:
    access = Access(tmp_path_factory.mktemp("people") / "people.db")
    for name, (role, unit) in PEOPLE.items():
        access.add(name, PASSWORD, role, unit)
    app = build(served_desk, access)
    callers: dict[str, Caller] = {}

    def sign_in(name: str) -> Caller:
        if name not in callers:
            callers[name] = Caller(app).sign_in(name)
        return callers[name]

    yield sign_in
    access.close()


@pytest.fixture(scope="module")
def rollup(served_desk: Desk) -> RollupDesk:
    return RollupDesk.of_desk(served_desk)


def good(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def ask(caller: Caller, **query: str) -> dict[str, Any]:
    return good(caller.get(API, params=query))


def child(node: dict[str, Any], code: str) -> dict[str, Any]:
    return next(one for one in node["children"] if one["code"] == code)


@pytest.mark.parametrize(
    ("indicator", "line", "kind"),
    [
        ("IND08", "key_processes_nc", "operation.ended"),
        ("IND12", "waste_used_t", "metered"),
        ("IND01", "rd_spend_cny", "accounts.closed"),
        ("R.defects", "products_defective", "operation.ended"),
    ],
)
def test_one_walks_from_the_nation_to_the_events_of_the_sample_plant(
    by: Callable[[str], Caller], indicator: str, line: str, kind: str
) -> None:
    caller = by("wei")
    query = {"indicator": indicator, "period": MONTH}
    node = ask(caller, **query)
    assert node["value"] is not None
    assert (node["indicator"]["version"], node["level"]) == (1, "nation")
    assert (node["returned"], node["expected"]) == (59, 63)
    for level, code in (("region", "44"), ("industry", "34"), ("enterprise", ENTERPRISE)):
        assert node["by"] == level
        brought = [one["contribution"] for one in node["children"] if one["contribution"] is not None]
        assert sum(brought) == pytest.approx(node["value"], rel=1e-9)
        part = child(node, code)
        query[level] = code
        node = ask(caller, **query)
        assert (node["value"], node["numerator"]) == (part["value"], part["numerator"])
        assert [one["level"] for one in node["path"]][-1] == level
    assert child(node, line)["value"] is not None
    query["line"] = line
    told = ask(caller, **query)["line"]
    assert told["value"] == child(node, line)["value"]
    assert told["events_total"] > 0
    assert {one["kind"] for one in told["events"]} == {kind}
    if told["source"]["first"] is not None:
        assert told["events_total"] == told["source"]["events"]
        assert told["events"][0]["event"] == told["source"]["first"]
    if kind != "accounts.closed":  # the journal shows it; accounts are shown here alone
        number = told["events"][0]["event"]
        assert good(caller.get(f"/api/v1/facts/{number}"))["event"]["sequence"] == number


def test_events_come_in_pages_and_the_last_is_the_one_that_the_return_names(by: Callable[[str], Caller]) -> None:
    query = {"indicator": "R.defects", "period": MONTH, "enterprise": ENTERPRISE, "line": "products_made"}
    first = ask(by("zhao"), **query)["line"]
    assert len(first["events"]) == 200 < first["events_total"]
    last = ask(by("zhao"), **query, offset=str(first["events_total"] - 1))["line"]
    assert [one["event"] for one in last["events"]] == [first["source"]["last"]]


def test_numerators_of_regions_and_industries_add_up_to_the_nation(by: Callable[[str], Caller]) -> None:
    for indicator in told_definitions():
        tops = [ask(by("wei"), indicator=indicator, period=MONTH, by=way) for way in ("region", "industry")]
        for top in tops:
            for side in ("numerator", "denominator", "returned"):
                assert sum(one[side] or 0 for one in top["children"]) == pytest.approx(top[side], rel=1e-9)


def test_what_the_cube_adds_up_is_what_enterprises_bring(rollup: RollupDesk) -> None:
    month = rollup.month(rollup.scope(Actor(name="a", role="admin")), MONTH)
    for indicator in told_definitions():
        above, below = contributions(rollup.ratio(indicator), month.values)
        cell = month.cell(indicator)
        assert np.nansum(above) == pytest.approx(cell.numerator, rel=1e-9)
        assert np.nansum(below) == pytest.approx(cell.denominator, rel=1e-9)
        assert int(np.isfinite(above).sum()) == cell.returned


def test_a_reporter_sees_their_enterprise_and_a_reviewer_their_subtree_alone(by: Callable[[str], Caller]) -> None:
    own = ask(by("qian"), indicator="IND08", period=MONTH)
    assert (own["expected"], own["scope"]["unit"], own["rule"]) == (1, "EX-44-34-01", None)
    subtree = ask(by("sun"), indicator="IND08", period=MONTH)
    assert [one["code"] for one in subtree["children"]] == ["44"]
    assert subtree["expected"] == 17
    park = ask(by("zheng"), indicator="IND08", period=MONTH)
    assert park["expected"] == 1
    for name, other in (("qian", ENTERPRISE), ("sun", "EX-33-34-01"), ("zheng", "EX-44-34-01"), ("wang", ENTERPRISE)):
        answer = by(name).get(API, params={"indicator": "IND08", "period": MONTH, "enterprise": other})
        assert answer.status_code == 403, name
    assert by("sun").get(API, params={"period": MONTH, "region": "33"}).status_code == 404


def test_events_are_for_those_who_report_and_others_see_what_the_return_says_of_them(
    by: Callable[[str], Caller],
) -> None:
    query = {"indicator": "IND12", "period": MONTH, "enterprise": ENTERPRISE, "line": "waste_used_t"}
    assert ask(by("zhao"), **query)["line"]["events"]
    seen = ask(by("sun"), **query)["line"]
    assert (seen["events"], seen["events_closed"]) == ([], "role")
    assert seen["source"]["events"] > 0
    other = {**query, "enterprise": "EX-44-34-01"}
    assert ask(by("wei"), **other)["line"]["events_closed"] == "not_own"


def test_peers_are_told_to_those_who_may_see_them_and_to_nobody_else(by: Callable[[str], Caller]) -> None:
    query = {"indicator": "IND08", "period": MONTH, "enterprise": ENTERPRISE}
    found = good(by("wei").get(f"{API}/peers", params=query))
    one = found["unit"]
    assert one["unit"] == ENTERPRISE and one["rank"] == one["low"] == one["high"] and not found["errors"]
    assert 0 <= one["low_share"] <= one["share"] <= one["high_share"] <= 1
    subtree = good(by("sun").get(f"{API}/peers", params={"indicator": "IND08", "period": MONTH}))
    assert {row["unit"] for row in subtree["league"]} < {row["unit"] for row in found["league"]}
    assert all("-44-" in row["unit"] or row["unit"] == ENTERPRISE for row in subtree["league"])
    assert by("wang").get(f"{API}/peers", params=query).status_code == 403
    assert by("qian").get(f"{API}/peers", params=query).status_code in (404, 422)  # of one's own alone, no league


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"indicator": "IND99"}, 404),
        ({"period": "2025-13"}, 422),
        ({"region": "99"}, 404),
        ({"industry": "34'; drop table event"}, 404),
        ({"by": "size"}, 422),
        ({"line": "water_m3"}, 404),
        ({"enterprise": "nobody"}, 403),
        ({"enterprise": ENTERPRISE, "region": "33"}, 404),
        ({"enterprise": ENTERPRISE, "line": "nothing"}, 422),
        ({"offset": "-1"}, 422),
    ],
)
def test_what_does_not_exist_is_refused_with_a_next_step(
    by: Callable[[str], Caller], query: dict[str, str], status: int
) -> None:
    answer = by("wei").get(API, params={"period": MONTH, **query})
    assert answer.status_code == status, answer.text
    assert answer.json()["fix"]


# ------------------------------------------------------------------- attack


def collected(caller: Caller, indicator: str, month: str) -> dict[tuple[str, str], dict[str, set[float]]]:
    """All that one person can fetch of an indicator and a month: by cell and quantity every number that was told."""
    found: dict[tuple[str, str], dict[str, set[float]]] = {}

    def keep(region: str, industry: str, told: dict[str, Any]) -> None:
        place = found.setdefault((region, industry), {})
        for key in ("value", "numerator", "denominator", "returned"):
            if told.get(key) not in (None, ""):
                place.setdefault(key, set()).add(float(told[key]))

    def visit(region: str, industry: str, **more: str) -> None:
        query = {"indicator": indicator, "period": month, "region": region, "industry": industry, **more}
        answer = caller.get(API, params={key: value for key, value in query.items() if value})
        if answer.status_code != 200:
            return
        node = answer.json()
        keep(region, industry, node)
        for one in node["children"]:
            assert node["by"] in ("region", "industry")
            place = {"region": region, "industry": industry, node["by"]: one["code"]}
            keep(place["region"], place["industry"], one)
            if one["contribution"] is not None:  # the parent's denominator times this gives the numerator
                assert node["denominator"] is not None
                assert one["withheld"] is None

    regions, industries = ("", "32", "33", "37", "44", "51", "61"), ("", "34", "35", "39")
    for region, industry in itertools.product(regions, industries):
        visit(region, industry)
    visit("", "", by="industry")
    for form in ("json", "csv", "xlsx"):
        answer = caller.get(
            f"{API}/table", params={"indicator": indicator, "period": month, "format": form, "lang": "en"}
        )
        assert answer.status_code == 200
        if form == "json":
            rows = answer.json()["rows"]
        elif form == "csv":
            text = io.BytesIO(answer.content.removeprefix(b"\xef\xbb\xbf"))
            frame = pl.read_csv(text, infer_schema=False)
            rows = frame.rename({"Region code": "region", "Industry code": "industry", "Value": "value",
                                 "Numerator": "numerator", "Denominator": "denominator",
                                 "Returned": "returned"}).to_dicts()  # fmt: skip
        else:
            sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
            assert sheet is not None
            lines = list(sheet.iter_rows(values_only=True))
            at = next(k for k, line in enumerate(lines) if "Region code" in line)
            rows = [
                {
                    str(name).lower().replace(" code", ""): cell
                    for name, cell in zip(lines[at], line, strict=True)
                    if name
                }
                for line in lines[at + 1 :]
            ]
            rows = [{**row, "region": row["region"] or "", "industry": row["industry"] or ""} for row in rows]
        for row in rows:
            keep(row["region"] or "", row["industry"] or "", row)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("month", MONTHS)
def test_no_answer_and_no_export_tells_a_withheld_cell_nor_can_it_be_worked_out(
    by: Callable[[str], Caller], rollup: RollupDesk, name: str, month: str
) -> None:
    caller, actor = by(name), Actor(name=name, role=PEOPLE[name][0].value, unit=PEOPLE[name][1])
    whole = rollup.month(rollup.scope(actor), month)
    assert whole.guard is not None
    hidden_somewhere = False
    told_by_item: dict[tuple[str, ...], np.ndarray[Any, Any]] = {}
    for indicator, definition in told_definitions().items():
        if name not in ("wang", "feng") and indicator not in ("IND01", "IND07", "IND08"):
            continue  # the others have the scope of wang, which is attacked in full
        found = collected(caller, indicator, month)
        axes = whole.guard.axes
        codes = [["", *axis.codes[1:]] for axis in axes]
        # what was not told, from the answers alone
        sides = {}
        for side in ("numerator", "denominator", "value"):
            told = np.array([[bool(found.get((r, i), {}).get(side)) for i in codes[1]] for r in codes[0]])
            sides[side] = ~told
        count = whole.guard.tables[indicator][0].count
        assert (sides["numerator"] == sides["denominator"])[count > 0].all()
        assert (sides["value"] >= sides["numerator"])[count > 0].all()
        hidden = sides["numerator"] & (count > 0)
        hidden_somewhere |= bool(hidden.any())
        formula = definition.formula
        for table, terms in zip(whole.guard.tables[indicator], (formula.numerator, formula.denominator), strict=True):
            reason, level = primary(table, rule_named() if formula.of == "ratio" else rule_named("count_only"))
            assert hidden.reshape(-1)[np.flatnonzero(reason.reshape(-1) != "")].all(), indicator
            if formula.of == "ratio":  # indicators that share an item: the attacker has the cells of all of them
                key = (*sorted(terms), str(count.tobytes()))
                known = told_by_item.get(key)
                told_by_item[key] = hidden if known is None else hidden & known
                _stays_unsure(table, told_by_item[key], level, indicator)
        _stays_unsure(whole.guard.tables[indicator][0], hidden, np.zeros(hidden.shape), indicator)
    assert hidden_somewhere
    if not actor.unit:  # too few in one province, its neighbour in the sum, and a cell that only hides another
        reasons = set(whole.guard.reason["IND01"].reshape(-1).tolist())
        assert {"", "minimum", "dominance", "secondary"} <= reasons
        assert {str(one) for one in whole.guard.reason["IND01"][1:, 0]} >= {"minimum", "secondary"}


def _stays_unsure(table: Any, hidden: Any, level: Any, indicator: str) -> None:
    """No withheld cell is known to the attacker, and none with a protection level closer than that."""
    cells, low, high = bounds(table, hidden)
    value = table.value.reshape(-1)[cells]
    assert (high - low > 0.02 * value).all(), indicator
    need = level.reshape(-1)[cells] * (1 - 1e-6)
    assert (high - value >= need).all(), indicator
    assert (value - low >= np.minimum(need, value)).all(), indicator


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOSED)
def test_a_withheld_cell_cannot_be_added_up_from_single_returns(
    by: Callable[[str], Caller], rollup: RollupDesk, name: str
) -> None:
    """Every route that speaks of one enterprise is asked about each enterprise of a withheld cell."""
    caller, role, unit = by(name), PEOPLE[name][0].value, PEOPLE[name][1]
    whole = rollup.month(rollup.scope(Actor(name=name, role=role, unit=unit)), MONTH)
    every = rollup.returns.all()
    hidden = {
        (region, industry)
        for region, industry in whole.expected
        if whole.cell("IND07", region, industry).withheld  # energy over value added
    }
    members = [one for one, r, i in zip(whole.names, whole.region, whole.industry, strict=True) if (r, i) in hidden]
    assert hidden
    assert members
    draft = {"values": {"revenue_cny": 1.0}}
    for one in members:
        version = every[one, MONTH].public
        assert version is not None
        secret = {f"{value:.6g}" for value in version.values.values() if value and value > 1000}
        assert len(secret) > 10
        path = f"/api/v1/returns/{one}/{MONTH}"
        answers = [caller.get(path + what) for what in ("", "/before", "/filled", "/form", "/facts/revenue_cny")]
        later = f"/api/v1/returns/{one}/{MONTH[:5]}{int(MONTH[5:]) + 1:02d}"
        answers += [caller.get(f"{later}/before"), caller.post(f"{path}/check", json=draft)]
        answers += [caller.get(path, params={"as_of": "2099-01-01T00:00:00Z"})]
        answers += [caller.get("/api/v1/returns", params={"unit": one, "period": MONTH})]
        answers += [caller.get(API, params={"period": MONTH, "enterprise": one, "line": "revenue_cny"})]
        assert answers[0].json()["state"] == "published"
        assert answers[0].json()["versions"] == []
        assert answers[3].status_code == 403
        for answer in answers:
            assert not answer.content.startswith(b"PK"), "a workbook of single figures"
            told = {f"{float(text):.6g}" for text in re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", answer.text)}
            assert not told & secret, (one, answer.url)


@pytest.mark.parametrize("name", CLOSED)
def test_those_who_see_no_enterprise_get_no_enterprise_from_any_address(by: Callable[[str], Caller], name: str) -> None:
    caller = by(name)
    for indicator in ("IND07", "IND08", "IND12"):
        query = {"indicator": indicator, "period": MONTH, "region": "44", "industry": "34"}
        answer = caller.get(API, params=query)
        assert "EX-44" not in answer.text
        assert ENTERPRISE not in answer.text
        for line in ("", "waste_used_t", "revenue_cny"):
            deeper = caller.get(API, params={**query, "enterprise": ENTERPRISE, "line": line})
            assert deeper.status_code == 403
            assert "value" not in deeper.json()


def test_every_route_of_the_roll_up_needs_somebody(served_desk: Desk, by: Callable[[str], Caller]) -> None:
    app = by("wei").app
    paths = [path for path in by("wei").get("/api/v1/openapi.json").json()["paths"] if path.startswith(API)]
    assert sorted(paths) == [API, f"{API}/indicators", f"{API}/peers", f"{API}/periods", f"{API}/spans", f"{API}/table"]
    for path in paths:
        assert Caller(app).get(path).status_code == 401
