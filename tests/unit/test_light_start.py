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


@pytest.mark.parametrize("verb", ["composition", "segment", "diffusion", "elastography"])
def test_who_writes_images_and_measures_loads_no_pandas(verb):
    told = "import sys, imaging.cli.{}; print([m for m in {} if m in sys.modules])"
    large = ("pandas", "pydicom", "requests", "vtkmodules", "matplotlib", "onnxruntime")
    command = [sys.executable, "-c", told.format(verb, large)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_nibabel_does_without_pydicom_which_others_still_find():
    told = (
        "import sys\nfrom imaging.nib import nibabel\nassert 'pydicom' not in sys.modules\n"
        "import importlib.util\nfound = importlib.util.find_spec('pydicom')\n"
    )
    subprocess.run([sys.executable, "-c", told], capture_output=True, check=True)
