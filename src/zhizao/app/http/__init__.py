"""REST under /api/v1, sign-in, and the gate that every request passes."""

from zhizao.app.http.application import build

__all__ = ["build"]
