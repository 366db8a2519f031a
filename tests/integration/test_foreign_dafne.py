"""Dafne, stood in for by a small package with the same functions; itself where it is installed."""

import shutil

import numpy as np
import pytest
from scenes import OBLIQUE, TURNED, scene

from imaging.errors import (
    MissingFileError,
    MissingToolError,
)
from imaging.image import canonical
from imaging.io.models.card import ModelOptions
from imaging.io.models.dafne import dafne_python
from imaging.io.models.run import run_model
from imaging.muscles import label_of

TRUSTED = ModelOptions(trusted=True)

DAFNE = """
import numpy as np
class Model:
    data_dimensionality = {dimensions}
    timestamp_id = 1669385545
    def get_metadata(self):
        return dict(orientation="Axial")
    def apply(self, data):
        image = np.rint(data["image"])
        if self.data_dimensionality == 2:
            assert data["split_laterality"] and len(data["resolution"]) == image.ndim == 2
            half = image.shape[1] // 2
            # In a slice as it is shown the person's right is on the left.
            right = np.arange(image.shape[1])[None] < half
            return {{"Soleus_R": (image == 1) & right, "Soleus_L": (image == 1) & ~right,
                    "Extensor Longus Digitorum_R": image == 2}}
        front = np.arange(image.shape[1])[None, :, None] < image.shape[1] // 2
        low = np.arange(image.shape[2])[None, None] >= image.shape[2] // 2
        return {{"Tibia": (image == 1) & front, "Fibula": (image == 1) & ~front,
                "Soleus": (image == 2) & low}}
def generic_load_model(file, install_deps=True):
    assert not install_deps and file.read() == b"code"
    return Model()
"""


@pytest.fixture
def dafne(tmp_path, monkeypatch):
    """Return a function that makes a stand-in package of Dafne and a model file."""

    def write(dimensions):
        package = tmp_path / "packages" / "dafne_dl"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "model_loaders.py").write_text(DAFNE.format(dimensions=dimensions))
        monkeypatch.setenv("PYTHONPATH", str(package.parent))
        model = tmp_path / "Leg_1669385545.model"
        model.write_bytes(b"code")
        return model

    return write


def test_dafne_slices_are_shown_as_in_dafne_and_sides_are_the_persons(dafne):
    model = dafne(2)
    image = scene(OBLIQUE)
    image.data[:] = 0
    image.data[2:14, 3:11, 1:5] = 1
    result = run_model("dafne", image, model, TRUSTED)
    x = canonical(result.labels).data  # the first axis runs to the person's right
    right = np.argwhere(x == label_of("SOL", "right"))[:, 0]
    left = np.argwhere(x == label_of("SOL", "left"))[:, 0]
    assert left.max() < right.min() and len(left) + len(right) == (image.data == 1).sum()
    assert (result.name, result.version) == ("Dafne Leg", "1669385545")


def test_dafne_volumes_are_axial_and_come_back(dafne):
    image = scene(TURNED)
    image.data[:] = 0
    image.data[:, 0:3], image.data[:, 3:] = 1, 2
    result = run_model("dafne", image, dafne(3), TRUSTED)
    labels, values = canonical(result.labels).data, canonical(image).data
    middle = (labels.shape[1] + 1) // 2
    assert (labels[:, middle:][values[:, middle:] == 1] == label_of("TIB", "undecided")).all()
    assert (labels[:, : middle - 1][values[:, : middle - 1] == 1] == 22).all()
    assert set(np.unique(labels[values == 2])) <= {0, 9}
    low = np.argwhere(labels == 9)[:, 2]
    none = np.argwhere((values == 2) & (labels == 0))[:, 2]
    assert len(low) and (not len(none) or low.max() < none.min())


def test_dafne_that_is_missing_says_how_to_get_it(tmp_path, monkeypatch):
    with pytest.raises(MissingFileError, match="model Leg"):
        run_model("dafne", scene(), tmp_path / "none.model", TRUSTED)
    model = tmp_path / "Leg_1.model"
    model.write_bytes(b"code")
    with pytest.raises(MissingToolError, match="cannot run"):
        run_model(
            "dafne", scene(), model, ModelOptions(trusted=True, python=str(tmp_path / "no_python"))
        )
    false = shutil.which("false")
    if false:
        with pytest.raises(MissingToolError, match="pip install dafne"):
            run_model("dafne", scene(), model, ModelOptions(trusted=True, python=false))


def test_dafne_is_found_by_its_command(tmp_path, stand_in):
    stand_in("dafne", "")
    stand_in("python", "sys.exit(0)")  # as if the import had worked
    assert dafne_python(None) == str((tmp_path / "bin" / "python").resolve())


@pytest.mark.slow
def test_dafne_itself_runs_a_tiny_model(tmp_path):
    pytest.importorskip("dafne_dl.DynamicTorchModel", exc_type=ImportError)
    from real_dafne import write_tiny

    model = write_tiny(tmp_path / "Leg_1700000000.model")
    image = scene(OBLIQUE)
    result = run_model("dafne", image, model, TRUSTED)
    found = canonical(result.labels).data
    values = canonical(image).data
    assert set(np.unique(found[values == 1])) <= {label_of("SOL", s) for s in ("left", "right")}
    assert (found[values == 2] == label_of("GM", "undecided")).all()
    assert result.version == "1700000000"
