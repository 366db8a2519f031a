import json

import numpy as np
import pytest

from imaging.errors import ConfigError, InputError, LabelError, MissingFileError
from imaging.image import Image
from imaging.io.models.card import ModelOptions
from imaging.io.models.run import run_model
from imaging.muscles import label_of

TRUSTED = ModelOptions(trusted=True)

torch = pytest.importorskip("torch")


class Bands(torch.nn.Module):
    """Logit of channel c is -8·(x - c)²."""

    def __init__(self, count: int, dims: int):
        super().__init__()
        self.register_buffer("centres", torch.arange(count).reshape(1, -1, *[1] * dims).float())

    def forward(self, x):
        return -8 * (x - self.centres) ** 2


def transforms(*steps):
    return {"_target_": "Compose", "transforms": [
        {"_target_": "LoadImaged", "keys": "image", "reader": "$monai.data.NibabelReader"},
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        *steps,
        {"_target_": "EnsureTyped", "keys": "image", "device": "@device"},
    ]}  # fmt: skip


ORIENT = {"_target_": "Orientationd", "keys": "image", "axcodes": "LPS"}


def bundle(folder, steps=(ORIENT,), dims=3, names=("background", "SOL_L", "SOL_R"), **changes):
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    metadata = {
        "version": "0.3.1", "name": "calf bundle", "license": "Apache-2.0",
        "network_data_format": {
            "inputs": {"image": {"type": "image", "num_channels": 1}},
            "outputs": {"pred": {"type": "image", "format": "segmentation",
                                 "num_channels": len(names),
                                 "channel_def": {str(n): v for n, v in enumerate(names)}}},
        },
    }  # fmt: skip
    slicer = {"_target_": "SliceInferer", "roi_size": [16, 16], "spatial_dim": 2}
    slider = {"_target_": "SlidingWindowInferer", "roi_size": "@size", "overlap": 0.5}
    config = {
        "size": [16, 16, 8],
        "device": "$torch.device('cpu')",
        "preprocessing": transforms(*steps),
        "inferer": slider if dims == 3 else slicer,
    }
    config.update(changes)
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    (folder / "configs" / "inference.json").write_text(json.dumps(config))
    network = torch.jit.script(Bands(len(names), dims))
    torch.jit.save(network, str(folder / "models" / "model.ts"))
    return folder


def scene(scale=1.0):
    affine = np.array([[0, 0, 2.0, -9], [1.5, 0.1, 0, 4], [-0.1, 1.5, 0, 30], [0, 0, 0, 1]])
    data = np.zeros((30, 26, 18), np.float32)
    data[4:26, 4:22, 2:7], data[4:26, 4:22, 11:16] = 1, 2
    return Image(data * scale, affine)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_bundle_labels_in_the_right_place(tmp_path, dims):
    image = scene()
    result = run_model("monai", image, bundle(tmp_path / "b", dims=dims), TRUSTED)
    wanted = np.array([0, label_of("SOL", "left"), label_of("SOL", "right")])
    np.testing.assert_array_equal(result.labels.data, wanted[image.data.astype(int)])
    assert (result.name, result.version) == ("calf bundle", "0.3.1")
    assert result.licence == "Apache-2.0"


@pytest.mark.parametrize(
    ("step", "scale"),
    [
        ({"_target_": "ScaleIntensityRanged", "a_min": 0, "a_max": 200, "b_min": 0,
          "b_max": 2}, 100),
        ({"_target_": "ScaleIntensityd", "minv": 0, "maxv": 2}, 37),
        ({"_target_": "monai.transforms.ScaleIntensityRangePercentilesd", "lower": 0, "upper": 100,
          "b_min": 0, "b_max": 2}, 5),
    ],
)  # fmt: skip
def test_intensities_are_prepared_as_the_bundle_says(tmp_path, step, scale):
    image = scene()
    folder = bundle(tmp_path / "b", steps=(ORIENT, step))
    result = run_model("monai", scene(scale), folder, TRUSTED)
    wanted = np.array([0, 109, 209])[image.data.astype(int)]
    np.testing.assert_array_equal(result.labels.data, wanted)


def test_voxel_size_of_the_bundle(tmp_path):
    step = {"_target_": "Spacingd", "keys": "image", "pixdim": [1.0, 3.0, -1]}
    image = scene()
    result = run_model("monai", image, bundle(tmp_path / "b", steps=(ORIENT, step)), TRUSTED)
    for value, label in ((1, 109), (2, 209)):
        wanted, found = image.data == value, result.labels.data == label
        assert 2 * (wanted & found).sum() / (wanted.sum() + found.sum()) > 0.9


@pytest.mark.parametrize(
    ("steps", "changes", "says"),
    [
        ([{"_target_": "RandGaussianNoised"}], {}, "RandGaussianNoise"),
        ([{"_target_": "Spacingd", "pixdim": "$[1, 1, 1]"}], {}, "Python expression"),
        ([{"_target_": "Spacingd", "pixdim": "@nowhere::x"}], {}, "points to nothing"),
        ([{"_target_": "CropForegroundd"}, {"_target_": "ScaleIntensityd"}], {}, "CropForeground"),
        ([], {"inferer": {"_target_": "SimpleInferer"}}, "SimpleInferer"),
        ([], {"postprocessing": {"transforms": [{"_target_": "Activationsd", "sigmoid": True}]}},
         "overlap"),
        ([{"_target_": "NormalizeIntensityd", "subtrahend": 3}], {}, "NormalizeIntensity"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(tmp_path, steps, changes, says):
    folder = bundle(tmp_path / "b", steps=steps, **changes)
    with pytest.raises(ConfigError, match=says):
        run_model("monai", scene(), folder, TRUSTED)


def test_missing_parts_are_told_with_how_to_get_them(tmp_path):
    with pytest.raises(MissingFileError, match="monai:FOLDER"):
        run_model("monai", scene(), None, TRUSTED)
    folder = bundle(tmp_path / "b")
    (folder / "models" / "model.ts").write_bytes(b"no")
    with pytest.raises(ConfigError, match="TorchScript"):
        run_model("monai", scene(), folder, TRUSTED)
    (folder / "models" / "model.ts").unlink()
    with pytest.raises(MissingFileError, match="ckpt_export"):
        run_model("monai", scene(), folder, TRUSTED)
    (folder / "configs" / "inference.json").unlink()
    with pytest.raises(MissingFileError, match=r"inference\.json"):
        run_model("monai", scene(), folder, TRUSTED)


def test_metadata_must_name_channels_and_version(tmp_path):
    folder = bundle(tmp_path / "b")
    path = folder / "configs" / "metadata.json"
    whole = json.loads(path.read_text())
    for change, says in (
        ({"version": ""}, "version"),
        ({"network_data_format": {}}, "one image"),
    ):
        path.write_text(json.dumps({**whole, **change}))
        with pytest.raises(InputError, match=says):
            run_model("monai", scene(), folder, TRUSTED)
    with pytest.raises(LabelError, match="none of its labels"):
        run_model("monai", scene(), bundle(tmp_path / "c", names=("background", "spleen")), TRUSTED)
