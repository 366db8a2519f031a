"""Wave-number based multifrequency inversion (k-MDEV): shear wave speed from phase gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import local_mean, slice_cross, within
from imaging.elastography.displacement import derivative
from imaging.elastography.helmholtz import slab_of
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.mdev import MIN_CONFIDENCE
from imaging.elastography.notes import KMDEV_CITATIONS
from imaging.elastography.spectra import directional, spectrum
from imaging.elastography.waves import WaveField
from imaging.errors import ComputationError
from imaging.stiffness import PLAUSIBLE_PA

_WINDOW_VOXELS = 1.0


def k_mdev(
    fields: Sequence[WaveField],
    mask: BoolArray,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    cutoff_per_m: float | None = None,
) -> Inversion:
    """Return the shear stiffness rho c^2 from the gradient of the phase of single waves.

    Every component is parted into waves of single directions; of each the wave number is the
    gradient of its phase, k = |Im(conj(u) grad u)| / |u|^2. Speeds of all waves, components,
    drivers and frequencies are averaged as 1 / c = sum(w k / omega) / sum(w), w = |u|^4.

    Parameters
    ----------
    fields
        One per frequency, on one grid.
    mask : (I, J, K) bool array
        Tissue.
    labels : (I, J, K) int array, optional
        The window does not cross their borders. Filters are wider than a muscle and do.
    cutoff_per_m
        Highest wave number of the filters. Default: where signal meets noise in the spectrum.

    Raises
    ------
    ComputationError
        The mask is empty.

    Notes
    -----
    Tzschaetzsch et al., Med Image Anal 30:1-10, 2016. Departures: directions in three dimensions
    where there are eight slices or more (within slices, waves that run across them pass for
    faster), and a cut-off from the data.
    """
    if not mask.any():
        raise ComputationError("no voxel is left to invert")
    slab = slab_of(mask.shape, fields[0].spacing_m)
    slowness, weight = np.zeros(mask.shape), np.zeros(mask.shape)
    signal, noise = np.zeros(mask.shape), np.zeros(mask.shape)
    used = []
    curl = not slab.thin and all(f.components_in_world for f in fields)
    for field in fields:
        moving = field.curl(field.gradient) if curl else field.displacement
        still = field.curl(field.still_gradients[0]) if curl else field.still[..., 0]
        found = spectrum(moving, still, mask, field.spacing_m, slab.filtered)
        limit = cutoff_per_m or found.cutoff_per_m
        used.append(round(limit, 1))
        for flat, sign in ((moving, 1), (still, 0)):
            power = np.zeros(mask.shape)
            for component in np.ndindex(flat.shape[3:]):
                one = flat[(..., *component)]
                for wave in directional(one, mask, field.spacing_m, limit, slab.filtered):
                    size = wave.real**2 + wave.imag**2
                    power += size
                    if sign:
                        number = _wave_number(wave, size, mask, field.spacing_m, slab.derived)
                        share = size**2
                        slowness += share * number / field.frequency_hz
                        weight += share
            if sign:
                signal += local_mean(power, mask)
            else:
                noise += local_mean(power, mask)
    slowness, weight = (within(v, mask, labels, _WINDOW_VOXELS) for v in (slowness, weight))
    confidence = np.clip(1 - noise / np.maximum(signal, 1e-30), 0, 1)
    slow = slowness / np.maximum(weight, 1e-30)
    stiffness = np.where(slow > 0, fields[0].density / np.maximum(slow, 1e-6) ** 2, 0)
    inner = ndimage.binary_erosion(mask, slice_cross(slab.across))
    valid = inner & (confidence >= MIN_CONFIDENCE) & (stiffness > 0)
    valid &= stiffness < PLAUSIBLE_PA[1]

    def kept(values: FloatArray) -> FloatArray:
        return np.where(valid, values, 0).astype(np.float32)

    what = "curl of the displacement" if curl else "displacement"
    ways = "three dimensions" if len(slab.filtered) == 3 else "the slice"
    return Inversion(
        "kmdev",
        f"k-MDEV on the {what}, phase gradients of waves of single directions in {ways}, up to "
        f"{' and '.join(f'{c:.0f}' for c in used)} /m, isotropic",
        {
            "stiffness": QuantityMap(kept(stiffness), "Pa", "shear_stiffness"),
            "confidence": QuantityMap(kept(confidence), "1", "confidence"),
        },
        valid,
        citations=KMDEV_CITATIONS,
        facts={"filtered": what, "dimensions": len(slab.filtered), "cutoff_per_m": used,
               "slices": slab.slices},
    )  # fmt: skip


def _wave_number(
    wave: ComplexArray,
    size: FloatArray,
    mask: BoolArray,
    spacing_m: FloatArray,
    axes: Sequence[int],
) -> FloatArray:
    """Return |grad phase| / 2 pi (I, J, K), cycles per metre, of a wave of one direction."""
    square = np.zeros(mask.shape, np.float32)
    for axis in axes:
        slope = derivative(wave, mask, axis, float(spacing_m[axis]))
        square += (wave.conj() * slope).imag ** 2
    return np.sqrt(square) / np.maximum(size, 1e-30) / np.float32(2 * np.pi)
