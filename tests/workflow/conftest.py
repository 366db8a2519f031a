"""A small phantom data set, made once, and the whole workflow run on it, once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Pennate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def pennate() -> Pennate:
    """Run ``pennate`` as a user would, in a process of its own."""

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-m", "imaging", *map(str, arguments)]
        return subprocess.run(call, capture_output=True, text=True, cwd=cwd)

    return run


@pytest.fixture(scope="session")
def bids(tmp_path_factory, pennate) -> Path:
    """BIDS folder with one small phantom leg."""
    folder = tmp_path_factory.mktemp("data") / "bids"
    result = pennate("phantom", folder, "--preset", "small", "--seed", 1, "--us")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="session")
def finished(bids, tmp_path_factory, pennate) -> Path:
    """Output folder of an undisturbed run."""
    out = tmp_path_factory.mktemp("whole") / "out"
    result = pennate("run", bids, out, "participant", "--nprocs", 2)
    assert result.returncode == 0, result.stdout + result.stderr
    return out
