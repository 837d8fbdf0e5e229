"""Units of OPC UA (Part 8, EUInformation with UNECE codes) as Pint writes them."""

from __future__ import annotations

from typing import Any

from zhizao.sense.opcua.wire import BadBytes, Structure, unit

__all__ = ["unit_of"]

_UNECE = "http://www.opcfoundation.org/UA/units/un/cefact"
_ENCODED = 889
_PINT = {
    "C62": "",
    "P1": "percent",
    "CEL": "degC",
    "KEL": "kelvin",
    "FAH": "degF",
    "WTT": "W",
    "KWT": "kW",
    "MAW": "MW",
    "WHR": "Wh",
    "KWH": "kWh",
    "JOU": "J",
    "MMT": "mm",
    "CMT": "cm",
    "MTR": "m",
    "4H": "um",
    "C16": "mm/s",
    "MTS": "m/s",
    "2X": "m/min",
    "SEC": "s",
    "MIN": "min",
    "HUR": "hour",
    "C26": "ms",
    "DAY": "day",
    "HTZ": "Hz",
    "RPM": "rpm",
    "RPS": "rps",
    "DD": "degree",
    "C81": "radian",
    "NEW": "N",
    "B47": "kN",
    "NU": "N*m",
    "PAL": "Pa",
    "KPA": "kPa",
    "BAR": "bar",
    "MBR": "mbar",
    "AMP": "A",
    "4K": "mA",
    "VLT": "V",
    "OHM": "ohm",
    "KGM": "kg",
    "GRM": "g",
    "TNE": "t",
    "LTR": "L",
    "MTQ": "m**3",
    "L2": "L/min",
    "MQH": "m**3/hour",
    "MTK": "m**2",
    "H62": "mm/rev",
}


def unit_of(told: Any) -> str:
    """Unit of an EUInformation: by its code where it is known, else as the server shows it.

    Parameters
    ----------
    told : structure as `wire` reads it; anything else has no unit
    """
    if not isinstance(told, Structure) or told.kind != _ENCODED:
        return ""
    try:
        uri, number, shown = unit(told.body)
    except BadBytes:
        return ""
    if uri == _UNECE and number > 0:
        code = number.to_bytes(4, "big").lstrip(b"\0").decode("ascii", "replace")
        if code in _PINT:
            return _PINT[code]
    return shown
