"""The plant's mechanism, learned from records: what levers act on."""

from zhizao.decide.twin.mechanism.mechanism import Mechanism
from zhizao.decide.twin.mechanism.scene import Scene, worklog_of
from zhizao.decide.twin.mechanism.trust import held_out

__all__ = ["Mechanism", "Scene", "held_out", "worklog_of"]
