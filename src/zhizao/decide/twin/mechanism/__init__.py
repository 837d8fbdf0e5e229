"""The plant's mechanism, learned from records: what levers act on."""

from zhizao.decide.twin.mechanism.mechanism import Mechanism
from zhizao.decide.twin.mechanism.scene import Scene, worklog_of

__all__ = ["Mechanism", "Scene", "worklog_of"]
