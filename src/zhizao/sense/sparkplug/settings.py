"""What plant.yaml says of a connection to an MQTT broker with Sparkplug B nodes behind it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from zhizao.sense.connection import Settings as Base
from zhizao.sense.connection import secret
from zhizao.sense.sparkplug.topic import fit

__all__ = ["Settings"]


class Settings(Base):
    """A Sparkplug B 3.0 host application at one MQTT broker."""

    kind: Literal["sparkplug"]
    """Always `sparkplug`."""

    host: str = Field(min_length=1)
    """Name or address of the broker."""

    port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the broker; None is 8883 with TLS and 1883 without."""

    tls: bool = False
    """Whether the connection is encrypted; a `ca` or a `certificate` implies it."""

    ca: str = ""
    """File with the certificate authority that signed the broker's certificate; empty trusts those of the system."""

    certificate: str = ""
    """File with the certificate that zhizao shows to the broker; empty for none."""

    key: str = ""
    """File with the private key of `certificate`."""

    username: str = ""
    """Name to sign in with; empty for none."""

    password: str = Field(default="", repr=False)
    """Password, or `env:NAME` for the environment variable that holds it."""

    keepalive_s: int = Field(default=20, ge=1, le=3600)
    """Seconds of silence after which broker and zhizao ask whether the other is there."""

    host_id: str = "zhizao"
    """Name of this host application; nodes that name it as their primary host wait for it. No other may have it."""

    primary: bool = True
    """Whether to tell under STATE that the host is there. False is a listener for whom no node waits."""

    rebirth: bool = True
    """Whether to ask nodes for a rebirth; False never sends a command, and values before a birth stay refused."""

    groups: tuple[str, ...] = ()
    """Groups to listen to; empty for all."""

    reorder_s: float = Field(default=2.0, ge=0, le=600)
    """Seconds to wait for a message that is missing in the sequence before a rebirth is asked for."""

    rebirth_s: float = Field(default=10.0, ge=1, le=3600)
    """Least seconds between two requests for a rebirth of the same node."""

    elements: int = Field(default=100, ge=1, le=10_000)
    """Most rows of a data set and elements of an array that become tags; those beyond are refused and counted."""

    most_tags: int = Field(default=200_000, ge=1)
    """Most metrics of all nodes together; births beyond are refused and counted, so memory stays bounded."""

    most_bytes: int = Field(default=4_000_000, ge=1_000)
    """Longest payload that is read; a longer one is refused and counted."""

    @field_validator("host_id")
    @classmethod
    def _fit_host(cls, word: str) -> str:
        if not fit(word):
            raise ValueError(f'"{word}" is no host id: it is not empty and holds no + # or /')
        return word

    @field_validator("groups")
    @classmethod
    def _fit_groups(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if not fit(word):
                raise ValueError(f'"{word}" is no group: it is not empty and holds no + # or /')
        return words

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together: give both or neither")
        return self

    @property
    def encrypted(self) -> bool:
        """Whether TLS is used."""
        return self.tls or bool(self.ca or self.certificate)

    @property
    def at(self) -> int:
        """Port that is used."""
        return self.port or (8883 if self.encrypted else 1883)

    def secret(self) -> str:
        """Password itself.

        Raises
        ------
        InputError : when it stands in an environment variable that is not set
        """
        return secret(self.password)
