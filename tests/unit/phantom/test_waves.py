"""The wave solver against theory, and the encoding of its waves."""

import numpy as np
import pytest

from imaging.image import Image
from imaging.phantom import mre
from imaging.phantom.waves import solve_waves, sponge

FREQUENCY, DENSITY = 60.0, 1000.0


def plane_wave_modulus(theta_deg, phi, zeta, polarisation, spacing=2.5e-3):
    """Modulus rho (omega/k)^2 of a wave along x that a sheet of force sends out."""
    shape = (192, 4, 4)
    mu = np.full(shape, 1000 * (1 + 0.3j))
    theta = np.radians(theta_deg)
    fibre = np.broadcast_to([np.cos(theta), 0, np.sin(theta)], (*shape, 3))
    force = np.zeros((*shape, 3))
    force[..., polarisation] = np.exp(-(((np.arange(192) - 96) / 2) ** 2) / 2)[:, None, None]
    u = solve_waves(
        mu, mu * (1 + phi), mu * (3 + 4 * zeta), force, frequency_hz=FREQUENCY,
        spacing_m=np.full(3, spacing), directions=fibre, density=DENSITY, tolerance=1e-6,
    )  # fmt: skip
    line = u[108:120, 1, 1, polarisation]
    k = 1j * np.log(np.mean(line[1:] / line[:-1])) / spacing
    return DENSITY * (2 * np.pi * FREQUENCY) ** 2 / k**2


@pytest.mark.parametrize("theta", [0, 20, 45, 70, 90])
def test_speeds_in_a_transversely_isotropic_medium(theta):
    mu, phi, zeta, t = 1000 * (1 + 0.3j), 0.5, 1.0, np.radians(theta)
    slow = mu * (1 + phi * np.cos(t) ** 2)
    fast = mu * (1 + phi * np.cos(2 * t) ** 2 + zeta * np.sin(2 * t) ** 2)
    assert plane_wave_modulus(theta, phi, zeta, 1) == pytest.approx(slow, rel=2e-3)
    assert plane_wave_modulus(theta, phi, zeta, 2) == pytest.approx(fast, rel=5e-3)


def test_waves_have_no_divergence_in_a_mixed_medium():
    shape, spacing = (24, 20, 16), np.array([3e-3, 3e-3, 4e-3])
    rng = np.random.default_rng(2)
    mu = np.where(rng.random(shape) > 0.5, 900, 1500) * (1 + 0.4j)
    force = np.zeros((*shape, 3))
    force[4:6, 8:12, 4:12] = [1.0, 0.5, -1.0]
    u = solve_waves(mu, mu, 3 * mu, force, frequency_hz=60, spacing_m=spacing)
    k = [
        (2 * np.pi * np.fft.fftfreq(n, h)).reshape([-1 if a == b else 1 for b in range(3)])
        for a, (n, h) in enumerate(zip(shape, spacing, strict=True))
    ]
    spectrum = [np.fft.fftn(u[..., a]) for a in range(3)]
    # The Nyquist planes have no derivative and are left out.
    inner = np.ones(shape, bool)
    inner[12], inner[:, 10], inner[:, :, 8] = False, False, False
    divergence = np.abs(sum(k[a] * spectrum[a] for a in range(3)))[inner].max()
    size = max(np.abs(k[a] * spectrum[a])[inner].max() for a in range(3))
    assert divergence < 1e-4 * size


def test_no_force_no_wave():
    mu = np.full((8, 8, 8), 1000 + 200j)
    u = solve_waves(
        mu, mu, 3 * mu, np.zeros((8, 8, 8, 3)), frequency_hz=60, spacing_m=np.full(3, 3e-3)
    )
    assert not u.any()


def test_sponge_lies_at_the_ends_only():
    layer = sponge((20, 10, 10), (5, 0, 0), strength=2.0)
    assert layer[0].min() == pytest.approx(2.0)
    assert not layer[5:15].any()
    np.testing.assert_allclose(layer, layer[::-1])


def test_phase_follows_the_declared_offsets():
    """phase = static + gain Re(U exp(2 pi i k/n)) along the world direction of each encoding."""
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    u = np.zeros((10, 10, 10, 3, 1), np.complex64)
    u[..., 0, 0], u[..., 2, 0] = 5e-6 * np.exp(0.7j), 3e-6j
    like = Image(np.zeros((6, 6, 6), np.uint8), np.diag([3.0, 3.0, 3.0, 1.0]))
    directions = np.array([[1.0, 0, 0], [0, 0.6, 0.8]])
    phase, magnitude = mre.encode(
        Image(u, affine), like, np.ones(like.shape), directions,
        snr=1e4, rng=np.random.default_rng(0),
    )  # fmt: skip
    assert phase.shape == magnitude.shape == (6, 6, 6, 2, 8, 1)
    steps = np.angle(np.exp(1j * (phase - phase[..., :1, :])))
    harmonic = np.fft.fft(steps, axis=4)[..., 1, 0] / 4
    np.testing.assert_allclose(harmonic[3, 3, 3, 0], 0.5 * np.exp(0.7j), atol=0.01)
    np.testing.assert_allclose(harmonic[3, 3, 3, 1], 0.8 * 0.3j, atol=0.01)
