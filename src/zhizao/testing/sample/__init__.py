"""The sample plant: records of a plant that does not exist, whose truth is therefore known."""

from zhizao.testing.sample.plants import best_levers, truth
from zhizao.testing.sample.records import HEADINGS, Written, generate, records, write_records
from zhizao.testing.sample.run import run_plant
from zhizao.testing.sample.truth import Truth

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
