"""The report: one self-contained HTML file, figures first, then why to believe them, then what to do."""

from zhizao.pilot.report.page import report_html, write_report

__all__ = ["report_html", "write_report"]
