"""Smooth curves of fascicles: polynomials of normalised arc length, one per axis.

Every fascicle is sampled at the same number of even places, so that all are fitted at once, and
the basis is orthonormal there, so that orders are nested.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray

PLACES = 33  # per fascicle
LOWEST_ORDER, HIGHEST_ORDER = 2, 5  # a straight line would decide that nothing is curved
_FOLDS, _BLOCK_MM = 5, 30.0
_FEWEST_FASCICLES = 40
_LEAST_FORETOLD = 0.5  # below it, keeping a term costs more than leaving it out
_LENGTH_UNIT_MM = 20.0


@dataclass(frozen=True)
class Curves:
    """Fitted curves.

    Attributes
    ----------
    points : (F, P, 3) float64 array
        On the curves, world RAS+ mm.
    slope, bend : (F, P, 3) float64 array
        First and second derivative with respect to u, which runs from -1 to 1 along a curve.
    """

    points: FloatArray
    slope: FloatArray
    bend: FloatArray

    def end_tangents(self) -> FloatArray:
        """Return unit tangents (F, 2, 3) at both ends, along the order of the points."""
        ends = self.slope[:, [0, -1]]
        norm = np.linalg.norm(ends, axis=-1, keepdims=True)
        return np.divide(ends, norm, out=np.zeros_like(ends), where=norm > 0)

    def lengths(self) -> FloatArray:
        """Return the arc length (F,), mm."""
        return np.asarray(np.linalg.norm(np.diff(self.points, axis=1), axis=-1).sum(axis=1))

    def curvature_per_m(self) -> FloatArray:
        """Return the curvature (F,), mean along each curve, 1/m."""
        speed = np.linalg.norm(self.slope, axis=-1)
        cross = np.linalg.norm(np.cross(self.slope, self.bend), axis=-1)
        turn = np.divide(cross, speed**2, out=np.zeros_like(cross), where=speed > 0)
        total = np.trapezoid(speed, axis=1)
        turned = np.trapezoid(turn, axis=1)
        return 1000.0 * np.divide(turned, total, out=np.zeros_like(total), where=total > 0)


def fit_curves(places: FloatArray, order: int, *, through_ends: bool = True) -> Curves:
    """Fit a polynomial of normalised arc length per axis to fascicles.

    Parameters
    ----------
    places : (F, P, 3) array
        Each fascicle at even steps of arc length, world mm.
    order
        Of the polynomials.
    through_ends
        Whether the curves pass exactly through the fascicles' first and last points.
    """
    values, first, second = _basis(places.shape[1], order, through_ends)
    line, rate = _chords(places) if through_ends else (np.zeros_like(places), 0.0)
    share = values.T @ (places - line)
    return Curves(line + values @ share, rate + first @ share, second @ share)


def choose_order(places: FloatArray) -> int:
    """Return the order of the curves that a muscle's fascicles support, 2 to 5.

    A term is kept while it can be foretold: its coefficient, as a quadratic function of place in
    the muscle, is fitted to four fifths of all blocks of 30 mm and compared with the fascicles in
    the others. Noise has no such order, and neighbours that share it are left out together. Where
    less than half of a term's squares is foretold, noise is the larger part of it, and leaving
    the term out lowers the error.

    Parameters
    ----------
    places : (F, P, 3) array
        Each fascicle at even steps of arc length, world mm.

    References
    ----------
    Cross-validation by blocks: Roberts et al., Ecography 2017;40:913-929.
    """
    if len(places) < _FEWEST_FASCICLES:
        return LOWEST_ORDER
    values, _, _ = _basis(places.shape[1], HIGHEST_ORDER, True)
    share = np.einsum("fpa,pb->bfa", places - _chords(places)[0], values)
    middle = places[:, places.shape[1] // 2]
    block = np.floor((middle - middle.min(axis=0)) / _BLOCK_MM).astype(int)
    fold = block @ [1, 2, 3] % _FOLDS  # neighbouring blocks are of different folds
    if len(np.unique(fold)) < _FOLDS - 1:
        return LOWEST_ORDER
    x, y, z = ((middle - middle.mean(axis=0)) / _LENGTH_UNIT_MM).T
    design = np.column_stack([np.ones(len(x)), x, y, z, x * x, x * y, x * z, y * y, y * z, z * z])
    for order in range(LOWEST_ORDER + 1, HIGHEST_ORDER + 1):
        if _foretold(share[order - 2], design, fold) < _LEAST_FORETOLD:
            return order - 1
    return HIGHEST_ORDER


def _foretold(values: FloatArray, design: FloatArray, fold: NDArray[np.integer[Any]]) -> float:
    """Return which part of the squares of values (F, 3) the other folds foretell."""
    missed = 0.0
    for number in np.unique(fold):
        out = fold == number
        fit = np.linalg.lstsq(design[~out], values[~out], rcond=None)[0]
        missed += float(np.square(values[out] - design[out] @ fit).sum())
    total = float(np.square(values).sum())
    return 1.0 - missed / total if total > 0 else 0.0


def _chords(places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return points on the straight lines between the ends, and their slope (F, 1, 3)."""
    first, last = places[:, :1], places[:, -1:]
    share = np.linspace(0.0, 1.0, places.shape[1])[None, :, None]
    return first + share * (last - first), (last - first) / 2.0


@lru_cache(maxsize=16)
def _basis(count: int, order: int, through_ends: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return a basis (count, B) orthonormal on even places, with its first two derivatives.

    Through the ends: polynomials that vanish at both, from degree 2 on; else all from degree 0 on.
    """
    legendre = [
        np.polynomial.Legendre.basis(k).convert(kind=np.polynomial.Polynomial)
        for k in range(order - 1 if through_ends else order + 1)
    ]
    bubble = np.polynomial.Polynomial([1.0, 0.0, -1.0] if through_ends else [1.0])
    terms = [bubble * term for term in legendre]
    if not terms:  # the straight line between the ends
        return np.zeros((count, 0)), np.zeros((count, 0)), np.zeros((count, 0))
    u = np.linspace(-1.0, 1.0, count)
    values, mix = np.linalg.qr(np.column_stack([term(u) for term in terms]))
    back = np.linalg.inv(mix)
    first, second = (np.column_stack([t.deriv(n)(u) for t in terms]) @ back for n in (1, 2))
    return values, first, second
