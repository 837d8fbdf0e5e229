"""The simulated workshop: what its physics claims, what faults and set-points do, and that a seed makes it again."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.model import Plant
from zhizao.testing.workshop import physics
from zhizao.testing.workshop.machine import Job, Rates
from zhizao.testing.workshop.physics import Parameters
from zhizao.testing.workshop.plant import FAULTS, Workshop
from zhizao.testing.workshop.run import serve_workshop
from zhizao.testing.workshop.signals import Change, Signals

PLANT = Plant.model_validate({"machines": {"mill 1": {}, "lathe": {}}})
ONE = Plant.model_validate({"machines": {"mill 1": {}}})
BASE = Parameters()


def of(changes: list[Change], name: str) -> list[tuple[int, object]]:
    return [(at, value) for who, at, value in changes if who == name]


@given(st.floats(-50, 300), st.floats(-50, 300), st.floats(0.01, 5000), st.floats(0.01, 5000), st.floats(10, 2000))
def test_temperature_over_two_steps_is_that_over_one(start: float, end: float, first: float, second: float, tau: float):
    twice = physics.temperature_c(physics.temperature_c(start, end, first, tau), end, second, tau)
    assert twice == pytest.approx(physics.temperature_c(start, end, first + second, tau), abs=1e-9)


def test_a_machine_without_work_cools_as_the_closed_form_says():
    plant = Workshop(ONE, parameters={"mill 1": BASE}, jobs={})
    machine = plant.machines["mill 1"]
    machine.temperature = 70.0
    end = BASE.ambient_c + BASE.rise_k_kw * BASE.standby_kw
    for minute in range(1, 31):
        plant.step(60.0)
        wanted = end + (70.0 - end) * math.exp(-60.0 * minute / BASE.tau_s)
        assert machine.temperature == pytest.approx(wanted, abs=1e-6)


def test_the_dimension_drifts_with_wear_and_then_pieces_are_scrap():
    given = replace(BASE, sigma_um=3.0, drift_um=40.0, flaw=0.0, growth_um_k=0.0, tool_life_s=36_000.0, taylor=1.0)
    plant = Workshop(ONE, seed=3, parameters={"mill 1": given})
    machine = plant.machines["mill 1"]
    machine.wear = 0.0
    wears, sizes, bad = [], [], []
    while machine.wear < 0.98:
        before = machine.scrap
        changes = plant.step(5.0)
        for _, size in of(changes, "mill 1/part/dimension"):
            wears.append(machine.wear)
            sizes.append(float(size))
            bad.append(machine.scrap > before)
    slope, level = np.polyfit(wears, sizes, 1)
    assert slope * 1000 == pytest.approx(given.drift_um, rel=0.05)
    assert level == pytest.approx(given.nominal_mm, abs=0.001)
    half = np.array(wears) > 0.7
    assert np.mean(np.array(bad)[half]) > 0.5 > 0.01 > np.mean(np.array(bad)[np.array(wears) < 0.4])


def test_the_mean_cycle_is_what_the_parameters_say_whatever_the_override():
    for override in (60.0, 100.0, 140.0):
        given = replace(BASE, tool_life_s=1e9)
        jobs = {"mill 1": [Job("A", 100_000)]}
        plant = Workshop(ONE, seed=5, parameters={"mill 1": given}, jobs=jobs)
        plant.write("mill 1/feed override", override)
        cycles = [float(value) for _, value in of(plant.step(200_000.0), "mill 1/cycle time")]
        wanted = given.load_s + physics.cut_s(given, override / 100)
        error = wanted * given.cycle_sigma / math.sqrt(len(cycles))
        assert len(cycles) > 3000
        assert np.mean(cycles) == pytest.approx(wanted, abs=4 * error + 0.05)


def test_a_faster_override_wears_a_tool_by_taylors_law():
    given = replace(BASE, taylor=0.25)
    assert physics.wear_rate(given, 1.2) / physics.wear_rate(given, 1.0) == pytest.approx(1.2**4)
    assert physics.wear_rate(given, 1.0, coolant=0.0) == pytest.approx(given.dry_wear / given.tool_life_s)


def test_the_same_seed_is_the_same_plant_and_another_is_not():
    def told(seed: int) -> list[Change]:
        plant = Workshop(PLANT, seed=seed, extra=10, rates=Rates(jam=0.05, breakage=0.05))
        return [change for _ in range(300) for change in plant.step(7.0)]

    assert told(4) == told(4)
    assert told(4) != told(5)


def test_how_time_is_cut_into_steps_does_not_change_what_is_made():
    def made(step: float) -> tuple[float, ...]:
        jobs = {"mill 1": [Job("A", 60)]}
        given = replace(BASE, cycle_sigma=0.0, flaw=0.0, sigma_um=0.0)
        plant = Workshop(ONE, seed=1, parameters={"mill 1": given}, jobs=jobs)
        for _ in range(round(1500 / step)):
            plant.step(step)
        machine = plant.machines["mill 1"]
        return machine.parts, machine.wear, machine.energy_kwh, machine.temperature

    assert made(1500.0) == pytest.approx(made(1.0), rel=1e-3)
    assert made(7.5) == pytest.approx(made(1.0), rel=1e-3)


def test_orders_are_worked_one_after_the_other_until_their_good_pieces_are_made():
    jobs = {"mill 1": [Job("A", 3), Job("B", 2, cut_s=10.0)]}
    plant = Workshop(ONE, seed=2, parameters={"mill 1": replace(BASE, flaw=0.3)}, jobs=jobs)
    changes = plant.step(3600.0)
    assert [value for _, value in of(changes, "mill 1/order")] == ["A", "B", ""]
    machine = plant.machines["mill 1"]
    assert machine.parts - machine.scrap == 5
    assert plant.value("mill 1/state") == "NotExecuting"
    plant.add("mill 1", Job("C", 1))
    assert [value for _, value in of(plant.step(600.0), "mill 1/order")] == ["C", ""]


@pytest.mark.parametrize(("fault", "text"), [("tool breakage", "tool broken"), ("jam", "jam")])
def test_a_fault_stops_the_machine_for_its_time_and_no_longer(fault: str, text: str):
    plant = Workshop(ONE, seed=1)
    plant.step(400.0)
    plant.inject(fault, "mill 1", 120.0)
    changes = plant.step(300.0)
    (on, _), (off, _) = of(changes, "mill 1/alarm/active")[:2]
    assert of(changes, "mill 1/alarm/text")[0][1] == text
    assert (off - on) / 1e9 == pytest.approx(120.0, abs=0.001)
    assert of(changes, "mill 1/state")[0][1] == "OutOfService"
    if fault == "tool breakage":
        assert of(changes, "mill 1/scrap"), "the piece in the machine is lost"
        assert plant.machines["mill 1"].wear < 0.1, "there is a new tool in it"


def test_an_overheated_machine_waits_until_it_has_cooled_down():
    plant = Workshop(ONE, seed=1, parameters={"mill 1": BASE})
    plant.step(400.0)
    plant.inject("overheating", "mill 1", 1200.0)
    changes = [change for _ in range(720) for change in plant.step(5.0)]
    assert of(changes, "mill 1/alarm/text")[0][1] == "overheating"
    hottest = max(float(value) for _, value in of(changes, "mill 1/temperature"))
    assert hottest == pytest.approx(BASE.trip_c, abs=0.1)
    on, off = (at for at, _ in of(changes, "mill 1/alarm/active")[:2])
    assert off > on
    assert of(changes, "mill 1/state")[1][1] in ("Executing", "NotExecuting")


def test_a_stuck_sensor_and_a_silent_machine_tell_nothing_and_then_the_truth():
    plant = Workshop(PLANT, seed=1)
    plant.inject("sensor stuck", "mill 1/temperature", 60.0)
    plant.inject("silence", "lathe", 60.0)
    changes = [change for _ in range(60) for change in plant.step(1.0)]
    assert not of(changes, "mill 1/temperature")
    assert of(changes, "mill 1/power")
    assert not [name for name, *_ in changes if name.startswith("lathe")]
    after = plant.step(1.0)
    assert of(after, "mill 1/temperature")
    assert [name for name, *_ in after if name.startswith("lathe")]
    with pytest.raises(ValueError, match=FAULTS[0]):
        plant.inject("earthquake", "lathe")


def test_a_set_point_has_its_range_and_other_signals_are_none():
    plant = Workshop(ONE)
    with pytest.raises(ValueError, match="50 to 150"):
        plant.write("mill 1/feed override", 200.0)
    with pytest.raises(ValueError, match="50 to 150"):
        plant.write("mill 1/feed override", "fast")
    with pytest.raises(ValueError, match="is not a set-point"):
        plant.write("mill 1/parts", 5)
    plant.write("mill 1/coolant", 20.0)
    assert plant.value("mill 1/coolant") == 20.0
    assert of(plant.step(1.0), "mill 1/coolant") == [(plant.now_ns - 1_000_000_000, 20.0)]


def test_changes_come_in_order_of_time_and_each_is_one():
    plant = Workshop(PLANT, seed=8, extra=20)
    last = {signal.name: plant.value(signal.name) for signal in plant.signals}
    for _ in range(200):
        before = plant.now_ns
        changes = plant.step(13.0)
        times = [at for _, at, _ in changes]
        assert times == sorted(times)
        assert all(before <= at <= plant.now_ns and at % 1000 == 0 for at in times)
        for name, _, value in changes:
            assert last[name] != value
            last[name] = value
    assert all(plant.value(name) == value for name, value in last.items())


def test_a_thousand_extra_signals_make_ten_thousand_changes_a_second_and_leave_time():
    plant = Workshop(ONE, seed=1, extra=1000)
    begin, count = time.process_time(), 0
    for _ in range(50):
        count += len(plant.step(0.1))
    assert count >= 49_000
    assert time.process_time() - begin < 5.0, "five seconds of the plant"


class Watching:
    def __init__(self) -> None:
        self.steps: list[list[Change]] = []

    async def run(self, signals: Signals) -> None:
        signals.follow(lambda changes: self.steps.append(list(changes)))
        await asyncio.Event().wait()


def test_by_the_clock_steps_are_told_whole_and_stamped_with_the_time_they_are_shown():
    plant, watching = Workshop(ONE, seed=1, extra=5, scan_s=0.02), Watching()

    async def a_while() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(serve_workshop(plant, 50.0, [watching]), 1.0)

    before = time.time_ns()
    asyncio.run(a_while())
    assert len(watching.steps) > 20
    stamps = [at for step in watching.steps for _, at, _ in step]
    assert stamps == sorted(stamps)
    assert before - 1e9 < stamps[0] <= stamps[-1] < time.time_ns() + 1e8
    assert plant.now_ns - Workshop(ONE).now_ns > 20e9, "twenty plant seconds in one"


def test_a_plant_without_machines_is_the_sample_plant():
    assert len(Workshop(Plant()).machines) == 12
