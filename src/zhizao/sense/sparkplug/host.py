"""A Sparkplug B 3.0 host application without a network: messages and the time in; samples, refusals and wishes out.

It touches no clock and no socket. `Host.message` is told what arrived, `Host.tick` that it is `Host.due`,
`Host.connected` and `Host.lost` what became of the broker; each gives a `Heard`. Clauses of the standard are named by
their ids in `tests/sense/test_sparkplug_clauses.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from zhizao.errors import NotAllowed
from zhizao.model import BAD, GOOD
from zhizao.sense.connection import Browsed
from zhizao.sense.sparkplug.datatypes import DataType, PayloadError, known, unpack
from zhizao.sense.sparkplug.heard import Heard, Publish
from zhizao.sense.sparkplug.leaves import Leaf, Shape, leaves, members_of, unit_of
from zhizao.sense.sparkplug.nodes import Declared, Node, Part, Row
from zhizao.sense.sparkplug.payload import Metric, Payload, Template, decode, encode, metric
from zhizao.sense.sparkplug.state import State, read_state, write_state
from zhizao.sense.sparkplug.topic import Topic, TopicError, Type, parse, state_topic

__all__ = ["REBIRTH", "Host"]

REBIRTH = "Node Control/Rebirth"
_CONTROLS = frozenset({"bdSeq", REBIRTH, "Node Control/Reboot", "Node Control/Next Server"})
_MS = 1_000_000
_LATEST_MS = 9_000_000_000_000
_MOST_NODES = 10_000
_MOST_STRANGERS = 1_000
_ASKS = 3
_NAN = math.nan
_DATASET = int(DataType.DATASET)
"""Types below hold a single value."""


class Host:
    """What a host application knows of all nodes.

    Parameters
    ----------
    prefix : put before the name of each tag
    host_id : its name under STATE
    primary : whether it tells there that it is online
    rebirth : whether it may ask for rebirths
    groups : which it listens to; empty for all
    reorder_s : seconds to wait for a missing message
    rebirth_s : least seconds between requests to one node
    births_s : seconds after the birth of a node in which its devices are to follow
    elements : rows of a data set and elements of an array that are kept
    most_tags : metrics of all nodes together
    most_bytes : longest payload

    Examples
    --------
    >>> host = Host("hall")
    >>> birth = Payload((metric("load", DataType.DOUBLE, 41.5, timestamp=5),), timestamp=5, seq=0)
    >>> host.message("spBv1.0/g/NBIRTH/n", encode(birth), 6_000_000).rows[0].tag
    'hall/g/n/load'
    """

    def __init__(
        self,
        prefix: str,
        *,
        host_id: str = "zhizao",
        primary: bool = True,
        rebirth: bool = True,
        groups: tuple[str, ...] = (),
        reorder_s: float = 2.0,
        rebirth_s: float = 10.0,
        births_s: float = 5.0,
        elements: int = 100,
        most_tags: int = 200_000,
        most_bytes: int = 4_000_000,
    ) -> None:
        self.prefix, self.host_id, self.primary, self.rebirth = prefix, host_id, primary, rebirth
        self._groups = frozenset(groups)
        self._reorder, self._between, self._births = (int(s * 1e9) for s in (reorder_s, rebirth_s, births_s))
        self._elements, self._most, self._most_bytes = elements, 2 * most_tags, most_bytes
        self.nodes: dict[tuple[str, str], Node] = {}
        self._timers: dict[tuple[str, str], int] = {}
        self._known_tags = 0
        self._since_ms = 0
        self.online = False
        self.rival = False
        """Whether another host application calls itself by the same name."""

    # ------------------------------------------------------------------ the broker

    def will(self, now: int) -> Publish | None:
        """Last will for the next CONNECT, whose time the birth repeats; None for a mere listener.

        Parameters
        ----------
        now : nanoseconds since 1970
        """
        self._since_ms = now // _MS
        return self._state(online=False) if self.primary else None

    def connected(self, now: int) -> Heard:
        """The broker has accepted the connection and all subscriptions.

        Nodes that were alive before and are not heard from within a moment are asked for a rebirth.
        """
        heard = Heard()
        self.online, self.rival = True, False
        if self.primary:
            heard.wishes.append(self._state(online=True))
        for node in self.nodes.values():
            if node.lost and not node.born:
                self._ask(node, now, wait=max(self._reorder, 2_000_000_000))
                self._set_timer(node)
        return heard

    def lost(self, now: int) -> Heard:
        """The broker is gone: nothing is known any more of any node."""
        heard = Heard()
        self.online = False
        for node in self.nodes.values():
            node.lost = node.lost or node.born
            self._end(node, now, heard)
        return heard

    def farewell(self, now: int) -> Publish | None:
        """What to send before leaving on purpose; None for a mere listener."""
        self._since_ms = now // _MS
        self.online = False
        return self._state(online=False) if self.primary else None

    def _state(self, *, online: bool) -> Publish:
        return Publish(state_topic(self.host_id), write_state(State(online, self._since_ms)), 1, True)

    # ------------------------------------------------------------------ time

    @property
    def due(self) -> int | None:
        """Nanoseconds at which `tick` wants to be called; None for never."""
        return min(self._timers.values()) if self._timers else None

    def tick(self, now: int) -> Heard:
        """Do what is due: give up missing messages, devices that were not born again, ask for rebirths."""
        heard = Heard()
        for key in [key for key, at in self._timers.items() if at <= now]:
            node = self.nodes[key]
            if node.reorder_due is not None and node.reorder_due <= now:
                self._give_up(node, now, heard)
            if node.births_due is not None and node.births_due <= now:
                node.births_due = None
                for part in node.parts.values():
                    if not part.born:
                        heard.rows += part.silence(now)
            if node.ask_due is not None and node.ask_due <= now:
                self._send_ask(node, now, heard)
            self._set_timer(node)
        return heard

    def _set_timer(self, node: Node) -> None:
        key, due = (node.group, node.name), node.due
        if due is None:
            self._timers.pop(key, None)
        else:
            self._timers[key] = due

    def _ask(self, node: Node, now: int, wait: int = 0) -> None:
        """Have a rebirth asked for, not more often than is polite."""
        if not self.rebirth:
            return
        earliest = now + wait if node.asked is None else max(now + wait, node.asked + self._between)
        node.ask_due = earliest if node.ask_due is None else min(node.ask_due, earliest)
        node.asks = 0

    def _send_ask(self, node: Node, now: int, heard: Heard) -> None:
        wish = Payload((metric(REBIRTH, DataType.BOOLEAN, True, timestamp=now // _MS),), timestamp=now // _MS)
        heard.wishes.append(Publish(str(Topic(Type.NCMD, node.group, node.name)), encode(wish), 0, False))
        node.asked, node.asks = now, node.asks + 1
        node.ask_due = now + self._between if node.asks < _ASKS else None

    # ------------------------------------------------------------------ messages

    def message(self, topic: str, data: bytes, now: int, *, retained: bool = False) -> Heard:
        """Take in a message; raises nothing, whatever it holds.

        Parameters
        ----------
        topic : as it came
        data : what it holds
        now : nanoseconds since 1970
        retained : whether the broker had kept it
        """
        heard = Heard()
        try:
            at = parse(topic)
        except TopicError:
            heard.refuse("topic")
            return heard
        if at.type is Type.STATE:
            self._hear_state(at, data, heard)
            return heard
        if at.type in (Type.NCMD, Type.DCMD) or (self._groups and at.group not in self._groups):
            return heard
        if retained or len(data) > self._most_bytes:
            heard.refuse("retained" if retained else "too_long")
            return heard
        try:
            payload = decode(data)
        except PayloadError as error:
            heard.refuse(error.fault.code)
            return heard
        self._hear(at, payload, now, heard)
        return heard

    def _hear_state(self, at: Topic, data: bytes, heard: Heard) -> None:
        if at.node != self.host_id or not self.online or not self.primary:
            return
        said = read_state(data)
        if said is None:
            return
        if not said.online:
            heard.wishes.append(self._state(online=True))
        elif said.timestamp != self._since_ms:
            self.rival = True

    def _hear(self, at: Topic, payload: Payload, now: int, heard: Heard) -> None:
        key = (at.group, at.node)
        node = self.nodes.get(key)
        if at.type is Type.NDEATH:
            if node is not None:
                self._node_death(node, payload, now, heard)
                self._set_timer(node)
            return
        if payload.seq is None or payload.seq > 255:
            heard.refuse("no_seq" if payload.seq is None else "bad_seq", max(len(payload.metrics), 1))
            return
        if node is None:
            if len(self.nodes) >= _MOST_NODES:
                heard.refuse("too_many_nodes", len(payload.metrics))
                return
            node = self.nodes[key] = Node(*key, parts={None: Part()})
        if at.type is Type.NBIRTH:
            self._node_birth(node, at, payload, now, heard)
        elif not node.born:
            heard.refuse("before_birth", len(payload.metrics))
            self._ask_about(node, (None, None), now)
        else:
            self._in_turn(node, at, payload, now, heard)
        if node.ask_due is not None and node.ask_due <= now:
            self._send_ask(node, now, heard)
        self._set_timer(node)

    def _in_turn(self, node: Node, at: Topic, payload: Payload, now: int, heard: Heard) -> None:
        """Act on messages in the order in which they were sent; hold what comes too early."""
        seq = payload.seq or 0
        if seq == node.expected:
            self._act(node, at, payload, now, heard)
            self._advance(node, now, heard)
        elif seq in node.missing:
            node.missing.discard(seq)
            if at.type in (Type.NDATA, Type.DDATA):
                self._act(node, at, payload, now, heard)
        else:
            if seq in node.held:
                self._give_up(node, now, heard)
                if seq == node.expected:
                    self._in_turn(node, at, payload, now, heard)
                    return
            node.held[seq] = (at, payload)
            if node.reorder_due is None:
                node.reorder_due = now + self._reorder
            if not self._reorder:
                self._give_up(node, now, heard)

    def _advance(self, node: Node, now: int, heard: Heard) -> None:
        """Go on after the expected message, through all that were held and now follow."""
        while True:
            node.missing.discard(node.expected)
            node.expected = (node.expected + 1) % 256
            if node.expected not in node.held:
                break
            self._act(node, *node.held.pop(node.expected), now, heard)
        node.reorder_due = now + self._reorder if node.held and node.reorder_due is not None else None

    def _give_up(self, node: Node, now: int, heard: Heard) -> None:
        """Wait no longer for what is missing: act on what is held, ask for a rebirth."""
        for seq in node.in_order():
            node.missing.update((node.expected + step) % 256 for step in range((seq - node.expected) % 256))
            node.expected = (seq + 1) % 256
            self._act(node, *node.held.pop(seq), now, heard)
        node.reorder_due = None
        self._ask(node, now)

    def _act(self, node: Node, at: Topic, payload: Payload, now: int, heard: Heard) -> None:
        if at.type is Type.NDATA:
            self._data(node, None, payload, now, heard)
        elif at.type is Type.DDATA:
            self._data(node, at.device, payload, now, heard)
        elif at.type is Type.DBIRTH:
            self._declare(node, at, payload, now, heard)
        elif at.type is Type.DDEATH and at.device in node.parts:
            part = node.parts[at.device]
            part.born = False
            heard.rows += part.silence(now)

    # ------------------------------------------------------------------ births and deaths

    def _node_birth(self, node: Node, at: Topic, payload: Payload, now: int, heard: Heard) -> None:
        born = payload.timestamp or 0
        later = {seq: one for seq, one in node.held.items() if (one[1].timestamp or 0) >= born}
        if node.born:
            for seq in node.in_order():
                if seq not in later:
                    self._act(node, *node.held[seq], now, heard)
        node.born, node.lost = True, False
        node.bdseq = _bdseq(payload)
        node.expected = ((payload.seq or 0) + 1) % 256
        node.held, node.missing, node.reorder_due = later, set(), None
        node.ask_due, node.asks = None, 0
        node.aliases.clear()
        node.templates = {
            one.name: one.raw
            for one in payload.metrics
            if one.name is not None and isinstance(one.raw, Template) and one.raw.definition
        }
        for key, part in node.parts.items():
            if key is not None:
                part.born = False
                node.births_due = now + self._births
        self._declare(node, at, payload, now, heard)
        if node.expected in node.held:
            self._act(node, *node.held.pop(node.expected), now, heard)
            self._advance(node, now, heard)
        if node.held:
            node.reorder_due = now + self._reorder

    def _node_death(self, node: Node, payload: Payload, now: int, heard: Heard) -> None:
        """A death of another session than the one that was born is none."""
        said = _bdseq(payload)
        if node.born and (said is None or node.bdseq is None or said == node.bdseq):
            self._end(node, now, heard)
            node.lost = False

    def _end(self, node: Node, now: int, heard: Heard) -> None:
        if node.born:
            for seq in node.in_order():
                self._act(node, *node.held[seq], now, heard)
        node.born = False
        node.held, node.missing = {}, set()
        node.reorder_due = node.births_due = node.ask_due = None
        self._set_timer(node)
        for part in node.parts.values():
            part.born = False
            heard.rows += part.silence(now)

    def _declare(self, node: Node, at: Topic, payload: Payload, now: int, heard: Heard) -> None:
        """Take in the birth of a node or a device: what it declares, and the values that it states."""
        part = node.parts.get(at.device)
        if part is None:
            if self._known_tags >= self._most:
                heard.refuse("too_many_tags", max(len(payload.metrics), 1))
                return
            part = node.parts[at.device] = Part()
            self._known_tags += 1
        for one in part.metrics.values():
            if one.alias is not None and node.aliases.get(one.alias) is one:
                del node.aliases[one.alias]
        self._known_tags -= len(part.metrics)
        part.metrics, part.born = {}, True
        path = "/".join([self.prefix, node.group, node.name, *([at.device] if at.device is not None else [])])
        stated: set[str] = set()
        for said in payload.metrics:
            if isinstance(said.raw, Template) and said.raw.definition:
                continue
            declared, reason = self._declared(node, at.device, f"{path}/{said.name}", said)
            if declared is None:
                heard.refuse(reason)
                continue
            part.metrics[declared.name] = declared
            if declared.alias is not None:
                node.aliases[declared.alias] = declared
            if declared.kept:
                heard.declared.append(_browsed(node, declared, said))
                before = len(heard.rows)
                self._tell(part, declared, said, payload.timestamp, heard, birth=True)
                stated.update(row.tag for row in heard.rows[before:])
        self._known_tags += len(part.metrics)
        gone = [tag for tag in part.last if tag not in stated]
        heard.rows += part.silence(now, gone)
        for tag in gone:
            del part.last[tag], part.stale[tag]
        self._known_tags -= len(gone)

    def _declared(self, node: Node, part: str | None, tag: str, said: Metric) -> tuple[Declared | None, str]:
        """What a birth says of a metric, or why that cannot be used."""
        if said.fault:
            return None, said.fault
        if not said.name:
            return None, "no_name"
        if said.datatype is None or not known(said.datatype):
            return None, "no_type" if said.datatype is None else "unknown_type"
        taken = node.aliases.get(said.alias) if said.alias is not None else None
        if taken is not None and (taken.part, taken.name) != (part, said.name):
            return None, "alias_taken"
        if self._known_tags + len(node.parts[part].metrics) >= self._most:
            return None, "too_many_tags"
        if part is not None and f"{part}/{said.name}" in node.parts[None].metrics:
            return None, "name_taken"
        try:
            members = members_of(said.raw, node.templates) if isinstance(said.raw, Template) else {}
        except PayloadError as error:
            return None, error.fault.code
        shape = Shape(tag, said.datatype, members)
        kept = part is not None or said.name not in _CONTROLS
        return Declared(part, said.name, shape, said.alias, unit_of(said.properties), kept), ""

    # ------------------------------------------------------------------ values

    def _data(self, node: Node, device: str | None, payload: Payload, now: int, heard: Heard) -> None:
        part = node.parts.get(device)
        if part is None or not part.born:
            heard.refuse("before_birth", len(payload.metrics))
            self._ask_about(node, (device, None), now)
            return
        for said in payload.metrics:
            declared: Declared | None
            if said.fault:
                heard.refuse(said.fault)
                continue
            if said.name is not None:
                declared, reason = part.metrics.get(said.name), "not_in_birth"
            elif said.alias is not None:
                declared, reason = node.aliases.get(said.alias), "unknown_alias"
                if declared is not None and declared.part != device:
                    declared, reason = None, "alias_of_another"
            else:
                declared, reason = None, "no_name"
            if declared is None:
                heard.refuse(reason)
                self._ask_about(node, (device, said.name if said.name is not None else said.alias), now)
            elif said.datatype is not None and said.datatype != declared.shape.datatype:
                heard.refuse("other_type")
            elif declared.kept:
                self._tell(part, declared, said, payload.timestamp, heard)

    def _ask_about(self, node: Node, stranger: tuple[str | None, str | int | None], now: int) -> None:
        """Ask for a rebirth because of something that no birth declared; not again when that did not help."""
        if not node.born:
            if node.ask_due is None and (node.asked is None or now - node.asked >= self._between):
                self._ask(node, now)
        elif stranger not in node.strangers and len(node.strangers) < _MOST_STRANGERS:
            node.strangers.add(stranger)
            self._ask(node, now)

    def _tell(
        self, part: Part, declared: Declared, said: Metric, sent_ms: int | None, heard: Heard, *, birth: bool = False
    ) -> None:
        """Samples of a metric."""
        if said.transient:
            heard.refuse("transient")
            return
        shape = declared.shape
        try:
            if shape.datatype < _DATASET and said.properties is None and not said.null:  # most values, by far
                value = unpack(shape.datatype, said.carrier, said.raw)
                self._keep(part, Leaf(shape.tag, said.timestamp, value, GOOD), said, sent_ms, heard, birth)
                return
            found = leaves(shape, said, self._elements, heard.refused)
        except PayloadError as error:
            heard.refuse(error.fault.code)
            return
        for leaf in found:
            self._keep(part, leaf, said, sent_ms, heard, birth)

    def _keep(self, part: Part, leaf: Leaf, said: Metric, sent_ms: int | None, heard: Heard, birth: bool) -> None:
        """One value as a sample; a birth that repeats an old one makes a stale tag good from the time of the birth."""
        tag, own_ms, value, quality = leaf
        ms = sent_ms if own_ms is None else own_ms
        if ms is None or ms > _LATEST_MS:
            heard.refuse("no_timestamp" if ms is None else "bad_timestamp")
            return
        at = ms * _MS
        last = part.last.get(tag)
        if last is None:
            if self._known_tags >= self._most:
                heard.refuse("too_many_tags")
                return
            self._known_tags += 1
        if last is None or at > last:
            part.last[tag] = at
        silent = part.stale.get(tag)
        if silent is not None and not said.historical:
            if birth and at <= silent:
                if last is None or at > last:
                    heard.rows.append(_row(tag, at, value, quality))
                at = max((sent_ms or 0) * _MS, silent + _MS) if (sent_ms or 0) <= _LATEST_MS else silent + _MS
                part.last[tag] = at
            if at > silent:
                del part.stale[tag]
        heard.rows.append(_row(tag, at, value, quality))

    # ------------------------------------------------------------------ what is known

    def browsed(self) -> list[Browsed]:
        """All metrics that births declared."""
        return [_browsed(node, one) for node, part in self._parts() for one in part.metrics.values() if one.kept]

    def _parts(self) -> Iterator[tuple[Node, Part]]:
        for node in self.nodes.values():
            for part in node.parts.values():
                yield node, part

    def command(self, group: str, node: str, device: str | None, name: str, value: Any, now: int) -> Publish:
        """Command that writes a metric of a node or a device.

        Parameters
        ----------
        group, node, device : whose metric; device None for one of the node
        name : as its birth declared it
        value : of its type
        now : nanoseconds since 1970

        Raises
        ------
        NotAllowed : when no birth declared it
        PayloadError : when the value does not fit its type
        """
        known_node = self.nodes.get((group, node))
        part = known_node.parts.get(device) if known_node is not None else None
        declared = part.metrics.get(name) if part is not None and part.born else None
        if declared is None:
            where = "/".join(one for one in (group, node, device) if one is not None)
            raise NotAllowed(f'no birth of {where} declared "{name}"', fix="look at what it offers first")
        said = metric(name, declared.shape.datatype, value, alias=declared.alias, timestamp=now // _MS)
        if declared.alias is not None:
            said = said._replace(name=None)
        kind = Type.NCMD if device is None else Type.DCMD
        written = encode(Payload((said._replace(datatype=None),), timestamp=now // _MS))
        return Publish(str(Topic(kind, group, node, device)), written, 0, False)


def _row(tag: str, at: int, value: Any, quality: int) -> Row:
    if isinstance(value, str):
        return Row(tag, at, _NAN, value, quality)
    if value is None or not math.isfinite(value):
        return Row(tag, at, _NAN, None, quality if quality & BAD else BAD)
    return Row(tag, at, float(value), None, quality)


def _bdseq(payload: Payload) -> int | None:
    for said in payload.metrics:
        if said.name == "bdSeq" and isinstance(said.raw, int):
            return said.raw
    return None


def _browsed(node: Node, declared: Declared, said: Metric | None = None) -> Browsed:
    address = "/".join([node.group, node.name, *([declared.part] if declared.part is not None else []), declared.name])
    shown = "" if said is None or said.null or isinstance(said.raw, tuple | bytes) else f"{said.raw}"[:200]
    return Browsed(address, declared.shape.tag, DataType(declared.shape.datatype).name, declared.unit, True, shown)
