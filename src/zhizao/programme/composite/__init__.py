"""Composite indices: structure and choices as data, steps as pure functions, ranks with intervals."""

from zhizao.programme.composite.audit import GroupAudit, ScaleAudit, audit_groups, audit_scales, cronbach_alpha
from zhizao.programme.composite.build import Built, Stage, build
from zhizao.programme.composite.compare import League, Peers, Position, league, nearest_peers, position
from zhizao.programme.composite.move import Move, moves
from zhizao.programme.composite.parity import Parity, parity
from zhizao.programme.composite.sobol import Index
from zhizao.programme.composite.steps import Steps, Units
from zhizao.programme.composite.structure import Group, Node, Structure
from zhizao.programme.composite.uncertainty import WHY, Alternatives, RankInterval, Uncertainty, uncertainty

__all__ = [
    "WHY",
    "Alternatives",
    "Built",
    "Group",
    "GroupAudit",
    "Index",
    "League",
    "Move",
    "Node",
    "Parity",
    "Peers",
    "Position",
    "RankInterval",
    "ScaleAudit",
    "Stage",
    "Steps",
    "Structure",
    "Uncertainty",
    "Units",
    "audit_groups",
    "audit_scales",
    "build",
    "cronbach_alpha",
    "league",
    "moves",
    "nearest_peers",
    "parity",
    "position",
    "uncertainty",
]
