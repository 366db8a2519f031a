import numpy as np
from diffusion_for_tests import gradient_table, series

from imaging.diffusion.denoise import denoise, remove_noise_floor, snr_map
from imaging.diffusion.legmask import leg_mask
from imaging.diffusion.tensor import fit_tensor


def noisy(sigma):
    table = gradient_table(15, 3)
    image, truth = series((24, 24, 16), (2.5, 2.5, 4.0), table, sigma=sigma)
    clean, _ = series((24, 24, 16), (2.5, 2.5, 4.0), table)
    return image, clean, clean.data[..., 0] > 300, truth, table


def test_noise_is_measured_and_removed():
    image, clean, mask, _, _ = noisy(40.0)
    out, sigma = denoise(image.data, mask)
    assert abs(np.median(sigma[mask]) - 40) < 3
    before = np.sqrt(np.square(image.data - clean.data)[mask].mean())
    after = np.sqrt(np.square(remove_noise_floor(out, sigma) - clean.data)[mask].mean())
    assert after < 0.55 * before
    np.testing.assert_array_equal(out[~mask], image.data[~mask])


def test_denoised_directions_and_md_are_better_and_unbiased():
    image, clean, mask, _, table = noisy(40.0)
    out, sigma = denoise(image.data, mask)
    raw, true = fit_tensor(image.data, table, mask), fit_tensor(clean.data, table, mask)
    fit = fit_tensor(remove_noise_floor(out, sigma), table, mask)
    fa_raw = np.median(np.abs(raw.fa - true.fa)[mask])
    assert np.median(np.abs(fit.fa - true.fa)[mask]) < 0.6 * fa_raw
    assert abs(np.median((fit.md - true.md)[mask])) < 1.5e-5


def test_data_without_noise_stay_as_they_are():
    _, clean, mask, _, _ = noisy(0.0)
    out, sigma = denoise(clean.data, mask)
    assert np.abs(out - clean.data)[mask].max() < 0.02 * clean.data.max()
    assert np.median(sigma[mask]) < 2


def test_the_same_bytes_again_and_thin_volumes():
    image, _, mask, _, _ = noisy(20.0)
    a, b = denoise(image.data, mask), denoise(image.data, mask)
    assert a[0].tobytes() == b[0].tobytes()
    thin, sigma = denoise(image.data[:, :, :3], mask[:, :, :3])
    assert thin.shape == (24, 24, 3, 18)
    assert (sigma[mask[:, :, :3]] > 0).all()


def test_snr_is_zero_where_noise_is_unknown():
    snr = snr_map(np.array([100.0, 50.0]), np.array([5.0, 0.0]))
    np.testing.assert_array_equal(snr, [20, 0])


def test_leg_mask_takes_the_leg_with_its_bone():
    image, clean, _, _, _ = noisy(30.0)
    mask = leg_mask(image.with_data(image.data.mean(-1)))
    leg = clean.data[..., 0] > 0
    overlap = 2 * (mask & leg).sum() / (mask.sum() + leg.sum())
    assert overlap > 0.93
    assert (leg & (clean.data[..., 0] < 100) & ~mask).sum() < 0.05 * leg.sum()
