"""Phase that jumps between slices and time steps that are noise: found, mended, and said."""

from dataclasses import replace

import numpy as np
import pytest
from waves_for_tests import modulus, plane_waves

from imaging.elastography.fields import frequency_field
from imaging.elastography.phase_repair import PhaseRepair, leave_out_offsets, repair_slices
from imaging.elastography.waves import harmonic_field

SHAPE = (36, 32, 12)
TISSUE = np.ones(SHAPE, bool)
INNER = (slice(3, -3), slice(3, -3), slice(2, -2))


def waves(*, offsets=8, noise=0.02, thick=2.5, **options):
    affine = np.diag([-2.5, 2.5, thick, 1.0])
    return plane_waves(
        affine, SHAPE, stiffness=modulus(2500.0), offsets=offsets, noise=noise, **options
    )


def changed(images, more):
    phase = np.angle(np.exp(1j * (images.phase + more))).astype(np.float32)
    return replace(images, phase=phase)


def apart(images, truth):
    """Error of the gradient as a share of it."""
    found, want = (harmonic_field(i).gradient[INNER] for i in (images, truth))
    return np.sqrt((np.abs(found - want) ** 2).mean() / (np.abs(want) ** 2).mean())


def jumps(rms, images, seed=1):
    return np.random.default_rng(seed).normal(0, rms, images.phase.shape[2:])


@pytest.mark.parametrize("options", [{}, {"offsets": 4}, {"thick": 5.0}, {"noise": 0.1},
                                     {"amplitude": 2.5}, {"still": False}])  # fmt: skip
def test_waves_alone_are_left_as_they_are(options):
    images = waves(**options)
    same, found = repair_slices(images, TISSUE)
    assert same is images and found == 0
    same, left_out = leave_out_offsets(images, TISSUE)
    assert same is images and not left_out.any()


@pytest.mark.parametrize(("rms", "offsets", "better"),
                         [(0.05, 8, 2), (0.2, 8, 5), (0.5, 8, 5), (0.2, 4, 2)])  # fmt: skip
def test_jumps_between_slices_are_taken_out(rms, offsets, better):
    images = waves(offsets=offsets, noise=0.0)
    bad = changed(images, jumps(rms, images))
    mended, found = repair_slices(bad, TISSUE)
    assert 0.5 * rms < found < 1.1 * rms
    assert apart(mended, images) < apart(bad, images) / better


def test_slices_of_an_interleaved_series():
    """Odd slices apart from even ones: no central difference sees it, every second one does."""
    images = waves(noise=0.0)
    odd = (np.arange(SHAPE[2]) % 2)[:, None, None, None]
    bad = changed(images, odd * jumps(0.3, images)[:1])
    mended, found = repair_slices(bad, TISSUE)
    assert found > 0.05

    def bent(one):
        return np.diff(harmonic_field(one).displacement[INNER], 2, axis=2)

    left, before = (np.abs(bent(i) - bent(images)).mean() for i in (mended, bad))
    assert left < before / 3


@pytest.mark.parametrize("amplitude", [0.3, 4.0, 9.0])
@pytest.mark.parametrize(("stiffness", "hertz", "thick"),
                         [(800.0, 60, 5.0), (500.0, 100, 5.0), (3000.0, 30, 2.5)])  # fmt: skip
def test_no_wave_is_taken_for_jumps(amplitude, stiffness, hertz, thick):
    images = plane_waves(
        np.diag([2.5, 2.5, thick, 1.0]), SHAPE, stiffness=modulus(stiffness), frequency=hertz,
        amplitude=amplitude, noise=0.05,
    )  # fmt: skip
    assert repair_slices(images, TISSUE)[1] == 0
    assert not leave_out_offsets(images, TISSUE)[1].any()


def test_jumps_near_half_a_turn_stay_and_are_said():
    images = waves()
    same, found = repair_slices(bad := changed(images, jumps(1.2, images)), TISSUE)
    assert same is bad and found > 0.5
    assert "too large" in frequency_field(bad, None, TISSUE).repair.warnings[0]


def test_jumps_along_the_thick_axis_of_turned_arrays():
    images = waves(noise=0.0, thick=5.0)
    bad = changed(images, jumps(0.2, images))
    mended, found = repair_slices(bad, TISSUE)
    turn = lambda a: np.moveaxis(a, 2, 0)  # noqa: E731
    affine = images.affine[:, [2, 0, 1, 3]]
    turned = replace(bad, phase=turn(bad.phase), weight=turn(bad.weight), affine=affine)
    again, same = repair_slices(turned, turn(TISSUE))
    assert same == pytest.approx(found)
    np.testing.assert_allclose(np.moveaxis(again.phase, 0, 2), mended.phase, atol=1e-5)


