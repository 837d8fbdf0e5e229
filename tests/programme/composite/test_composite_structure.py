"""A structure that exists is whole; what is wrong with one is said all at once."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from zhizao.errors import FaultsFound, InputError
from zhizao.programme.composite import Node, Structure, Units


def codes_of(error: pytest.ExceptionInfo[FaultsFound]) -> set[str]:
    return {fault.code for fault in error.value.faults}


def test_children_stand_before_their_parent_and_the_index_last():
    tree = Structure.of([Node("top"), Node("b", "high"), Node("high", "top"), Node("a", "top"), Node("c", "high")])
    assert [node.code for node in tree.nodes] == ["b", "a", "c", "high", "top"]
    assert tree.codes == ("b", "a", "c")
    assert [group.level for group in tree.groups] == [2, 3]


def test_a_circle_is_refused():
    with pytest.raises(FaultsFound) as error:
        Structure.of([Node("a", "x"), Node("x", "y"), Node("y", "x"), Node("top"), Node("b", "top")])
    assert "cycle" in codes_of(error)


def test_every_fault_is_told_together():
    nodes = [Node("a", "I"), Node("a", "I"), Node("b", "nowhere"), Node("c", "I", weight=-1), Node("I"), Node("J")]
    with pytest.raises(FaultsFound) as error:
        Structure.of(nodes)
    assert {"duplicate_code", "unknown_parent", "bad_weight", "no_single_top"} <= codes_of(error)


@pytest.mark.parametrize("weights", [(0.0, 0.0), (0.3, 0.4)])
def test_weights_that_sum_to_nothing_or_are_shares_that_do_not_sum_are_refused(weights: tuple[float, float]):
    with pytest.raises(FaultsFound) as error:
        Structure.of([Node("a", "I", weights[0]), Node("b", "I", weights[1]), Node("I")])
    assert codes_of(error) == {"weights_do_not_sum"}


def test_shares_that_sum_to_one_and_relative_weights_are_taken():
    assert Structure.of([Node("a", "I", 0.3), Node("b", "I", 0.7), Node("I")])
    assert Structure.of([Node("a", "I", 2), Node("b", "I", 0.5), Node("I")])


def test_a_coinr_table_and_a_chinese_one_give_the_same_structure():
    coinr = [
        {
            "Level": 1,
            "iCode": "a",
            "Direction": -1,
            "Weight": "0.5",
            "Parent": "I",
            "Type": "Indicator",
            "Denominator": "g",
        },
        {
            "Level": 1,
            "iCode": "b",
            "Direction": 1,
            "Weight": 0.5,
            "Parent": "I",
            "Type": "Indicator",
            "Denominator": "NA",
        },
        {
            "Level": 2,
            "iCode": "I",
            "Direction": 1,
            "Weight": 1,
            "Parent": None,
            "Type": "Aggregate",
            "Denominator": None,
        },
        {"Level": "NA", "iCode": "g", "Direction": None, "Weight": None, "Parent": None, "Type": "Denominator"},
        {"Level": "NA", "iCode": "zone", "Direction": None, "Weight": None, "Parent": None, "Type": "Group"},
    ]
    chinese = [
        {"代码": "a", "方向": -1, "权重": 0.5, "上级": "I", "类型": "指标", "分母": "g"},
        {"代码": "b", "方向": 1, "权重": 0.5, "上级": "I", "类型": "指标", "分母": ""},
        {"代码": "I", "方向": 1, "权重": 1, "上级": "", "类型": "汇总", "分母": ""},
        {"代码": "zone", "类型": "分组"},
    ]
    one, two = Structure.of_rows(coinr), Structure.of_rows(chinese)
    assert [(n.code, n.parent, n.weight, n.direction, n.denominator) for n in one.nodes] == [
        (n.code, n.parent, n.weight, n.direction, n.denominator) for n in two.nodes
    ]
    assert one.groupings == two.groupings == ("zone",)


def test_a_row_that_cannot_be_read_is_named():
    with pytest.raises(FaultsFound) as error:
        Structure.of_rows([{"code": "a", "parent": "I", "weight": "heavy"}, {"code": "I", "parent": "", "weight": 1}])
    assert "a, weight" in str(error.value.faults[0]) and codes_of(error) == {"bad_number"}
    with pytest.raises(InputError, match="parent"):
        Structure.of_rows([{"code": "a"}])


TREE = Structure.of([Node("a", "I", denominator="size"), Node("b", "I"), Node("I")])


def test_units_are_read_from_text_with_gaps():
    frame = pl.DataFrame({"unit": ["x", "y"], "a": ["1,000", "NA"], "b": ["2", " 3 "], "size": ["10", "20"]})
    units = Units.of(frame, TREE)
    assert units.names == ("x", "y")
    assert units.x[0].tolist() == [1000.0, 2.0] and np.isnan(units.x[1, 0])
    assert units.by.tolist() == [[10.0, 1.0], [20.0, 1.0]]


def test_bad_cells_double_units_and_unknown_codes_are_told_together():
    frame = pl.DataFrame({"unit": ["x", "x", "z"], "a": ["1", "two", "3"], "b": [None, "", "NA"]})
    with pytest.raises(FaultsFound) as error:
        Units.of(frame, TREE)
    assert codes_of(error) == {"duplicate_unit", "bad_number", "unknown_code", "all_missing"}


def test_a_code_that_the_results_need_for_themselves_is_refused():
    with pytest.raises(FaultsFound) as error:
        Structure.of([Node("Rank", "I"), Node("b", "I"), Node("I")])
    assert codes_of(error) == {"reserved"}
