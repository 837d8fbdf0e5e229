"""The plant as a model that runs: discovered from records, calibrated, simulated, compared with reality."""

from zhizao.decide.twin.compare import MEASURES, distances
from zhizao.decide.twin.draw import Draw
from zhizao.decide.twin.fidelity import FidelityReport, fidelity, noise_floor, resampled
from zhizao.decide.twin.hours import weekly_intervals
from zhizao.decide.twin.twin import Twin

__all__ = [
    "MEASURES",
    "Draw",
    "FidelityReport",
    "Twin",
    "distances",
    "fidelity",
    "noise_floor",
    "resampled",
    "weekly_intervals",
]
