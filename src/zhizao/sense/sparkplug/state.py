"""What a host application tells of itself under STATE: JSON of whether it is there and since when."""

from __future__ import annotations

import json
from typing import NamedTuple

__all__ = ["State", "read_state", "write_state"]


class State(NamedTuple):
    """Whether a host application is there, and the milliseconds since 1970 of the CONNECT that says so."""

    online: bool
    timestamp: int


def write_state(state: State) -> bytes:
    """As it stands on the wire.

    >>> write_state(State(True, 1_700_000_000_000))
    b'{"online":true,"timestamp":1700000000000}'
    """
    return json.dumps(state._asdict(), separators=(",", ":")).encode()


def read_state(data: bytes) -> State | None:
    """State from what stands on the wire; None where that is none of version 3.0, such as the older ONLINE.

    >>> read_state(b'{"online": false, "timestamp": 5}'), read_state(b"ONLINE")
    (State(online=False, timestamp=5), None)
    """
    try:
        said = json.loads(data)
        online, timestamp = said["online"], said["timestamp"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(online, bool) or isinstance(timestamp, bool) or not isinstance(timestamp, int):
        return None
    return State(online, timestamp)
