"""What it brought: production cycle, operating cost, defect rate and the ISO 22400-2 figures, as pure functions."""

from zhizao.account.calendar import WorkingHours, working_hours
from zhizao.account.cost import OperatingCost, operating_cost
from zhizao.account.cycle import STATES, ProductionCycle, production_cycle
from zhizao.account.defect import DefectRate, defect_rate
from zhizao.account.figure import Figure
from zhizao.account.iso import IsoFigures, evidence, iso22400
from zhizao.account.kpi import ELEMENTS, KPIS, Kpi, KpiValue, evaluate, sum_elements
from zhizao.account.ledger import COMPONENTS, Ledger, keep_book
from zhizao.account.losses import MACHINE_STATES, Losses, losses, machine_states, trend, work_in_progress
from zhizao.account.three import ThreeFigures, three_figures
from zhizao.account.words import name_of, reason_of

__all__ = [
    "COMPONENTS",
    "ELEMENTS",
    "KPIS",
    "MACHINE_STATES",
    "STATES",
    "DefectRate",
    "Figure",
    "IsoFigures",
    "Kpi",
    "KpiValue",
    "Ledger",
    "Losses",
    "OperatingCost",
    "ProductionCycle",
    "ThreeFigures",
    "WorkingHours",
    "defect_rate",
    "evaluate",
    "evidence",
    "iso22400",
    "keep_book",
    "losses",
    "machine_states",
    "name_of",
    "operating_cost",
    "production_cycle",
    "reason_of",
    "sum_elements",
    "three_figures",
    "trend",
    "work_in_progress",
    "working_hours",
]
