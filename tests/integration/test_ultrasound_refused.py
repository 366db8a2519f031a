"""What ``pennate ultrasound`` refuses, in one sentence and with nothing written."""

import importlib.util
import shutil

import numpy as np
import pytest
from PIL import Image as Picture
from ultrasound_for_tests import STILL, TRACKED, edit, landmarks, run

from imaging.formats.nifti import load_image, save_image
from imaging.image import Image
from imaging.phantom.ultrasound_files import write_sequence


def mirrored(folder, name):
    return [{**m, "mri": [-m["mri"][0], *m["mri"][1:]]} for m in landmarks(folder, name)]


def one_moved(folder, name):
    found = landmarks(folder, name)
    found[2]["mri"][1] += 30
    return found


def in_cm(folder, name):
    return [{**m, "mri": [v / 10 for v in m["mri"]]} for m in landmarks(folder, name)]


@pytest.mark.parametrize(
    ("file", "change", "word"),
    [
        (STILL, {"Range": None}, "Range"),
        (STILL, {"Units": None}, "Units"),
        (STILL, {"Opacity": None}, "Opacity"),
        (STILL, {"ColorBox": [50, 60, 900, 220]}, "leaves the frame"),
        (STILL, {"ColorBarBox": [16, 20, 40, 220]}, "mostly grey"),
        (STILL, {"PixelSpacing": None}, "PixelSpacing"),
        (STILL, {"Landmarks": None}, "Landmarks"),
        (TRACKED, {"ImageToProbe": None}, "ImageToProbe"),
        (TRACKED, {"Landmarks": mirrored}, "mirror"),
        (TRACKED, {"Landmarks": one_moved}, "is missed most"),
        (STILL, {"Landmarks": in_cm}, "times as far apart"),
        (TRACKED, {"UltrasoundImageOrientation": "XY"}, "UltrasoundImageOrientation"),
    ],
)
def test_bad_declarations_are_refused_and_nothing_is_written(
    own_frames, tmp_path, capsys, file, change, word
):
    made = {k: v(own_frames, file) if callable(v) else v for k, v in change.items()}
    edit(own_frames, file, **made)
    assert run(tmp_path / "out", [own_frames / file]) == 2
    message = capsys.readouterr().err
    assert word in message and "_swe" in message
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_frames_of_another_leg_are_refused(swe_leg, own_frames, tmp_path, capsys):
    moved = [{**m, "mri": [v + 500 for v in m["mri"]]} for m in landmarks(own_frames, STILL)]
    edit(own_frames, STILL, Landmarks=moved)
    assert run(tmp_path / "out", [own_frames / STILL], "--labels", swe_leg / "labels.nii.gz") == 2
    assert "no frame crosses a labelled muscle" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_directions_of_another_kind_are_refused(swe_leg, tmp_path, capsys):
    labels = load_image(swe_leg / "labels.nii.gz")
    tensor = np.ones((*labels.shape, 6), np.float32)
    save_image(Image(tensor, labels.affine), tmp_path / "tensor.nii.gz")
    given = ["--directions", tmp_path / "tensor.nii.gz"]
    assert run(tmp_path / "out", [swe_leg / "us" / STILL], *given) == 2
    assert "three components are needed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_sequence_without_any_good_frame_is_refused(own_frames, tmp_path, capsys):
    fields = {"Seq_Frame0000_ProbeToTrackerTransform": "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1",
              "Seq_Frame0000_ProbeToTrackerTransformStatus": "INVALID"}  # fmt: skip
    picture = np.asarray(Picture.open(own_frames / STILL).convert("RGB"))
    write_sequence(own_frames / TRACKED, picture[None], fields)
    assert run(tmp_path, [own_frames / TRACKED]) == 2
    assert "none of 1 frames has good tracking" in capsys.readouterr().err


def test_files_that_cannot_be_read_are_named(own_frames, tmp_path, capsys):
    assert run(tmp_path, [own_frames / "no.png"]) == 2
    (own_frames / STILL).write_bytes(b"nothing")
    assert run(tmp_path, [own_frames / STILL]) == 2
    (own_frames / TRACKED).write_bytes((own_frames / TRACKED).read_bytes()[:5000])
    assert run(tmp_path, [own_frames / TRACKED]) == 2
    told = capsys.readouterr().err
    assert "no.png: no such image" in told
    assert "cannot be read" in told
    assert "fewer than the" in told


def test_grey_pictures_are_refused(own_frames, tmp_path, capsys):
    Picture.open(own_frames / STILL).convert("L").save(own_frames / STILL)
    assert run(tmp_path, [own_frames / STILL]) == 2
    assert "8-bit colour" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("imageio_ffmpeg"), reason="video can be read here")
def test_a_video_without_its_reader_says_what_to_do(own_frames, tmp_path, capsys):
    shutil.copy(own_frames / STILL, own_frames / "a_swe.mp4")
    shutil.copy(own_frames / STILL.replace(".png", ".json"), own_frames / "a_swe.json")
    assert run(tmp_path, [own_frames / "a_swe.mp4"]) == 2
    assert "imageio-ffmpeg" in capsys.readouterr().err
