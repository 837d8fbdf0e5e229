"""Files of meter readings and closed accounts: recognised by their headings, each row kept or refused with cause and cure.

A file of readings has a meter, a start, an end and a quantity; a file of accounts has a month, an account and a value.
Units are converted to those of the return; a carrier or an item that the file does not name is looked up in plant.yaml.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from zhizao.errors import InputError
from zhizao.model import CARRIERS, Kind, Plant
from zhizao.programme.items import items
from zhizao.programme.returns import bounds, check_month
from zhizao.record.importing import REJECTION_SCHEMA
from zhizao.sense.files.quantities import parse_quantity
from zhizao.sense.files.source import Options, Sheet, open_source
from zhizao.sense.files.times import parse_times

if TYPE_CHECKING:
    from zhizao.record import Receipt, Workspace

__all__ = ["FactsImported", "FactsRead", "import_facts", "read_facts"]

_HEADINGS = {
    "meter": ("meter", "meter id", "表计", "表号", "计量点"),
    "carrier": ("carrier", "energy carrier", "medium", "介质", "能源品种", "种类"),
    "start": ("start", "from", "start time", "开始", "开始时间", "起"),
    "end": ("end", "to", "end time", "结束", "结束时间", "止"),
    "quantity": ("quantity", "consumption", "用量", "数量", "读数"),
    "period": ("period", "month", "月份", "期间", "会计期间"),
    "account": ("account", "ledger account", "科目", "账户", "会计科目"),
    "item": ("item", "指标", "报表指标"),
    "value": ("value", "amount", "balance", "金额", "数值", "余额"),
    "unit": ("unit", "单位", "计量单位"),
}
_READING, _LEDGER = ("meter", "start", "end", "quantity"), ("period", "value")

_CARRIER_WORDS = {
    "electricity": ("电", "电力", "power"),
    "gas": ("天然气", "燃气", "natural gas"),
    "coal": ("煤", "煤炭"),
    "heat": ("热", "热力", "蒸汽", "steam"),
    "water": ("水",),
    "waste": ("固废", "固体废物", "solid waste"),
    "waste_used": ("综合利用", "waste used"),
    "waste_used_old": ("综合利用往年贮存",),
    "pollutant": ("污染物",),
    "emission": ("排放",),
}
_UNITS: dict[str, dict[str, float]] = {
    "kWh": {"kwh": 1.0, "mwh": 1e3, "wh": 1e-3, "gwh": 1e6, "千瓦时": 1.0, "度": 1.0, "万千瓦时": 1e4, "gj": 1e3 / 3.6},
    "m3": {"m3": 1.0, "m³": 1.0, "m^3": 1.0, "nm3": 1.0, "立方米": 1.0, "万立方米": 1e4, "l": 1e-3},
    "t": {"t": 1.0, "kg": 1e-3, "吨": 1.0, "千克": 1e-3, "公斤": 1e-3, "万吨": 1e4},
    "GJ": {"gj": 1.0, "mj": 1e-3, "kwh": 3.6e-3, "mwh": 3.6, "吉焦": 1.0, "百万千焦": 1.0},
    "CNY": {"cny": 1.0, "rmb": 1.0, "yuan": 1.0, "元": 1.0, "千元": 1e3, "万元": 1e4, "百万元": 1e6, "亿元": 1e8},
    "people": {"people": 1.0, "persons": 1.0, "人": 1.0},
    "tce": {"tce": 1.0, "kgce": 1e-3, "吨标准煤": 1.0},
    "patents": {"patents": 1.0, "件": 1.0},
    "pieces": {"pieces": 1.0, "pcs": 1.0, "件": 1.0, "万件": 1e4},
    "h": {"h": 1.0, "小时": 1.0, "天": 24.0},
}
_LONGEST = timedelta(days=400)
_LARGEST = 1e15


@dataclass(frozen=True, slots=True)
class FactsRead:
    """What a file of facts holds.

    Parameters
    ----------
    kind : `metered` or `accounts.closed`
    frame : rows to be stored, as `Journal.append_facts` takes them
    rejected : refused rows, one line per fault, columns of `REJECTION_SCHEMA`
    read : rows in the file
    """

    kind: Kind
    frame: pl.DataFrame
    rejected: pl.DataFrame
    read: int


@dataclass(frozen=True, slots=True)
class FactsImported:
    """One import of facts: what was read and what became of it."""

    reading: FactsRead
    receipt: Receipt


def read_facts(path: Path, plant: Plant, *, now: datetime, max_rejected: float = 0.2) -> FactsRead:
    """Rows of a file of readings or accounts, kept or refused.

    Parameters
    ----------
    path : CSV or Excel (.xlsx), also Parquet
    plant : its zone, meters and accounts
    now : later times are refused as being in the future
    max_rejected : share of refused rows above which nothing is taken

    Raises
    ------
    InputError : the file cannot be read, holds neither, or has more refused rows than that
    """
    source = open_source(path, Options())
    for sheet in source.sheets:
        columns = _recognised(sheet.frame.columns)
        if set(_READING) <= set(columns):
            found = _Rows(sheet, columns)
            frame = _readings(found, plant, now)
            return _checked(FactsRead(Kind.METERED, frame, found.rejected(), found.height), path, max_rejected)
        if set(_LEDGER) <= set(columns) and {"account", "item"} & set(columns):
            found = _Rows(sheet, columns)
            frame = _ledger(found, plant, now)
            return _checked(FactsRead(Kind.ACCOUNTS_CLOSED, frame, found.rejected(), found.height), path, max_rejected)
    raise InputError(
        "the headings are neither those of readings nor those of accounts",
        where=path.name,
        fix="readings: meter, start, end, quantity, unit; accounts: period, account, item, value, unit",
        code="not_facts",
    )


def import_facts(
    workspace: Workspace,
    path: Path,
    *,
    now: datetime,
    max_rejected: float = 0.2,
    progress: Callable[[str, float], None] | None = None,
) -> FactsImported:
    """Read a file of readings or accounts and record what is new in the workspace's journal.

    Parameters
    ----------
    workspace : where it is recorded
    path : CSV, Excel or Parquet
    now : time of recording
    max_rejected : see `read_facts`
    progress : told a stage and the share of it that is done
    """
    reading = read_facts(path, workspace.plant, now=now, max_rejected=max_rejected)
    receipt = workspace.journal.append_facts(
        reading.frame,
        reading.kind,
        source=path.name,
        rejected=reading.rejected,
        read=reading.read,
        recorded_at=now,
        progress=progress,
    )
    return FactsImported(reading, receipt)


def _recognised(headings: list[str]) -> dict[str, str]:
    """Column of each role."""
    out: dict[str, str] = {}
    for role, words in _HEADINGS.items():
        for heading in headings:
            if heading.strip().lower().replace("_", " ") in words and heading not in out.values():
                out[role] = heading
                break
    return out


class _Rows:
    """Rows of a sheet, and those that are refused on the way."""

    def __init__(self, sheet: Sheet, columns: dict[str, str]) -> None:
        self.frame, self.columns = sheet.frame, columns
        self.sheet = sheet.name
        self.rows = sheet.rows.cast(pl.Int64)
        self._faults: list[dict[str, Any]] = []
        self._bad: set[int] = set()
        for row, cells, _text in sheet.ragged:
            self._faults.append(
                {
                    "row": row,
                    "sheet": self.sheet,
                    "code": "ragged",
                    "what": f"the row has {cells} cells",
                    "fix": "quote texts",
                }
            )
        self.height = self.frame.height + len(sheet.ragged)

    def text(self, role: str) -> list[str]:
        """Cells of a role as text, empty where there is none."""
        if role not in self.columns:
            return [""] * self.frame.height
        return [str(cell).strip() if cell is not None else "" for cell in self.frame[self.columns[role]].to_list()]

    def series(self, role: str) -> pl.Series:
        """Cells of a role."""
        return self.frame[self.columns[role]]

    def refuse(self, at: int, role: str, value: str | None, code: str, what: str, fix: str) -> None:
        """Refuse a row."""
        self._bad.add(at)
        self._faults.append(
            {
                "row": int(self.rows[at]),
                "sheet": self.sheet,
                "column": self.columns.get(role, role),
                "value": None if value is None else value[:200],
                "code": code,
                "what": what,
                "fix": fix,
            }
        )

    def good(self, at: int) -> bool:
        """Whether nothing was refused about a row."""
        return at not in self._bad

    def rejected(self) -> pl.DataFrame:
        """Refused rows, one line per fault."""
        return pl.DataFrame(self._faults, schema=REJECTION_SCHEMA)


def _readings(rows: _Rows, plant: Plant, now: datetime) -> pl.DataFrame:
    times = {name: parse_times(rows.series(name), plant.zone) for name in ("start", "end")}
    quantity = parse_quantity(rows.series("quantity"))
    meters, carriers, units = rows.text("meter"), rows.text("carrier"), rows.text("unit")
    shown = rows.text("quantity")
    out: list[tuple[Any, ...]] = []
    for at, meter in enumerate(meters):
        start, end, amount = times["start"].values[at], times["end"].values[at], quantity.values[at]
        carrier = _carrier(carriers[at]) or (plant.meters[meter].carrier if meter in plant.meters else "")
        if not meter or len(meter) > 200:
            rows.refuse(at, "meter", meter, "no_meter", "no meter", "fill in which meter was read")
        elif not carrier:
            rows.refuse(
                at,
                "carrier",
                carriers[at],
                "no_carrier",
                f'"{carriers[at]}" is no carrier, and plant.yaml declares no meter "{meter}"',
                f"write one of {', '.join(CARRIERS)}",
            )
        for name, time in (("start", start), ("end", end)):
            if time is None:
                rows.refuse(
                    at, name, rows.text(name)[at], "bad_time", f"no {name} that can be read", "write 2025-06-30 08:00"
                )
        if start is not None and end is not None:
            if end <= start:
                rows.refuse(
                    at, "end", str(end), "end_before_start", "the reading ends before it starts", "correct the times"
                )
            elif end - start > _LONGEST:
                rows.refuse(
                    at, "end", str(end), "too_long", "the reading spans more than 400 days", "correct the times"
                )
            elif end > now:
                rows.refuse(at, "end", str(end), "in_future", "the reading lies in the future", "correct the date")
        factor = 1.0
        if carrier:
            known = CARRIERS[carrier]
            factor = _UNITS[known].get(units[at].lower(), 0.0) if units[at] else 1.0
            if not factor:
                rows.refuse(
                    at, "unit", units[at], "bad_unit", f'"{units[at]}" is no unit of {carrier}', f"write {known}"
                )
        _amount(rows, at, "quantity", amount, shown[at], signed=False)
        if rows.good(at):
            unit = CARRIERS[carrier]
            out.append((meter, carrier, float(amount) * factor, unit, start, end, int(rows.rows[at]), rows.sheet))
    time = pl.Datetime("us", "UTC")
    schema: dict[str, Any] = {"meter": pl.String, "carrier": pl.String, "quantity": pl.Float64, "unit": pl.String}
    schema |= {"start": time, "end": time, "row": pl.Int64, "sheet": pl.String}
    return pl.DataFrame(out, schema=schema, orient="row")


def _ledger(rows: _Rows, plant: Plant, now: datetime) -> pl.DataFrame:
    value = parse_quantity(rows.series("value"))
    periods, accounts, named, units = (rows.text(name) for name in ("period", "account", "item", "unit"))
    by_name = {name: key for key, item in items().items() for name in (key, item.zh, item.en)}
    out: list[tuple[Any, ...]] = []
    for at, text in enumerate(periods):
        account = accounts[at] or named[at]
        period = _month(rows, at, text, plant.zone, now)
        key = by_name.get(named[at]) or by_name.get(plant.accounts.get(account, "")) or by_name.get(account)
        if key is None:
            rows.refuse(
                at,
                "item" if named[at] else "account",
                named[at] or account,
                "no_item",
                f'"{named[at] or account}" is no item of the return',
                "name the item, or put the account under accounts in plant.yaml",
            )
        factor = 1.0
        if key is not None and units[at]:
            known = items()[key].unit
            factor = _UNITS.get(known, {}).get(units[at].lower(), 1.0 if units[at] == known else 0.0)
            if not factor:
                rows.refuse(at, "unit", units[at], "bad_unit", f'"{units[at]}" is no unit of {key}', f"write {known}")
        # what an account says is not kept with a refused row: not everybody who sees rejections may see accounts
        _amount(rows, at, "value", value.values[at], None, signed=key is None or items()[key].signed)
        if rows.good(at) and key is not None:
            made = float(value.values[at]) * factor
            out.append((period, key, account, made, items()[key].unit, int(rows.rows[at]), rows.sheet))
    schema: dict[str, Any] = {"period": pl.String, "item": pl.String, "account": pl.String, "value": pl.Float64}
    return pl.DataFrame(out, schema={**schema, "unit": pl.String, "row": pl.Int64, "sheet": pl.String}, orient="row")


def _month(rows: _Rows, at: int, text: str, zone: str, now: datetime) -> str:
    plain = text.replace("年", "-").replace("月", "").replace("/", "-").replace(".", "-")
    parts = plain.split("-")
    if len(parts) >= 2 and parts[0].isdigit() and parts[1].isdigit():
        plain = f"{int(parts[0]):04d}-{int(parts[1]):02d}"
    elif len(plain) == 6 and plain.isdigit():
        plain = f"{plain[:4]}-{plain[4:]}"
    try:
        check_month(plain)
    except InputError:
        rows.refuse(at, "period", text, "bad_period", f'"{text}" is no month', "write it as 2025-06")
        return ""
    if bounds(plain, zone)[1] > now:
        rows.refuse(
            at, "period", text, "in_future", f"{plain} has not ended yet", "close accounts when the month is over"
        )
    return plain


def _amount(rows: _Rows, at: int, role: str, value: float | None, shown: str | None, *, signed: bool) -> None:
    if value is None or not abs(value) < _LARGEST:
        rows.refuse(at, role, shown, "bad_number", "not a number that can be used", "write a number such as 1234.5")
    elif value < 0 and not signed:
        rows.refuse(at, role, shown, "negative", "below 0", "write what flowed, or the balance, without a sign")


def _carrier(text: str) -> str:
    plain = text.lower()
    if plain in CARRIERS:
        return plain
    return next((carrier for carrier, words in _CARRIER_WORDS.items() if plain in words), "")


def _checked(found: FactsRead, path: Path, most: float) -> FactsRead:
    refused = found.read - found.frame.height
    if not found.read:
        raise InputError("the file has no rows", where=path.name, fix="export it again, with data", code="no_rows")
    if refused > most * found.read:
        first = found.rejected.row(0, named=True)
        raise InputError(
            f"{refused} of {found.read} rows are refused, the first: {first['what']}",
            where=f"{path.name}, row {first['row']}",
            fix=f"{first['fix']}; or allow more with --max-rejected",
            code="too_many_rejected",
        )
    return found
