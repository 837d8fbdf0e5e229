"""Every route of the API, asked whatever its own description allows and more: never an answer of 5xx."""

from __future__ import annotations

import importlib.util
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed"),
    pytest.mark.filterwarnings("ignore"),
]

# long work runs as jobs in processes of their own; these questions would start them by the hundred
LONG = re.compile(r"/(sample|pilot|twin|verify|report|imports|file|panel|warnings|session)$")


def test_no_question_breaks_the_server(tmp_path: Path) -> None:
    import schemathesis

    from app.test_api_live import fill

    fill(tmp_path / "place")
    (tmp_path / "place" / "plant.yaml").write_text(
        "connections:\n  a: {kind: folder, path: /nowhere}\n", encoding="utf-8"
    )
    app = build(Desk(tmp_path / "place"), None, Settings(local=True))
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers={"host": "127.0.0.1"})
    broken: dict[str, str] = {}
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.method.upper() == "POST" and LONG.search(operation.path):
            continue

        @seed(20_25)
        @settings(
            max_examples=10,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            where = f"{case.method} {case.path}"
            try:
                answer = case.call(headers={"host": "127.0.0.1"})
            except Exception as error:  # noqa: BLE001 in this process, what breaks comes through
                broken.setdefault(where, f"{case.path_parameters} {case.query} {error!r}"[:400])
                return
            if answer.status_code >= 500 and not (case.path == "/api/v1/health" and answer.status_code == 503):
                broken.setdefault(where, f"{answer.request.url} {answer.text[:300]}")

        with suppress(schemathesis.errors.SchemathesisError):  # a description that no question can be made of
            ask()
    assert asked > 300
    assert not broken, "\n".join(f"{where}: {what}" for where, what in broken.items())
