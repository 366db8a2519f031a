"""The example for a movement lab runs on what ``pennate function`` writes."""

import subprocess
import sys
from pathlib import Path

from imaging.cli.app import main
from imaging.phantom.emg_session import write_walking

SCRIPT = Path(__file__).parents[2] / "examples" / "gait_timing.py"


def _run(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True
    )


def test_bursts_of_both_sides_are_printed(tmp_path):
    write_walking(
        tmp_path / "sub-01", tmp_path / "truth", subject="01", session=None, seed=2, preset="small"
    )
    walk = tmp_path / "sub-01/emg/sub-01_task-walk_emg.c3d"
    func = tmp_path / "func"
    given = ["function", "--recording", str(walk), "--out", str(func), "--prefix", "sub-01"]
    assert main(given) == 0
    done = _run(func, "sub-01")
    assert done.returncode == 0, done.stderr
    assert "strides of the left foot" in done.stdout
    assert "TA" in done.stdout and "swing" in done.stdout
    assert "Onset right minus left" in done.stdout
    wrong = _run(func, "sub-01", "--trial", "task-swim")
    assert wrong.returncode == 1 and "task-walk" in wrong.stderr
