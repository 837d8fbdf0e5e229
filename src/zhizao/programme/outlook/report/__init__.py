"""The evaluation report: one HTML file in the layout officials use, made the same from the same inputs, to be verified."""

from zhizao.programme.outlook.report.page import Cover, report_html

__all__ = ["Cover", "report_html"]
