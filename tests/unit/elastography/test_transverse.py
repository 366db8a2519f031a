"""Moduli of fibres from plane waves whose speeds in such a medium are known."""

import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imaging.elastography.transverse import transverse_isotropic
from imaging.elastography.transverse_draws import direction_error_rad, turned_fibres
from imaging.elastography.transverse_fit import condition, fit_muscle, half_width
from imaging.elastography.transverse_muscle import muscle_equations
from imaging.elastography.transverse_weak import WeakForm, make_bump, share_outside
from imaging.elastography.waves import WaveField
from imaging.errors import ComputationError

SOL = 209
MODULI = {
    "mu_perp": 1000 * np.exp(0.30j),
    "mu_par": 1300 * np.exp(0.25j),
    "e_par": 7000 * np.exp(0.35j),
}
FIBRE = np.array([0.25, -0.15, 0.956])
SHAPE, SPACING_M = (24, 24, 18), np.array([2.2, 2.2, 2.8]) / 1000
TURN = Rotation.from_euler("xyz", [25, -15, 40], degrees=True).as_matrix()


def plane_wave(world, way, fast, frequency):
    """Displacement (I, J, K, 3) of one plane wave along a unit way (Tweten et al. 2015)."""
    perp, par, tensile = MODULI.values()
    a = FIBRE / np.linalg.norm(FIBRE)
    theta = np.arccos(np.clip(way @ a, -1, 1))
    slow = np.cross(way, a) / np.linalg.norm(np.cross(way, a))
    if fast:
        polarisation = np.cross(way, slow)
        modulus = perp + (par - perp) * np.cos(2 * theta) ** 2
        modulus = modulus + (tensile - 3 * perp) / 4 * np.sin(2 * theta) ** 2
    else:
        polarisation = slow
        modulus = perp + (par - perp) * np.cos(theta) ** 2
    k = 2 * np.pi * frequency * np.sqrt(1000.0 / modulus)
    return np.exp(-1j * k * (world @ way))[..., None] * polarisation


def ways(count, seed):
    found = np.random.default_rng(seed).standard_normal((count, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def wave_field(drivers=3, frequency=60.0, noise=0.0, seed=0, fast=(True, False), turn=TURN):
    """Waves of several ways per driver in an oblique grid of anisotropic voxels."""
    rng = np.random.default_rng(seed)
    voxels = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    world = ((voxels - np.array(SHAPE) / 2) * SPACING_M) @ turn.T
    u = np.zeros((*SHAPE, 3, drivers), complex)
    for r in range(drivers):
        for n, way in enumerate(ways(6, [r, int(frequency)])):
            wave = plane_wave(world, way, fast[n % len(fast)], frequency)
            u[..., r] += wave * np.exp(1j * n) / np.abs(wave).max()

    def quiet(*shape):
        return noise * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))

    return WaveField(
        (u + quiet(*u.shape)).astype(np.complex64), quiet(*u.shape, 2).astype(np.complex64),
        np.ones(SHAPE, bool), True, SPACING_M, turn, frequency, 1000.0,
    )  # fmt: skip


def directions():
    return np.broadcast_to(FIBRE / np.linalg.norm(FIBRE), (*SHAPE, 3)).astype(np.float32)


def invert(fields, labels=None, **more):
    labels = np.full(SHAPE, SOL, np.int16) if labels is None else labels
    mask = np.ones(SHAPE, bool)
    more.setdefault("dispersion_deg", np.zeros(SHAPE))
    return transverse_isotropic(fields, mask, directions(), labels=labels, **more)


def of_muscle(found):
    return {m.measure.split("_ti_")[1].removesuffix("_muscle"): m for m in found.muscles}


@pytest.fixture(scope="module")
def quiet():
    return invert([wave_field()])


def test_three_moduli_in_an_oblique_grid(quiet):
    for name, suffix in (("mu_perp", "muperp"), ("mu_par", "mupar"), ("e_par", "epar")):
        truth = abs(MODULI[name])
        row = of_muscle(quiet)[name]
        assert row.value == pytest.approx(truth, rel=0.01)
        assert row.ci_low < truth < row.ci_high
        map_ = quiet.maps[suffix]
        assert (map_.quantity, map_.unit) == (name, "Pa")
        held = map_.values[map_.values > 0]
        assert held.size > 500
        np.testing.assert_allclose(held, truth, rtol=0.05)
    loss = re.search(r"loss angle (\S+) rad", of_muscle(quiet)["mu_perp"].note)
    assert float(loss[1]) == pytest.approx(0.30, abs=0.01)
    assert not quiet.maps["muperp"].values[~quiet.mask].any()


