"""Programs of others, stood in for by small commands that read and write the same files.

Where nnU-Net or Dafne itself is installed, a tiny model in its own format is run by it too.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scenes import OBLIQUE, TURNED, scene

from imaging.errors import (
    ComputationError,
    ConfigError,
    InputError,
    LabelError,
    MissingFileError,
    MissingToolError,
)
from imaging.io.models.card import ModelOptions
from imaging.io.models.musclemap import check_version
from imaging.io.models.nnunet import find_folds, label_table, trained_folder
from imaging.io.models.run import parse_model, run_model
from imaging.muscles import label_of

TRUSTED = ModelOptions(trusted=True)

# --- nnU-Net


NNUNET = """
folder = pathlib.Path(options["-m"])
labels = json.loads((folder / "dataset.json").read_text())["labels"]
assert (folder / ("fold_" + options["-f"]) / options["-chk"]).is_file()
assert options["-device"] == "cpu"
json.loads((folder / "plans.json").read_text())
for path in pathlib.Path(options["-i"]).glob("*_0000.nii.gz"):
    target = pathlib.Path(options["-o"]) / path.name.replace("_0000", "")
    copy(path, target, range(len(labels)), crop=CROP)
"""


def trained(folder, labels, fold="all", name="Dataset999_Calf", **dataset):
    (folder / f"fold_{fold}").mkdir(parents=True)
    (folder / f"fold_{fold}" / "checkpoint_final.pth").write_bytes(b"weights")
    content = {"channel_names": {"0": "water"}, "labels": labels, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps({**content, **dataset}))
    (folder / "plans.json").write_text(json.dumps({"dataset_name": name}))
    return folder


LEG = {"background": 0, "SOL": 1, "EDL/EHL/PT": 2, "talus": 3}


@pytest.mark.parametrize("affine", [OBLIQUE, TURNED], ids=["oblique", "turned"])
def test_nnunet_folder(tmp_path, stand_in, affine):
    stand_in("nnUNetv2_predict_from_modelfolder", NNUNET.replace("CROP", "0"))
    folder = trained(tmp_path / "nnUNetTrainer__nnUNetPlans__2d", LEG)
    image = scene(affine)
    result = run_model("nnunet", image, tmp_path, TRUSTED)  # the dataset folder above works too
    wanted = np.array([0, label_of("SOL", "undecided"), 41, 0])
    np.testing.assert_array_equal(result.labels.data, wanted[image.data.astype(int)])
    np.testing.assert_array_equal(result.labels.affine, affine)
    assert result.name == "Dataset999_Calf" and result.version.startswith("weights-")
    assert result.merged == ("EDL+EHL+PT",) and "talus" in result.note
    assert folder.is_dir() and result.about()["merged"] == ["EDL+EHL+PT"]


def test_nnunet_that_writes_another_grid_or_fails_is_told(tmp_path, stand_in):
    folder = trained(tmp_path / "m", LEG)
    stand_in("nnUNetv2_predict_from_modelfolder", NNUNET.replace("CROP", "2"))
    with pytest.raises(ComputationError, match="another place"):
        run_model("nnunet", scene(), folder, TRUSTED)
    stand_in("nnUNetv2_predict_from_modelfolder", "sys.exit('CUDA out of memory')")
    with pytest.raises(ComputationError, match="CUDA out of memory") as caught:
        run_model("nnunet", scene(), folder, TRUSTED)
    assert caught.value.exit_code == 1
    stand_in("nnUNetv2_predict_from_modelfolder", "print('nothing to do')")
    with pytest.raises(ComputationError, match="nothing to do"):
        run_model("nnunet", scene(), folder, TRUSTED)
    stand_in("nnUNetv2_predict_from_modelfolder", "import time; time.sleep(60)")
    with pytest.raises(ComputationError, match="longer than"):
        run_model("nnunet", scene(), folder, ModelOptions(trusted=True, timeout_s=0.5))


def test_nnunet_that_is_missing_says_how_to_get_it(tmp_path, stand_in, monkeypatch):
    folder = trained(tmp_path / "m", LEG)
    with pytest.raises(MissingToolError, match="pip install nnunetv2") as caught:
        run_model("nnunet", scene(), folder, TRUSTED)
    assert caught.value.exit_code == 2
    (folder / "fold_all" / "checkpoint_final.pth").unlink()
    with pytest.raises(MissingFileError, match="install_pretrained_model_from_zip"):
        run_model("nnunet", scene(), folder, TRUSTED)
    monkeypatch.delenv("nnUNet_results", raising=False)
    with pytest.raises(MissingFileError, match="Dataset205"):
        run_model("nnunet", scene(), None, TRUSTED)


def test_nnunet_folders_folds_and_channels(tmp_path, monkeypatch):
    for plans in ("2d", "3d_fullres"):
        trained(tmp_path / "Dataset205_Leg" / f"nnUNetTrainer__nnUNetPlans__{plans}", LEG, "0")
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    with pytest.raises(ConfigError, match="several"):
        trained_folder(None)
    shutil.rmtree(tmp_path / "Dataset205_Leg" / "nnUNetTrainer__nnUNetPlans__3d_fullres")
    folder = trained_folder(None)
    (folder / "fold_3").mkdir()
    (folder / "fold_3" / "checkpoint_final.pth").write_bytes(b"")
    assert find_folds(folder) == (["0", "3"], "checkpoint_final.pth")
    two = trained(tmp_path / "two", LEG, channel_names={"0": "water", "1": "fat"})
    with pytest.raises(ConfigError, match="water, fat"):
        run_model("nnunet", scene(), two, TRUSTED)
    old = trained(tmp_path / "v1", LEG, channel_names=None)
    with pytest.raises(ConfigError, match="not of nnU-Net v2"):
        run_model("nnunet", scene(), old, TRUSTED)


def test_nnunet_regions_are_read_by_their_order():
    dataset = {
        "labels": {"background": 0, "GM+GL": [1, 2], "GM": [1], "ignore": 3},
        "regions_class_order": [2, 1],
    }
    table = label_table(dataset, "Dataset7_X", None, Path("dataset.json"))
    assert dict(table.labels) == {0: 0, 2: label_of("GM+GL", "undecided"), 1: 7}


def test_nnunet_leg_model_is_held_against_its_scheme():
    path = Path("dataset.json")
    names = {"background": 0, "GL": 1, "GM": 2, "SOL post": 3, "SOL ant": 4, "EDL": 8}
    table = label_table({"labels": names}, "Dataset205_Leg", None, path)
    assert table.scheme == "nnunet_leg_205" and table.labels[8] == 41
    swapped = {"background": 0, "GM": 1, "GL": 2}
    with pytest.raises(LabelError, match="label 1 is 'GM'"):
        label_table({"labels": swapped}, "Dataset205_Leg", None, path)
    with pytest.raises(LabelError, match="17"):
        label_table({"labels": {"GL": 1, "new": 17}}, "Dataset205_Leg", None, path)


@pytest.mark.slow
def test_nnunet_itself_runs_a_tiny_model(tmp_path):
    """A 2-D network of nnU-Net's own, trained here for seconds to tell intensities apart."""
    pytest.importorskip("nnunetv2")
    if shutil.which("nnUNetv2_predict_from_modelfolder") is None:
        pytest.skip("nnU-Net's commands are not on the PATH")
    from real_nnunet import train_tiny

    folder = train_tiny(tmp_path / "nnUNetTrainer__nnUNetPlans__2d", LEG)
    rng = np.random.default_rng(2)
    image = scene(TURNED)
    image = image.with_data(np.kron(image.data, np.ones((3, 1, 3))).astype(np.float32))
    noisy = image.with_data(image.data * 100 + rng.normal(0, 3, image.shape).astype(np.float32))
    result = run_model("nnunet", noisy, folder, ModelOptions(trusted=True, overlap=0.5))
    for value, label in ((1, 9), (2, 41)):
        wanted, found = image.data == value, result.labels.data == label
        assert 2 * (wanted & found).sum() / (wanted.sum() + found.sum()) > 0.97
    assert result.version.startswith("weights-")


