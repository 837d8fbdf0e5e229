"""Alarms by ISA-18.2 and IEC 62682: life cycle, judging samples, the list, health figures, replay of a proposal."""

from zhizao.decide.alarms.cycle import Act, Life, State, step
from zhizao.decide.alarms.health import Figure, Raised, chattering, health
from zhizao.decide.alarms.judge import Judge, Turn, changed, judged
from zhizao.decide.alarms.replay import Effect, effect, intervals, propose, violations
from zhizao.decide.alarms.standing import Entry, Fact, fold

__all__ = [
    "Act", "Effect", "Entry", "Fact", "Figure", "Judge", "Life", "Raised", "State", "Turn", "changed", "chattering",
    "effect", "fold", "health", "intervals", "judged", "propose", "step", "violations",
]  # fmt: skip
