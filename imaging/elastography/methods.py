"""Which inversions run on harmonic fields, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from imaging.arrays import LabelArray
from imaging.dyads import FibreDirections
from imaging.elastography.between_methods import REFERENCE, with_errors
from imaging.elastography.curl import curl_helmholtz
from imaging.elastography.derivatives import across_axis
from imaging.elastography.directions import directions_on
from imaging.elastography.fields import HarmonicFields
from imaging.elastography.helmholtz import HelmholtzSums
from imaging.elastography.inversion import Inversion
from imaging.elastography.kmdev import k_mdev
from imaging.elastography.mdev import mdev
from imaging.elastography.notes import METHODS, failed_warning
from imaging.elastography.slice_jumps import turn_error
from imaging.elastography.transverse import transverse_isotropic
from imaging.elastography.uncertainty import MuscleError
from imaging.elastography.virtualfields import virtual_fields
from imaging.errors import ComputationError, InputError
from imaging.image import Image, resample

# Directions that differ more between neighbouring voxels were not smoothed.
_ROUGH_DEG = 2.0
# Modulus of muscle, for the size of an error only.
_USUAL_PA = 1000.0


def _transverse(
    waves: HarmonicFields, grid: Image, labels: LabelArray | None, fibres: FibreDirections
) -> Inversion:
    """Bring the fibres to the grid of the waves, and invert to moduli across and along them."""
    fibre, spread = directions_on(fibres.image, grid)
    if not fibre.any():
        raise ComputationError("fibre directions do not overlap with the wave images")
    dispersion = None
    if fibres.dispersion is not None:
        dispersion = resample(fibres.dispersion, grid).data
    elif np.median(spread[fibre.any(3)]) > _ROUGH_DEG:
        dispersion = spread  # directions of single voxels: their scatter is their uncertainty
    return transverse_isotropic(
        waves.fields, waves.tissue, fibre, labels=labels, dispersion_deg=dispersion
    )


def invert(
    waves: HarmonicFields,
    grid: Image,
    labels: LabelArray | None,
    fibres: FibreDirections | None,
    wanted: Sequence[str],
    *,
    erode_mm: float = 0.0,
    cutoff_per_m: float | None = None,
) -> tuple[list[Inversion], list[str]]:
    """Run the inversions asked for, in their usual order.

    Parameters
    ----------
    waves
        Harmonic fields of every frequency.
    grid
        Any image on their grid.
    labels : (I, J, K) array or None
        Muscles, on that grid.
    fibres
        None where they are not known: methods that need them are left out.
    wanted
        Names of methods (``mdev``, ``curl``, ``kmdev``, ``vfm``, ``ti``).
    erode_mm
        Margin that muscle medians keep from borders of muscles.
    cutoff_per_m
        Of the low-pass of mdev, curl and kmdev; None: from the spectrum of the data.

    Returns
    -------
    found : list of Inversion
    failed : list of str
        A sentence for every method that found nothing beside others that did.

    Raises
    ------
    InputError
        Only inversions that need fibre directions, and none are given.
    ComputationError
        None of them found anything.
    """
    if fibres is None and not any(METHODS[name].isotropic for name in wanted):
        raise InputError(
            f"inversions {list(wanted)} need fibre directions", None,
            "Give --directions, or ask for mdev, curl, kmdev or vfm",
        )  # fmt: skip
    found: list[Inversion] = []
    failed: list[str] = []
    runs = _isotropic(waves, labels, cutoff_per_m)
    for name in (n for n in METHODS if n in wanted):
        try:
            if name in runs:
                found.append(runs[name]())
            elif fibres is not None:
                found.append(_transverse(waves, grid, labels, fibres))
        except ComputationError as error:
            failed.append(failed_warning(name, error))
    if not found:
        raise ComputationError(". ".join(failed))
    found = [_less_sure_of_slices(f, waves) for f in found]
    reference = next((f for f in found if f.method == REFERENCE), None)
    return [
        with_errors(f, reference, labels, grid.spacing, erode_mm)
        if METHODS[f.method].isotropic and f.method != REFERENCE else f for f in found
    ], failed  # fmt: skip


def _less_sure_of_slices(found: Inversion, waves: HarmonicFields) -> Inversion:
    """Widen errors by what jumps between slices leave of waves that run across them."""
    systems = waves.drivers * len(waves.fields)
    more = 0.0
    for field in waves.fields:
        jumps = field.slice_jumps
        if jumps is None or not jumps.any():
            continue
        across = across_axis(field.valid.shape, field.spacing_m)
        turn = turn_error(jumps) / float(field.spacing_m[across])
        number = 2 * np.pi * field.frequency_hz * np.sqrt(field.density / _USUAL_PA)
        # A third of the squared wave number lies across slices.
        more = max(more, 1.96 * 2 / 3 * float(turn / number) / float(np.sqrt(systems)))
    if not more:
        return found
    errors = {v: MuscleError(e.modulus + more, e.angle_rad + more) for v, e in found.errors.items()}
    return replace(found, errors=errors)


def _isotropic(
    waves: HarmonicFields, labels: LabelArray | None, cutoff_per_m: float | None
) -> Mapping[str, Callable[[], Inversion]]:
    """Return the isotropic inversions, ready to run; two of them share their sums."""

    @cache
    def sums() -> HelmholtzSums:
        return HelmholtzSums(waves.fields, waves.tissue, labels, cutoff_per_m)

    fields, tissue = waves.fields, waves.tissue
    return {
        "mdev": lambda: mdev(fields, tissue, labels=labels, sums=sums()),
        "curl": lambda: curl_helmholtz(fields, tissue, labels=labels, sums=sums()),
        "kmdev": lambda: k_mdev(fields, tissue, labels=labels, cutoff_per_m=cutoff_per_m),
        "vfm": lambda: virtual_fields(fields, tissue, labels=labels),
    }
