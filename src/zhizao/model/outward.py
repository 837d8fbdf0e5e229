"""Whom the plant tells of what happens: addresses that take signed messages, and the server that takes mail."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from zhizao.model.noun import Noun

__all__ = ["MailServer", "Webhook"]


class Webhook(Noun):
    """An address that is told of events by a signed POST (Standard Webhooks)."""

    url: str = Field(max_length=2000)
    """Where to; `https://`, or `http://` where private addresses are allowed."""

    events: tuple[str, ...] = ()
    """Kinds of events that it wants, such as `source.lost`; `machine.*` takes all below, empty takes everything."""

    secret: str = Field(default="", repr=False)
    """Key of the signature, or `env:NAME`; `whsec_...` is taken as base64, anything else as its bytes. Empty: unsigned."""

    allow_private: bool = False
    """Whether the address may lie in the plant's own network or on this machine."""

    timeout_s: float = Field(default=10.0, gt=0, le=60)
    """Seconds to wait for an answer."""

    enabled: bool = True
    """False keeps it declared and unused."""

    @field_validator("url")
    @classmethod
    def _an_address(cls, url: str) -> str:
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(url)
            known = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known or any(one.isspace() or ord(one) < 32 for one in url):
            raise ValueError(f'"{url[:80]}" is not an address; write https://host/path')
        if parts.username is not None or parts.password is not None:
            raise ValueError("an address carries no name and password; sign with `secret`")
        return url


class MailServer(Noun):
    """The server that takes mail from the plant (SMTP)."""

    host: str = Field(min_length=1, max_length=253)
    """Name or address."""

    port: int = Field(default=587, ge=1, le=65535)
    """587 with STARTTLS, 465 with TLS from the start, 25 without."""

    tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the way is encrypted."""

    user: str = ""
    """Name to sign in with; empty for none."""

    password: str = Field(default="", repr=False)
    """Or `env:NAME`."""

    sender: str = Field(pattern=r"^[^\s<>@,;]{1,64}@[^\s<>@,;]{1,190}$")
    """Address that mail comes from."""

    allow_private: bool = False
    """Whether the server may lie in the plant's own network or on this machine."""
