"""`zhizao serve`: pages and API on a workspace, in one process; sign-in by default, `--local` for one's own machine."""

from __future__ import annotations

import secrets
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from zhizao.errors import InputError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from zhizao.app.access import Access
    from zhizao.app.desk import Desk
    from zhizao.app.outbox import Courier

__all__ = ["application", "serve"]

_WORDS = {
    "en": {
        "at": "zhizao: {address}  (workspace {workspace}; stop with Ctrl-C)",
        "local": "  only this machine, without sign-in",
        "first": "  first run: sign in as admin with the password {password}  (shown this once)",
        "open": "  listening on all addresses of this machine, without encryption: put a proxy with TLS in front",
    },
    "zh": {
        "at": "zhizao：{address}  （工作区 {workspace}；按 Ctrl-C 停止）",
        "local": "  仅限本机，无需登录",
        "first": "  首次运行：请以 admin 登录，密码 {password}  （只显示这一次）",
        "open": "  正在监听本机所有地址，未加密：请在前面放置 TLS 代理",
    },
}


def application(desk: Desk, access: Access | None, *, local: bool = False, largest: int = 512 << 20) -> FastAPI:
    """The whole application: API, sign-in and pages.

    Parameters
    ----------
    desk : the workspace
    access : people and sessions; None with `local`
    local : loopback without sign-in
    largest : bytes that an upload may have
    """
    from nicegui import ui

    from zhizao.app import pages
    from zhizao.app.http.application import Settings, build

    app = build(desk, access, Settings(local=local, largest=largest))
    pages.register(desk, access)
    ui.run_with(
        app,
        title="zhizao",
        favicon=Path(__file__).parent / "pages" / "static" / "favicon.svg",
        dark=None,
        tailwind=False,
        storage_secret=secrets.token_hex(16),
        show_welcome_message=False,
        reconnect_timeout=20.0,
    )
    return app


def _warm() -> None:
    """Have the simulation kernel's machine code made or loaded beside the first pages, so that a what-if need not wait."""
    import threading

    from zhizao.decide.twin.run import warm

    threading.Thread(target=warm, name="warm", daemon=True).start()


def serve(workspace: Path, host: str = "127.0.0.1", port: int = 8080, local: bool = False, lang: str = "en") -> None:
    """Serve until Ctrl-C.

    Parameters
    ----------
    workspace : folder, made when absent
    host, port : where to listen
    local : only this machine, without sign-in; refused with any other host
    lang : "en" or "zh", for messages and for those who ask for no language

    Raises
    ------
    InputError : when `local` is asked for with an address that others can reach, or the port is taken
    """
    import uvicorn

    from zhizao.app.access import Access
    from zhizao.app.desk import Desk

    if local and not _loopback(host):
        raise InputError(
            f"--local serves without sign-in, so only on this machine, not on {host}",
            where="--host",
            fix="leave out --local, or use --host 127.0.0.1",
            code="local_host",
        )
    _free(host, port)
    words = _WORDS[lang if lang in _WORDS else "en"]
    desk = Desk(workspace, lang)
    access = None if local else Access(workspace / "people.db")
    password = access.first_run() if access is not None else None
    app = application(desk, access, local=local)
    shown = "localhost" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host
    _say(words["at"].format(address=f"http://{shown}:{port}", workspace=workspace))
    if local:
        _say(words["local"])
    if password is not None:
        _say(words["first"].format(password=password))
    if host in {"0.0.0.0", "::"}:
        _say(words["open"])
    _warm()
    courier = _courier(desk)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        proxy_headers=not local,  # believed from this machine only, where a proxy with TLS may be
        timeout_graceful_shutdown=3,
        timeout_keep_alive=30,
    )
    try:
        uvicorn.Server(config).run()
    except KeyboardInterrupt:
        pass
    finally:
        courier.stop()
        desk.close()
        if access is not None:
            access.close()


def _courier(desk: Desk) -> Courier:
    """Whoever sends what the outbox holds."""
    from zhizao.app.outbox import OUTBOX, Courier, Outbox
    from zhizao.app.senders import senders

    courier = Courier(Outbox(desk.path / OUTBOX), lambda: senders(desk.plant))
    courier.start()
    return courier


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _free(host: str, port: int) -> None:
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"cannot listen on {host}:{port}: {error.strerror or error}",
                where="--port",
                fix=f"choose another, for example --port {port + 1 if port < 65535 else 8080}",
                code="port_taken",
            ) from error


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
