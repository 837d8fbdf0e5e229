"""Any document of an agent becomes what it says."""

from __future__ import annotations

from zhizao.errors import InputError
from zhizao.sense.mtconnect.assets import Assets, assets_of
from zhizao.sense.mtconnect.devices import Devices, devices_of
from zhizao.sense.mtconnect.streams import Problem, Streams, problem_of, streams_of
from zhizao.sense.mtconnect.xml import read_xml

__all__ = ["read_document"]


def read_document(data: bytes, where: str = "") -> Devices | Streams | Assets | Problem:
    """What a document says, of any version of the standard.

    Parameters
    ----------
    data : the whole document
    where : for messages

    Raises
    ------
    InputError : it is not XML that can be trusted, or not of MTConnect
    """
    root = read_xml(data, where)
    match root.tag:
        case "MTConnectDevices" | "Devices" | "Device":
            return devices_of(root)
        case "MTConnectStreams":
            return streams_of(root)
        case "MTConnectError":
            return problem_of(root)
        case "MTConnectAssets" | "Assets":
            return assets_of(root)
        case _ if root.get("assetId"):
            return assets_of(root)
        case _:
            raise InputError(
                f'"{root.tag[:80]}" is not a document of MTConnect',
                where=where,
                fix="give the address of an agent, such as http://machine:5000",
                code="not_mtconnect",
            )