# --- MuscleMap


MUSCLEMAP = """
print(SAYS)
values = [0, 8141, 8152, 7101]
copy(options["-i"], options["-o"] + "/leg_dseg.nii.gz", values)
assert options["-g"] == "N" and options["-c"] == "auto"
"""


def test_musclemap_labels_mean_what_the_used_version_says(stand_in):
    image = scene(TURNED)
    used = MUSCLEMAP.replace("SAYS", "\"Using cached 'wholebody' model v1.4.\"")
    stand_in("mm_segment", used)
    result = run_model("musclemap", image, None, TRUSTED)
    wanted = np.array([0, label_of("GM", "left"), label_of("GL", "right"), 0])
    np.testing.assert_array_equal(result.labels.data, wanted[image.data.astype(int)])
    assert result.version == "1.4" and result.scheme == "musclemap-1.4"
    stand_in("mm_segment", used.replace("v1.4", "v1.3"))
    with pytest.raises(LabelError, match=r"1\.3 instead of 1\.4"):
        run_model("musclemap", image, None, TRUSTED)
    result = run_model("musclemap", image, None, ModelOptions(trusted=True, version="1.3"))
    wanted = np.array([0, label_of("GM+GL", "left"), label_of("TIB", "right"), 0])
    np.testing.assert_array_equal(result.labels.data, wanted[image.data.astype(int)])
    assert result.merged == ("GM+GL",)


def test_musclemap_log_is_read_to_its_end():
    offline = (
        "Contacting Zenodo to resolve 'wholebody' model version...\n"
        "New 'wholebody' model version available: v1.5 (current: v1.4). Downloading\n"
        "Zenodo unreachable. Using cached 'wholebody' model (v1.3).\n"
    )
    with pytest.raises(LabelError, match=r"used model version 1\.3"):
        check_version(offline, "1.4")
    check_version("'wholebody' model v1.4 downloaded successfully.", "1.4")
    with pytest.raises(LabelError, match="did not say"):
        check_version("Inference completed.", "1.4")


