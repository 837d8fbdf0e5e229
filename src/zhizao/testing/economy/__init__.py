"""An economy that does not exist, of any size, whose truth is known: returns, errors, made-up figures, revisions."""

from zhizao.testing.economy.generate import generate, plan_economy
from zhizao.testing.economy.store import Economy, read_economy, read_part
from zhizao.testing.economy.truth import ITEMS, SIZES, Overcapacity, Truth, truth

__all__ = [
    "ITEMS",
    "SIZES",
    "Economy",
    "Overcapacity",
    "Truth",
    "generate",
    "plan_economy",
    "read_economy",
    "read_part",
    "truth",
]
