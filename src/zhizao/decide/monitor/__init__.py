"""Watching: learn what is normal, then judge one reading at a time.

The contract (`Monitor`, `Verdict`) and the few charts that economic series need: `Individuals`, `Ewma`, `Cusum` for
independent readings, `LevelChange` for a level that moved at an unknown time, `Residual` for series with season and memory.
Limits follow from a wanted in-control run length (`arl`); `sweep` runs EWMA and CUSUM over many streams at full speed.
"""

from __future__ import annotations

from zhizao.decide.monitor.arl import cusum_arl, cusum_limit, ewma_arl, ewma_limit, shewhart_arl, shewhart_limit
from zhizao.decide.monitor.chart import Chart, load
from zhizao.decide.monitor.charts import Cusum, Ewma, Individuals
from zhizao.decide.monitor.level import LevelChange, level_limit
from zhizao.decide.monitor.residual import Residual
from zhizao.decide.monitor.sweep import Sweep
from zhizao.decide.monitor.verdict import RULES, Monitor, Verdict, Verdicts

__all__ = [
    "RULES",
    "Chart",
    "Cusum",
    "Ewma",
    "Individuals",
    "LevelChange",
    "Monitor",
    "Residual",
    "Sweep",
    "Verdict",
    "Verdicts",
    "cusum_arl",
    "cusum_limit",
    "ewma_arl",
    "ewma_limit",
    "level_limit",
    "load",
    "shewhart_arl",
    "shewhart_limit",
]
