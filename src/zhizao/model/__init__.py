"""What a plant is, and what an event is."""

from zhizao.model.alarm import AlarmCard, Chain, Condition, Severity, Step, When
from zhizao.model.event import Event, Kind
from zhizao.model.noun import Noun
from zhizao.model.outward import MailServer, Webhook
from zhizao.model.plant import CARRIERS, Calendar, Machine, Meter, Person, Plant, Product, Rates
from zhizao.model.shift import Break, Shift
from zhizao.model.signal import BAD, GOOD, NO_COMMUNICATION, UNCERTAIN, Keeping, Role, Samples, TagCard, Taken, is_good
from zhizao.model.state import Reason, State, StateMap, StateRule
from zhizao.model.worklog import WORKLOG_SCHEMA, WorkLog

__all__ = [
    "BAD",
    "CARRIERS",
    "GOOD",
    "NO_COMMUNICATION",
    "UNCERTAIN",
    "WORKLOG_SCHEMA",
    "AlarmCard",
    "Break",
    "Calendar",
    "Chain",
    "Condition",
    "Event",
    "Keeping",
    "Kind",
    "Machine",
    "MailServer",
    "Meter",
    "Noun",
    "Person",
    "Plant",
    "Product",
    "Rates",
    "Reason",
    "Role",
    "Samples",
    "Severity",
    "Shift",
    "State",
    "StateMap",
    "StateRule",
    "Step",
    "TagCard",
    "Taken",
    "Webhook",
    "When",
    "WorkLog",
    "is_good",
]
