"""Indicators as versioned data: what is measured, how it rolls up, and which targets it has."""

from zhizao.programme.indicators.actuals import Actuals, Observation, Said, Series, Source, actuals, read_actuals
from zhizao.programme.indicators.catalogue import Catalogue, TargetSet, catalogue, definitions
from zhizao.programme.indicators.definition import Definition, Formula, Goal, Kind, Part, Step, Target
from zhizao.programme.indicators.table import PlanTable, Row, plan_table, print_target, print_value

__all__ = [
    "Actuals",
    "Catalogue",
    "Definition",
    "Formula",
    "Goal",
    "Kind",
    "Observation",
    "Part",
    "PlanTable",
    "Row",
    "Said",
    "Series",
    "Source",
    "Step",
    "Target",
    "TargetSet",
    "actuals",
    "catalogue",
    "definitions",
    "plan_table",
    "print_target",
    "print_value",
    "read_actuals",
]
