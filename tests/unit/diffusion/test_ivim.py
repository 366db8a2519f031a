import numpy as np
from diffusion_for_tests import angle_deg, directions, gradient_table, leg, series

from imaging.config import DiffusionSettings
from imaging.diffusion.fitting import fit_series
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.ivim import has_low_b, perfusion_fraction, tissue_weights
from imaging.diffusion.notes import Journal

SHAPE, SPACING = (12, 12, 12), (4.0, 4.0, 5.0)
FRACTION, PSEUDO = 0.1, 3e-2
SETTINGS = DiffusionSettings(gradient_check=False)


def shells(*bvals):
    g = directions(12)
    return GradientTable(
        np.concatenate([[0.0, 0.0], *[np.full(12, float(b)) for b in bvals]]),
        np.vstack([np.zeros((2, 3)), *[g for _ in bvals]]),
    )


def perfused(table):
    """Return a leg a tenth of whose signal is blood."""
    image, truth = series(SHAPE, SPACING, table)
    s0 = leg_signal(image)
    blood = s0[..., None] * np.exp(-table.bvals * PSEUDO)
    return image.with_data(((1 - FRACTION) * image.data + FRACTION * blood).astype(np.float32)), (
        truth,
        s0 > 300,
    )


def leg_signal(image):
    return leg(image.to_world(np.moveaxis(np.indices(SHAPE), 0, -1).reshape(-1, 3)))[0].reshape(
        SHAPE
    )


def test_perfusion_is_left_out_of_the_tensor_and_its_fraction_found():
    table = shells(60, 120, 300, 600)
    image, (truth, mask) = perfused(table)
    plain = fit_series(
        image,
        table,
        mask,
        None,
        None,
        DiffusionSettings(gradient_check=False, ivim="off"),
        Journal(),
    )
    found = fit_series(image, table, mask, None, None, SETTINGS, Journal())
    md = 4.55e-3 / 3
    assert plain.perfusion is None
    assert abs(np.median(found.fit.md[mask]) - md) < 0.01 * md
    assert np.median(plain.fit.md[mask]) - md > 10 * abs(np.median(found.fit.md[mask]) - md)
    np.testing.assert_allclose(np.median(found.perfusion[mask]), FRACTION, atol=0.01)
    assert not found.perfusion[~mask].any()
    assert np.median(angle_deg(found.fit.e1[mask], truth[mask])) < 0.5


def test_one_shell_cannot_tell_perfusion_and_says_so():
    table = shells(100, 500)
    assert has_low_b(table)
    assert tissue_weights(table) is None
    image, (_, mask) = perfused(table)
    journal = Journal()
    found = fit_series(image, table, mask, None, None, SETTINGS, journal)
    assert found.perfusion is None
    assert any("perfusion" in w for w in journal.warnings)
    assert not has_low_b(gradient_table())


def test_fraction_is_a_share_and_zero_where_nothing_is_known():
    share = perfusion_fraction(np.array([100.0, 100, 0, 100]), np.array([90.0, 120, 50, 0]))
    np.testing.assert_allclose(share, [0.1, 0, 0, 0], atol=1e-6)
