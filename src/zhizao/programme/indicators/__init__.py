"""Indicators as versioned data: what is measured, how it rolls up, and which targets it has."""

from zhizao.programme.indicators.definition import Definition, Formula, Kind, Target

__all__ = ["Definition", "Formula", "Kind", "Target"]
