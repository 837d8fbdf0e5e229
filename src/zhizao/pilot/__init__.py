"""Before, after, target: the three figures against 30 % and 50 %."""

from zhizao.pilot.levers import Lever
from zhizao.pilot.monday import monday_tables, write_monday
from zhizao.pilot.report import report_html, write_report
from zhizao.pilot.result import PilotResult, RecordsAccount
from zhizao.pilot.run import Pilot, run_pilot

__all__ = [
    "Lever",
    "Pilot",
    "PilotResult",
    "RecordsAccount",
    "monday_tables",
    "report_html",
    "run_pilot",
    "write_monday",
    "write_report",
]
