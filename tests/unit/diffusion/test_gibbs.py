import numpy as np
import pytest

from imaging.diffusion.gibbs import is_interpolated, remove_ringing

N, FINE = 48, 8


def disc(points):
    return ((points[0] * 1.1) ** 2 + points[1] ** 2 < (0.3 * N) ** 2).astype(float)


@pytest.fixture(scope="module")
def ringing():
    """A disc whose k-space is cut at the Nyquist frequency, and its smooth truth."""
    axis = (np.arange(N * FINE) + 0.5) / FINE - N / 2
    fine = disc(np.meshgrid(axis, axis, indexing="ij"))
    k = np.fft.fftshift(np.fft.fft2(fine))
    lo, hi = N * FINE // 2 - N // 2, N * FINE // 2 + N // 2
    image = np.fft.ifft2(np.fft.ifftshift(k[lo:hi, lo:hi])) / FINE**2
    return np.abs(image), fine.reshape(N, FINE, N, FINE).mean((1, 3))


@pytest.mark.parametrize("axis", [0, 2])
def test_ringing_goes_in_the_plane_of_the_slices(ringing, axis):
    image, truth = ringing
    inside = truth > 0.999
    inside &= np.roll(inside, 2, 0) & np.roll(inside, -2, 0)
    inside &= np.roll(inside, 2, 1) & np.roll(inside, -2, 1)
    volume = np.moveaxis(np.repeat(image[..., None], 3, 2), 2, axis)[..., None]
    found = np.moveaxis(remove_ringing(volume, axis)[..., 0], axis, 2)[..., 1]
    assert found[inside].std() < 0.5 * image[inside].std()
    assert abs(found[inside].mean() - 1) < 0.02


@pytest.mark.parametrize("lines", [N, 36])
def test_zero_filled_images_are_told(ringing, lines):
    image, truth = ringing
    rng = np.random.default_rng(1)
    slices = []
    for _ in range(4):
        noisy = image + 0.05 * (rng.standard_normal((N, N)) + 1j * rng.standard_normal((N, N)))
        k = np.fft.fftshift(np.fft.fft2(noisy))
        edge = (N - lines) // 2
        k[:, :edge] = 0
        k[:, N - edge :] = 0
        slices.append(np.abs(np.fft.ifft2(np.fft.ifftshift(k))))
    mask = np.repeat((truth > 0.5)[..., None], 4, 2)
    assert is_interpolated(np.stack(slices, 2), mask, 2) is (lines < N)
