"""What a verb does not need is not imported: it would lie in memory beside the work."""

import subprocess
import sys

import pytest

LARGE = ("SimpleITK", "matplotlib", "scipy.stats", "h5py", "onnxruntime", "imaging.report")


def test_fascicles_of_a_tensor_are_followed_without_what_other_inputs_need():
    told = f"import sys, imaging.cli.fibres; print([m for m in {LARGE} if m in sys.modules])"
    command = [sys.executable, "-c", told]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


@pytest.mark.parametrize("verb", ["run", "check"])
def test_a_study_is_planned_without_readers_of_images_and_tables(verb):
    told = "import sys, imaging.cli.{}; print([m for m in {} if m in sys.modules])"
    large = ("numpy.linalg", "scipy", "pandas", "nibabel", "snakemake", *LARGE)
    command = [sys.executable, "-c", told.format(verb, large)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
