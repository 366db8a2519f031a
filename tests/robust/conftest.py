"""Small inputs of every kind of verb, and calls of it in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "integration")]


@pytest.fixture(scope="session")
def verbs(tmp_path_factory):
    """Return the arguments of a small call of every verb, without ``--out``; some have two."""
    from stage_outputs import P, map_arguments, write_all
    from synthetic_map import write_map

    from imaging.formats.nifti import save_image
    from imaging.image import Image
    from imaging.phantom.emg_session import write_walking

    home = tmp_path_factory.mktemp("inputs")
    stages = write_all(home / "stages")
    made = write_map(home / "map", load=True)
    write_walking(home / P, home / "truth", subject="01", session=None, seed=7, preset="small")
    labels = np.zeros((12, 12, 6), np.int16)
    labels[3:9, 3:9, 1:5] = 209
    rng = np.random.default_rng(0)
    images = {"labels": labels}
    for n, scale in (("water", 100), ("fat", 10)):
        images[n] = (scale + rng.normal(0, 1, labels.shape)).astype(np.float32)
    for name, data in images.items():
        save_image(Image(data, np.diag([2.0, 2.0, 5.0, 1.0])), home / f"{name}.nii.gz")
    prefix = ["--prefix", P]
    joined = map_arguments(stages, home / "unused")
    at = joined.index("--out")
    return {
        "composition": ["--labels", home / "labels.nii.gz", "--water", home / "water.nii.gz",
                        "--fat", home / "fat.nii.gz", *prefix],
        "function": ["--recording", home / P / "emg" / f"{P}_task-walk_emg.c3d", *prefix],
        "map": [*joined[1:at], *joined[at + 2 :]],
        "export": ["--map-dir", made, *prefix],
        "report": ["--map-dir", made, *prefix],
    }  # fmt: skip


@pytest.fixture(scope="session")
def call():
    """Return a function that runs a verb apart; what it says and its exit code."""

    def run(verb, arguments, out, **environment):
        target = out / "page.html" if verb == "report" else out
        command = [sys.executable, "-m", "imaging", verb, *map(str, arguments), "--out", target]
        return subprocess.run(
            [str(c) for c in command], capture_output=True, text=True, errors="replace",
            timeout=600, env={**os.environ, **environment},
        )  # fmt: skip

    return run


def digests(folder):
    """Return names and SHA-256 of all files below a folder."""
    from imaging.provenance import sha256

    files = (p for p in sorted(Path(folder).rglob("*")) if p.is_file())
    return {p.relative_to(folder).as_posix(): sha256(p) for p in files}
