"""Sparkplug B payloads: metrics a second from bytes to metrics, and from bytes to samples through the host application.

Each payload holds 100 double metrics that are named by alias, as an edge node sends them after its birth. What stands
beside it is what the live plant has to bear: 10,000 changes a second. Values are compared before the speed is told.
"""

from __future__ import annotations

import time

from benchmarks import Row
from zhizao.sense.sparkplug.datatypes import DataType
from zhizao.sense.sparkplug.host import Host
from zhizao.sense.sparkplug.payload import Metric, Payload, decode, encode, metric

METRICS, MESSAGES = 100, 2_000
BEGAN_MS = 1_700_000_000_000
NEEDED = 10_000.0


def _session() -> tuple[bytes, list[bytes]]:
    born = (metric(f"m{one}", DataType.DOUBLE, 0.0, alias=one, timestamp=BEGAN_MS) for one in range(METRICS))
    said = [
        Payload(
            tuple(Metric(None, one, BEGAN_MS + turn, None, "double_value", one + turn / 2) for one in range(METRICS)),
            BEGAN_MS + turn,
            turn % 256,
        )
        for turn in range(1, MESSAGES + 1)
    ]
    return encode(Payload(tuple(born), BEGAN_MS, 0)), [encode(one) for one in said]


def _row(name: str, took_s: float) -> Row:
    rate = METRICS * MESSAGES / took_s
    return {
        "name": name,
        "ours": rate,
        "peer": "changes/s that the live plant has to bear",
        "peer_value": NEEDED,
        "unit": "metrics/s",
        "ratio": rate / NEEDED,
    }


def measure() -> list[Row]:
    birth, messages = _session()
    assert decode(messages[-1]).metrics[7].raw == 7 + MESSAGES / 2
    decoding, hearing = [], []
    for _ in range(3):
        began = time.perf_counter()
        for one in messages:
            decode(one)
        decoding.append(time.perf_counter() - began)
        host = Host("p")
        host.message("spBv1.0/g/NBIRTH/n", birth, 0)
        told = 0
        began = time.perf_counter()
        for one in messages:
            told += len(host.message("spBv1.0/g/NDATA/n", one, BEGAN_MS).samples())
        hearing.append(time.perf_counter() - began)
        assert told == METRICS * MESSAGES
    return [
        _row("Sparkplug B: payload of 100 metrics decoded", min(decoding)),
        _row("Sparkplug B: payload of 100 metrics to samples", min(hearing)),
    ]
