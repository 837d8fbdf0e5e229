"""Who does what when: problem, dispatch rules, exact and local search, and a checker that stands apart."""

from zhizao.decide.schedule.check import check
from zhizao.decide.schedule.planner import choices, dispatch_list, planned, priorities
from zhizao.decide.schedule.problem import FOREVER, Objective, Problem
from zhizao.decide.schedule.rules import RULES, by_rule
from zhizao.decide.schedule.schedule import Result, Schedule, Status, Step, figures, value
from zhizao.decide.schedule.search import prepare, solve
from zhizao.decide.schedule.stop import Progress, Rounds, Seconds, Stop, either

__all__ = [
    "FOREVER", "RULES", "Objective", "Problem", "Progress", "Result", "Rounds", "Schedule", "Seconds", "Status", "Step",
    "Stop", "by_rule", "check", "choices", "dispatch_list", "either", "figures", "planned", "prepare", "priorities", "solve", "value",
]  # fmt: skip
