"""Serving: `--local` stays on this machine, a taken port is told, the password is printed once."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from app.serving import call, start
from zhizao.app.serve import serve
from zhizao.errors import InputError


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "plant.example.org", "::"])
def test_local_is_refused_where_others_could_reach_it(tmp_path: Path, host: str) -> None:
    with pytest.raises(InputError) as caught:
        serve(tmp_path / "workspace", host=host, port=1, local=True)
    assert caught.value.fault.code == "local_host"
    assert not (tmp_path / "workspace").exists()


def test_a_taken_port_is_told_with_another_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError) as caught:
            serve(tmp_path / "workspace", port=taken.getsockname()[1], local=True)
    assert caught.value.fault.code == "port_taken"
    assert "--port" in caught.value.fault.fix


def test_the_first_run_prints_a_password_and_the_second_does_not(tmp_path: Path) -> None:
    first = start(tmp_path / "workspace", local=False)
    first.stop()
    assert first.password
    again = start(tmp_path / "workspace", local=False)
    try:
        assert call(again.address, "GET", "/api/v1/health")["state"] == "ok"
    finally:
        again.stop()
    assert not again.password
