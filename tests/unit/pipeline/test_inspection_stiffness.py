"""`pennate check` refuses what the stages of stiffness would, with their own words."""

import json

import numpy as np
import pytest
from PIL import Image as Picture

from imaging.config import Settings
from imaging.dataset import find_sessions
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.pipeline.sessions import inspect, refusal

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
SHAPE = (20, 20, 10)
WAVES = {
    "MechanicalFrequency": 60, "Density": 1000, "PhaseUnits": "rad",
    "EncodingDirections": np.eye(3).tolist(), "EncodingDirectionsFrame": "world RAS+",
    "OffsetsPerPeriod": 4, "Drivers": ["a", "b"],
}  # fmt: skip
READY = {"Quantity": "magnitude", "Units": "Pa", "Frequency": 60, "Density": 1000, "Method": "k"}


def save(path, data, content=None, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_image(Image(np.asarray(data, np.float32), affine), path)
    if content is not None:
        path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "sub-01/anat/sub-01_T1w.nii.gz", np.ones(SHAPE))
    return tmp_path / "sub-01"


def told(folder, settings=None):
    (session,) = find_sessions(folder.parent)
    return refusal(inspect(session, settings))


def phase(*shape):
    return np.random.default_rng(0).uniform(-3, 3, (*SHAPE, *shape))


def away(mm=500.0):
    moved = AFFINE.copy()
    moved[0, 3] = mm
    return moved


def test_waves_are_read_and_compared(folder):
    mre = folder / "mre"
    save(mre / "sub-01_acq-60Hz_part-phase_mre.nii.gz", phase(3, 4, 2), WAVES)
    assert told(folder) is None
    save(mre / "sub-01_acq-50Hz_part-phase_mre.nii.gz", phase(3, 4, 2), WAVES)
    assert "same as another one" in told(folder)


@pytest.mark.parametrize(
    ("shape", "affine", "message"),
    [
        ((), AFFINE, "holds one volume"),
        ((24,), away(), "lies wholly outside the anatomical image"),
        ((3, 4, 1), AFFINE, "axis 6 has 1 entries but Drivers in its JSON says 2"),
    ],
)
def test_waves_that_the_stage_would_refuse(folder, shape, affine, message):
    save(folder / "mre/sub-01_part-phase_mre.nii.gz", phase(*shape), WAVES, affine)
    assert message in told(folder)


@pytest.mark.parametrize(
    ("outside", "affine", "message"),
    [(np.nan, AFFINE, None), (0, AFFINE, None), (np.inf, AFFINE, "not finite (Inf)"),
     (0, away(), "lies wholly outside")],
)  # fmt: skip
def test_ready_maps(folder, outside, affine, message):
    values = np.full(SHAPE, 1500.0)
    values[:5] = outside
    save(folder / "mre/sub-01_stiffness.nii.gz", values, READY, affine)
    found = told(folder)
    assert found is None if message is None else message in found


def frame(folder, name="sub-01_swe.png", **changes):
    """A picture of one colour with its bar, in the plane y = 10 mm of the scan."""
    hot = lambda v: np.clip(255 * (1.5 - np.abs(4 * v[..., None] - [3.0, 2.0, 1.0])), 0, 255)  # noqa: E731
    screen = np.full((120, 160, 3), 60.0)
    screen[20:90, 20:120] = 30 + 0.5 * hot(np.full((70, 100), 0.4))
    screen[10:110, 140:150] = hot((np.arange(100)[::-1] + 0.5) / 100)[:, None]
    marks = [[5, 5], [150, 8], [20, 110], [140, 100]]
    content = {
        "Quantity": "shear_wave_speed", "Units": "m/s", "Range": [0, 8], "Density": 1000,
        "Opacity": 0.5, "ColorBarBox": [140, 10, 150, 110], "ColorBox": [20, 20, 120, 90],
        "PixelSpacing": [0.2, 0.2],
        "Landmarks": [{"pixel": p, "mri": [0.2 * p[0], 10, 26 - 0.2 * p[1]]} for p in marks],
    }  # fmt: skip
    content = {k: v for k, v in (content | changes).items() if v is not None}
    (folder / "us").mkdir(exist_ok=True)
    Picture.fromarray(np.rint(screen).astype(np.uint8)).save(folder / "us" / name)
    (folder / "us" / name).with_suffix(".json").write_text(json.dumps(content))
    return content


def test_frames_are_placed_and_their_bars_read(folder):
    content = frame(folder)
    assert told(folder) is None
    marks = content["Landmarks"]
    frame(folder, PixelSpacing=None)
    assert "has no ultrasound regions" in told(folder)
    frame(folder, ColorBarBox=[0, 92, 10, 119])
    assert "ColorBarBox" in told(folder)
    frame(folder, Landmarks=[{**m, "mri": [m["mri"][0] + 400, *m["mri"][1:]]} for m in marks])
    assert "lies wholly outside" in told(folder)
    bent = [{**m, "mri": [m["mri"][0], 10 + 12 * (k % 2), m["mri"][2]]} for k, m in
            enumerate(marks)]  # fmt: skip
    frame(folder, Landmarks=bent)
    assert told(folder) is None
    strict = {"ultrasound": {"max_landmark_error_mm": 1}, "bids_dir": "b", "out_dir": "o"}
    assert "the landmarks fit within" in told(folder, Settings.model_validate(strict))


def test_a_picture_beside_the_dicom_file_of_one_json_is_refused_at_once(folder):
    frame(folder)
    (folder / "us/sub-01_swe.dcm").write_bytes(b"not looked at")
    assert "has the same JSON as sub-01_swe.dcm" in told(folder)
