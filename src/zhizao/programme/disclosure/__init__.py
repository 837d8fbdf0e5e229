"""Disclosure control: what may be told of groups without telling of one enterprise."""

from zhizao.programme.disclosure.attack import bounds, exposed, stays_unsure
from zhizao.programme.disclosure.protect import Method, ProtectedTable, protect
from zhizao.programme.disclosure.rule import REASONS, Rule, primary, rule_named
from zhizao.programme.disclosure.table import TOTAL, Axis, Table, flat_table, tree_axis

__all__ = [
    "REASONS",
    "TOTAL",
    "Axis",
    "Method",
    "ProtectedTable",
    "Rule",
    "Table",
    "bounds",
    "exposed",
    "flat_table",
    "primary",
    "protect",
    "rule_named",
    "stays_unsure",
    "tree_axis",
]
