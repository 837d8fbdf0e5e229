"""What an evaluation gives to programs, and the frozen inputs from which it can be made again.

The frozen inputs hold every definition in the version that was used, every value with its source, and the settings;
their SHA-256 is taken over JSON with sorted keys and no spaces. From them alone the same result follows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from zhizao.errors import InputError
from zhizao.programme.indicators.actuals import Actuals, Observation, Said, Series, Source
from zhizao.programme.indicators.catalogue import Catalogue, TargetSet
from zhizao.programme.indicators.definition import Definition, Goal, Step
from zhizao.programme.indicators.open_parts import open_parts
from zhizao.programme.outlook.backtest import HORIZONS, released_coverage
from zhizao.programme.outlook.evaluate import Evaluation, IndicatorResult, Settings, says_little
from zhizao.programme.outlook.judge import Judgement
from zhizao.programme.outlook.reasons import when_text

__all__ = ["SHOWN_YEARS", "adjustment_json", "canonical", "evaluation_json", "freeze", "sha256_of", "thaw"]

SHOWN_YEARS = (2025, 2035, 2049)
"""Years of the three steps."""


def evaluation_json(found: Evaluation) -> dict[str, Any]:
    """The whole evaluation as plain values: settings, hash of the inputs, one entry an indicator.

    Every number is rounded to six significant digits, probabilities to four places.
    """
    released = released_coverage()
    return {
        "as_of": found.settings.as_of.isoformat(),
        "target_set": found.settings.target_set,
        "include_unverified": found.settings.include_unverified,
        "inputs_sha256": sha256_of(freeze(found)),
        "model": {
            "name": "damped local trend, mixture over its variances",
            "coverage_95_generated": released.overall,
            "coverage_80_generated": released.overall80,
            "horizons_years": list(HORIZONS),
            "coverage_95_by_horizon": list(released.by_horizon),
            "series_of_each_kind": released.series,
        },
        "indicators": [_indicator(one) for one in found.results],
    }


def _indicator(one: IndicatorResult) -> dict[str, Any]:
    newest = one.newest
    seen = newest.observation if newest else None
    test = one.test
    unknown = open_parts(one.definition.formula)
    return {
        "id": one.definition.id,
        "version": one.definition.version,
        "zh": one.definition.zh,
        "en": one.definition.en,
        "kind": one.definition.kind.value,
        "unit": one.definition.unit,
        "direction": one.definition.direction,
        "group": one.definition.group,
        "latest": None
        if newest is None or seen is None
        else {
            "year": seen.year,
            "at": _short(newest.at),
            "period": seen.period_en or when_text(newest.at),
            "value": _short(newest.figure),
            "source": seen.source,
            "series": seen.series,
            "confidence": seen.confidence,
            "published": seen.published.isoformat() if seen.published else None,
        },
        "open_parts": None if unknown is None else unknown.plain(None if newest is None else newest.figure),
        "targets": [_target(each) for each in one.judgements],
        "outlook": _outlook(one),
        "fan": None
        if one.fan is None
        else {"years": list(one.fan.years), "quantiles": [[_short(v) for v in row] for row in one.fan.quantiles]},
        "no_outlook": None if one.no_fan is None else _both(one.no_fan),
        "backtest": {
            "forecasts": test.forecasts,
            "inside_95": test.inside,
            "inside_80": test.inside80,
            "coverage_95": round(test.inside / test.forecasts, 4) if test.forecasts else None,
        },
        "series": [
            {
                "id": track.series,
                "values": [
                    {"at": _short(point.at), "value": _short(point.figure), "se": _short(point.error)}
                    for point in track.points
                ],
            }
            for track in one.tracks.tracks
        ],
        "left_out": {
            "unverified": one.tracks.unverified,
            "forecasts": one.tracks.forecasts,
            "later": one.tracks.later,
            "outside": one.tracks.outside,
        },
        "gaps": [_both(gap) for gap in one.gaps],
        "cannot_judge": None if one.cannot_judge is None else _both(one.cannot_judge),
    }


def _outlook(one: IndicatorResult) -> list[dict[str, Any]]:
    rows = []
    for year in SHOWN_YEARS:
        at = one.fan.at(year) if one.fan is not None else None
        if at is not None:
            row = {"year": year, "low": _short(at[0]), "mid": _short(at[1]), "high": _short(at[2])}
            rows.append({**row, "says_little": says_little(one.definition, *at)})
    return rows


def _target(one: Judgement) -> dict[str, Any]:
    return {
        "set": one.target.target_set,
        "id": one.target.id or None,
        "year": one.target.year,
        "value": one.target.value,
        "base_year": one.target.base_year,
        "state": one.state.value,
        "probability": None if one.probability is None else round(one.probability, 4),
        "low": _short(one.low),
        "mid": _short(one.middle),
        "high": _short(one.high),
        "series": one.series or None,
        "values": one.values,
        "first_reached": None if one.since is None else when_text(one.since.at),
        "pace": _short(one.pace),
        "required_pace": _short(one.required),
        "error": {name: _short(value) for name, value in one.parts.items()},
        "other_series": {name: state.value for name, state in one.others.items()},
        "reason": _both(one.reason),
    }


def adjustment_json(before: Judgement, after: Judgement, reason: str) -> dict[str, Any]:
    """A changed target with its effect, as a journal records it."""
    return {"before": _target(before), "after": _target(after), "reason": reason}


def _both(said: Said) -> dict[str, str]:
    return {"zh": said.zh, "en": said.en}


def _short(value: float | None) -> float | None:
    return None if value is None or value != value else float(f"{value:.6g}")


def freeze(found: Evaluation) -> dict[str, Any]:
    """All inputs of an evaluation as plain values."""
    keep = {one.definition.id for one in found.results}
    used = [one for one in found.observations if one.indicator in keep]
    named = {one.source for one in used}
    return {
        "settings": {
            "as_of": found.settings.as_of.isoformat(),
            "target_set": found.settings.target_set,
            "include_unverified": found.settings.include_unverified,
            "revisions": dict(found.settings.revisions or {}),
        },
        "definitions": [one.definition.model_dump(mode="json", exclude_defaults=True) for one in found.results],
        "target_sets": [one.model_dump(mode="json") for one in found.catalogue.target_sets.values()],
        "goals": [one.model_dump(mode="json") for one in found.catalogue.goals],
        "steps": [one.model_dump(mode="json") for one in found.catalogue.steps],
        "observations": [one.model_dump(mode="json", exclude_defaults=True) for one in used],
        "sources": {key: one.model_dump(mode="json") for key, one in sorted(found.sources.items()) if key in named},
        "series": {one.definition.id: [each.model_dump(mode="json") for each in one.series] for one in found.results},
        "gaps": {one.definition.id: [each.model_dump(mode="json") for each in one.gaps] for one in found.results},
    }


def thaw(frozen: Mapping[str, Any], where: str = "") -> tuple[Catalogue, Actuals, Settings]:
    """What an evaluation is made of, from its frozen inputs.

    Raises
    ------
    InputError : when they are not such inputs
    """
    try:
        definitions = [Definition.model_validate(one) for one in frozen["definitions"]]
        catalogue = Catalogue(
            {one.id: (one,) for one in definitions},
            {one["id"]: TargetSet.model_validate(one) for one in frozen["target_sets"]},
            tuple(Goal.model_validate(one) for one in frozen["goals"]),
            tuple(Step.model_validate(one) for one in frozen["steps"]),
        )
        actuals = Actuals(
            tuple(Observation.model_validate(one) for one in frozen["observations"]),
            {str(key): Source.model_validate(one) for key, one in frozen["sources"].items()},
            {str(key): tuple(Series.model_validate(one) for one in rows) for key, rows in frozen["series"].items()},
            {str(key): tuple(Said.model_validate(one) for one in rows) for key, rows in frozen["gaps"].items()},
        )
        row = frozen["settings"]
        revisions = {str(key): float(value) for key, value in row["revisions"].items()}
        settings = Settings(
            date.fromisoformat(row["as_of"]), row["target_set"], bool(row["include_unverified"]), revisions or None
        )
    except (KeyError, TypeError, AttributeError, ValueError, ValidationError) as error:
        raise InputError(
            f"the frozen inputs cannot be read ({type(error).__name__})",
            where=where,
            fix="use a report as `zhizao evaluate --out` wrote it",
            code="bad_frozen",
        ) from error
    return catalogue, actuals, settings


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces, the same for the same content.

    Examples
    --------
    >>> canonical({"b": 1, "a": "制造"})
    '{"a":"制造","b":1}'
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_of(value: object) -> str:
    """SHA-256 of the canonical JSON, as hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
