import json

import numpy as np
import pytest

from imaging.errors import ConfigError, LabelError, MissingFileError
from imaging.image import Image
from imaging.io.models.card import ModelOptions
from imaging.io.models.run import run_model
from imaging.muscles import label_of

pytest.importorskip("onnxruntime")
onnx_folder = pytest.importorskip("tiny_network", exc_type=ImportError).onnx_folder

NAMES = ["background", "left soleus", "right soleus", "TIB"]
WANTED = np.array(
    [0, label_of("SOL", "left"), label_of("SOL", "right"), label_of("TIB", "undecided")]
)


def scene(shape=(40, 36, 12), affine=None):
    """Blocks of known intensity: 1 in front of low i, 2 of high i, 3 on top in one corner."""
    data = np.zeros(shape, np.float32)
    a, b, c = shape
    data[3 : a // 2 - 3, 5 : b - 5] = 1
    data[a // 2 + 3 : a - 3, 5 : b // 2] = 2
    data[3 : a // 3, b // 2 :, c // 2 :] = 3
    return Image(data, np.diag([1.0, 1.0, 4.0, 1.0]) if affine is None else affine)


def oblique(spacing):
    from scipy.spatial.transform import Rotation

    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [12, -8, 20], degrees=True).as_matrix() * spacing
    affine[:3, 3] = 30, -20, 7
    return affine


FLIPS = {
    "LPS": np.diag([-1.0, -1.0, 4.0, 1.0]),
    "RAS": np.diag([1.0, 1.0, 4.0, 1.0]),
    "oblique": oblique([1.3, 0.9, 5.0]),
    "ISA": np.array([[0, 1.0, 0, 3], [0, 0, 2.0, 1], [-1.5, 0, 0, 2], [0, 0, 0, 1]]),
}


@pytest.mark.parametrize("affine", FLIPS.values(), ids=FLIPS)
@pytest.mark.parametrize("orientation", ["RAS", "LPS", "SAR", "ALI"])
def test_labels_come_back_to_the_voxels_they_were_said_of(tmp_path, affine, orientation):
    folder = onnx_folder(tmp_path / "m", NAMES, input={"orientation": orientation})
    image = scene(affine=affine)
    result = run_model("onnx", image, folder)
    np.testing.assert_array_equal(result.labels.data, WANTED[image.data.astype(int)])
    np.testing.assert_array_equal(result.labels.affine, image.affine)
    assert (result.name, result.version, result.licence) == ("bands", "1.2", "CC0-1.0")
    assert result.confidence.min() > 0.9


@pytest.mark.parametrize("spacing", [[2.0, 2.0, None], [0.6, 0.7, 1.0], [2.0, 2.0, 8.0]])
@pytest.mark.parametrize("dims", [2, 3])
def test_another_voxel_size_moves_no_border_by_more_than_half_a_voxel(tmp_path, spacing, dims):
    patch = (24, 20) if dims == 2 else (24, 20, 6)
    names = ["background", "SOL"]
    folder = onnx_folder(tmp_path / "m", names, dims, patch, input={"spacing": spacing})
    data = np.zeros((40, 36, 12), np.float32)
    data[8:32, 6:28, 3:9] = 1
    result = run_model("onnx", Image(data, FLIPS["oblique"]), folder)
    found = np.argwhere(result.labels.data == label_of("SOL", "undecided"))
    coarse = np.maximum(np.array([s or 0 for s in spacing]) / [1.3, 0.9, 5.0], 1)
    assert np.all(np.abs(found.min(0) - [8, 6, 3]) <= np.ceil(coarse / 2))
    assert np.all(np.abs(found.max(0) - [31, 27, 8]) <= np.ceil(coarse / 2))


def test_context_slices_are_channels_in_order(tmp_path):
    folder = onnx_folder(tmp_path / "m", NAMES, input={"context": 3})
    image = scene()
    result = run_model("onnx", image, folder)
    np.testing.assert_array_equal(result.labels.data, WANTED[image.data.astype(int)])


def test_parts_of_one_muscle_are_added_before_they_are_compared(tmp_path):
    # At 1.5 both parts of soleus have 1/2; together they are sure.
    folder = onnx_folder(tmp_path / "m", ["background", "SOL posterior", "SOL anterior"])
    image = Image(np.full((20, 20, 3), 1.5, np.float32), np.eye(4))
    result = run_model("onnx", image, folder)
    assert (result.labels.data == label_of("SOL", "undecided")).all()
    assert result.confidence.min() > 0.99


def test_merged_labels_stay_visible_and_strangers_are_named(tmp_path):
    folder = onnx_folder(tmp_path / "m", ["background", "EDL/EHL/PT", "talus"])
    image = Image(np.tile(np.arange(3, dtype=np.float32), (18, 18, 6)), np.eye(4))
    result = run_model("onnx", image, folder)
    assert result.merged == ("EDL+EHL+PT",)
    assert "talus" in result.note
    assert set(np.unique(result.labels.data)) == {0, 41}


def test_a_scheme_may_be_given_instead_of_names(tmp_path):
    folder = onnx_folder(tmp_path / "m", ["a", "b"], labels={}, scheme="musclemap-1.4",
                         channels=[0, 8141])  # fmt: skip
    image = Image(np.ones((18, 18, 3), np.float32), np.eye(4))
    assert (run_model("onnx", image, folder).labels.data == label_of("GM", "left")).all()
    older = ModelOptions(scheme="musclemap-1.3")
    assert (run_model("onnx", image, folder, older).labels.data == label_of("GM+GL", "left")).all()


def test_normalisation_is_that_of_the_description(tmp_path):
    steps = [{"kind": "percentiles", "lower": 0, "upper": 100, "b_max": 3}]
    folder = onnx_folder(tmp_path / "m", NAMES, input={"normalisation": steps})
    image = scene()
    louder = image.with_data(image.data * 250 + 40)
    result = run_model("onnx", louder, folder)
    np.testing.assert_array_equal(result.labels.data, WANTED[image.data.astype(int)])


def with_step(kind):
    return {"input": {"patch": [16, 16], "normalisation": [{"kind": kind}]}}


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"version": ""}, ConfigError, "version"),
        ({"labels": {}}, ConfigError, "labels"),
        ({"labels": {"1": "biceps"}}, LabelError, "none of its labels"),
        ({"labels": {"1": "SOL"}}, LabelError, "2 labels"),
        ({"labels": {"1": "SOL", "3": "GM"}}, LabelError, r"\[2\]"),
        ({"colour": "red"}, ConfigError, "colour"),
        ({"input": {"patch": [16]}}, ConfigError, "patch"),
        ({"input": {"patch": [16, 16], "orientation": "RAR"}}, ConfigError, "RAR"),
        ({"input": {"patch": [16, 16, 16]}}, ConfigError, "takes an input"),
        ({"input": {"patch": [16, 16], "context": 2}}, ConfigError, "odd"),
        (
            {"input": {"patch": [16, 16], "normalisation": [{"kind": "magic"}]}},
            ConfigError,
            "magic",
        ),
        (
            {"input": {"patch": [16, 16], "normalisation": [{"kind": "scaled"}]}},
            ConfigError,
            "a_min",
        ),
    ],
)
def test_a_wrong_description_is_one_clear_sentence(tmp_path, change, error, says):
    folder = onnx_folder(tmp_path / "m", NAMES)
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, **change}))
    with pytest.raises(error, match=says) as caught:
        run_model("onnx", scene(), folder)
    assert caught.value.exit_code == 2


def test_missing_and_broken_files_are_told(tmp_path):
    with pytest.raises(MissingFileError, match="onnx:FOLDER"):
        run_model("onnx", scene())
    with pytest.raises(MissingFileError, match="no such model folder"):
        run_model("onnx", scene(), tmp_path / "none")
    folder = onnx_folder(tmp_path / "m", NAMES)
    (folder / "model.onnx").write_bytes(b"truncated")
    with pytest.raises(ConfigError, match="not an ONNX network"):
        run_model("onnx", scene(), folder)
    (folder / "model.onnx").unlink()
    with pytest.raises(MissingFileError, match=r"model\.onnx"):
        run_model("onnx", scene(), folder)
    with pytest.raises(ConfigError, match="no model"):
        run_model("crystal", scene())


def test_same_image_gives_same_bytes(tmp_path):
    folder = onnx_folder(tmp_path / "m", NAMES)
    first, second = (run_model("onnx", scene(), folder) for _ in range(2))
    assert first.labels.data.tobytes() == second.labels.data.tobytes()
    assert first.confidence.tobytes() == second.confidence.tobytes()
