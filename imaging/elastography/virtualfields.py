"""Inversion by virtual fields: the map of the modulus that fits the weak form everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import (
    across_axis,
    box_around,
    local_mean,
    slice_cross,
)
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.notes import VIRTUAL_FIELDS_CITATIONS, virtual_fields_warnings
from imaging.elastography.smoothness import Smoothness
from imaging.elastography.testfields import TestFields
from imaging.elastography.virtual_solve import solve, spread_by_noise
from imaging.elastography.virtual_systems import Round, System, make_system, weigh
from imaging.elastography.virtual_uncertainty import PART_KNOTS, muscle_errors, one_each
from imaging.elastography.waves import WaveField
from imaging.errors import ComputationError
from imaging.stiffness import PLAUSIBLE_PA

# Distance of the knots of the test fields, in the largest edge of a voxel: their support is six
# times as wide.
_KNOTS = 1.3
# Places of a test field across a slab below which narrower ones are used.
_SPARE_SLICES = 2
# Near a border of what was imaged few test fields reach a voxel, and what the model misses does not
# average out: misfit over the root of their share of the best covered voxel's.
_MOST_MISFIT = 0.3
_LEAST_COVERAGE = 1e-3
# Voxels that noise alone moves by more than this share (standard deviation) hold no stiffness.
_MOST_SPREAD = 0.3
#: Below this share of signal above noise a voxel holds no stiffness.
MIN_CONFIDENCE = 0.5


def virtual_fields(
    fields: Sequence[WaveField],
    mask: BoolArray,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    smoothness: float = 1.0,
    rounds: int = 6,
    steps: int = 8,
) -> Inversion:
    """Fit one map of the complex shear modulus to waves of all drivers and frequencies.

    The medium is isotropic but need not be homogeneous: around every voxel the equation of motion
    is tested with fields without divergence and of compact support (see
    :mod:`imaging.elastography.testfields`), which gives equations linear in the modulus of all
    voxels that the test field covers. They are solved together by least squares, every test field
    weighted by its noise, with total variation of the modulus as the only assumption. What noise in
    the strain alone would do to the normal equations is known from the frequency bins without
    motion and is taken off.

    Parameters
    ----------
    fields
        One per frequency, on one grid, with three independent encoding directions.
    mask : (I, J, K) bool array
        Tissue.
    labels : (I, J, K) int array, optional
        The modulus may jump between labels for nothing.
    smoothness
        Weight of the total variation of the logarithm of the modulus.
    rounds, steps
        Of reweighting, and of conjugate gradients within each.

    Raises
    ------
    ComputationError
        Fewer than three directions, or no place for a test field in the mask.

    Notes
    -----
    Fovargue et al., Med Image Anal 44:126-142, 2018 (test functions without divergence); Connesson
    et al., Strain 51:110-134, 2015 (virtual fields). Both take the modulus as constant over the
    test field; here it is not.
    """
    first = fields[0]
    if not all(f.components_in_world for f in fields):
        raise ComputationError("virtual fields need three encoding directions")
    across = across_axis(mask.shape, first.spacing_m)
    # Derivatives at the very border are one-sided; a thin slab has no slice to give away.
    whole = ndimage.binary_erosion(
        mask & np.logical_and.reduce([f.valid for f in fields]), slice_cross(across)
    )
    # No test field reaches out of the region, so that what lies around it need not be transformed.
    box = box_around(whole) if whole.any() else (slice(None),) * 3
    region = whole[box]
    labels = None if labels is None else labels[box]
    widths = knots(region.shape[across], across, first.spacing_m)
    tests = TestFields(region.shape, first.spacing_m, widths)
    centres = tests.fits(region)
    if not centres.any():
        raise ComputationError(
            "the mask is too thin for a test field: five slices and eight voxels across are needed"
        )
    systems = [
        make_system(field, r, tests, region, box) for field in fields
        for r in range(field.displacement.shape[4])
    ]  # fmt: skip
    smooth = Smoothness(region, labels, first.spacing_m)
    modulus = _one_modulus(systems, tests, region, centres)
    for _ in range(rounds):
        now = weigh(systems, tests, modulus, centres)
        smooth.update(modulus)
        modulus = solve(systems, tests, smooth, smoothness, now, modulus, region, steps)
    now = weigh(systems, tests, modulus, centres)
    confidence = _confidence(systems, tests, modulus, now, centres)
    own = np.zeros(region.shape, np.int16) if labels is None else np.where(region, labels, 0)
    errors = muscle_errors(
        systems, now.weights, tests, one_each(modulus, own), centres, own,
        PART_KNOTS * widths / first.spacing_m,
    )  # fmt: skip
    coverage = tests.coverage(centres)
    least = max((float(np.median(now.misfits)) / _MOST_MISFIT) ** 2, _LEAST_COVERAGE)
    covered = coverage >= least * coverage.max()
    spread = spread_by_noise(
        systems, tests, smooth, smoothness, now, modulus, region, steps
    )  # fmt: skip
    sure = (confidence >= MIN_CONFIDENCE) & (spread <= _MOST_SPREAD)
    valid = region & covered & sure & (modulus.real > PLAUSIBLE_PA[0])
    found = np.zeros(mask.shape, bool)
    found[box] = valid

    def kept(values: FloatArray) -> FloatArray:
        out = np.zeros(mask.shape, np.float32)
        out[found] = values[valid]
        return out

    maps = {
        "stiffness": QuantityMap(kept(np.abs(modulus)), "Pa", "magnitude"),
        "lossangle": QuantityMap(kept(np.angle(modulus)), "rad", "loss_angle"),
        "confidence": QuantityMap(kept(confidence), "1", "confidence"),
        "spread": QuantityMap(kept(spread), "1", "spread"),
    }
    edges = "total variation not counted across labels" if labels is not None else "total variation"
    drivers = first.displacement.shape[4]
    return Inversion(
        "vfm",
        "virtual fields without divergence (weak form, modulus free to vary in space, "
        f"{edges}), isotropic",
        maps, found, warnings=virtual_fields_warnings(drivers * len(fields)),
        citations=VIRTUAL_FIELDS_CITATIONS, errors=errors,
        facts={"test_field_mm": np.round(6000 * widths, 1).tolist(),
               "smoothness": smoothness, "systems": len(systems),
               "misfit": [round(m, 3) for m in now.misfits]},
    )  # fmt: skip


def knots(slices: int, across: int, spacing_m: FloatArray) -> FloatArray:
    """Return the distance (3,) of the knots of test fields, metres.

    Where there are few slices they are a slice apart, so that five slices hold a test field.
    """
    widths = np.full(3, _KNOTS * float(np.max(spacing_m)))
    support = 2 * int(np.ceil(3 * widths[across] / spacing_m[across])) - 1
    if slices < support + _SPARE_SLICES:
        widths[across] = spacing_m[across]
    return widths


def _one_modulus(
    systems: Sequence[System], tests: TestFields, region: BoolArray, centres: BoolArray
) -> ComplexArray:
    """Return the one modulus that fits best, all over the region."""
    top, bottom = 0j, 1e-30
    for s in systems:
        rows = tests.stiffness(s.strain, region.astype(np.complex64))[:, centres]
        force = s.force[:, centres]
        scale = max(float((np.abs(force) ** 2).mean()), 1e-30)
        top += complex(np.vdot(rows, force)) / scale
        bottom += float((np.abs(rows) ** 2).sum()) / scale
    found = top / bottom
    found = complex(np.clip(found.real, *PLAUSIBLE_PA), found.imag)
    return np.where(region, found, 0).astype(np.complex64)


def _confidence(
    systems: Sequence[System],
    tests: TestFields,
    modulus: ComplexArray,
    now: Round,
    centres: BoolArray,
) -> FloatArray:
    """Return the share of the power in the tested strain, around every voxel, above noise."""
    total, lost = np.zeros(modulus.shape), np.zeros(modulus.shape)
    for s, w in zip(systems, now.weights, strict=True):
        total += w * (np.abs(tests.stiffness(s.strain, modulus)) ** 2).sum(0)
        for strain, _ in s.still:
            lost += w * (np.abs(tests.stiffness(strain, modulus)) ** 2).sum(0) / len(s.still)
    total, lost = local_mean(total, centres), local_mean(lost, centres)
    return np.clip(1 - lost / np.maximum(total, 1e-30), 0, 1)
