"""Distortion of echo-planar wave images: displaced by a known field, found and undone."""

from dataclasses import replace

import numpy as np
import pytest

from imaging.diffusion.acquisition import Acquisition
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.io.waves.undistorted import echo_planar, look, must_tell, undistorted
from imaging.provenance import write_json

SHAPE, STEP_MM, MOST_MM = (44, 44, 8), 2.5, 4.0
AFFINE = np.diag([STEP_MM, STEP_MM, 5.0, 1.0])
ALONG = Acquisition(1, 1, 0.03, 2, True)
EPI = {"PhaseEncodingDirection": "j", "TotalReadoutTime": 0.03}


def field(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the displacement along y, mm."""
    return MOST_MM * np.exp(-((x - 12) ** 2 + (y + 8) ** 2) / (2 * 18.0**2))


def seen(sign: float) -> tuple[np.ndarray, np.ndarray]:
    """Return magnitude and phase (I, J, K) of a leg with a wave, displaced: known everywhere."""
    i, j, _ = np.indices(SHAPE)
    x, seen_at = (i - 21.5) * STEP_MM, (j - 21.5) * STEP_MM
    y = seen_at.astype(float)
    for _ in range(50):
        y = seen_at - sign * field(x, y)
    slope = sign * (field(x, y + 0.01) - field(x, y - 0.01)) / 0.02
    radius = np.hypot(x, y)
    edge = 1 / (1 + np.exp((radius - 42) / 1.2))
    dark = 1 - 0.6 / (1 + np.exp((np.hypot(x - 10, y - 5) - 9) / 1.2))
    return edge * dark / (1 + slope), 3.0 * np.sin(2 * np.pi * y / 30.0)


@pytest.fixture(scope="module")
def waves() -> WaveImages:
    strength, phase = seen(1.0)
    wrapped = np.angle(np.exp(1j * phase)).astype(np.float32)[..., None, None, None]
    weight = np.where(strength > 0.02, strength, 0).astype(np.float32)
    return WaveImages(wrapped, weight, AFFINE, np.eye(3)[:1], 60.0, 1000.0)


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    path = tmp_path_factory.mktemp("fmap") / "dir-PA_epi.nii.gz"
    save_image(Image(seen(-1.0)[0].astype(np.float32), AFFINE), path)
    write_json(path.with_name("dir-PA_epi.json"), EPI | {"PhaseEncodingDirection": "j-"})
    return path


def phase_error(images: WaveImages) -> float:
    """Return how far the phase is off where the leg is, rad (median)."""
    i, j, _ = np.indices(SHAPE)
    x, y = (i - 21.5) * STEP_MM, (j - 21.5) * STEP_MM
    true = 3.0 * np.sin(2 * np.pi * y / 30.0)
    off = np.abs(np.angle(np.exp(1j * (images.phase[..., 0, 0, 0] - true))))
    return float(np.median(off[(np.hypot(x, y) < 35) & (field(x, y) > 1.5)]))


def test_a_reversed_scan_brings_the_wave_back_to_its_place(waves, scan):
    tissue = waves.weight > 0.2
    told = look(waves, tissue, ALONG, fmap=scan)
    assert told.found is not None and told.found.status == "corrected"
    assert told.found.max_mm == pytest.approx(MOST_MM, abs=0.6)
    back, none = undistorted(waves, None, told.found)
    assert none is None
    assert phase_error(waves) > 0.8
    assert phase_error(back) < 0.12
    assert np.all(back.weight >= 0) and np.all(np.abs(back.phase) <= np.float32(np.pi))
    assert "undone by a scan of reversed phase encoding" in told.warnings[0]


def test_the_magnitude_of_every_volume_moves_with_the_phase(waves, scan):
    frames = np.repeat(waves.weight[..., None, None, None], 1, axis=4)
    found = look(waves, waves.weight > 0.2, ALONG, fmap=scan).found
    assert found is not None
    back, moved = undistorted(waves, frames, found)
    assert moved is not None and moved.shape == frames.shape
    inside = back.weight > 0.5
    np.testing.assert_allclose(moved[inside, 0, 0, 0], back.weight[inside], rtol=1e-4)


def test_what_is_not_corrected_is_said_with_its_reason(waves):
    tissue = waves.weight > 0.2
    thin = replace(waves, weight=waves.weight[..., :3], phase=waves.phase[:, :, :3])
    flat = replace(waves, weight=np.ones(SHAPE, np.float32))
    for told, why in (
        (look(waves, tissue, ALONG), "no scan of reversed phase encoding"),
        (look(waves, tissue, ALONG, wanted="off"), "is off"),
        (look(thin, tissue[..., :3], ALONG), "fewer than 5 slices"),
        (look(flat, tissue, ALONG), "no magnitude"),
    ):
        assert told.found is None
        assert why in told.warnings[0]
        assert told.facts == {"wave_distortion": "not looked for"}


def test_waves_read_twice_as_slowly_are_displaced_twice_as_far(waves, scan):
    """The reversed scan was read as fast as before: its own displacement is half of theirs."""
    told = look(waves, waves.weight > 0.2, replace(ALONG, readout_s=0.06), fmap=scan).found
    alike = look(waves, waves.weight > 0.2, ALONG, fmap=scan).found
    assert told is not None and alike is not None
    assert told.max_mm > 1.2 * alike.max_mm


def test_a_scan_of_the_same_phase_encoding_is_refused(waves, scan, tmp_path):
    same = tmp_path / "same_epi.nii.gz"
    same.write_bytes(scan.read_bytes())
    write_json(tmp_path / "same_epi.json", EPI)
    with pytest.raises(ImageError, match="not opposite"):
        look(waves, waves.weight > 0.2, ALONG, fmap=same)


@pytest.mark.parametrize(
    ("content", "axis"),
    [
        (EPI, 1),
        ({"PhaseEncodingDirection": "i-", "EffectiveEchoSpacing": 0.0005}, 0),
        ({"PhaseEncodingDirection": "j", "ScanningSequence": ["EP", "RM"]}, 1),
        ({"PhaseEncodingDirection": "j", "ScanningSequence": "GR"}, None),
        ({"PhaseEncodingDirection": "j", "TotalReadoutTime": 0}, None),
        ({"TotalReadoutTime": 0.03}, None),
    ],
)
def test_only_what_is_told_to_be_echo_planar_is_corrected(content, axis):
    found = echo_planar(content, Image(np.zeros((4, 4, 4), np.float32), np.eye(4)))
    assert (None if found is None else found.phase_axis) == axis


def test_a_scan_for_images_that_are_not_echo_planar_is_refused(tmp_path):
    with pytest.raises(ImageError, match="echo-planar"):
        must_tell(None, tmp_path)
