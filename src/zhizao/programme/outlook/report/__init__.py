"""The evaluation report: one HTML file in the layout officials use, made the same from the same inputs, to be verified."""

from zhizao.programme.outlook.report.page import EDITION, Cover, report_html

__all__ = ["EDITION", "Cover", "report_html"]
