"""The sample plant: records of a plant that does not exist, whose truth is therefore known."""

from zhizao.testing.sample.beside import ENTERPRISE
from zhizao.testing.sample.books import BOOK_TRUTH, Books, accounts_of
from zhizao.testing.sample.flows import FLOW_TRUTH, Flows, readings
from zhizao.testing.sample.plants import best_levers, truth
from zhizao.testing.sample.records import Written, generate, records, write_records
from zhizao.testing.sample.run import run_plant
from zhizao.testing.sample.truth import Truth
from zhizao.testing.sample.words import HEADINGS

__all__ = [
    "BOOK_TRUTH",
    "ENTERPRISE",
    "FLOW_TRUTH",
    "HEADINGS",
    "Books",
    "Flows",
    "Truth",
    "Written",
    "accounts_of",
    "best_levers",
    "generate",
    "readings",
    "records",
    "run_plant",
    "truth",
    "write_records",
]
