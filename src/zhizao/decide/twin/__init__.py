"""The plant as a model that runs: discovered from records, calibrated, simulated, compared with reality."""

from zhizao.decide.twin.compare import MEASURES, distances
from zhizao.decide.twin.draw import Draw
from zhizao.decide.twin.twin import Twin

__all__ = ["MEASURES", "Draw", "Twin", "distances"]