def test_loss_of_every_modulus_is_its_own():
    field = wave_field()
    region = np.zeros(SHAPE, bool)
    region[1:-1, 1:-1, 1:-1] = True
    found = muscle_equations([field], [[]], region, directions())
    fit = fit_muscle(found.normal, found.noise)
    perp, shear, stretch = fit.unknowns
    values = perp, perp + shear, stretch + 3 * perp
    np.testing.assert_allclose(np.angle(values), [0.30, 0.25, 0.35], atol=0.01)


def test_sign_of_a_fibre_means_nothing(quiet):
    signs = np.random.default_rng(1).choice([-1, 1], SHAPE)[..., None]
    mask, labels = np.ones(SHAPE, bool), np.full(SHAPE, SOL, np.int16)
    found = transverse_isotropic(
        [wave_field()], mask, directions() * signs, labels=labels, dispersion_deg=np.zeros(SHAPE)
    )
    for name, row in of_muscle(found).items():
        assert row.value == pytest.approx(of_muscle(quiet)[name].value, rel=1e-4)


def test_nothing_leaks_from_the_next_muscle(quiet):
    field = wave_field()
    labels = np.full(SHAPE, SOL, np.int16)
    labels[:6] = 0
    field.displacement[:5] = 0  # as wrong as can be
    found = of_muscle(invert([field], labels))
    for name, row in found.items():
        assert row.value == pytest.approx(abs(MODULI[name]), rel=0.02)


def test_one_driver_at_one_frequency_is_refused():
    found = invert([wave_field(drivers=1)])
    assert {m.status for m in found.muscles} == {"not_measured"}
    assert all("one driver at one frequency" in m.note for m in found.muscles)
    assert "muperp" not in found.maps
    assert found.maps["stiffness"].quantity == "magnitude"
    assert any("were not measured" in w for w in found.warnings)


def test_one_driver_and_medium_without_fibres_gives_its_modulus(monkeypatch):
    monkeypatch.setitem(MODULI, "mu_par", MODULI["mu_perp"])
    monkeypatch.setitem(MODULI, "e_par", 3 * MODULI["mu_perp"])
    values = invert([wave_field(drivers=1)]).maps["stiffness"].values
    np.testing.assert_allclose(np.median(values[values > 0]), 1000.0, rtol=0.01)


def test_slow_waves_alone_do_not_tell_the_stretch():
    found = of_muscle(invert([wave_field(noise=0.02, fast=(False,))]))
    assert found["mu_perp"].value == pytest.approx(1000, rel=0.05)
    assert found["e_par"].status == "not_measured"
    assert "do not determine" in found["e_par"].note


def test_noise_does_not_pull_moduli_down_and_intervals_hold_the_truth():
    held = []
    for seed in range(5):
        found = invert([wave_field(noise=0.15, seed=seed)], dispersion_deg=None)
        for name, row in of_muscle(found).items():
            if row.value is not None:
                held.append(row.ci_low <= abs(MODULI[name]) <= row.ci_high)
        assert of_muscle(found)["mu_perp"].value == pytest.approx(1000, rel=0.05)
    assert len(held) >= 10
    assert np.mean(held) >= 0.9


def test_two_frequencies_of_one_driver_count():
    fields = [wave_field(drivers=1, frequency=f) for f in (45.0, 60.0)]
    found = invert(fields)
    assert of_muscle(found)["mu_perp"].value == pytest.approx(1000, rel=0.02)
    assert any("all frequencies" in w for w in found.warnings)


def test_thin_muscle_is_not_measured():
    labels = np.full(SHAPE, SOL, np.int16)
    labels[10:13] = 210
    found = invert([wave_field()], labels)
    thin = [m for m in found.muscles if m.label == 210]
    assert {m.status for m in thin} == {"not_measured"}
    assert "too thin" in thin[0].note
    assert any("right PLA" in w for w in found.warnings)
    assert not found.mask[10:13].any()


def test_without_labels_all_tissue_counts_as_one():
    known = directions().copy()
    known[:2] = 0
    found = transverse_isotropic([wave_field()], np.ones(SHAPE, bool), known)
    row = of_muscle(found)["mu_perp"]
    assert row.label == 0
    assert row.value == pytest.approx(1000, rel=0.02)
    assert not found.mask[:2].any()
    assert any("Without muscle labels" in w for w in found.warnings)
    assert any("assumed" in w for w in found.warnings)


