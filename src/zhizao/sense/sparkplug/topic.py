"""Topics of Sparkplug B: `spBv1.0/group/TYPE/node[/device]` and `spBv1.0/STATE/host`."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from zhizao.errors import ZhizaoError

__all__ = ["NAMESPACE", "Topic", "TopicError", "Type", "filters", "fit", "parse", "state_topic"]

NAMESPACE = "spBv1.0"


class Type(StrEnum):
    """What a message is; N for an edge node, D for one of its devices."""

    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    NDATA = "NDATA"
    DDATA = "DDATA"
    NCMD = "NCMD"
    DCMD = "DCMD"
    STATE = "STATE"


_TYPES = {one.value: one for one in Type}
_OF_DEVICE = frozenset({Type.DBIRTH, Type.DDEATH, Type.DDATA, Type.DCMD})


class TopicError(ZhizaoError):
    """A topic that is none of Sparkplug B."""


class Topic(NamedTuple):
    """Address of a message.

    Parameters
    ----------
    type : what the message is
    group : group id; empty for STATE
    node : edge node id; host id for STATE
    device : device id, None where the message is of the node itself

    Examples
    --------
    >>> str(Topic(Type.DDATA, "hall 1", "gateway", "mill 3"))
    'spBv1.0/hall 1/DDATA/gateway/mill 3'
    """

    type: Type
    group: str
    node: str
    device: str | None = None

    def __str__(self) -> str:
        """As it stands on the wire."""
        if self.type is Type.STATE:
            return state_topic(self.node)
        parts = [NAMESPACE, self.group, self.type.value, self.node]
        return "/".join(parts if self.device is None else [*parts, self.device])


def fit(word: str) -> bool:
    """Whether a word can be the id of a group, a node, a device or a host.

    >>> [fit(word) for word in ("mill 3", "", "a/b", "a+", "#")]
    [True, False, False, False, False]
    """
    return bool(word) and not any(sign in word for sign in "+/#\0")


def parse(text: str) -> Topic:
    """Topic from what stands on the wire.

    Parameters
    ----------
    text : topic of an MQTT message

    Raises
    ------
    TopicError : with code `namespace`, `type`, `device` or `id`, when it is none of Sparkplug B

    Examples
    --------
    >>> parse("spBv1.0/hall 1/DDATA/gateway/mill 3").device
    'mill 3'
    """
    parts = text.split("/")
    if parts[0] != NAMESPACE or len(parts) < 3:
        raise _wrong("namespace", text, f"it has to begin with {NAMESPACE}/ and have at least three parts")
    if parts[1] == Type.STATE:
        if len(parts) != 3 or not fit(parts[2]):
            raise _wrong("id", text, "STATE is followed by the id of a host application and nothing else")
        return Topic(Type.STATE, "", parts[2])
    kind = _TYPES.get(parts[2])
    if kind is None or kind is Type.STATE:
        raise _wrong("type", text, "its third part has to be NBIRTH, NDEATH, NDATA, NCMD or the same with D")
    if len(parts) != (5 if kind in _OF_DEVICE else 4):
        raise _wrong("device", text, "messages of a device name it in a fifth part, those of a node have four")
    if not all(fit(part) for part in (parts[1], *parts[3:])):
        raise _wrong("id", text, "ids of group, node and device are not empty and hold no + # or /")
    return Topic(kind, parts[1], parts[3], parts[4] if kind in _OF_DEVICE else None)


def _wrong(code: str, text: str, why: str) -> TopicError:
    return TopicError(f'"{text[:200]}" is no topic of Sparkplug B: {why}', code=code, fix="see docs/sparkplug.md")


def state_topic(host_id: str) -> str:
    """Where a host application tells that it is there."""
    return f"{NAMESPACE}/{Type.STATE}/{host_id}"


def filters(groups: tuple[str, ...], host_id: str) -> list[str]:
    """What a host application subscribes to: all or some groups, and its own state.

    >>> filters(("hall 1",), "zhizao")
    ['spBv1.0/hall 1/#', 'spBv1.0/STATE/zhizao']
    """
    wanted = [f"{NAMESPACE}/{group}/#" for group in groups] or [f"{NAMESPACE}/#"]
    return [*wanted, state_topic(host_id)]
