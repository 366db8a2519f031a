"""How far muscle medians of one isotropic method may be off, judged beside virtual fields.

Methods that take the medium as homogeneous around a voxel cannot tell from themselves where it is
not. Virtual fields do without, and come with an error of their own: where both have a muscle, what
parts them counts as error of the other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import special

from imaging.arrays import BoolArray, FloatArray, LabelArray
from imaging.elastography.helmholtz import WHOLE_SLICES
from imaging.elastography.inversion import Inversion
from imaging.elastography.uncertainty import MuscleError
from imaging.erosion import erode

#: The method that others are judged by.
REFERENCE = "vfm"
# Edge of the parts of a muscle that err apart, mm.
_PART_MM = 12.0
_FEWEST = 3
# Errors (95 %) where virtual fields have nothing, of legs of the phantom (``python -m
# benchmarks.stiffness_slabs``): share of the modulus, and rad.
_WHOLE, _THIN, _FLAT = (0.20, 0.15), (0.40, 0.25), (0.45, 0.25)
_FLOOR = 0.015


def with_errors(
    found: Inversion,
    reference: Inversion | None,
    labels: LabelArray | None,
    spacing_mm: FloatArray,
    erode_mm: float,
) -> Inversion:
    """Return an isotropic inversion with the errors of its muscles.

    Parameters
    ----------
    found
        Of any isotropic method but :data:`REFERENCE`.
    reference
        The same waves by :data:`REFERENCE`, where it has a result.
    labels : (I, J, K) int array or None
        Muscles; None: all tissue is one.
    spacing_mm : (3,) array
    erode_mm
        Margin that medians keep from borders of muscles.
    """
    modulus, angle = _modulus(found), _angle(found)
    alone = _alone(found)
    errors = {}
    for label in [0] if labels is None else [int(v) for v in np.unique(labels) if v]:
        core = found.mask if labels is None else found.mask & erode(
            labels == label, spacing_mm, erode_mm
        )  # fmt: skip
        if not core.any():
            continue
        scatter = _scatter(modulus, core, spacing_mm)
        turn = 0.0 if angle is None else _scatter(angle, core, spacing_mm, relative=False)
        bias, bent = 0.0, 0.0
        off, tilt = alone
        known = None if reference is None else reference.errors.get(label)
        if reference is not None and known is not None and np.isfinite(known.modulus):
            beside = _difference(found, reference, core)
            if beside is not None:
                bias, bent = (abs(v) for v in beside)
                off, tilt = known.modulus, known.angle_rad
        errors[label] = MuscleError(
            bias + float(np.sqrt(scatter**2 + off**2 + _FLOOR**2)),
            bent + float(np.hypot(turn, tilt)),
        )
    return replace(found, errors=errors)


def _alone(found: Inversion) -> tuple[float, float]:
    """Return the error of a method that nothing is compared with."""
    if found.facts.get("laplacian", found.facts.get("dimensions", 3)) == 2:
        return _FLAT
    return _THIN if found.facts.get("slices", WHOLE_SLICES) < WHOLE_SLICES else _WHOLE


def _modulus(found: Inversion) -> FloatArray:
    """Return |G*| (I, J, K), or rho c^2 where that is all a method gives."""
    if "storage" in found.maps:
        return np.hypot(found.maps["storage"].values, found.maps["loss"].values)
    return found.maps["stiffness"].values


def _angle(found: Inversion) -> FloatArray | None:
    if "storage" in found.maps:
        return np.arctan2(found.maps["loss"].values, found.maps["storage"].values)
    return found.maps["lossangle"].values if "lossangle" in found.maps else None


def _difference(
    found: Inversion, reference: Inversion, core: BoolArray
) -> tuple[float, float] | None:
    """Return what parts the medians of two methods: share of the modulus, and rad."""
    core = core & reference.mask
    if not core.any():
        return None
    angle = float(np.median(reference.maps["lossangle"].values[core]))
    modulus = float(np.median(reference.maps["stiffness"].values[core]))
    if found.maps.get("stiffness") and found.maps["stiffness"].quantity == "shear_stiffness":
        modulus *= 2 / (1 + np.cos(angle))
    own = _angle(found)
    turned = 0.0 if own is None else float(np.median(own[core])) - angle
    return float(np.median(_modulus(found)[core])) / modulus - 1, turned


def _scatter(
    values: FloatArray, core: BoolArray, spacing_mm: FloatArray, *, relative: bool = True
) -> float:
    """Return the half-width (95 %) of a median from how it differs between parts of a muscle."""
    cells = np.floor(np.argwhere(core) * spacing_mm / _PART_MM).astype(int)
    _, part, size = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    part, sample = part.ravel(), values[core]
    held = np.flatnonzero(size >= max(size.max() / 4, 3))
    if held.size < _FEWEST:
        return float("inf")
    medians = np.array([np.median(sample[part == p]) for p in held])
    scale = abs(float(np.median(sample))) if relative else 1.0
    if scale == 0:
        return float("inf")
    error = float(medians.std(ddof=1)) / np.sqrt(held.size)
    return float(special.stdtrit(held.size - 1, 0.975)) * error / scale
