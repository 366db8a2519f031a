"""Displacement along the phase-encoding axis against a known one, on oblique grids."""

from dataclasses import replace

import numpy as np
import pytest
from diffusion_for_tests import affine_of

from imaging.config import DiffusionSettings
from imaging.diffusion.acquisition import Acquisition
from imaging.diffusion.distortion import (
    ReversedScan,
    distortion_of_pair,
    distortion_to_anatomy,
    find_distortion,
)
from imaging.diffusion.distortion_field import Field, undistort
from imaging.diffusion.notes import Journal, note_distortion
from imaging.image import Image

TURN = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])
SHAPE, SPACING = (34, 34, 12), (3.0, 2.5, 6.0)


def tissue(points):
    """Muscles of a leg without fat signal, and the same leg as T1 shows it."""
    x, y, z = np.moveaxis(points, -1, 0)
    radius = np.hypot(x, y * (1 + 0.003 * z))
    bone = np.hypot(x - 8, y - 9) < 6
    sheet = (np.abs(np.sin(x / 9 + y / 14)) < 0.12) | (np.abs(y + 3 + 0.1 * x) < 1.0)
    b0 = np.where(radius < 28, np.where(bone, 60.0, np.where(sheet, 350.0, 1000.0)), 0.0)
    t1 = np.where(bone, 850.0, np.where(sheet, 150.0, 400.0))
    t1 = np.where(radius < 28, t1, np.where(radius < 35, 1000.0, 0.0))
    return np.where((radius >= 28) & (radius < 35), 60.0, b0), t1


def displacement(points):
    """Up to 5 mm, smooth, with no symmetry."""
    x, y, z = np.moveaxis(points, -1, 0)
    return 3.5 * np.sin(x / 30 + 0.4) * np.cos(y / 34 - 0.3) + 1.5 * np.cos(z / 25 + y / 50)


def scan(axis, factor, *, rotation=TURN, seed=0):
    """Return the distorted b = 0 image and the true displacement, by sub-voxel samples."""
    affine = affine_of(SHAPE, SPACING, rotation)
    image = Image(np.zeros(SHAPE), affine)
    along = image.rotation[:, axis]
    total = np.zeros(SHAPE)
    voxels = np.moveaxis(np.indices(SHAPE), 0, -1)
    steps = np.array(np.meshgrid(*[(-0.25, 0.25)] * 3)).reshape(3, -1).T
    for step in steps:
        seen = image.to_world(voxels + step)
        true = seen
        for _ in range(30):
            true = seen - factor * displacement(true)[..., None] * along
        slope = displacement(true + 0.01 * along) - displacement(true - 0.01 * along)
        total += tissue(true)[0] / (1 + factor * slope / 0.02) / len(steps)
    noise = np.random.default_rng(seed).normal(0, 20, SHAPE)
    return image.with_data(np.abs(total + noise)), displacement(image.to_world(voxels))


def legs(image):
    return tissue(image.to_world(np.moveaxis(np.indices(SHAPE), 0, -1)))[1] > 0


@pytest.mark.parametrize(("axis", "ratio"), [(0, 1.0), (1, 1.0), (1, 0.6), (2, 1.0)])
def test_a_reversed_pair_gives_the_field_along_any_axis(axis, ratio):
    forward, true = scan(axis, 1.0)
    backward, _ = scan(axis, -ratio, seed=1)
    mask = legs(forward)
    found = distortion_of_pair(forward, mask, axis, ReversedScan(backward, ratio))
    error = np.abs(found.displacement_mm - true)[mask]
    assert found.status == "corrected"
    # Along the leg nothing but its taper can be seen.
    assert np.median(error) < (0.25 if axis < 2 else 1.2)
    assert np.median(error) < 0.6 * np.median(np.abs(true[mask]))
    assert found.agreement_after > found.agreement_before


