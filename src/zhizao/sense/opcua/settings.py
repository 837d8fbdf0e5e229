"""What plant.yaml says of an OPC UA server."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from zhizao.model import Noun
from zhizao.sense.connection import Settings as Base
from zhizao.sense.connection import secret
from zhizao.sense.opcua.names import parse

__all__ = ["Below", "Settings", "Tag"]


class Tag(Noun):
    """A node that is read."""

    node: str
    """Node id: `ns=2;s=mill 1/load`, or `nsu=urn:plant;s=mill 1/load`, which outlives a renumbering of namespaces."""

    tag: str = ""
    """Name of the tag, after the prefix; empty takes the identifier of the node."""

    @field_validator("node")
    @classmethod
    def _is_one(cls, node: str) -> str:
        parse(node)
        return node

    def name(self) -> str:
        """Name of the tag, after the prefix."""
        return self.tag or parse(self.node).identifier


class Below(Noun):
    """All variables below a node, by pattern."""

    root: str = "i=85"
    """Node id where the search begins; `i=85` is the Objects folder."""

    include: tuple[str, ...] = ("*",)
    """Patterns (`*`, `?`, `[...]`) of names that are meant: browse names below the root, joined by `/`."""

    exclude: tuple[str, ...] = ("Server/*", "Aliases/*", "Locations/*", "Quantities/*")
    """Patterns of names that are left out."""

    depth: int = Field(default=8, ge=1, le=30)
    """Levels below the root that are searched."""

    properties: bool = False
    """Whether properties (EngineeringUnits, EURange ...) count as variables too."""

    @field_validator("root")
    @classmethod
    def _is_one(cls, root: str) -> str:
        parse(root)
        return root


class Settings(Base):
    """An OPC UA server that is listened to."""

    kind: Literal["opcua"] = "opcua"
    """Kind of connection."""

    url: str = Field(pattern=r"^opc\.tcp://[^\s/]+(/\S*)?$")
    """Address of the server, `opc.tcp://host:4840/path`."""

    security: Literal["None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"] = "None"
    """Security policy; anything but `None` needs certificates on both sides."""

    mode: Literal["", "Sign", "SignAndEncrypt"] = ""
    """How messages are protected; empty is `SignAndEncrypt` where there is a policy."""

    certificate: str = ""
    """File of our certificate, DER or PEM; empty makes one in the trust folder."""

    key: str = ""
    """File of its private key, PEM or DER; empty takes the one made with the certificate."""

    trust: str = "trust"
    """Folder with `trusted/` (server certificates and those of their authorities), `rejected/` and `own/`."""

    user: str = ""
    """User at the server; empty is anonymous."""

    password: str = ""
    """Password, better as `env:NAME`, which reads it from the environment."""

    tags: tuple[Tag, ...] = ()
    """Nodes that are read, one by one."""

    browse: tuple[Below, ...] = ()
    """Nodes that are found by searching; empty with no tags either searches everything."""

    publishing_ms: float = Field(default=100.0, ge=10, le=60_000)
    """Milliseconds between two notifications of the server."""

    sampling_ms: float = Field(default=100.0, ge=-1, le=60_000)
    """Milliseconds between two looks of the server at a value; 0 is as fast as it can, -1 as it publishes."""

    queue_size: int = Field(default=100, ge=1, le=100_000)
    """Changes that the server keeps of a value between two notifications."""

    poll_ms: float | None = Field(default=None, ge=20, le=3_600_000)
    """Milliseconds between two readings, for servers without subscriptions; None subscribes."""

    backfill: bool = True
    """Whether a gap is filled from the server's history where it has one."""

    backfill_h: float = Field(default=24.0, gt=0, le=24 * 366)
    """Hours that a gap is filled back at most."""

    events: bool = True
    """Whether events and alarms are listened to."""

    event_sources: tuple[str, ...] = ("i=2253",)
    """Node ids that tell events; `i=2253` is the Server object, which tells all of them."""

    acknowledge: bool = False
    """Whether acknowledging a condition here is sent to the server, with who did it and the comment."""

    timeout_s: float = Field(default=10.0, gt=0, le=120)
    """Seconds that an answer may take."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.security == "None" and self.mode:
            raise ValueError(f'mode "{self.mode}" needs a security policy; write security: Basic256Sha256')
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key go together; write both or neither")
        for node in self.event_sources:
            parse(node)
        seen: set[str] = set()
        for name in (one.name() for one in self.tags):
            if name in seen:
                raise ValueError(f'two tags are called "{name}"; give one another name')
            seen.add(name)
        return self

    def secret(self) -> str:
        """The password itself.

        Raises
        ------
        InputError : it names a variable that the environment does not have
        """
        return secret(self.password)
