"""Records of the sample plant on disk, written by the command line itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_calls import call


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `records.csv` and `plant.yaml` of six weeks."""
    folder = tmp_path_factory.mktemp("sample")
    said = call("sample", "--out", folder, "--weeks", 6)
    assert said.code == 0, said.err
    return folder
