"""The effect of a programme on enterprises: differences in differences, event study, synthetic control, and honesty."""

from zhizao.programme.effect.evaluation import Finding, Reason, Specification, evaluate
from zhizao.programme.effect.panel import NEVER, Panel
from zhizao.programme.effect.staggered import EventStudy, GroupTime, event_study, group_time, overall, simultaneous
from zhizao.programme.effect.synthetic import Synthetic, simplex_weights, synthetic_control
from zhizao.programme.effect.trends import Honest, PreTrend, honest_bounds, pre_trend
from zhizao.programme.effect.twfe import Estimate, clustered_variance, interval, two_by_two, two_way_fixed_effects

__all__ = [
    "NEVER",
    "Estimate",
    "EventStudy",
    "Finding",
    "GroupTime",
    "Honest",
    "Panel",
    "PreTrend",
    "Reason",
    "Specification",
    "Synthetic",
    "clustered_variance",
    "evaluate",
    "event_study",
    "group_time",
    "honest_bounds",
    "interval",
    "overall",
    "pre_trend",
    "simplex_weights",
    "simultaneous",
    "synthetic_control",
    "two_by_two",
    "two_way_fixed_effects",
]