def test_same_seed_same_intervals():
    fields = [wave_field(noise=0.05)]
    first, second = (invert(fields, dispersion_deg=None, seed=3) for _ in range(2))
    assert first.muscles == second.muscles
    for suffix, found in first.maps.items():
        np.testing.assert_array_equal(found.values, second.maps[suffix].values)


def test_two_encoding_directions_are_refused():
    field = wave_field()
    two = WaveField(
        field.displacement[..., :2, :], field.still[..., :2, :, :], field.valid, False, SPACING_M,
        TURN, 60.0, 1000.0,
    )  # fmt: skip
    with pytest.raises(ComputationError, match="three independent"):
        invert([two])


def test_no_muscle_wide_enough_is_an_error():
    labels = np.zeros(SHAPE, np.int16)
    labels[10:12] = SOL
    with pytest.raises(ComputationError, match="wide enough"):
        invert([wave_field()], labels)


def test_bump_is_a_smooth_function_with_its_derivatives():
    bump = make_bump(0.010, SPACING_M, np.eye(3))
    assert bump.value.max() == 1
    assert abs(bump.second[0].sum()) < 1e-3 * np.abs(bump.second[0]).sum()
    x = SPACING_M[0] * np.arange(-(bump.value.shape[0] // 2), bump.value.shape[0] // 2 + 1)
    # The integral of x^2 psi'' is twice that of psi.
    assert np.einsum("i,ijk->", x**2, bump.second[0]) == pytest.approx(
        2 * bump.value.sum(), rel=0.02
    )


def test_share_outside_grows_towards_a_border():
    bump = make_bump(0.010, SPACING_M, np.eye(3))
    region = np.zeros(SHAPE, bool)
    region[4:20, 4:20, 3:15] = True
    share = share_outside(region, bump)
    assert share[12, 12, 9] < 0.02
    assert np.all(np.diff(share[:9, 12, 9]) < 0)
    assert share[4, 12, 9] > 0.2
    assert share[0, 0, 0] > 0.9


def test_condition_tells_alike_equations():
    alike = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], complex)
    assert condition(np.eye(3, dtype=complex)) == pytest.approx(1)
    assert condition(alike) > 100
    assert condition(np.diag([1.0, 1e-6, 50.0]).astype(complex)) == pytest.approx(1)


def test_turned_fibres_turn_by_the_angle_asked_for():
    fibre = np.zeros((3, 20, 20, 20), np.float32)
    fibre[2, 2:] = 1
    angle = direction_error_rad(np.full((20, 20, 20), 9.0), (20, 20, 20))
    turned = turned_fibres(fibre, angle, (2, 2, 2), np.random.default_rng(1))
    assert not turned[:, :2].any()
    off = np.degrees(np.arccos(np.clip(turned[2, 2:], -1, 1)))
    assert np.sqrt(np.mean(off**2)) == pytest.approx(3.0, rel=0.1)


def test_directions_of_unknown_error_are_not_taken_for_certain():
    given = np.array([[[0.0, 9.0, np.nan]]])
    np.testing.assert_allclose(np.degrees(direction_error_rad(given, given.shape)), 3.0, rtol=1e-5)


def test_half_width_joins_both_errors():
    assert half_width(0.0, 5.0, 1.0) == pytest.approx(1.96)
    assert half_width(1.0, 1e6, 0.0) == pytest.approx(1.96, rel=1e-3)
    assert half_width(1.0, 3.0) > 3


def test_equations_do_not_see_beyond_their_bumps() -> None:
    rng = np.random.default_rng(3)
    bump = make_bump(0.007, np.full(3, 0.0025), np.eye(3))
    shape, inner = (14, 15, 13), (slice(3, 11), slice(4, 12), slice(0, 9))
    draw = rng.standard_normal((2, 3, 3, *shape)).astype(np.float32)
    gradient = (draw[0] + 1j * draw[1]).astype(np.complex64)
    fibre = np.zeros((3, *shape), np.float32)
    fibre[2] = 1
    places = np.zeros(shape, bool)
    places[6:8, 7:9, 1:6] = True  # the lowest bumps reach out of the grid
    whole = WeakForm(bump, places).rows(gradient, fibre, 1e5)
    part = WeakForm(bump, places[inner]).rows(gradient[(..., *inner)], fibre[(..., *inner)], 1e5)
    np.testing.assert_allclose(part, whole, atol=1e-5 * np.abs(whole).max())
    changed = gradient.copy()
    changed[..., -2:] = 100  # would come back at the lowest bumps if the transform were too small
    np.testing.assert_array_equal(WeakForm(bump, places).rows(changed, fibre, 1e5), whole)
