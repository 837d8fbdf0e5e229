"""Counts requests for `/metrics`, outside everything else."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zhizao.app.metrics import REQUESTS

__all__ = ["Metered"]


class Metered:
    """ASGI middleware.

    Parameters
    ----------
    app : what is behind
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note what it came to."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            REQUESTS.note(scope.get("method", ""), status, time.perf_counter() - began)
