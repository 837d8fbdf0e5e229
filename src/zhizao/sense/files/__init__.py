"""Production records from files: read, recognise columns, convert, and account for every row."""

from zhizao.sense.files.mapping import Mapping
from zhizao.sense.files.reading import Reading, check_needed, explain, read_records
from zhizao.sense.files.rejections import cause_words, write_rejections
from zhizao.sense.files.said import Said, in_lang

__all__ = [
    "Mapping",
    "Reading",
    "Said",
    "cause_words",
    "check_needed",
    "explain",
    "in_lang",
    "read_records",
    "write_rejections",
]
