"""What happens in one simulated machine: tool wear, drift of the dimension, spindle load, power, temperature.

Every law is one line, written out here, and every parameter has its unit. With *v* the feed override (1 at 100 %) and
*w* the wear of the tool (0 new, 1 worn out):

- cutting takes `cut_s` / v; loading and unloading a piece takes `load_s` whatever the override is;
- wear grows while it cuts by v ** (1 / `taylor`) / `tool_life_s` a second (Taylor's tool life), faster without coolant;
- the dimension of a piece is `nominal_mm` + `drift_um` * w + `growth_um_k` * (T - `ambient_c`) + noise of `sigma_um`;
- a piece is scrap when that leaves `tolerance_um`, or by chance with `flaw`;
- spindle load is `idle_load` when it turns free and `cut_load` * v * (1 + `wear_load` * w) when it cuts;
- power is `standby_kw` + `rated_kw` * load;
- heat: dT/dt = (T_end - T) / `tau_s` with T_end = `ambient_c` + `rise_k_kw` * power / cooling, solved exactly over a step
  in which power stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

__all__ = ["Parameters", "cut_s", "dimension_mm", "end_c", "is_scrap", "load", "power_kw", "temperature_c", "wear_rate"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Physics of one machine.

    Parameters
    ----------
    cut_s : seconds of cutting in a cycle at 100 %
    load_s : seconds of loading and unloading in a cycle
    cycle_sigma : standard deviation of the logarithm of a cycle's length; its mean stays what it is
    setup_s : seconds of set-up before another order
    tool_life_s : seconds of cutting at 100 % until a tool is worn out
    tool_change_s : seconds of a planned tool change
    taylor : Taylor's exponent n, 0.2 to 0.5
    dry_wear : factor on wear without any coolant
    nominal_mm : dimension that is aimed at
    tolerance_um : half width of what is allowed around it
    drift_um : what a worn out tool adds to the dimension
    sigma_um : standard deviation of the dimension between pieces
    growth_um_k : growth of the dimension per kelvin above ambient
    flaw : probability that a piece is scrap for no reason that is modelled, 0 to 1
    idle_load : spindle load without cutting, fraction of rated power
    cut_load : spindle load of a new tool at 100 %, fraction of rated power
    wear_load : fraction that a worn out tool adds to the load of cutting
    load_sigma : standard deviation of the measured load, fraction of rated power
    standby_kw : power when nothing turns
    rated_kw : power that full spindle load adds
    ambient_c : temperature of the hall
    rise_k_kw : kelvin above ambient per kilowatt with full coolant, once it has settled
    dry_cooling : cooling that is left without any coolant, fraction
    tau_s : time constant of the temperature
    trip_c : temperature at which the machine stops itself
    restart_c : temperature below which it may go on
    """

    cut_s: float = 32.0
    load_s: float = 8.0
    cycle_sigma: float = 0.03
    setup_s: float = 120.0
    tool_life_s: float = 3600.0
    tool_change_s: float = 90.0
    taylor: float = 0.4
    dry_wear: float = 3.0
    nominal_mm: float = 50.0
    tolerance_um: float = 25.0
    drift_um: float = 18.0
    sigma_um: float = 4.0
    growth_um_k: float = 0.15
    flaw: float = 0.002
    idle_load: float = 0.06
    cut_load: float = 0.52
    wear_load: float = 0.35
    load_sigma: float = 0.012
    standby_kw: float = 0.9
    rated_kw: float = 11.0
    ambient_c: float = 22.0
    rise_k_kw: float = 4.5
    dry_cooling: float = 0.4
    tau_s: float = 600.0
    trip_c: float = 85.0
    restart_c: float = 60.0


def cut_s(given: Parameters, override: float) -> float:
    """Seconds of cutting in a cycle at an override (1 at 100 %).

    >>> cut_s(Parameters(cut_s=30.0), 1.5)
    20.0
    """
    return given.cut_s / override


def wear_rate(given: Parameters, override: float, coolant: float = 1.0) -> float:
    """Wear that a second of cutting adds.

    Parameters
    ----------
    override : feed override, 1 at 100 %
    coolant : 0 none to 1 full

    >>> wear_rate(Parameters(tool_life_s=1000.0, taylor=0.5), 2.0)
    0.004
    """
    dry = 1 + (given.dry_wear - 1) * (1 - coolant)
    return float(dry * override ** (1 / given.taylor) / given.tool_life_s)


def load(given: Parameters, cuts: bool, override: float, wear: float) -> float:
    """Spindle load as a fraction of rated power, at most 1.5."""
    if not cuts:
        return given.idle_load
    return min(given.cut_load * override * (1 + given.wear_load * wear), 1.5)


def power_kw(given: Parameters, spindle_load: float) -> float:
    """Electric power at a spindle load; 0 load means that nothing turns."""
    return given.standby_kw + given.rated_kw * spindle_load


def end_c(given: Parameters, power: float, coolant: float = 1.0, blocked: float = 1.0) -> float:
    """Temperature that would be reached if this power stayed.

    Parameters
    ----------
    power : kW
    coolant : 0 none to 1 full
    blocked : factor on the rise while the cooling has failed, 1 or more
    """
    cooling = given.dry_cooling + (1 - given.dry_cooling) * coolant
    return given.ambient_c + given.rise_k_kw * power * blocked / cooling


def temperature_c(now: float, end: float, dt_s: float, tau_s: float) -> float:
    """Temperature after `dt_s` seconds on the way to `end`, first order, exact.

    >>> round(temperature_c(20.0, 120.0, 600.0, 600.0), 3)
    83.212
    """
    return end + (now - end) * exp(-dt_s / tau_s)


def dimension_mm(given: Parameters, wear: float, temperature: float, noise: float) -> float:
    """Dimension of a piece.

    Parameters
    ----------
    wear : of the tool, 0 to 1 and above
    temperature : of the machine, degree Celsius
    noise : drawn from a normal distribution with mean 0 and standard deviation 1
    """
    off_um = given.drift_um * wear + given.growth_um_k * (temperature - given.ambient_c) + given.sigma_um * noise
    return given.nominal_mm + off_um / 1000


def is_scrap(given: Parameters, dimension: float, chance: float) -> bool:
    """Whether a piece is scrap.

    Parameters
    ----------
    dimension : as it is, mm
    chance : drawn between 0 and 1
    """
    return abs(dimension - given.nominal_mm) * 1000 > given.tolerance_um or chance < given.flaw
