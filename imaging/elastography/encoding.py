"""Are the encoding directions in the order and of the sign that is declared? Tissue tells.

Soft tissue hardly changes its volume: the divergence of the displacement is next to nothing when
components and axes belong together, and is not when they are exchanged or one of them is flipped.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.waves import WaveField

# Another order must halve the divergence to be named.
_CLEARLY_LESS = 0.5


@dataclass(frozen=True)
class EncodingCheck:
    """Divergence as declared, and in the order that has least.

    Attributes
    ----------
    declared, least : float
        Power of the divergence over that of the gradient, noise taken off.
    matrix : (3, 3) array
        Signed permutation of the components, along the axes of the image, that has least; the
        sign of all three together is not known.
    """

    declared: float
    least: float
    matrix: FloatArray

    @property
    def doubtful(self) -> bool:
        """Whether another order fits clearly better than the declared one."""
        return self.least < _CLEARLY_LESS * self.declared


def check_encoding(field: WaveField, mask: BoolArray) -> EncodingCheck | None:
    """Compare the divergence of every order and sign of components.

    Parameters
    ----------
    field
        Of one frequency.
    mask : (I, J, K) bool array
        Tissue.

    Returns
    -------
    EncodingCheck or None
        None with fewer than three directions or slices.
    """
    if not field.components_in_world or min(mask.shape) < 3 or not mask.any():
        return None
    products = _products(field, field.gradient, mask)
    for still in field.still_gradients:
        products -= _products(field, still, mask) / len(field.still_gradients)
    whole = float(np.einsum("abab->", products))
    if whole <= 0:
        return None
    shares = []
    for order in itertools.permutations(range(3)):
        for signs in ((1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            power = float(np.einsum("ab,abcd,cd->", matrix, products, matrix))
            shares.append((max(power, 0.0) / whole, matrix))
    best = min(shares, key=lambda s: s[0])
    return EncodingCheck(shares[0][0], best[0], best[1])


def _products(field: WaveField, gradient: ComplexArray, mask: BoolArray) -> FloatArray:
    """Return sums of products of a gradient (3, 3) along image axes, (3, 3, 3, 3)."""
    flat = np.moveaxis(gradient[mask], (1, 2), (0, 1)).reshape(9, -1)
    world = (flat @ flat.conj().T).real.astype(float).reshape(3, 3, 3, 3)
    turn = field.rotation
    return np.asarray(
        np.einsum("wxyz,wa,xb,yc,zd->abcd", world, turn, turn, turn, turn, optimize=True)
    )
