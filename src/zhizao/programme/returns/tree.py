"""The organisation tree: nation, provinces, counties and parks, enterprises; who reports to whom, and by when."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from zhizao.errors import InputError
from zhizao.model.noun import Noun
from zhizao.programme.classes import industries, regions, sizes

__all__ = ["DEADLINES", "UNIT_ID", "Level", "Tree", "Unit", "tree_of_one"]

UNIT_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$"
"""What an id of a unit looks like: it stands in addresses and file names."""


class Level(StrEnum):
    """Levels of the tree, lowest first."""

    ENTERPRISE = "enterprise"
    COUNTY = "county"
    """A county or a park."""
    PROVINCE = "province"
    NATION = "nation"


_RANK = {level: rank for rank, level in enumerate(Level)}

DEADLINES: dict[str, int] = {"enterprise": 8, "county": 10, "province": 12, "nation": 15, "publication": 18}
"""Last day of the following month on which each level is done, where the tree says nothing else."""


class Unit(Noun):
    """A place in the tree: an enterprise, or an authority that approves returns."""

    level: Level
    """What it is."""

    zh: str = Field(min_length=1)
    """Name in Chinese."""

    en: str = Field(min_length=1)
    """Name in English."""

    parent: str | None = None
    """Unit that it reports to; none at the top."""

    industry: str | None = None
    """Of an enterprise: division of GB/T 4754."""

    region: str | None = None
    """Province-level code of GB/T 2260."""

    size: str | None = None
    """Of an enterprise: L, M, S or X."""

    @model_validator(mode="after")
    def _classes_are_known(self) -> Unit:
        for name, value, known in (
            ("industry", self.industry, industries()),
            ("region", self.region, regions()),
            ("size", self.size, sizes()),
        ):
            if value is not None and value not in known:
                raise ValueError(f'{name} "{value}" is not a code; use one of {", ".join(list(known)[:5])} ...')
        return self


class Tree(Noun):
    """Units by id, and the deadlines of each level.

    Examples
    --------
    >>> tree = Tree(units={
    ...     "CN": Unit(level="nation", zh="全国", en="nation"),
    ...     "44": Unit(level="province", zh="广东", en="Guangdong", parent="CN"),
    ...     "E1": Unit(level="enterprise", zh="甲厂", en="plant one", parent="44")})
    >>> tree.path("E1"), tree.within("E1", "44"), list(tree.enterprises())
    (('44', 'CN'), True, ['E1'])
    """

    units: dict[str, Unit] = Field(min_length=1)
    """Units by id."""

    zone: str = "Asia/Shanghai"
    """IANA zone in which months begin and deadlines end."""

    deadlines: dict[str, int] = DEADLINES
    """Last day of the following month by level, and of `publication`."""

    four_eyes: bool = True
    """Whether who submitted a version may neither approve nor publish it."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(f'"{zone}" is not a time zone; write an IANA name such as Asia/Shanghai') from error
        return zone

    @field_validator("deadlines")
    @classmethod
    def _days(cls, deadlines: dict[str, int]) -> dict[str, int]:
        for name, day in deadlines.items():
            if name not in DEADLINES:
                raise ValueError(f'"{name}" has no deadline; use {", ".join(DEADLINES)}')
            if not 1 <= day <= 90:
                raise ValueError(f"the deadline of {name} is day {day}; write 1 to 90")
        return {**DEADLINES, **deadlines}

    @model_validator(mode="after")
    def _is_a_tree(self) -> Tree:
        import re

        for name, unit in self.units.items():
            if not re.match(UNIT_ID, name):
                raise ValueError(f'"{name}" is not an id; use letters, digits, "_", "." and "-"')
            if unit.parent is None:
                continue
            above = self.units.get(unit.parent)
            if above is None:
                raise ValueError(f'"{name}" names parent "{unit.parent}", which is not among units')
            if _RANK[above.level] <= _RANK[unit.level]:
                raise ValueError(
                    f'"{name}" ({unit.level}) cannot stand below "{unit.parent}" ({above.level}); name a higher level'
                )
        return self

    def unit(self, name: str) -> Unit:
        """Unit by id.

        Raises
        ------
        InputError : there is no such unit (`no_unit`)
        """
        found = self.units.get(name)
        if found is None:
            raise InputError(f'there is no unit "{name[:60]}"', fix="use an id of units.yaml", code="no_unit")
        return found

    def enterprise(self, name: str) -> Unit:
        """Enterprise by id.

        Raises
        ------
        InputError : there is no such unit, or it is no enterprise (`no_unit`)
        """
        found = self.unit(name)
        if found.level is not Level.ENTERPRISE:
            raise InputError(f'"{name}" is a {found.level}, and returns are of enterprises', code="no_unit")
        return found

    def path(self, name: str) -> tuple[str, ...]:
        """Units above one, lowest first: who approves its return, in order."""
        out: list[str] = []
        above = self.unit(name).parent
        while above is not None:
            out.append(above)
            above = self.units[above].parent
        return tuple(out)

    def within(self, name: str, root: str) -> bool:
        """Whether a unit is `root` or stands below it."""
        return name in self.units and (name == root or root in self.path(name))

    def enterprises(self, root: str = "") -> Iterator[str]:
        """Ids of the enterprises, of all or below one unit."""
        for name in self._enterprises:
            if not root or self.within(name, root):
                yield name

    @cached_property
    def _enterprises(self) -> tuple[str, ...]:
        return tuple(name for name, unit in self.units.items() if unit.level is Level.ENTERPRISE)


def tree_of_one(enterprise: str, name: str, zone: str) -> Tree:
    """The smallest tree: one enterprise that reports to the nation, for a workspace that declares none.

    Parameters
    ----------
    enterprise : its id
    name : its name in both languages
    zone : IANA zone
    """
    return Tree(
        units={
            "CN": Unit(level=Level.NATION, zh="全国", en="nation"),
            enterprise: Unit(level=Level.ENTERPRISE, zh=name, en=name, parent="CN"),
        },
        zone=zone,
    )
