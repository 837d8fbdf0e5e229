"""What was measured: every sample of every signal, kept and found again."""

from zhizao.record.historian.historian import FLUSH_ROWS, Historian
from zhizao.record.historian.ledger import LEDGER_SCHEMA
from zhizao.record.historian.reading import FIGURES_SCHEMA, RANGE_SCHEMA, STATES_SCHEMA
from zhizao.record.historian.segment import Rows

__all__ = [
    "FIGURES_SCHEMA",
    "FLUSH_ROWS",
    "LEDGER_SCHEMA",
    "RANGE_SCHEMA",
    "STATES_SCHEMA",
    "Historian",
    "Rows",
]
