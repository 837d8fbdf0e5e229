"""Composite indices: structure and choices as data, steps as pure functions, ranks with intervals."""

from zhizao.programme.composite.build import Built, Stage, build
from zhizao.programme.composite.steps import Steps, Units
from zhizao.programme.composite.structure import Group, Node, Structure

__all__ = ["Built", "Group", "Node", "Stage", "Steps", "Structure", "Units", "build"]
