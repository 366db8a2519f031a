"""What a verb does not need is not imported: it would lie in memory beside the work."""

import subprocess
import sys

LARGE = ("SimpleITK", "matplotlib", "scipy.stats", "h5py", "onnxruntime", "imaging.report")


def test_fascicles_of_a_tensor_are_followed_without_what_other_inputs_need():
    told = f"import sys, imaging.cli.fibres; print([m for m in {LARGE} if m in sys.modules])"
    command = [sys.executable, "-c", told]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
