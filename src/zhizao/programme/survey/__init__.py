"""The sample survey: a panel designed and drawn, its figures estimated with standard errors, small areas among them."""

from zhizao.programme.survey.allocate import Allocation, allocate, expected_cv, expected_half_width, fewest
from zhizao.programme.survey.calibrate import Auxiliary, auxiliary, calibrate, post_stratify, trim
from zhizao.programme.survey.columns import Groups, groups, numbers
from zhizao.programme.survey.design import Design
from zhizao.programme.survey.estimate import mean, proportion, quantile, ratio, total
from zhizao.programme.survey.estimates import EstimateRow, Estimates
from zhizao.programme.survey.panel import Changes, Panel, draw, inherit, permanent_numbers, redraw
from zhizao.programme.survey.replicate import Replicates, balanced, bootstrap, jackknife, recalibrate, successive
from zhizao.programme.survey.response import Winsorised, propensity_classes, respond, winsorise
from zhizao.programme.survey.smallarea import SmallAreas, fay_herriot
from zhizao.programme.survey.strata import Moments, Strata, assign, moments, stratify, take_all_cutoff

__all__ = [
    "Allocation",
    "Auxiliary",
    "Changes",
    "Design",
    "EstimateRow",
    "Estimates",
    "Groups",
    "Moments",
    "Panel",
    "Replicates",
    "SmallAreas",
    "Strata",
    "Winsorised",
    "allocate",
    "assign",
    "auxiliary",
    "balanced",
    "bootstrap",
    "calibrate",
    "draw",
    "expected_cv",
    "expected_half_width",
    "fay_herriot",
    "fewest",
    "groups",
    "inherit",
    "jackknife",
    "mean",
    "moments",
    "numbers",
    "permanent_numbers",
    "post_stratify",
    "propensity_classes",
    "proportion",
    "quantile",
    "ratio",
    "recalibrate",
    "redraw",
    "respond",
    "stratify",
    "successive",
    "take_all_cutoff",
    "total",
    "trim",
    "winsorise",
]
