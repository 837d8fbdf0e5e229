"""The sample plant: records of a plant that does not exist, whose truth is therefore known."""

from zhizao.testing.sample.plants import best_levers, truth
from zhizao.testing.sample.records import Written, generate, records, write_records
from zhizao.testing.sample.run import run_plant
from zhizao.testing.sample.truth import Truth
from zhizao.testing.sample.words import HEADINGS

__all__ = [
    "HEADINGS",
    "Truth",
    "Written",
    "best_levers",
    "generate",
    "records",
    "run_plant",
    "truth",
    "write_records",
]
