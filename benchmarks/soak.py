"""Soak: a plant that changes 10,000 times a second over four protocols, faults on purpose, and the account at the end.

`sudo python -m benchmarks.soak --minutes 30` runs the workshop in a network namespace of its own, `zhizao sense` outside
of it on a small disk of its own, and a real broker between; restarts the broker, cuts the network, fills the disk, sets the
plant's clock on and back, and kills the listener. The workshop writes down every change that it makes. In the end every
change is looked for in the record: what is missing, what is there twice, what was never made. Needs Linux, root, mosquitto.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

HERE, THERE, SPACE = "10.213.7.1", "10.213.7.2", "zhizao-soak"
OPCUA, MODBUS, MTCONNECT, MQTT = 14_840, 15_020, 15_000, 18_883
DISK_MB = 3_000
GRAIN_NS = {"opcua": 1_000, "mtconnect": 1_000, "sparkplug": 1_000_000}
"""How finely a protocol tells times; Modbus tells none, so its samples are polls and are not compared."""
EDGES_MS = np.concatenate([[0.0], np.geomspace(1.0, 600_000.0, 400), [np.inf]])
"""Edges of the histogram of latencies."""


def plant(folder: Path, extra: int) -> None:
    """Child: the workshop and its end points; what it changes goes to `truth.bin`, commands come by standard input."""
    import logging

    from zhizao.testing.workshop import ends
    from zhizao.testing.workshop.machine import Rates
    from zhizao.testing.workshop.modbus_server import ModbusServer
    from zhizao.testing.workshop.mtconnect_agent import MtconnectAgent
    from zhizao.testing.workshop.opcua_server import OpcuaServer
    from zhizao.testing.workshop.plant import Workshop
    from zhizao.testing.workshop.run import serve_workshop

    logging.getLogger("asyncua").setLevel(logging.ERROR)
    workshop = Workshop(None, seed=3, rates=Rates(jam=0.01, breakage=0.03), extra=extra)
    number = {one.name: index for index, one in enumerate(workshop.signals)}
    (folder / "signals.json").write_text(json.dumps(list(number)))
    kind = np.dtype([("signal", "i4"), ("at", "i8"), ("value", "f8")])
    file = (folder / "truth.bin").open("ab")

    def made(changes: Sequence[Any]) -> None:
        rows = [(number[name], at, value if not isinstance(value, str) else np.nan) for name, at, value in changes]
        file.write(np.array(rows, kind).tobytes())
        file.flush()

    workshop.follow(made)
    served = [
        OpcuaServer(OPCUA, host=THERE, history=20_000),
        ends.Served(lambda signals: ModbusServer(signals, THERE, MODBUS)),
        ends.Served(lambda signals: MtconnectAgent(signals, THERE, MTCONNECT, buffer=1_000_000)),
        ends.Edge(HERE, MQTT, primary="zhizao"),
    ]

    async def all_of_it() -> None:
        loop = asyncio.get_running_loop()

        def obey() -> None:
            for line in sys.stdin:
                if line == "hush\n":
                    for machine in workshop.machines:
                        loop.call_soon_threadsafe(workshop.inject, "silence", machine, 1e7)
                else:
                    loop.call_soon_threadsafe(workshop.set_clock, float(line))

        threading.Thread(target=obey, daemon=True).start()
        await serve_workshop(workshop, 60.0, served)

    asyncio.run(all_of_it())


def listen(folder: Path) -> None:
    """Child: what `zhizao sense` does, and how long each sample took from its own time to a commit."""
    from zhizao.app import live

    workspace = folder / "disk" / "workspace"
    seen = (folder / "seen.jsonl").open("a")

    def stored(batches: Sequence[Any]) -> None:
        now = time.time_ns()
        for name, samples in batches:
            counts, _ = np.histogram((now - samples.at) / 1e6, EDGES_MS)
            there = np.flatnonzero(counts)
            line = {"t": now / 1e9, "name": name, "bins": there.tolist(), "counts": counts[there].tolist()}
            seen.write(json.dumps(line) + "\n")

    def each_second(healths: Any, _account: pl.DataFrame) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        up = sorted(name for name, health in healths.items() if health.connected)
        seen.write(json.dumps({"t": time.time(), "rss_mib": pages * 4 / 1024, "up": up}) + "\n")
        seen.flush()

    live.listen(str(workspace), live.plant_of(str(workspace)), told=each_second, on_commit=stored)


def run(*command: str, check: bool = True) -> None:
    subprocess.run(command, check=check, capture_output=not check)


class Soak:
    """The stage: disk, namespace, broker, plant, listener; and the faults."""

    def __init__(self, folder: Path, extra: int) -> None:
        self.folder, self.extra = folder, extra
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.faults: list[tuple[float, float, str]] = []

    def __enter__(self) -> Soak:
        image, disk = self.folder / "disk.img", self.folder / "disk"
        disk.mkdir()
        run("truncate", "-s", f"{DISK_MB}M", str(image))
        run("mkfs.ext4", "-q", str(image))
        run("mount", "-o", "loop", str(image), str(disk))
        run("ip", "netns", "add", SPACE)
        run("ip", "link", "add", "zzsoak0", "type", "veth", "peer", "name", "zzsoak1", "netns", SPACE)
        run("ip", "addr", "add", f"{HERE}/24", "dev", "zzsoak0")
        run("ip", "link", "set", "zzsoak0", "up")
        for words in (f"addr add {THERE}/24 dev zzsoak1", "link set zzsoak1 up", "link set lo up"):
            run("ip", "-n", SPACE, *words.split())
        (self.folder / "mosquitto.conf").write_text(
            f"listener {MQTT} {HERE}\nallow_anonymous true\nmax_queued_messages 0\n"
        )
        self.broker()
        self.child("plant", "ip", "netns", "exec", SPACE, sys.executable, "-m", "benchmarks.soak", "--as", "plant")
        workspace = disk / "workspace"
        workspace.mkdir()
        from zhizao.testing.workshop.ends import told_as_yaml
        from zhizao.testing.workshop.modbus_server import ModbusServer
        from zhizao.testing.workshop.plant import Workshop

        polled = ModbusServer(Workshop(None, seed=3, extra=self.extra), THERE, MODBUS).settings()
        for group in polled["groups"].values():
            group["every_s"] = 0.1
        said = told_as_yaml(
            {
                "opcua": {"kind": "opcua", "url": f"opc.tcp://{THERE}:{OPCUA}"},
                "modbus": polled,
                "mtconnect": {"kind": "mtconnect", "url": f"http://{THERE}:{MTCONNECT}"},
                "sparkplug": {"kind": "sparkplug", "host": HERE, "port": MQTT},
            }
        )
        (workspace / "plant.yaml").write_text(said)
        time.sleep(8)
        self.listener()
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children.values():
            child.kill()
            child.wait()
        run("ip", "netns", "del", SPACE, check=False)
        run("ip", "link", "del", "zzsoak0", check=False)
        time.sleep(1)
        run("umount", str(self.folder / "disk"), check=False)

    def child(self, name: str, *command: str) -> None:
        options = ("--folder", str(self.folder), "--extra", str(self.extra)) if "benchmarks.soak" in command else ()
        log = (self.folder / f"{name}.log").open("ab")
        self.children[name] = subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=log, stderr=log)

    def broker(self) -> None:
        self.child("broker", "mosquitto", "-c", str(self.folder / "mosquitto.conf"))
        time.sleep(0.5)

    def listener(self) -> None:
        self.child("listen", sys.executable, "-m", "benchmarks.soak", "--as", "listen")

    def stop(self, name: str, how: int) -> None:
        child = self.children[name]
        child.send_signal(how)
        child.wait(120)

    # the faults, each with the seconds that it lasts

    def broker_restarts(self) -> None:
        """The broker dies and is there again after 5 s."""
        self.stop("broker", signal.SIGKILL)
        time.sleep(5)
        self.broker()

    def network_cut(self) -> None:
        """No packet goes between plant and listener for 15 s."""
        run("ip", "link", "set", "zzsoak0", "down")
        time.sleep(15)
        run("ip", "link", "set", "zzsoak0", "up")

    def disk_full(self) -> None:
        """Not a byte is left on the disk for 10 s."""
        ballast = self.folder / "disk" / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(512))
        time.sleep(10)
        ballast.unlink()

    def tell(self, what: str) -> None:
        """Tell the plant: seconds by which its clock is set, or to hush."""
        pipe = self.children["plant"].stdin
        assert pipe is not None
        pipe.write(f"{what}\n".encode())
        pipe.flush()

    def killed(self) -> None:
        """The listener is killed without a warning and started again after 2 s."""
        self.stop("listen", signal.SIGKILL)
        time.sleep(2)
        self.listener()

    def drain(self, quiet_s: float = 10.0, most_s: float = 600.0) -> None:
        """Wait until nothing but polls is committed any more: what waited at its source has come."""
        began = last = time.monotonic()
        file, place = self.folder / "seen.jsonl", 0
        while time.monotonic() - last < quiet_s and time.monotonic() - began < most_s:
            time.sleep(1.0)
            with file.open() as lines:
                lines.seek(place)
                said, place = lines.read(), lines.tell()
            if '"bins": [' in said.replace('"modbus", "bins": [', "").replace('"bins": []', ""):
                last = time.monotonic()

    def soak(self, minutes: float) -> None:
        faults: list[tuple[str, Callable[[], None]]] = [
            ("broker restart", self.broker_restarts),
            ("network cut 15 s", self.network_cut),
            ("kill -9", self.killed),
            ("disk full 10 s", self.disk_full),
            ("clock +90.0317 s", lambda: self.tell("90.0317")),
            ("clock -90.0317 s", lambda: self.tell("-90.0317")),
        ]
        until, number = time.monotonic() + minutes * 60, 0
        pause = max(20.0, min(90.0, minutes * 60 / (2 * len(faults) + 2)))
        while time.monotonic() + 2 * pause < until:
            time.sleep(pause)
            name, fault = faults[number % len(faults)]
            number += 1
            began = time.time()
            print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)
            fault()
            self.faults.append((began, time.time(), name))
        time.sleep(max(until - time.monotonic(), 0))


def compared(folder: Path) -> pl.DataFrame:
    """Of each protocol: changes made, those in the record, missing, twice, never made."""
    from zhizao.record.historian import Historian

    kind = np.dtype([("signal", "i4"), ("at", "i8"), ("value", "f8")])
    names = json.loads((folder / "signals.json").read_text())
    data = (folder / "truth.bin").read_bytes()
    rows = np.frombuffer(data[: len(data) // kind.itemsize * kind.itemsize], kind)
    truth = pl.DataFrame({name: rows[name] for name in rows.dtype.names or ()})
    first, last = _from(folder), int(rows["at"].max())
    lines = []
    with Historian(folder / "disk" / "workspace" / "signals") as historian:
        by_tag: dict[str, dict[str, str]] = {name: {} for name in GRAIN_NS}
        for tag in historian.tags:
            source, _, rest = tag.partition("/")
            if source in by_tag:
                by_tag[source][rest.removeprefix("Workshop/").removeprefix("workshop/edge/")] = tag
        for source, grain in GRAIN_NS.items():
            line = dict.fromkeys(("signals", "made", "kept", "missing", "twice", "not made"), 0)
            at = pl.col("at") // grain * grain
            for index, name in enumerate(names):
                tag = by_tag[source].get(name.replace("sensor/", "sensor_") if source == "mtconnect" else name)
                if tag is None:
                    continue
                own = truth.filter(pl.col("signal") == index).select(at.alias("at"), was="value").sort("at")
                made = own.filter(pl.col("at") >= first)
                found = historian.range(tag, first, last + 1).filter(pl.col("quality") == 0)
                kept = (
                    found.with_columns(pl.col("at").dt.epoch("ns")).select(at.alias("at"), "value", "text").sort("at")
                )
                # a source says its values again when it comes back, stamped anew: they have to be what they were made
                again = kept.join(made, on="at", how="anti").join_asof(own, on="at")
                line["signals"] += 1
                line["made"] += made.height
                line["kept"] += kept.height
                line["missing"] += made.unique("at").join(kept, on="at", how="anti").height
                line["twice"] += kept.height - kept.unique(["at", "value", "text"]).height
                line["not made"] += again.filter(
                    pl.col("text").is_null() & pl.col("was").is_not_nan() & (pl.col("value") != pl.col("was"))
                ).height
            lines.append({"source": source, **line})
        print(historian.ledger())
    return pl.DataFrame(lines)


def _from(folder: Path) -> int:
    """Nanoseconds from which on all sources were listened to."""
    for text in (folder / "seen.jsonl").read_text().splitlines():
        with suppress(ValueError):
            line = json.loads(text)
            if len(line.get("up", ())) == 4:
                return round((line["t"] + 2) * 1e9)
    return 0


def latency(folder: Path, faults: Sequence[tuple[float, float, str]]) -> dict[str, Any]:
    """P50 and P99 in ms by source, in the seconds that are not within 30 s of a fault; memory at start and end."""
    quiet: dict[str, np.ndarray] = {}
    memory: list[tuple[float, float]] = []
    begin: float | None = None
    for text in (folder / "seen.jsonl").read_text().splitlines():
        with suppress(ValueError):
            line = json.loads(text)
            begin = begin or line["t"]
            if "rss_mib" in line:
                memory.append((line["t"], line["rss_mib"]))
                continue
            near = any(start - 1 <= line["t"] <= end + 30 for start, end, _ in faults) or line["t"] < begin + 60
            if line["bins"] and not near and not _clock_off(line["t"], faults):
                counts = quiet.setdefault(line["name"], np.zeros(len(EDGES_MS) - 1, np.int64))
                counts[line["bins"]] += line["counts"]
    out: dict[str, Any] = {}
    quiet["all"] = sum(quiet.values()) if quiet else np.zeros(len(EDGES_MS) - 1, np.int64)  # type: ignore[assignment]
    for name, counts in quiet.items():
        if not counts.any():
            continue
        share = np.cumsum(counts) / max(counts.sum(), 1)
        out[name] = {f"P{p}": round(float(EDGES_MS[1 + np.searchsorted(share, p / 100)]), 1) for p in (50, 99)}
        out[name]["samples"] = int(counts.sum())
    thirds = np.array_split(np.array([mib for _, mib in memory]), 3)
    out["rss_mib"] = [round(float(part.max()), 1) for part in thirds if len(part)]
    return out


def _clock_off(at: float, faults: Sequence[tuple[float, float, str]]) -> bool:
    """Whether the plant's clock is wrong at a time."""
    return sum(name.startswith("clock +") - name.startswith("clock -") for start, _, name in faults if start <= at) != 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument(
        "--extra", type=int, default=240, help="analog signals; each changes ten times a second on each protocol"
    )
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--as", dest="role", choices=["plant", "listen"])
    asked = parser.parse_args()
    if asked.role == "plant":
        plant(asked.folder, asked.extra)
    elif asked.role == "listen":
        listen(asked.folder)
    elif os.geteuid() != 0:
        sys.exit("the soak makes a network namespace and a disk: run it as root")
    else:
        folder = asked.folder or Path(tempfile.mkdtemp(prefix="zhizao-soak-"))
        folder.mkdir(exist_ok=True)
        with Soak(folder, asked.extra) as stage:
            stage.soak(asked.minutes)
            stage.tell("hush")
            stage.drain()
            stage.stop("listen", signal.SIGTERM)
            print(
                json.dumps({"faults": [name for *_, name in stage.faults], **latency(folder, stage.faults)}, indent=1)
            )
            with pl.Config(tbl_cols=-1, tbl_width_chars=160):
                print(compared(folder))


if __name__ == "__main__":
    main()
