"""How letters of the outbox go out: signed POST to webhooks, mail by SMTP, and the guard that keeps both outside.

The guard looks a name up once, refuses addresses that are not public unless they are allowed, and connects to the address
that it looked at: a name that means another machine a moment later gains nothing. Redirects are not followed, and proxies of
the environment are not used.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.message import EmailMessage
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from zhizao.app.outbox import Kept, Outcome, Send
from zhizao.clock import now
from zhizao.errors import InputError
from zhizao.model import MailServer, Plant, Webhook
from zhizao.sense.connection import secret

__all__ = ["body_of", "guarded", "post", "senders", "sent_by_mail", "signature", "signing_key", "wanted"]

Look = Callable[[str, int], Sequence[str]]
"""Addresses of a host."""
_MOST_ANSWER = 4096
_NAT64 = ip_network("64:ff9b::/96")


def _looked_up(host: str, port: int) -> list[str]:
    return list(dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def is_public(address: str) -> bool:
    """Whether an address is one of the internet at large; addresses of IPv4 inside IPv6 are judged as such.

    Examples
    --------
    >>> [is_public(one) for one in ("8.8.8.8", "10.1.2.3", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1")]
    [True, False, False, False, False]
    """
    found: IPv4Address | IPv6Address = ip_address(address.split("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        if found.teredo is not None:
            return False
        found = inner or found
    return found.is_global and not found.is_multicast


def guarded(host: str, port: int, *, allow_private: bool, look: Look = _looked_up) -> str:
    """The address to connect to.

    Parameters
    ----------
    host, port : as declared
    allow_private : whether it may lie in a private network or on this machine
    look : looks a name up

    Raises
    ------
    InputError : the name is unknown, or means an address that is not allowed

    Examples
    --------
    >>> guarded("example.org", 443, allow_private=False, look=lambda host, port: ["10.0.0.7"])
    Traceback (most recent call last):
    zhizao.errors.InputError: example.org: "example.org" is 10.0.0.7, which is not a public address; ...
    """
    try:
        found = look(host, port)
    except (OSError, UnicodeError) as error:
        raise InputError(f'"{host}" is not known: {error}', where=host, fix="check the name", code="no_host") from error
    if not found:
        raise InputError(f'"{host}" has no address', where=host, fix="check the name", code="no_host")
    for one in found:
        if not allow_private and not is_public(one):
            raise InputError(
                f'"{host}" is {one}, which is not a public address',
                where=host,
                fix="write allow_private: true where it is meant",
                code="private_address",
            )
    return found[0]


def signing_key(said: str) -> bytes:
    """Bytes of a signing key as it is written: `whsec_` and base64, or any text.

    >>> signing_key("whsec_aGVsbG8="), signing_key("hello")
    (b'hello', b'hello')
    """
    if said.startswith("whsec_"):
        try:
            return base64.b64decode(said.removeprefix("whsec_"), validate=True)
        except ValueError as error:
            raise InputError(
                "the secret begins with whsec_ and is not base64 after it",
                fix="copy it again",
                code="bad_secret",
            ) from error
    return said.encode()


def signature(key: bytes, number: str, at_s: int, body: bytes) -> str:
    """Signature of a message (Standard Webhooks 1.0): HMAC-SHA-256 over id, time and body, in base64.

    Parameters
    ----------
    key : shared with the receiver
    number : id of the message
    at_s : seconds since 1970
    body : as sent

    Examples
    --------
    >>> signature(b"key", "a", 1700000000, b"{}")[:6]
    'v1,cHB'
    """
    told = hmac.new(key, f"{number}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(told).decode()


def wanted(hook: Webhook, kind: str) -> bool:
    """Whether a webhook wants events of a kind.

    >>> hook = Webhook(url="https://example.org/a", events=("machine.*", "source.lost"))
    >>> [wanted(hook, one) for one in ("machine.state", "source.lost", "source.back")]
    [True, True, False]
    """
    if not hook.enabled:
        return False
    return not hook.events or any(
        kind == one or (one.endswith(".*") and kind.startswith(one[:-1])) or one == "*" for one in hook.events
    )


def body_of(kept: Kept) -> bytes:
    """What is posted: type, time, title and data, the same bytes at each try."""
    from datetime import UTC, datetime

    said = {
        "type": kept.letter.kind,
        "timestamp": datetime.fromtimestamp(kept.made_at, UTC).isoformat(),
        "title": kept.letter.title,
        "data": dict(kept.letter.body),
    }
    return json.dumps(said, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")


def post(hook: Webhook, kept: Kept, *, look: Look = _looked_up, transport: Any = None) -> Outcome:
    """Post a letter to a webhook.

    Parameters
    ----------
    hook : where to, and how it is signed
    kept : the letter
    look : looks names up
    transport : of httpx, for tests
    """
    import httpx

    parts = urlsplit(hook.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme != "https" and not hook.allow_private:
        return Outcome(False, "http is not encrypted: use https, or allow_private in one's own network", for_good=True)
    body, number, at = body_of(kept), key_number(kept.letter.key), int(now().timestamp())
    headers = {
        "content-type": "application/json",
        "user-agent": "zhizao",
        "accept-encoding": "identity",
        "host": parts.netloc,
        "idempotency-key": number,
        "webhook-id": number,
        "webhook-timestamp": str(at),
    }
    try:
        address = guarded(host, port, allow_private=hook.allow_private, look=look)
        if hook.secret:
            headers["webhook-signature"] = signature(signing_key(secret(hook.secret)), number, at, body)
    except InputError as error:
        return Outcome(False, str(error), for_good=error.fault.code == "private_address")
    at_address = f"[{address}]" if ":" in address else address
    url = parts._replace(netloc=f"{at_address}:{port}").geturl()
    try:
        with (
            httpx.Client(
                timeout=hook.timeout_s, trust_env=False, follow_redirects=False, transport=transport
            ) as client,
            client.stream("POST", url, content=body, headers=headers, extensions={"sni_hostname": host}) as answer,
        ):
            said = b""
            for part in answer.iter_bytes(1024):
                said += part
                if len(said) >= _MOST_ANSWER:
                    break
            code, later = answer.status_code, answer.headers.get("retry-after", "")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Outcome(False, f"{type(error).__name__}: {error}")
    if 200 <= code < 300:
        return Outcome(True, str(code))
    words = " ".join(said[:120].decode("utf-8", "replace").split())
    after = float(later) if later.isdigit() else None
    return Outcome(False, f"{code} {words}".strip(), for_good=code == 410, after_s=after)


def key_number(key: str) -> str:
    """Id of a message, made of its key: the same at each try, safe in a header.

    >>> key_number("alarm/17/raised") == key_number("alarm/17/raised"), len(key_number("阿"))
    (True, 36)
    """
    return "msg_" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]


def sent_by_mail(server: MailServer, kept: Kept, *, look: Look = _looked_up) -> Outcome:
    """Send a letter as mail.

    Parameters
    ----------
    server : that takes it
    kept : the letter; `to` is an address, the text is `body["text"]`, or all of the body as lines
    look : looks names up
    """
    import smtplib
    import ssl
    from email.utils import formatdate, parseaddr

    to = kept.letter.to
    if parseaddr(to)[1] != to or "@" not in to or any(one.isspace() or one in ",;<>" for one in to):
        return Outcome(False, f'"{to[:80]}" is no mail address', for_good=True)
    mail = EmailMessage()
    mail["Subject"] = kept.letter.title or kept.letter.kind
    mail["From"], mail["To"] = server.sender, to
    mail["Date"] = formatdate(kept.made_at)
    mail["Message-ID"] = f"<{key_number(kept.letter.key)}@{server.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    body = kept.letter.body
    mail.set_content(str(body.get("text") or "\n".join(f"{name}: {value}" for name, value in body.items())) + "\n")
    try:
        address = guarded(server.host, server.port, allow_private=server.allow_private, look=look)
        password = secret(server.password) if server.password else ""
    except InputError as error:
        return Outcome(False, str(error), for_good=error.fault.code == "private_address")
    context = ssl.create_default_context()
    name = server.sender.rpartition("@")[2]
    line: smtplib.SMTP | None = None
    try:
        if server.tls == "tls":
            line = smtplib.SMTP_SSL(local_hostname=name, timeout=20, context=context)
        else:
            line = smtplib.SMTP(local_hostname=name, timeout=20)
        line.__dict__["_host"] = server.host  # the certificate is of the name, the way goes to the address looked at
        code, word = line.connect(address, server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, word)
        if server.tls == "starttls":
            line.starttls(context=context)
        if server.user:
            line.login(server.user, password)
        line.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        worst = max((one[0] for one in error.recipients.values()), default=0)
        return Outcome(False, f"refused: {worst}", for_good=worst >= 550)
    except (smtplib.SMTPException, OSError, ssl.SSLError) as error:
        return Outcome(False, f"{type(error).__name__}: {error}")
    finally:
        if line is not None:
            with suppress(smtplib.SMTPException, OSError):
                line.quit()
    return Outcome(True, "taken")


def senders(plant: Plant, *, look: Look = _looked_up) -> Mapping[str, Send]:
    """Senders by channel, as a plant declares them.

    Parameters
    ----------
    plant : with `webhooks` and `mail`
    look : looks names up
    """

    def by_hook(kept: Kept) -> Outcome:
        hook = plant.webhooks.get(kept.letter.to)
        if hook is None or not hook.enabled:
            return Outcome(False, f'plant.yaml declares no webhook "{kept.letter.to}" in use')
        return post(hook, kept, look=look)

    def by_mail(kept: Kept) -> Outcome:
        if plant.mail is None:
            return Outcome(False, "plant.yaml declares no mail server")
        return sent_by_mail(plant.mail, kept, look=look)

    return {"webhook": by_hook, "mail": by_mail}
