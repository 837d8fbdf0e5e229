"""From returns to figures of groups: exact sums, constant prices, kinds of indicator, drill-down, coverage, vintages."""

from zhizao.programme.rollup.coverage import Coverage, coverage
from zhizao.programme.rollup.cube import NEVER, Axes, Cube, Revisions, as_of
from zhizao.programme.rollup.drill import Parts, open_figure
from zhizao.programme.rollup.figures import LEVELS, Deflators, Figures, all_figures, figure_of, figures, ratios_of
from zhizao.programme.rollup.guard import Guard, contributions, guard_of, shared_pattern
from zhizao.programme.rollup.months import month_label, month_number
from zhizao.programme.rollup.sums import (
    Grid,
    Plan,
    Sums,
    computable,
    grid_of,
    magnitudes,
    partitioned,
    plan_of,
    sums_of,
)
from zhizao.programme.rollup.vintages import Triangle, revision_triangle

__all__ = [
    "LEVELS",
    "NEVER",
    "Axes",
    "Coverage",
    "Cube",
    "Deflators",
    "Figures",
    "Grid",
    "Guard",
    "Parts",
    "Plan",
    "Revisions",
    "Sums",
    "Triangle",
    "all_figures",
    "as_of",
    "computable",
    "contributions",
    "coverage",
    "figure_of",
    "figures",
    "grid_of",
    "guard_of",
    "magnitudes",
    "month_label",
    "month_number",
    "open_figure",
    "partitioned",
    "plan_of",
    "ratios_of",
    "revision_triangle",
    "shared_pattern",
    "sums_of",
]
