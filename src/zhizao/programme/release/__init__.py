"""Data release: what may be seen when and by whom, as SDMX-CSV and as a workbook."""

from zhizao.programme.release.calendar import RULES, Release, RoleRule, check_calendar, due, may_see, visible
from zhizao.programme.release.codes import ACTIONS, CONF_STATUS, OBS_STATUS
from zhizao.programme.release.dataset import Dataset, Metadata
from zhizao.programme.release.sdmx import MIME, Message, read_sdmx_csv, write_sdmx_csv
from zhizao.programme.release.workbook import release_workbook, tables_workbook

__all__ = [
    "ACTIONS",
    "CONF_STATUS",
    "MIME",
    "OBS_STATUS",
    "RULES",
    "Dataset",
    "Message",
    "Metadata",
    "Release",
    "RoleRule",
    "check_calendar",
    "due",
    "may_see",
    "read_sdmx_csv",
    "release_workbook",
    "tables_workbook",
    "visible",
    "write_sdmx_csv",
]
