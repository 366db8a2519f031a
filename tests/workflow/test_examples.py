"""Every example runs on a finished run and tells what its users look for."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: object) -> str:
    call = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    result = subprocess.run(call, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_facility_sees_what_was_measured_and_what_not(finished):
    said = run("batch_summary.py", finished)
    assert "fascicle_length (mm), by subject:" in said
    assert "right GM" in said
    assert "labelled together as PL+PB" in said


def test_means_of_the_table_follow_from_the_fascicles(finished, tmp_path):
    said = run("one_muscle.py", finished, "sub-01", "GM", "--picture", tmp_path / "gm.png")
    rows = {
        line.split()[1]: line.split() for line in said.splitlines() if line.startswith("right ")
    }
    whole, each = (rows[f"fascicle_length{n}"][2] for n in ("", "_per_fascicle"))
    assert f"length {float(whole):.1f} mm over the volume, {float(each):.1f} mm per" in said
    assert (tmp_path / "gm.png").stat().st_size > 5000


def test_a_picture_of_the_leg(finished, tmp_path):
    renders = (
        "import pyvista as p; q = p.Plotter(off_screen=True); q.add_mesh(p.Sphere()); q.show()"
    )
    if subprocess.run([sys.executable, "-c", renders], capture_output=True).returncode:
        pytest.skip("no OpenGL on this machine")
    run("picture_of_a_leg.py", finished, "sub-01", tmp_path / "leg.png")
    assert (tmp_path / "leg.png").stat().st_size > 20_000