def test_a_pair_on_flipped_axes_is_the_same_pair():
    forward, _ = scan(1, 1.0)
    backward, _ = scan(1, -1.0, seed=1)
    flip = np.diag([1.0, -1.0, 1.0, 1.0])
    flip[1, 3] = SHAPE[1] - 1
    flipped = Image(backward.data[:, ::-1], backward.affine @ flip)
    mask = legs(forward)
    one, other = (
        distortion_of_pair(forward, mask, 1, ReversedScan(b, 1.0)) for b in (backward, flipped)
    )
    np.testing.assert_allclose(one.displacement_mm, other.displacement_mm, atol=0.02)


def test_the_same_pair_gives_the_same_bytes():
    forward, _ = scan(1, 1.0)
    backward, _ = scan(1, -1.0, seed=1)
    runs = [
        distortion_of_pair(forward, legs(forward), 1, ReversedScan(backward, 1.0)) for _ in range(2)
    ]
    assert runs[0].displacement_mm.tobytes() == runs[1].displacement_mm.tobytes()


def anatomy(seed=2):
    grid = Image(np.zeros((80, 80, 24)), affine_of((80, 80, 24), (1.2, 1.2, 3.0)))
    data = tissue(grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)))[1]
    return grid.with_data(np.abs(data + np.random.default_rng(seed).normal(0, 15, grid.shape)))


def test_the_anatomy_takes_off_most_of_the_displacement():
    b0, true = scan(1, 1.0)
    mask = legs(b0)
    found = distortion_to_anatomy(b0, mask, 1, anatomy())
    assert found.status == "corrected"
    # What moves as a whole is left to the rigid alignment.
    error, before = found.displacement_mm - true, true
    spread = [np.median(np.abs(e[mask] - np.median(e[mask]))) for e in (error, before)]
    assert spread[0] < 0.5 * spread[1]


def test_an_undistorted_scan_is_kept_as_it_is():
    b0, _ = scan(1, 0.0)
    assert distortion_to_anatomy(b0, legs(b0), 1, anatomy()).status == "kept"


def test_what_is_told_of_distortion_is_what_was_done():
    b0, _ = scan(1, 1.0)
    found = distortion_to_anatomy(b0, legs(b0), 1, anatomy())
    assert found.chance_mm is not None
    journal = Journal()
    note_distortion(replace(found, status="kept"), True, True, journal)
    assert "not corrected: no distortion beyond chance" in journal.method[0]
    assert f"{found.chance_mm:.1f} mm expected by chance" in journal.method[0]
    assert journal.facts["distortion_chance_mm"] == pytest.approx(found.chance_mm, abs=1e-3)


def test_signal_is_moved_and_restored_but_not_lost():
    at = np.arange(60) * 2.0
    bell = np.exp(-np.square((at - 60) / 12) / 2)
    shift = 4.0 * np.sin(at / 25)
    slope = 4.0 / 25 * np.cos(at / 25)
    image = np.broadcast_to(bell, (3, 2, 60)).copy()
    field = Field(np.broadcast_to(shift, image.shape), np.broadcast_to(slope, image.shape))
    restored, sampled, change = undistort(image, field, 2.0)
    np.testing.assert_allclose(
        sampled[0, 0], np.exp(-np.square((at + shift - 60) / 12) / 2), atol=1e-3
    )
    assert restored.sum() == pytest.approx(image.sum(), rel=1e-3)
    want = np.gradient(bell, 2.0)
    still = undistort(image, Field(0 * field.shift, 0 * field.slope), 2.0)
    np.testing.assert_allclose(still[0], image, atol=1e-12)
    np.testing.assert_allclose(still[2][1, 1, 2:-2], want[2:-2], atol=2e-3)
    assert change.shape == image.shape


@pytest.mark.parametrize(
    ("axis", "wanted", "warnings"), [(None, "auto", 1), (1, "off", 0), (1, "anatomy", 0)]
)
def test_nothing_is_done_without_an_axis_a_wish_or_an_image(axis, wanted, warnings):
    b0, _ = scan(1, 1.0)
    journal = Journal()
    found = find_distortion(
        b0, legs(b0), None, None, Acquisition(axis), DiffusionSettings(distortion=wanted)
    )
    note_distortion(found, wanted != "off", axis is not None, journal)
    assert found is None
    assert journal.facts["distortion"] == "none"
    assert len(journal.warnings) == warnings
