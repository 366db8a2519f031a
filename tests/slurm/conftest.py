"""One Slurm for all tests of this folder, and small studies for it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(Path(__file__).parent)]

import grid_engine  # noqa: E402
from cluster import Cluster, missing  # noqa: E402

PROFILE = TESTS.parent / "workflow" / "profiles" / "slurm" / "config.yaml"


@pytest.fixture(scope="session")
def slurm(tmp_path_factory) -> Iterator[Cluster]:
    """Two nodes of two processors each."""
    if why := missing():
        pytest.skip(why)
    pytest.importorskip("snakemake_executor_plugin_slurm")
    cluster = Cluster(tmp_path_factory.mktemp("slurm"), nodes=2, memory_mb=5000)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> Iterator[grid_engine.GridEngine]:
    """A Grid Engine with one queue of two slots."""
    if why := grid_engine.missing():
        pytest.skip(why)
    pytest.importorskip("snakemake_executor_plugin_cluster_generic")
    cluster = grid_engine.GridEngine(tmp_path_factory.mktemp("engine"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def tidy(slurm):
    """Leave no job, no held one and no drained node to the next test."""
    yield
    slurm.hold.unlink(missing_ok=True)
    slurm.end_jobs()
    for name in slurm.node_names:
        slurm.node(name, "RESUME")


@pytest.fixture
def profile(tmp_path) -> Callable[..., Path]:
    """Return a function that writes a folder with our profile, changed as given.

    A page takes a whole node.
    """

    def write(**changes: object) -> Path:
        content = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))
        content |= {key.replace("_", "-"): value for key, value in changes.items()}
        content |= {"latency-wait": 5, "set-threads": {"report": 2}}
        folder = tmp_path / "profile"
        folder.mkdir(exist_ok=True)
        (folder / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def mapped(tmp_path) -> Callable[[int], tuple[Path, Path]]:
    """Return a function that makes a study whose maps are there, and only pages are missing."""
    from synthetic_map import write_map

    def write(count: int) -> tuple[Path, Path]:
        bids, out = tmp_path / "bids", tmp_path / "out"
        for prefix in (f"sub-{n:02d}" for n in range(1, count + 1)):
            image = bids / prefix / "anat" / f"{prefix}_T1w.nii.gz"
            image.parent.mkdir(parents=True)
            image.touch()
            write_map(out / prefix / "map", prefix)
        return bids, out

    return write


@pytest.fixture
def pennate() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Yield a function that starts ``pennate run`` in a group of processes of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: object, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "imaging", "run", *map(str, arguments)],
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
