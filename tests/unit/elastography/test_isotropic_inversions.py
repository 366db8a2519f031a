"""Curl, wave-number and virtual-field inversions on waves of known modulus."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from waves_for_tests import modulus, plane_waves

from imaging.elastography.curl import curl_helmholtz
from imaging.elastography.derivatives import supported, within
from imaging.elastography.kmdev import k_mdev
from imaging.elastography.testfields import TestFields
from imaging.elastography.virtualfields import virtual_fields
from imaging.elastography.waves import WaveImages, harmonic_field
from imaging.errors import ComputationError
from imaging.phantom.waves import solve_waves, sponge

SHAPE = (26, 24, 22)
TRUE = modulus(1000, 0.3)
# rho c^2 of a lossy medium.
SHEAR_STIFFNESS = 2 * abs(TRUE) ** 2 / (TRUE.real + abs(TRUE))


def grid(spacing, angles=(0, 0, 0), flip=(1, 1, 1)):
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    affine[:3, :3] = turn * np.array(spacing) * np.array(flip)
    affine[:3, 3] = [40, -30, 200]
    return affine


def invert(method, images, **options):
    return method([harmonic_field(images)], np.ones(images.weight.shape, bool), **options)


def values(found):
    if "storage" in found.maps:
        return found.maps["storage"].values + 1j * found.maps["loss"].values
    size = found.maps["stiffness"].values
    angle = found.maps["lossangle"].values if "lossangle" in found.maps else 0
    return size * np.exp(1j * angle)


def centre(array):
    return np.median(array[6:-6, 6:-6, 6:-6])


AFFINES = [
    grid((2.0, 2.0, 2.0)),
    grid((2.0, 1.6, 2.8), angles=(20, -35, 50)),
    grid((2.0, 2.5, 1.5), angles=(10, 5, 90), flip=(-1, 1, 1)),
]


@pytest.mark.parametrize("affine", AFFINES, ids=["cube", "oblique", "mirrored"])
@pytest.mark.parametrize(
    ("method", "tolerance"), [(curl_helmholtz, 0.03), (virtual_fields, 0.02)], ids=["curl", "vfm"]
)
def test_complex_modulus_of_plane_waves(affine, method, tolerance):
    found = invert(method, plane_waves(affine, SHAPE, stiffness=TRUE))
    got = values(found)
    assert centre(np.abs(got)) == pytest.approx(abs(TRUE), rel=tolerance)
    assert centre(np.angle(got)) == pytest.approx(0.3, abs=0.03)
    assert centre(found.maps["confidence"].values) > 0.98
    assert not got[~found.mask].any()


@pytest.mark.parametrize("affine", AFFINES, ids=["cube", "oblique", "mirrored"])
def test_shear_stiffness_of_plane_waves(affine):
    found = invert(k_mdev, plane_waves(affine, SHAPE, stiffness=TRUE))
    assert found.maps["stiffness"].quantity == "shear_stiffness"
    assert centre(found.maps["stiffness"].values) == pytest.approx(SHEAR_STIFFNESS, rel=0.12)


def test_k_mdev_in_few_slices():
    ways = (((1, 0.5, 0), 2), ((-0.4, 1, 0), 2))
    images = plane_waves(grid((2, 2, 5)), (34, 32, 3), stiffness=modulus(1000, 0.1), ways=ways)
    found = invert(k_mdev, images)
    assert found.facts["dimensions"] == 2
    assert np.median(found.maps["stiffness"].values[8:-8, 8:-8, 1]) == pytest.approx(1000, rel=0.12)


@pytest.mark.parametrize("method", [curl_helmholtz, virtual_fields])
def test_three_directions_are_needed(method):
    two = plane_waves(grid((2, 2, 2)), SHAPE, stiffness=TRUE, directions=np.eye(3)[:2])
    with pytest.raises(ComputationError, match="three encoding directions"):
        invert(method, two)


@pytest.mark.parametrize("slices", [5, 6, 8, 10])
def test_virtual_fields_in_thin_slabs(slices):
    images = plane_waves(grid((2, 2, 2.5)), (30, 28, slices), stiffness=TRUE, noise=0.03)
    found = invert(virtual_fields, images)
    assert np.median(np.abs(values(found))[found.mask]) == pytest.approx(1000, rel=0.04)
    assert found.mask[..., slices // 2].mean() > 0.5


def test_four_slices_hold_no_virtual_field():
    thin = plane_waves(grid((2, 2, 2)), (20, 20, 4), stiffness=TRUE)
    with pytest.raises(ComputationError, match="five slices"):
        invert(virtual_fields, thin)


@pytest.mark.parametrize("method", [curl_helmholtz, virtual_fields])
def test_noise_lowers_confidence_more_than_it_moves_the_modulus(method):
    found = [
        invert(method, plane_waves(grid((2, 2, 2)), SHAPE, stiffness=TRUE, noise=level))
        for level in (0.0, 0.05)
    ]
    for f in found:
        inner = f.mask.copy()
        inner[:5], inner[-5:], inner[:, :5], inner[:, -5:] = False, False, False, False
        assert np.median(np.abs(values(f))[inner]) == pytest.approx(1000, rel=0.05)
    clean, noisy = (centre(f.maps["confidence"].values) for f in found)
    assert clean > 0.98
    assert noisy < clean


@pytest.mark.parametrize("method", [curl_helmholtz, k_mdev, virtual_fields])
def test_noise_alone_has_no_stiffness(method):
    images = plane_waves(grid((2, 2, 2)), SHAPE, stiffness=TRUE, amplitude=1e-6, noise=0.1)
    assert invert(method, images).mask.mean() < 0.05


def test_offsets_that_run_backwards_are_told():
    images = plane_waves(AFFINES[0], SHAPE, stiffness=TRUE)
    assert not invert(curl_helmholtz, images).warnings
    back = replace(images, phase=np.ascontiguousarray(images.phase[..., ::-1, :]))
    found = invert(curl_helmholtz, back)
    assert "backwards in time" in found.warnings[0]
    assert centre(found.maps["loss"].values) == pytest.approx(-TRUE.imag, rel=0.1)


def test_stencils_and_windows_stay_within_a_label():
    labels = np.ones((14, 12, 12), int)
    labels[7:] = 2
    mask = np.ones(labels.shape, bool)
    inner = supported(mask, (0, 1, 2), labels)
    assert inner[4, 5, 5] and inner[9, 5, 5]
    assert not inner[5:9].any()
    step = np.where(labels == 1, 1.0, 5.0)
    np.testing.assert_allclose(within(step, mask, labels, 2.0), step)
    assert 1.5 < within(step, mask, None, 2.0)[6, 6, 6] < 4.5


@pytest.fixture(scope="module")
def layers():
    """Waves in two layers, the second 2.5 times stiffer; solved at 2 mm, seen on 3 mm."""
    shape = (60, 48, 48)
    stiffness = np.full(shape, modulus(1000, 0.2))
    stiffness[30:] *= 2.5
    place = np.zeros((*shape, 3), np.float32)
    place[9:11, 10:-10, 10:-10, 2] = 1
    place[10:-10, 9:11, 10:-10, 2] = 1
    place[10:-10, 10:-10, 9:11, 0] = 1
    drivers = [place, place[..., [1, 2, 0]]]
    waves = [
        solve_waves(
            stiffness, stiffness, 3 * stiffness, force, frequency_hz=60,
            spacing_m=np.full(3, 2e-3), damping=sponge(shape, (8, 8, 8)), tolerance=1e-3,
        )[15:-9:1, 14:-8, 14:-8]
        for force in drivers
    ]  # fmt: skip
    u = np.stack([w / np.quantile(np.abs(w), 0.98) for w in waves], -1) * 2
    rng = np.random.default_rng(0)
    steps = np.exp(2j * np.pi * np.arange(8) / 8)
    phase = np.moveaxis((u[..., None] * steps).real, 4, 5)
    phase = phase + 0.03 * rng.standard_normal(phase.shape)
    phase = np.angle(np.exp(1j * phase)).astype(np.float32)
    images = WaveImages(
        phase, np.ones(phase.shape[:3], np.float32), np.diag([2.0, 2, 2, 1]), np.eye(3), 60, 1000
    )
    return harmonic_field(images), np.abs(stiffness[15:-9, 14:-8, 14:-8])


def test_virtual_fields_follow_a_medium_that_is_not_homogeneous(layers):
    field, true = layers
    found = virtual_fields([field], np.ones(true.shape, bool))
    got = found.maps["stiffness"].values
    for stiffness in (1000, 2500):
        # Up to one voxel from the border between the layers.
        region = (true == stiffness) & found.mask
        region[14:16] = False
        assert np.median(got[region]) == pytest.approx(stiffness, rel=0.05)
    beside = np.median(got[16:18][found.mask[16:18]])
    assert beside == pytest.approx(2500, rel=0.2)


def test_labels_let_the_modulus_jump(layers):
    field, true = layers
    labels = np.where(true > 1500, 2, 1)
    found = virtual_fields([field], np.ones(true.shape, bool), labels=labels)
    got = found.maps["stiffness"].values
    last, first = got[14][found.mask[14]], got[15][found.mask[15]]
    assert np.median(last) == pytest.approx(1000, rel=0.15)
    assert np.median(first) == pytest.approx(2500, rel=0.15)


def test_same_waves_same_bytes(layers):
    field, true = layers
    mask = np.ones(true.shape, bool)
    one, two = (virtual_fields([field], mask, rounds=1, steps=2) for _ in range(2))
    np.testing.assert_array_equal(one.maps["stiffness"].values, two.maps["stiffness"].values)


def test_the_spread_of_a_voxel_grows_with_noise_and_tells_how_far_it_is_off():
    found = [
        invert(virtual_fields, plane_waves(grid((2, 2, 2)), SHAPE, stiffness=TRUE, noise=level))
        for level in (0.002, 0.04)
    ]
    spreads = [f.maps["spread"].values for f in found]
    little, much = (float(np.median(s[f.mask])) for s, f in zip(spreads, found, strict=True))
    assert much / little > 2.0
    off = np.abs(np.abs(values(found[1])) / 1000 - 1)[found[1].mask]
    assert 0.4 < (off < 2 * spreads[1][found[1].mask]).mean() <= 1.0
    again = invert(virtual_fields, plane_waves(grid((2, 2, 2)), SHAPE, stiffness=TRUE, noise=0.04))
    np.testing.assert_array_equal(again.maps["spread"].values, spreads[1])


def test_what_is_not_isotropic_is_taken_for_misfit_and_not_for_signal():
    images = plane_waves(grid((2, 2, 2)), SHAPE, stiffness=TRUE, noise=0.005)
    sound = invert(virtual_fields, images)
    # Two waves of other lengths through one place: as along and across fibres.
    stiffer = plane_waves(grid((2, 2, 2)), SHAPE, stiffness=4 * TRUE, noise=0.005)
    turned = stiffer.phase[:, :, :, ::-1]
    apart = invert(virtual_fields, replace(images, phase=images.phase + turned))
    assert max(sound.facts["misfit"]) < 0.06
    assert min(apart.facts["misfit"]) > 2 * max(sound.facts["misfit"])
    assert apart.mask.sum() < sound.mask.sum()


def test_every_test_field_covers_the_middle_and_few_the_border():
    tests = TestFields((24, 24, 24), np.full(3, 0.002), np.full(3, 0.0026))
    centres = tests.fits(np.ones((24, 24, 24), bool))
    share = tests.coverage(centres)
    assert share[12, 12, 12] == pytest.approx(1.0, abs=1e-3)
    assert share[0, 12, 12] < 0.01
    np.testing.assert_allclose(share, share[::-1], atol=1e-5)
    along = share[12, 12, :12]
    assert np.all(np.diff(along) > -1e-4)
