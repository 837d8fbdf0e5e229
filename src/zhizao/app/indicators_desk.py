"""The indicators desk: what routes and pages ask about indicators, with own values, definitions and adjusted targets.

Own values and definitions lie in the workspace as `programme/values.csv` and `programme/definitions.yaml`, written whole
and checked before. Adjusted targets are events of the journal; an evaluation as of a day knows those decided by then.
Who may not see the plant's records is shown published values only.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zhizao.app.access import Right
from zhizao.app.evaluation import read_day, read_values, today
from zhizao.clock import now
from zhizao.errors import InputError, ZhizaoError
from zhizao.programme.indicators import Actuals, Catalogue, Observation, actuals, catalogue
from zhizao.programme.outlook import Adjustment, Evaluation, Settings, adjust, evaluate
from zhizao.programme.outlook.result import adjustment_json
from zhizao.record.targets import adjustments, record_adjustment
from zhizao.record.whole import write_whole

if TYPE_CHECKING:
    from zhizao.app.access import Person
    from zhizao.app.desk import Desk
    from zhizao.record.views import Recorded

__all__ = ["MOST_BYTES", "SOURCES", "Asked", "IndicatorsDesk"]

MOST_BYTES = 8 << 20
"""Most bytes of an uploaded table of values or report."""

MOST_VALUES = 500
"""Most own values that a server evaluates: each may be one fit of the model, of about a tenth of a second."""

MOST_OWN = 100
"""Most own indicators."""

SOURCES = ("all", "published", "own")
"""Which values are used: own ones first with published beside them, published ones only, own ones only."""

_COLUMNS = ("indicator", "year", "value", "se", "source", "published", "series", "measure", "confidence")


@dataclass(frozen=True, slots=True)
class Asked:
    """How an evaluation is asked for.

    Parameters
    ----------
    as_of : only what was published, and decided, by this day
    target_set : whose targets; None for all
    unverified : judge by values that are only remembered, too
    values : one of `SOURCES`
    """

    as_of: date
    target_set: str | None = None
    unverified: bool = False
    values: Literal["all", "published", "own"] = "all"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        """From the words of an address: `as_of`, `target_set` (or `set`), `include_unverified`, `values`.

        Raises
        ------
        InputError : when one of them cannot be read
        """
        day = read_day(query.get("as_of") or None, "as_of")
        if day.year < 1949:
            raise InputError(f"{day} is before 1949", where="as_of", fix="name a later day", code="bad_day")
        which = query.get("values") or "all"
        if which not in SOURCES:
            raise InputError(f'"{which[:40]}" is no choice of values', where="values", fix=f"use {', '.join(SOURCES)}")
        wanted = query.get("target_set") or query.get("set") or ""
        yes = (query.get("include_unverified") or query.get("unverified") or "").lower() in ("1", "true", "yes", "on")
        return cls(day, None if wanted in ("", "all") else wanted, yes, which)  # type: ignore[arg-type]


class IndicatorsDesk:
    """Indicators of one workspace, as one person may see them.

    Parameters
    ----------
    desk : the workspace
    person : who asks
    """

    def __init__(self, desk: Desk, person: Person) -> None:
        self.desk, self.person = desk, person
        self.folder = desk.path / "programme"
        self.values_file = self.folder / "values.csv"
        self.definitions_file = self.folder / "definitions.yaml"

    # -------------------------------------------------------------- looking

    @property
    def sees_own(self) -> bool:
        """Whether own values may be seen: by those who may see the plant's records."""
        return self.person.may(Right.READ)

    def own_text(self) -> str:
        """Own definitions as YAML; empty when there are none."""
        try:
            return self.definitions_file.read_text(encoding="utf-8")
        except OSError:
            return ""
        except UnicodeDecodeError as error:
            raise InputError(
                "the file is not UTF-8", where="programme/definitions.yaml", fix="save it again"
            ) from error

    def has_own_values(self) -> bool:
        """Whether there are own values that this person may see."""
        return self.sees_own and self.values_file.is_file()

    def adjusted(self, as_of: date | None = None) -> list[Recorded]:
        """Adjusted targets in the order of their decisions; those decided by the end of a day where one is named."""
        until = None
        if as_of is not None and as_of < today():  # today knows everything, in whatever zone the day ends
            until = datetime.combine(as_of + timedelta(days=1), time(), self.desk.tz).astimezone(UTC)
            until -= timedelta(microseconds=1)
        return adjustments(self.desk.store, as_of=until)

    def catalogue(self, as_of: date | None = None) -> Catalogue:
        """Shipped definitions, own ones, then each adjusted target as a version of its own.

        Raises
        ------
        FaultsFound : with everything that is wrong with the own definitions
        """

        def work() -> Catalogue:
            texts, names = [], []
            own = self.own_text()
            if own.strip():
                texts, names = [own], ["programme/definitions.yaml"]
            found = catalogue(*texts, names=names)
            for event in self.adjusted(as_of):
                row = event.payload.get("definition")
                old = found.current.get(event.subject)
                target = (row or {}).get("targets", [{}])[0]
                if old is None or old.target(target.get("target_set", "plan2025"), target.get("year", 0)) is None:
                    continue  # its definition has gone since
                texts.append(json.dumps({"indicators": [row]}))
                names.append(f"fact {event.sequence}")
                found = catalogue(*texts, names=names)
            return found

        return self.desk.once("indicators", work, str(as_of or ""), _stamp(self.definitions_file))

    def actuals(self, which: str, found: Catalogue) -> Actuals:
        """Values: own ones first with published beside them, published ones only, or own ones only."""
        published = actuals()
        if which == "published" or not self.has_own_values():
            if which == "own":
                raise InputError(
                    "there are no own values", fix="upload some, or look at the published ones", code="no_own"
                )
            return published
        own = read_values(self.values_file, found).actuals
        if which == "own":
            return own
        series = dict(published.series)
        for key, mine in own.series.items():
            there = {one.id: one for one in series.get(key, ())}
            first = tuple(there.get(one.id, one) for one in mine)
            series[key] = (*first, *(one for one in series.get(key, ()) if one.id not in {each.id for each in first}))
        return Actuals((*own.observations, *published.observations), published.sources, series, published.gaps)

    def evaluation(self, asked: Asked) -> Evaluation:
        """Every indicator held against its targets; worked out once for each state of facts and files.

        Raises
        ------
        InputError : when there is no such set of targets, or own files have faults
        """
        which = asked.values if self.sees_own else "published"
        if which != "own" and not self.has_own_values():
            which = "published"

        def work() -> Evaluation:
            found = self.catalogue(asked.as_of)
            if asked.target_set is not None:
                found.check_set(asked.target_set, "target_set")
            settings = Settings(asked.as_of, asked.target_set, asked.unverified)
            return evaluate(found, self.actuals(which, found), settings)

        return self.desk.once("evaluation", work, *self._key(asked, which))

    def has_evaluation(self, asked: Asked) -> bool:
        """Whether it has been worked out already."""
        which = asked.values if self.sees_own else "published"
        if which != "own" and not self.has_own_values():
            which = "published"
        return self.desk.has("evaluation", *self._key(asked, which))

    def _key(self, asked: Asked, which: str) -> tuple[Any, ...]:
        own = _stamp(self.values_file) if which != "published" else ""
        day = asked.as_of.isoformat()
        return (day, asked.target_set, asked.unverified, which, _stamp(self.definitions_file), own)

    # ------------------------------------------------------------- changing

    def save_values(self, name: str, data: bytes) -> dict[str, Any]:
        """Check an uploaded table of values and keep it as `programme/values.csv`; what was there is replaced.

        Raises
        ------
        FaultsFound : with every cell that cannot be taken, by row
        NotAllowed : when the person is no manager
        """
        self.person.need(Right.SETTLE)
        shown = re.sub(r"[^\w.\- ]+", "_", name.replace("\\", "/").rsplit("/", 1)[-1])[-100:].lstrip(".") or "values"
        if Path(shown).suffix.lower() not in (".csv", ".tsv", ".txt", ".xlsx"):
            raise InputError(
                f'"{shown}" is neither CSV nor Excel', where=shown, fix="upload .csv or .xlsx", code="bad_kind_of_file"
            )
        if len(data) > MOST_BYTES:
            raise InputError(
                "the table has more than 8 MiB", where=shown, fix="upload the values alone", code="too_large"
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / shown
            path.write_bytes(data)
            read = read_values(path, self.catalogue())
        kept = read.actuals.observations
        if len(kept) > MOST_VALUES:
            raise InputError(
                f"there are {len(kept):,} values; a server evaluates at most {MOST_VALUES}",
                where=shown,
                fix="upload yearly values, or use `zhizao evaluate --values`",
                code="too_many",
            )
        write_whole(self.values_file, _as_csv(kept))
        return {
            "values": len(kept),
            "indicators": sorted({one.indicator for one in kept}),
            "notes": [{"zh": one.zh, "en": one.en} for one in read.notes],
        }

    def drop_values(self) -> None:
        """Put own values away."""
        self.person.need(Right.SETTLE)
        self.values_file.unlink(missing_ok=True)

    def save_definitions(self, text: str) -> dict[str, Any]:
        """Check own definitions and keep them as `programme/definitions.yaml`; an empty text puts them away.

        Raises
        ------
        FaultsFound : with everything that is wrong, each with its place
        NotAllowed : when the person is no manager
        """
        self.person.need(Right.SETTLE)
        text = text.replace("\r\n", "\n")
        found = catalogue(text, names=["definitions.yaml"])
        own = sum(1 for versions in found.versions.values() for one in versions if one.group == "own")
        if own > MOST_OWN:
            raise InputError(f"there are {own} own indicators", fix=f"at most {MOST_OWN} are taken", code="too_many")
        if self.values_file.is_file():
            read_values(self.values_file, found)  # refused when own values would lose their indicator
        if text.strip():
            write_whole(self.definitions_file, text)
        else:
            self.definitions_file.unlink(missing_ok=True)
        changed = [key for key, versions in found.versions.items() if len(versions) > 1 or versions[0].group == "own"]
        return {"indicators": changed, "target_sets": list(found.target_sets)}

    def effect(self, key: str, *, year: int, value: float, reason: str, target_set: str, asked: Asked) -> Adjustment:
        """What another value for a target would do to state and probability; nothing is kept.

        Raises
        ------
        InputError : no such indicator or target, no reason, or nothing would change
        """
        found = self.evaluation(Asked(asked.as_of, None, asked.unverified, asked.values))
        try:
            one = found.result(key)
        except KeyError as error:
            raise no_indicator(key) from error
        definition = one.definition
        if value != value or abs(value) > 1e12:
            raise InputError(f"{value} is no target", where="value", fix="write a number", code="bad_number")
        if definition.ceiling is not None and definition.kind.value == "level" and not 0 <= value <= definition.ceiling:
            raise InputError(
                f"{value:g} lies outside 0 to {definition.ceiling:g}",
                where="value",
                fix=f"write it in {definition.unit}",
                code="out_of_range",
            )
        return adjust(
            definition,
            one.tracks,
            year=year,
            value=value,
            reason=reason[:2000],
            as_of=asked.as_of,
            target_set=target_set,
        )

    def record(self, made: Adjustment) -> dict[str, Any]:
        """Decide on an adjustment: it goes into the journal with its reason and effect, and makes a new version.

        Raises
        ------
        NotAllowed : when the person is no manager, or somebody else adjusted the indicator meanwhile
        """
        self.person.need(Right.SETTLE)
        after = made.after.target
        # the whole target, so that its bound, base year and source stay
        row = made.definition | {"targets": [after.model_dump(mode="json")]}
        payload = {
            **adjustment_json(made.before, made.after, made.reason),
            "definition": row,
            "from_version": made.version,
            "as_of": made.as_of.isoformat(),
            "eased": made.eased,
            "by": self.person.name,
        }
        number = 1 + sum(1 for one in self.adjusted() if one.subject == made.indicator)
        record_adjustment(
            self.desk.journal, made.indicator, number=number, at=now(), source=self.person.name, payload=payload
        )
        return {"recorded": True, "number": number, **payload}


def no_indicator(key: str) -> ZhizaoError:
    """What is said of an indicator that is not there."""
    return InputError(f'"{key[:60]}" is not an indicator', fix="see the list of indicators", code="no_indicator")


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns}-{found.st_size}"


def _as_csv(values: tuple[Observation, ...]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in values:
        writer.writerow(
            (
                one.indicator,
                _period(one),
                repr(one.value),
                "" if one.se is None else repr(one.se),
                one.source,
                one.published or "",
                "" if one.series == "given" else one.series,
                "ratio" if one.ratio else "",
                one.confidence,
            )
        )
    return out.getvalue()


def _period(one: Observation) -> str:
    if one.at is None:
        return str(one.year)
    part = one.at - (one.year - 1)
    if abs(12 * part - round(12 * part)) < 1e-6:
        return f"{one.year}-{max(1, round(12 * part)):02d}"
    first = date(one.year, 1, 1)
    days = (date(one.year + 1, 1, 1) - first).days
    return str(first + timedelta(days=max(0, min(days, round(part * days)) - 1)))
