"""MDEV on waves of known modulus: voxel shape, tilt, wraps, noise, several frequencies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from waves_for_tests import modulus, plane_waves

from imaging.elastography.derivatives import supported
from imaging.elastography.helmholtz import slab_of
from imaging.elastography.mdev import mdev
from imaging.elastography.waves import harmonic_field

SHAPE = (26, 24, 22)


def grid(spacing, angles=(0, 0, 0), flip=(1, 1, 1)):
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    affine[:3, :3] = turn * np.array(spacing) * np.array(flip)
    affine[:3, 3] = [40, -30, 200]
    return affine


def invert(images, **options):
    mask = np.ones(images.weight.shape, bool)
    return mdev([harmonic_field(images)], mask, **options)


def centre(values):
    return float(np.median(values[5:-5, 5:-5, 5:-5]))


@pytest.mark.parametrize(
    "affine",
    [
        grid((2.0, 2.0, 2.0)),
        grid((1.5, 2.0, 3.0)),
        grid((2.0, 1.6, 2.8), angles=(20, -35, 50)),
        grid((2.0, 2.5, 1.5), angles=(10, 5, 90), flip=(-1, 1, 1)),
    ],
    ids=["cube", "anisotropic", "oblique", "flipped"],
)
def test_modulus_of_plane_waves(affine):
    found = invert(plane_waves(affine, SHAPE, stiffness=modulus(1000, 0.3)))
    assert centre(found.maps["stiffness"].values) == pytest.approx(1000, rel=0.04)
    assert centre(found.maps["lossangle"].values) == pytest.approx(0.3, abs=0.05)
    assert centre(found.maps["confidence"].values) > 0.98
    assert found.facts["laplacian"] == 3


@settings(max_examples=8, deadline=None)
@given(
    magnitude=st.floats(700, 6000),
    loss=st.floats(0.05, 0.6),
    frequency=st.sampled_from([40.0, 60.0]),
)
def test_any_modulus_is_found(magnitude, loss, frequency):
    images = plane_waves(
        grid((2.0, 2.0, 2.5)), SHAPE, stiffness=modulus(magnitude, loss), frequency=frequency
    )
    found = invert(images)
    assert centre(found.maps["stiffness"].values) == pytest.approx(magnitude, rel=0.06)
    assert centre(found.maps["lossangle"].values) == pytest.approx(loss, abs=0.08)


def test_wrapped_phase_needs_no_unwrapping():
    small = plane_waves(grid((1.5, 1.5, 1.5)), SHAPE, stiffness=modulus(), amplitude=0.5)
    large = plane_waves(grid((1.5, 1.5, 1.5)), SHAPE, stiffness=modulus(), amplitude=5.0)
    assert np.abs(np.diff(large.phase, axis=0)).max() > 5.5  # it does wrap
    assert centre(invert(large).maps["stiffness"].values) == pytest.approx(
        centre(invert(small).maps["stiffness"].values), rel=0.05
    )


def test_encoding_axes_do_not_matter():
    affine = grid((2.0, 2.0, 2.0))
    turned = Rotation.from_euler("xyz", [30, 40, 50], degrees=True).as_matrix()
    four = np.vstack([turned, np.full((1, 3), 3**-0.5)])
    one = invert(plane_waves(affine, SHAPE, stiffness=modulus(), still=False))
    for directions in (turned, four):
        images = plane_waves(affine, SHAPE, stiffness=modulus(), directions=directions, still=False)
        other = invert(images)
        assert centre(other.maps["stiffness"].values) == pytest.approx(
            centre(one.maps["stiffness"].values), rel=0.01
        )
        assert other.facts["components"] == "curl of the displacement"


def test_noise_lowers_confidence_more_than_it_moves_stiffness():
    affine = grid((2.0, 2.0, 2.0))
    found = [
        invert(plane_waves(affine, SHAPE, stiffness=modulus(), noise=level))
        for level in (0.0, 0.03, 0.05)
    ]
    confidence = [centre(f.maps["confidence"].values) for f in found]
    # As noise grows the low-pass closes: what is left may be about as sure.
    assert confidence[0] > max(confidence[1:])
    assert confidence[1] > confidence[2] - 0.05
    assert min(confidence) > 0.5
    for f in found:
        inside = f.mask.copy()
        inside[:5], inside[-5:], inside[:, :5], inside[:, -5:] = False, False, False, False
        assert np.median(f.maps["stiffness"].values[inside]) == pytest.approx(1000, rel=0.06)


def test_noise_alone_has_no_stiffness():
    images = plane_waves(grid((2, 2, 2)), SHAPE, stiffness=modulus(), amplitude=1e-6, noise=0.1)
    found = invert(images)
    assert np.mean(found.mask) < 0.02
    assert not found.maps["stiffness"].values[~found.mask].any()


def test_frequencies_and_drivers_are_joined():
    affine, mask = grid((2.0, 2.0, 2.0)), np.ones(SHAPE, bool)
    fields = [
        harmonic_field(plane_waves(affine, SHAPE, stiffness=modulus(), frequency=f, drivers=2))
        for f in (50.0, 60.0)
    ]
    found = mdev(fields, mask)
    assert centre(found.maps["stiffness"].values) == pytest.approx(1000, rel=0.04)


def test_two_directions_fall_back_to_the_gradient():
    directions = np.eye(3)[:2]
    images = plane_waves(grid((2, 2, 2)), SHAPE, stiffness=modulus(), directions=directions)
    found = invert(images)
    assert found.facts["components"] == "gradient of the displacement"
    assert centre(found.maps["stiffness"].values) == pytest.approx(1000, rel=0.05)


@pytest.mark.parametrize("slices", [3, 4, 5, 7, 8])
def test_thin_slabs_resolve_waves_across_them(slices):
    # Oblique waves, which an inversion within slices calls a quarter too stiff.
    ways = (((1, 0.3, 0.5), 2), ((-0.3, 1, 0.4), 2), ((0.8, -1, -0.6), 2))
    affine = grid((2, 2, 2.5))
    found = invert(plane_waves(affine, (30, 28, slices), stiffness=modulus(), ways=ways))
    assert found.facts["laplacian"] == 3
    inside = found.maps["stiffness"].values[6:-6, 6:-6, slices // 2]
    assert np.median(inside) == pytest.approx(1000, rel=0.05)


def test_two_slices_are_inverted_in_their_plane():
    ways = (((1, 0.5, 0), 2), ((-0.4, 1, 0), 2))
    images = plane_waves(grid((2, 2, 5)), (30, 28, 2), stiffness=modulus(), ways=ways)
    found = invert(images)
    assert found.facts["laplacian"] == 2
    inside = found.maps["stiffness"].values[6:-6, 6:-6, 1]
    assert np.median(inside) == pytest.approx(1000, rel=0.05)


@pytest.mark.parametrize(
    ("shape", "spacing", "derived", "filtered"),
    [
        ((60, 60, 20), (2, 2, 3), (0, 1, 2), (0, 1, 2)),
        ((60, 60, 4), (2, 2, 2), (0, 1, 2), (0, 1)),
        ((4, 60, 60), (2, 2, 2), (0, 1, 2), (1, 2)),
        ((60, 60, 2), (2, 2, 2), (0, 1), (0, 1)),
        ((60, 60, 20), (1.5, 1.5, 6), (0, 1), (0, 1)),
        ((20, 60, 60), (6, 1.5, 1.5), (1, 2), (1, 2)),
    ],
)
def test_axes_of_derivatives_and_filters(shape, spacing, derived, filtered):
    slab = slab_of(shape, np.array(spacing) / 1000)
    assert (slab.derived, slab.filtered) == (derived, filtered)


def test_a_cut_off_given_by_hand_is_kept_and_said():
    images = plane_waves(grid((2, 2, 2)), SHAPE, stiffness=modulus())
    found = invert(images, cutoff_per_m=90.0)
    assert found.facts["cutoff_per_m"] == [90.0]
    assert "90 /m (given)" in found.text


def test_stencil_stays_inside_the_mask():
    mask = np.ones((12, 12, 12), bool)
    mask[6, 6, 6] = False
    inner = supported(mask, (0, 1, 2))
    assert not inner[:2].any()
    assert not inner[6, 6, 4:9].any()
    assert inner[4, 4, 4]


def test_air_beside_tissue_does_not_leak_in():
    images = plane_waves(grid((2, 2, 2)), (32, 24, 22), stiffness=modulus())
    phase = images.phase.copy()
    phase[20:] = np.random.default_rng(1).uniform(-3, 3, phase[20:].shape)
    mask = np.ones((32, 24, 22), bool)
    mask[20:] = False
    noisy = type(images)(
        phase, mask.astype(np.float32), images.affine, images.directions, 60.0, 1000.0
    )
    found = mdev([harmonic_field(noisy)], mask)
    assert not found.mask[18:].any()
    assert np.median(found.maps["stiffness"].values[14:18, 6:-6, 6:-6]) == pytest.approx(
        1000, rel=0.12
    )
