"""Registration of one leg of an atlas to a leg in view: affine, then demons."""

from __future__ import annotations

import numpy as np

from imaging.arrays import Float32
from imaging.segmentation.atlas import AtlasLeg
from imaging.segmentation.initialise import guesses
from imaging.segmentation.register import affine, coarser, demons, grid_points, sample
from imaging.segmentation.registered_leg import RegisteredLeg
from imaging.segmentation.view import LegView


def register_leg(view: LegView, leg: AtlasLeg, starts: int = 2) -> RegisteredLeg:
    """Register one leg of an atlas (already on the side of the view) to a leg in view: affine."""
    features, filled = leg.features()
    coarse_view, coarse = coarser(view.features), coarser(features)
    found = [
        affine(coarse_view, coarse, guess.matrix, step=(1, 1, 1), sigma_mm=4.0)
        for guess in guesses(view.features, features, starts)
    ]
    matrix, cost = min(found, key=lambda m: m[1], default=(np.eye(4), np.inf))
    return RegisteredLeg(filled, matrix, _no_field(view.features.envelope.shape), cost)


def deform(view: LegView, start: RegisteredLeg) -> RegisteredLeg:
    """Refine the affine of an atlas leg by demons: half the resolution first, then the whole."""
    features, _ = start.leg.features()
    coarse_view, coarse = coarser(view.features), coarser(features)
    field = demons(
        coarse_view, coarse, start.matrix, _no_field(coarse_view.envelope.shape),
        iterations=60, sigma_mm=4.0, elastic_mm=5.0, fluid_mm=5.0,
    )  # fmt: skip
    points = grid_points(view.features.envelope.shape, view.features.spacing)
    field = sample(field, points, coarse_view.spacing)
    field = demons(
        view.features, features, start.matrix, field,
        iterations=15, sigma_mm=2.0, elastic_mm=3.0, fluid_mm=3.0,
    )  # fmt: skip
    return RegisteredLeg(start.leg, start.matrix, field, start.cost)


def _no_field(shape: tuple[int, ...]) -> Float32:
    return np.zeros((3, *shape), np.float32)
