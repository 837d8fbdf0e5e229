"""The monthly return of an enterprise: filled from its journal, submitted, reviewed up a tree, published."""

from zhizao.programme.returns.factors import Factor, shipped_factors
from zhizao.programme.returns.fill import Filled, Line, fill_return
from zhizao.programme.returns.machine import Ask, Done, Refusal, Return, State, Version, advance, fold, may_follow
from zhizao.programme.returns.month import bounds, check_month, due, month_before, months_until
from zhizao.programme.returns.reminders import Owed, deadline, owed
from zhizao.programme.returns.roles import ACTIONS, Sight, check, seen, sight, steps_for
from zhizao.programme.returns.steps import (
    Actor,
    Corrected,
    Published,
    Reopened,
    Reviewed,
    Step,
    Submitted,
    Withdrawn,
    payload_of,
    step_of,
)
from zhizao.programme.returns.template import Form, read_form, write_form
from zhizao.programme.returns.tree import Level, Tree, Unit, tree_of_one
from zhizao.programme.returns.values import check_values, differences

__all__ = [
    "ACTIONS",
    "Actor",
    "Ask",
    "Corrected",
    "Done",
    "Factor",
    "Filled",
    "Form",
    "Level",
    "Line",
    "Owed",
    "Published",
    "Refusal",
    "Reopened",
    "Return",
    "Reviewed",
    "Sight",
    "State",
    "Step",
    "Submitted",
    "Tree",
    "Unit",
    "Version",
    "Withdrawn",
    "advance",
    "bounds",
    "check",
    "check_month",
    "check_values",
    "deadline",
    "differences",
    "due",
    "fill_return",
    "fold",
    "may_follow",
    "month_before",
    "months_until",
    "owed",
    "payload_of",
    "read_form",
    "seen",
    "shipped_factors",
    "sight",
    "step_of",
    "steps_for",
    "tree_of_one",
    "write_form",
]
