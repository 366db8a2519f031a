"""Draws of noise in a direction field, against the plain way."""

import numpy as np

from imaging.architecture.replicas import FieldReplicas
from imaging.architecture.smoothing import Kernel


def test_noise_without_its_isotropic_part_turns_directions_as_all_of_it_does():
    rng = np.random.default_rng(3)
    tensor = np.zeros((14, 12, 11, 6), np.float32)
    tensor[..., [0, 2, 5]] = 0.8, 1.0, 1.6
    tensor += rng.normal(0, 0.1, tensor.shape).astype(np.float32)
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    weights = np.ones((1, *tensor.shape[:3]))
    fields = FieldReplicas.build(tensor, affine, weights, Kernel(5.0, 2), [])
    signs = 2.0 * np.random.default_rng(7).integers(0, 2, (*fields.residual.shape[:3], 1)) - 1.0
    noise = fields.fits[0].smooth(signs.astype(np.float32) * fields.residual)
    plain = fields._directions(fields.smooth + noise)
    drawn = fields.noisy(np.random.default_rng(7))
    np.testing.assert_allclose(np.abs(np.sum(plain * drawn, axis=-1)), 1.0, atol=1e-6)
    assert np.abs(np.sum(plain * fields.original(), axis=-1)).min() < 0.999
