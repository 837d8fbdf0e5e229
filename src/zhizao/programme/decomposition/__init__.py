"""A change told in its parts: LMDI (activity, structure, intensity) and shift-share, both without a remainder."""

from zhizao.programme.decomposition.cells import Grid, grid
from zhizao.programme.decomposition.lmdi import Lmdi, effects, lmdi, log_mean
from zhizao.programme.decomposition.shift_share import ShiftShare, components, shift_share

__all__ = ["Grid", "Lmdi", "ShiftShare", "components", "effects", "grid", "lmdi", "log_mean", "shift_share"]
