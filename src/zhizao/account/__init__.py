"""What it brought: production cycle, operating cost, defect rate and the ISO 22400-2 figures, as pure functions."""

from zhizao.account.calendar import WorkingHours, working_hours
from zhizao.account.cost import OperatingCost, operating_cost
from zhizao.account.cycle import STATES, ProductionCycle, production_cycle
from zhizao.account.defect import DefectRate, defect_rate
from zhizao.account.figure import Figure
from zhizao.account.ledger import COMPONENTS, Ledger, keep_book
from zhizao.account.three import ThreeFigures, three_figures

__all__ = [
    "COMPONENTS",
    "STATES",
    "DefectRate",
    "Figure",
    "Ledger",
    "OperatingCost",
    "ProductionCycle",
    "ThreeFigures",
    "WorkingHours",
    "defect_rate",
    "keep_book",
    "operating_cost",
    "production_cycle",
    "three_figures",
    "working_hours",
]
