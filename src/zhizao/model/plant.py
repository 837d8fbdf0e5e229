"""What a plant is: equipment, people, products, calendars and the rates that turn time and pieces into money.

Everything has a default, so that a pilot starts from records alone; what was not given by the user is listed by
`Plant.assumptions()` and printed wherever it was used.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from zhizao.model.noun import Noun

__all__ = ["Calendar", "Machine", "Person", "Plant", "Product", "Rates"]

Hours = tuple[
    Annotated[int, Field(ge=1, le=7)],
    Annotated[float, Field(ge=0, le=24)],
    Annotated[float, Field(gt=0, le=48)],
]
"""ISO weekday (1 = Monday), from and to in hours of local time; `to` may pass 24 for a shift over midnight."""


class Calendar(Noun):
    """When a resource works: a weekly pattern with days off."""

    hours: tuple[Hours, ...] = ()
    """Weekly pattern: (ISO weekday, from, to) in hours of local time; empty means always."""

    days_off: tuple[str, ...] = ()
    """Dates (YYYY-MM-DD, plant's zone) without work."""

    @field_validator("hours")
    @classmethod
    def _ordered(cls, hours: tuple[Hours, ...]) -> tuple[Hours, ...]:
        for day, start, end in hours:
            if end <= start:
                raise ValueError(
                    f"shift of weekday {day} ends at {end} before it starts at {start}; write 22 to 30 over midnight"
                )
        return tuple(sorted(hours))


class Machine(Noun):
    """A place where one kind of work is done (ISA-95: work unit)."""

    work_center: str = ""
    """Group of machines that can stand in for each other (ISA-95: work centre)."""

    calendar: str | None = None
    """Name of its calendar; learned from the records when absent."""

    capacity: int = Field(default=1, ge=1)
    """Orders that it can work on at the same time."""

    rate_per_h: float | None = Field(default=None, ge=0)
    """Cost of one busy hour, in the plant's currency; `Rates.machine_per_h` when absent."""


class Person(Noun):
    """Somebody who does the work."""

    calendar: str | None = None
    """Name of the calendar; learned from the records when absent."""

    rate_per_h: float | None = Field(default=None, ge=0)
    """Cost of one hour at work, in the plant's currency; `Rates.labour_per_h` when absent."""


class Product(Noun):
    """What is made."""

    material_cost: float | None = Field(default=None, ge=0)
    """Material in one piece, in the plant's currency; `Rates.material_per_piece` when absent."""

    piece_value: float | None = Field(default=None, ge=0)
    """Value of a finished piece, in the plant's currency."""


class Rates(Noun):
    """Money per hour, piece and year; each default is an assumption and is marked as one."""

    currency: str = "CNY"
    """ISO 4217 code."""

    labour_per_h: float = Field(default=60.0, ge=0)
    """Cost of one hour of one person."""

    machine_per_h: float = Field(default=80.0, ge=0)
    """Cost of one busy machine hour."""

    material_per_piece: float = Field(default=40.0, ge=0)
    """Material in one piece."""

    holding_per_year: float = Field(default=0.15, ge=0, le=5)
    """Cost of capital and space, as a fraction of the value held per year."""

    lateness_per_order_day: float = Field(default=50.0, ge=0)
    """Cost of one order being one day late."""


class Plant(Noun):
    """A plant as its user declares it; what is missing is learned from the records or assumed."""

    name: str = "plant"
    """Name in reports."""

    zone: str = "Asia/Shanghai"
    """IANA time zone of the plant; records without a zone are local times in it."""

    calendars: dict[str, Calendar] = {}
    """Calendars by name."""

    machines: dict[str, Machine] = {}
    """Machines by id."""

    people: dict[str, Person] = {}
    """People by id."""

    products: dict[str, Product] = {}
    """Products by id."""

    rates: Rates = Rates()
    """Money rates."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f'"{zone}" is not a time zone; write an IANA name such as Asia/Shanghai') from error
        return zone

    @model_validator(mode="after")
    def _calendars_exist(self) -> Plant:
        for kind, things in (("machine", self.machines), ("person", self.people)):
            for name, thing in things.items():
                if thing.calendar is not None and thing.calendar not in self.calendars:
                    raise ValueError(f'{kind} "{name}" names calendar "{thing.calendar}", which is not among calendars')
        return self

    def assumptions(self) -> list[tuple[str, float | str]]:
        """Names and values of the settings that the user did not give.

        Examples
        --------
        >>> Plant(rates=Rates(labour_per_h=70)).assumptions()[0]
        ('zone', 'Asia/Shanghai')
        """
        out: list[tuple[str, float | str]] = []
        if "zone" not in self.model_fields_set:
            out.append(("zone", self.zone))
        given = self.rates.model_fields_set if "rates" in self.model_fields_set else set()
        out.extend((f"rates.{key}", value) for key, value in self.rates.model_dump().items() if key not in given)
        return out