def test_musclemap_versions_that_are_not_known_are_refused(stand_in):
    with pytest.raises(LabelError, match=r"'1\.5' are not known"):
        run_model("musclemap", scene(), None, ModelOptions(trusted=True, version="1.5"))
    with pytest.raises(MissingToolError, match="MuscleMap"):
        run_model("musclemap", scene(), None, TRUSTED)
    stand_in("mm_segment", "sys.exit('error: unrecognized arguments: --model_version 1.4')")
    with pytest.raises(ConfigError, match="too old"):
        run_model("musclemap", scene(), None, TRUSTED)
    stand_in("mm_segment", "sys.exit('No cached model found for wholebody.')")
    with pytest.raises(MissingFileError, match="internet connection"):
        run_model("musclemap", scene(), None, TRUSTED)


def test_musclemap_weights_bring_their_own_names(tmp_path, stand_in):
    stand_in("mm_segment", MUSCLEMAP.replace("SAYS", "options['-m']"))
    weights = tmp_path / "v2.0" / "wholebody.pth"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    with pytest.raises(MissingFileError, match=r"wholebody\.json"):
        run_model("musclemap", scene(), weights, TRUSTED)
    entries = [
        {"region": "leg", "anatomy": "plantaris", "side": "left", "value": 8141},
        {"region": "leg", "anatomy": "extensor digitorum-hallucis longus", "side": "right",
         "value": 8152},
        {"region": "thigh", "anatomy": "vastus lateralis", "side": "left", "value": 7101},
    ]  # fmt: skip
    weights.with_suffix(".json").write_text(json.dumps({"model": {}, "labels": entries}))
    image = scene()
    result = run_model("musclemap", image, weights, TRUSTED)
    wanted = np.array([0, label_of("PLA", "left"), label_of("EDL+EHL", "right"), 0])
    np.testing.assert_array_equal(result.labels.data, wanted[image.data.astype(int)])
    assert result.version == "2.0"
    weights.with_suffix(".json").write_text(json.dumps({"model": {"version": 2.1}, "labels": []}))
    with pytest.raises(LabelError, match="does not name its labels"):
        run_model("musclemap", image, weights, TRUSTED)


# --- TotalSegmentator


TOTAL = """
if "--version" in sys.argv:
    print("2.12.0"); sys.exit()
out = options["-o"]
if options["--task"] == "tissue_types_mr":
    copy(options["-i"], out + "/skeletal_muscle.nii.gz", [0, 1, 1, 0])
    copy(options["-i"], out + "/subcutaneous_fat.nii.gz", [0, 0, 0, 1])
else:
    copy(options["-i"], out + "/tibia.nii.gz", [0, 0, 1, 0])
    copy(options["-i"], out + "/fibula.nii.gz", [0, 0, 0, 0])
"""


def test_totalsegmentator_gives_bones_fat_and_muscle_only(stand_in):
    stand_in("TotalSegmentator", TOTAL)
    image = scene(TURNED)
    result = run_model("totalsegmentator", image)
    keys = ["MUSCLE", "TIB", "SAT"]
    wanted = np.array([0, *(label_of(key, "undecided") for key in keys)])
    np.testing.assert_array_equal(result.labels.data, wanted[image.data.astype(int)])
    assert result.version == "2.12.0" and result.merged == ("MUSCLE",)


def test_totalsegmentator_without_licence_or_program(stand_in):
    with pytest.raises(MissingToolError, match="pip install TotalSegmentator"):
        run_model("totalsegmentator", scene())
    version = TOTAL.split("out =")[0]
    stand_in("TotalSegmentator", version + "sys.exit('ERROR: invalid license number')")
    with pytest.raises(MissingToolError, match="totalseg_set_license") as caught:
        run_model("totalsegmentator", scene())
    assert caught.value.exit_code == 2


def test_models_are_named_with_their_path():
    assert parse_model("musclemap") == ("musclemap", None)
    assert parse_model("onnx:/a/b:c") == ("onnx", Path("/a/b:c"))
    with pytest.raises(InputError, match="nnunet"):
        parse_model("unet:/a")


def test_nothing_is_left_behind(tmp_path, stand_in, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    stand_in("TotalSegmentator", "sys.exit('broken')")
    with pytest.raises(ComputationError, match="broken"):
        run_model("totalsegmentator", scene())
    assert list(scratch.iterdir()) == []


def test_no_program_outlives_pennate(tmp_path):
    mark = tmp_path / "pid"
    sleeper = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(120)"
    code = (
        "import pathlib, sys; from imaging.io.models.tools import run_tool; "
        f"run_tool([sys.executable, '-c', {sleeper!r}], pathlib.Path({str(tmp_path)!r}), 100)"
    )
    pennate = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 60
    while not (mark.is_file() and mark.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    pennate.terminate()
    assert pennate.wait(30) == 128 + 15
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
