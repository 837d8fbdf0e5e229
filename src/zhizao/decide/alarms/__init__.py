"""Alarms by ISA-18.2 and IEC 62682: life cycle, judging samples, the list, health figures, replay of a proposal."""

from zhizao.decide.alarms.annunciation import Annunciation
from zhizao.decide.alarms.cycle import Act, Life, State, step
from zhizao.decide.alarms.health import Figure, Raised, chattering, health
from zhizao.decide.alarms.judge import Judge, Turn, changed, in_unit, judged
from zhizao.decide.alarms.replay import Effect, effect, intervals, propose, violations
from zhizao.decide.alarms.standing import Entry, Fact, Standing, fold

__all__ = [
    "Act", "Annunciation", "Effect", "Entry", "Fact", "Figure", "Judge", "Life", "Raised", "Standing", "State", "Turn", "changed",
    "chattering",
    "effect", "fold", "health", "in_unit", "intervals", "judged", "propose", "step", "violations",
]  # fmt: skip
