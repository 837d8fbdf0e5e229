"""Where indicators stand and where they go: states, probabilities, outlook with tested intervals, evaluation report."""

from zhizao.programme.outlook.adjust import Adjustment, adjust
from zhizao.programme.outlook.attain import attainment, start_of
from zhizao.programme.outlook.backtest import (
    HORIZONS,
    KINDS,
    Coverage,
    OwnTest,
    generated_coverage,
    own_coverage,
    released_coverage,
)
from zhizao.programme.outlook.evaluate import FAN, Evaluation, Fan, IndicatorResult, Settings, evaluate
from zhizao.programme.outlook.figures import Scale, figure_of, figures_of, scale_of
from zhizao.programme.outlook.judge import Judgement, State, judge, probability
from zhizao.programme.outlook.result import evaluation_json, freeze, sha256_of, thaw
from zhizao.programme.outlook.track import Point, Track, Tracks, day_of, tracks_of
from zhizao.programme.outlook.trend import Mixture, Trend
from zhizao.programme.outlook.values import ValuesRead, values_of

__all__ = [
    "FAN",
    "HORIZONS",
    "KINDS",
    "Adjustment",
    "Coverage",
    "Evaluation",
    "Fan",
    "IndicatorResult",
    "Judgement",
    "Mixture",
    "OwnTest",
    "Point",
    "Scale",
    "Settings",
    "State",
    "Track",
    "Tracks",
    "Trend",
    "ValuesRead",
    "adjust",
    "attainment",
    "day_of",
    "evaluate",
    "evaluation_json",
    "figure_of",
    "figures_of",
    "freeze",
    "generated_coverage",
    "judge",
    "own_coverage",
    "probability",
    "released_coverage",
    "scale_of",
    "sha256_of",
    "start_of",
    "thaw",
    "tracks_of",
    "values_of",
]
