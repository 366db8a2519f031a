"""Small commands that stand in for programs of others, and frames of ultrasound."""

import shutil
import stat
import sys

import pytest
from ultrasound_for_tests import write_leg

# Every stand-in: `options` holds its arguments, `copy` maps intensities to labels in a new file.
HEAD = """#!{python}
import sys, json, pathlib
import nibabel as nib, numpy as np
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
def copy(source, target, values, crop=0):
    image = nib.load(source)
    data = np.asarray(values)[np.rint(image.get_fdata()).astype(int)]
    data = data[crop:]
    pathlib.Path(target).parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data.astype(np.int16), image.affine), target)
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Return a function that puts a command of a name and a body on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(name, body):
        path = folder / name
        path.write_text(HEAD.format(python=sys.executable) + body)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return write


@pytest.fixture(scope="module")
def swe_leg(tmp_path_factory):
    """A simple leg with its shear-wave frames."""
    return write_leg(tmp_path_factory.mktemp("swe"))


@pytest.fixture
def own_frames(swe_leg, tmp_path):
    """Frames whose JSON may be spoilt."""
    shutil.copytree(swe_leg / "us", tmp_path / "us")
    return tmp_path / "us"