def test_drift_that_all_slices_share_is_no_jump():
    """Neither a rigid motion with higher harmonics, nor one that grows along the leg."""
    images = waves()
    time = 2 * np.pi * np.arange(8) / 8
    rigid = 0.5 * np.cos(2 * time + 1) + 0.2 * np.cos(3 * time)
    along = np.linspace(0.2, 1, SHAPE[2])[:, None, None, None]
    bad = changed(images, along * rigid[:, None])
    assert repair_slices(bad, TISSUE)[1] == 0
    assert not leave_out_offsets(bad, TISSUE)[1].any()


@pytest.mark.parametrize("slices", [slice(5, 6), slice(None)])
@pytest.mark.parametrize("offsets", [6, 8, 12])
def test_a_corrupted_time_step_is_left_out(offsets, slices):
    images = waves(offsets=offsets)
    noise = np.zeros(images.phase.shape)
    noise[:, :, slices, 1, 3] = np.random.default_rng(3).uniform(-3, 3, (36, 32, 12, 1))[
        :, :, slices
    ]
    bad = changed(images, noise)
    mended, left_out = leave_out_offsets(bad, TISSUE)
    want = np.zeros(left_out.shape, bool)
    want[slices, 1, 3] = True
    np.testing.assert_array_equal(left_out, want)
    clean = replace(images, phase=waves(offsets=offsets, noise=0.0).phase)
    assert apart(mended, clean) < 1.15 * apart(images, clean) < apart(bad, clean)


def test_the_mended_harmonic_is_the_least_squares_fit():
    """Fourier sum with the predicted value = fit of mean and two harmonics to seven of eight."""
    images = waves(noise=0.05, amplitude=0.5, still=False)
    noise = np.zeros(images.phase.shape)
    noise[:, :, 4, 0, 2] = np.random.default_rng(3).uniform(-3, 3, (36, 32, 1))
    mended, _ = leave_out_offsets(changed(images, noise), TISSUE)
    series = np.unwrap(np.roll(images.phase[10, 9, 4, 0, :, 0], -2)[1:])
    time = 2 * np.pi * np.roll(np.arange(8), -2)[1:] / 8
    basis = np.stack([np.ones(7), *(f(b * time) for b in (1, 2) for f in (np.cos, np.sin))], 1)
    want = np.linalg.lstsq(basis, series, rcond=None)[0]
    got = np.fft.fft(np.unwrap(mended.phase[10, 9, 4, 0, :, 0]))[1] / 4
    assert got == pytest.approx(want[1] - 1j * want[2], abs=1e-4)


@pytest.mark.parametrize("offsets", [3, 5])
def test_few_offsets_tell_no_odd_one(offsets):
    images = waves(offsets=offsets)
    noise = np.zeros(images.phase.shape)
    noise[:, :, 5, 1, 1] = 2.0 * np.random.default_rng(3).standard_normal((36, 32, 1))
    _, left_out = leave_out_offsets(changed(images, noise), TISSUE)
    assert not left_out.any() and left_out.shape == (12, 3, offsets, 1)


def test_few_slices_or_little_tissue_tell_no_jump():
    images = waves()
    flat = replace(images, phase=images.phase[:, :, :4], weight=images.weight[:, :, :4])
    assert repair_slices(flat, TISSUE[:, :, :4])[1] is None
    little = np.zeros(SHAPE, bool)
    little[:5, :5] = True
    assert repair_slices(images, little)[1] is None
    assert repair_slices(images, np.zeros(SHAPE, bool))[1] is None
    assert not leave_out_offsets(images, np.zeros(SHAPE, bool))[1].any()


def test_what_was_done_is_said():
    images = waves()
    bad = changed(images, jumps(0.2, images))
    noise = np.zeros(images.phase.shape)
    noise[:, :, :, 2, 6] = np.random.default_rng(3).uniform(-3, 3, (*SHAPE, 1))
    found = frequency_field(changed(bad, noise), None, TISSUE).repair
    jumped, left = found.warnings
    assert "jumps were taken out." in jumped
    assert "12 of 288 time steps" in left and "direction 3 time step 7 driver 1; 12 slices" in left
    assert PhaseRepair(0.0, np.zeros((2, 1, 4, 1), bool)).warnings == []
    assert "unsure" in PhaseRepair(0.8, np.zeros((2, 1, 4, 1), bool)).warnings[0]
