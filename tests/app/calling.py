"""A client of the API in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI

PASSWORD = "blue lathe seven"


class Caller:
    """A client of the API, in this process; keeps cookies and sends the token for changes."""

    def __init__(self, app: FastAPI, **headers: str) -> None:
        self.app = app
        self.headers = dict(headers)
        self.cookies = httpx.Cookies()

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            headers = {**self.headers, **more.pop("headers", {})}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://testserver", headers=headers, cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **more)
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self("POST", path, **more)

    def sign_in(self, name: str) -> Caller:
        answer = self.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.headers["x-csrf-token"] = answer.json()["csrf"]
        return self
