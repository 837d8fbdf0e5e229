"""Warn: over-capacity by industry, quality by region and product, concentration of supply, exposure of trade.

Charts of `zhizao.decide.monitor` on economic series, combined by a stated rule under a budget of false alarms; each warning
with evidence, what can be done, and how good such warnings have been on the past of the same data. See docs/alerts.md.
"""

from __future__ import annotations

from zhizao.programme.alerts.calibrate import Curve, calibrate
from zhizao.programme.alerts.capacity import Utilisation, dea_utilisation, peak_to_peak
from zhizao.programme.alerts.columns import kinds_in, read_month, settle
from zhizao.programme.alerts.concentration import Lines, concentration_alerts, trade_alerts
from zhizao.programme.alerts.graph import cut_points, reach
from zhizao.programme.alerts.overcapacity import OverCapacity, SignalHistory, over_capacity
from zhizao.programme.alerts.panel import Panel, panel_of
from zhizao.programme.alerts.quality import QualityFound, quality_alerts
from zhizao.programme.alerts.replay import Fall, Replayed, Spell, date_falls, fixed_line, replay, replay_versions, score
from zhizao.programme.alerts.signals import SIGNALS, Signal
from zhizao.programme.alerts.warning import Action, Alert, CannotJudge, Evidence, Record, as_json
from zhizao.programme.alerts.watch import Rule

__all__ = [
    "SIGNALS",
    "Action",
    "Alert",
    "CannotJudge",
    "Curve",
    "Evidence",
    "Fall",
    "Lines",
    "OverCapacity",
    "Panel",
    "QualityFound",
    "Record",
    "Replayed",
    "Rule",
    "Signal",
    "SignalHistory",
    "Spell",
    "Utilisation",
    "as_json",
    "calibrate",
    "concentration_alerts",
    "cut_points",
    "date_falls",
    "dea_utilisation",
    "fixed_line",
    "kinds_in",
    "over_capacity",
    "panel_of",
    "peak_to_peak",
    "quality_alerts",
    "reach",
    "read_month",
    "replay",
    "replay_versions",
    "score",
    "settle",
    "trade_alerts",
]  # fmt: skip
