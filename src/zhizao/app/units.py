"""The tree of units of a workspace: `units.yaml`, and which enterprise the plant's journal reports for."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from zhizao.model import Plant
from zhizao.programme.returns import Tree, tree_of_one

__all__ = ["UNITS", "own_enterprise", "read_tree"]

UNITS = "units.yaml"
"""File in a workspace that holds the tree of units."""


def read_tree(folder: Path | None, plant: Plant) -> Tree:
    """The tree of units of a workspace; the smallest one where it has none.

    Parameters
    ----------
    folder : of the workspace; None for a database address
    plant : its enterprise is the one of the smallest tree

    Raises
    ------
    InputError : the file has faults
    """
    file = None if folder is None else folder / UNITS
    if file is None or not file.exists():
        return tree_of_one(plant.enterprise or "plant", plant.name or "plant", plant.zone)
    stat = file.stat()
    return _tree(file, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _tree(file: Path, _changed: int, _size: int) -> Tree:
    """A tree as its file stood at a time: a large one takes longer to read than a person waits."""
    from zhizao.record import read_declared

    return read_declared(file, Tree)


def own_enterprise(tree: Tree, plant: Plant) -> str:
    """Enterprise whose return the plant's journal fills: the one that plant.yaml names, else the only one; or empty."""
    if plant.enterprise:
        return plant.enterprise if plant.enterprise in tree.units else ""
    found = list(tree.enterprises())
    return found[0] if len(found) == 1 else ""
