"""What a plant is, and what an event is."""

from zhizao.model.event import Event, Kind
from zhizao.model.noun import Noun
from zhizao.model.plant import Calendar, Machine, Person, Plant, Product, Rates
from zhizao.model.worklog import WORKLOG_SCHEMA, WorkLog

__all__ = [
    "WORKLOG_SCHEMA",
    "Calendar",
    "Event",
    "Kind",
    "Machine",
    "Noun",
    "Person",
    "Plant",
    "Product",
    "Rates",
    "WorkLog",
]
