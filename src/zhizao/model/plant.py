"""What a plant is: equipment, people, products, calendars and the rates that turn time and pieces into money.

Everything has a default, so that a pilot starts from records alone; what was not given by the user is listed by
`Plant.assumptions()` and printed wherever it was used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from zhizao.errors import InputError
from zhizao.model.alarm import AlarmCard, Chain
from zhizao.model.noun import Noun
from zhizao.model.outward import MailServer, Webhook
from zhizao.model.shift import Shift, apart, check_dates
from zhizao.model.signal import Keeping, TagCard
from zhizao.model.state import READY_MAPS, Reason, StateMap, reasons_of
from zhizao.units import line_between

__all__ = ["CARRIERS", "Calendar", "Carrier", "Machine", "Meter", "Person", "Plant", "Product", "Rates"]

Hours = tuple[
    Annotated[int, Field(ge=1, le=7)],
    Annotated[float, Field(ge=0, le=24)],
    Annotated[float, Field(gt=0, le=48)],
]
"""ISO weekday (1 = Monday), from and to in hours of local time; `to` may pass 24 for a shift over midnight."""

Carrier = Literal[
    "electricity", "gas", "coal", "heat", "water", "waste", "waste_used", "waste_used_old", "pollutant", "emission"
]
"""What flows through a meter."""

CARRIERS: dict[str, str] = {
    "electricity": "kWh",
    "gas": "m3",
    "coal": "t",
    "heat": "GJ",
    "water": "m3",
    "waste": "t",
    "waste_used": "t",
    "waste_used_old": "t",
    "pollutant": "t",
    "emission": "t",
}
"""Unit in which each carrier is kept."""


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

    key_process: bool | None = None
    """Whether it does a key process; nobody has said when absent."""

    numerical_control: bool | None = None
    """Whether it works under numerical control; nobody has said when absent."""

    state_map: str = "machinery"
    """Mapping from its signals to states: one of `state_maps`, or machinery, packml, mtconnect, workshop."""

    cycle_s: float | None = Field(default=None, gt=0)
    """Ideal time of one piece (ISO 22400-2: planned run time per item); `Product.cycle_s` comes first."""

    micro_stop_s: float = Field(default=120.0, ge=0)
    """Stops shorter than this are micro-stops."""

    silence_s: float | None = Field(default=None, gt=0)
    """It is silent when none of its signals told anything for so long; only broken connections count when absent."""


class Meter(Noun):
    """What measures a flow: electricity, gas, water, waste ..."""

    carrier: Carrier
    """What flows through it."""

    below: str | None = None
    """Meter that measures the same flow further up; what this one measures is then not added to the plant's sum."""

    machine: str | None = None
    """Machine that it measures."""


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

    cycle_s: float | None = Field(default=None, gt=0)
    """Ideal time of one piece on any machine; `Machine.cycle_s` when absent."""


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

    meters: dict[str, Meter] = {}
    """Meters by id; one that is not declared counts as a meter of the whole plant."""

    accounts: dict[str, str] = {}
    """Names of the plant's own ledger accounts, each with the item of the monthly return that it is."""

    tags: dict[str, TagCard] = {}
    """What is known of signals, by their name; one that is not declared is kept as its source tells it."""

    history: Keeping = Keeping()
    """How long what was measured is kept."""

    connections: dict[str, dict[str, JsonValue]] = {}
    """Sources of live facts by name; each has a `kind` and what `zhizao.sense` asks for that kind."""

    shifts: dict[str, Shift] = {}
    """Shifts by name; where there are any, live machines are on shift in them and calendars are not asked."""

    holidays: dict[str, str] = {}
    """Dates (YYYY-MM-DD) on which no shift begins, with what they are."""

    state_maps: dict[str, StateMap] = {}
    """Own mappings from signals to states, by name."""

    reasons: dict[str, Reason] = {}
    """Reasons of stops by key, as a tree; a usual tree when empty."""
    alarms: dict[str, AlarmCard] = {}
    """Alarms by id; signals with the role `alarm` and conditions of OPC UA servers are alarms without a line here."""

    escalations: dict[str, Chain] = {}
    """Who is told when nobody acknowledges an alarm, by name."""

    operators: int = Field(default=1, ge=1)
    """Operators among whom the alarms of the plant are shared, for rates per operator."""

    webhooks: dict[str, Webhook] = {}
    """Addresses that are told of events, by name."""

    mail: MailServer | None = None
    """Server that takes mail from the plant; nobody is mailed without it."""

    enterprise: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,59})?$")
    """Id of the enterprise in units.yaml whose return this plant's journal fills."""

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

    @model_validator(mode="after")
    def _meters_hang_together(self) -> Plant:
        for name, meter in self.meters.items():
            above, seen = meter, {name}
            while above.below is not None:
                if above.below in seen:
                    raise ValueError(f'meter "{name}" stands below itself; take out one "below"')
                if above.below not in self.meters:
                    raise ValueError(f'meter "{name}" stands below "{above.below}", which is not among meters')
                seen.add(above.below)
                above = self.meters[above.below]
                if above.carrier != meter.carrier:
                    raise ValueError(f'meter "{name}" of {meter.carrier} stands below one of {above.carrier}')
        return self

    @model_validator(mode="after")
    def _states_hang_together(self) -> Plant:
        for name, machine in self.machines.items():
            if machine.state_map not in self.state_maps and machine.state_map not in READY_MAPS:
                known = ", ".join([*self.state_maps, *READY_MAPS])
                raise ValueError(f'machine "{name}" names state map "{machine.state_map}"; write one of {known}')
        for key, reason in self.reasons.items():
            seen = {key}
            above = reason.parent
            while above is not None:
                if above in seen:
                    raise ValueError(f'reason "{key}" stands below itself; take out one "parent"')
                if above not in self.reasons:
                    raise ValueError(f'reason "{key}" has the parent "{above}", which is not among reasons')
                seen.add(above)
                above = self.reasons[above].parent
        check_dates(tuple(self.holidays))
        return self

    @model_validator(mode="after")
    def _shifts_stand_apart(self) -> Plant:
        apart(self.shifts)
        return self

    @property
    def stop_reasons(self) -> Mapping[str, Reason]:
        """Reasons that stops may have: those of plant.yaml, or the usual ones."""
        return reasons_of(self.reasons)

    @model_validator(mode="after")
    def _chains_exist(self) -> Plant:
        for name, card in self.alarms.items():
            if card.escalation and card.escalation not in self.escalations:
                raise ValueError(f'alarm "{name}" names escalation "{card.escalation}", which is not among escalations')
        for name, chain in self.escalations.items():
            for step in chain.steps:
                if "@" not in step.to and step.to not in self.webhooks:
                    raise ValueError(
                        f'escalation "{name}" tells "{step.to}", which is neither a mail address nor a webhook'
                    )
                if "@" in step.to and self.mail is None:
                    raise ValueError(
                        f'escalation "{name}" tells "{step.to}", and there is no server for mail; write mail'
                    )
        return self

    @model_validator(mode="after")
    def _alarms_fit_their_tags(self) -> Plant:
        for name, card in self.alarms.items():
            own = self.tags[card.tag].unit if card.tag in self.tags else ""
            if card.unit and own and card.unit != own:
                try:
                    line_between(card.unit, own)
                except InputError as error:
                    raise ValueError(
                        f'alarm "{name}" is in "{card.unit}" and its tag in "{own}", which is of another kind; '
                        "write a unit of the same kind"
                    ) from error
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
