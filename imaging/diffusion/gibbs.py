"""Gibbs ringing, taken off in the plane of the slices by local sub-voxel shifts.

Kellner E, et al. Gibbs-ringing artifact removal based on local subvoxel-shifts. Magn Reson Med
2016;76:1574. The method takes k-space as sampled evenly to its edge: of images from partial
Fourier acquisitions or interpolated ones it makes new artefacts.
"""

from __future__ import annotations

import numpy as np
from dipy.denoise.gibbs import gibbs_removal
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.threads import in_threads

_WINDOW_VOXELS = 3.0
# Of the largest frequency: a band at the edge of k-space, and one that any k-space holds.
_EDGE_BAND = (0.9, 1.0)
_INNER_BAND = (0.45, 0.55)
_EMPTY = 0.03  # share of power; noise alone gives 1, a noise-free leg about 0.2


def remove_ringing(data: FloatArray, slice_axis: int) -> FloatArray:
    """Take Gibbs ringing off every slice.

    Parameters
    ----------
    data : (I, J, K, N) array
        Magnitude on the grid on which k-space was sampled.
    slice_axis
        Voxel axis across the slices.

    Returns
    -------
    (I, J, K, N) float32 array
    """

    def one(volume: int) -> FloatArray:
        found = gibbs_removal(
            data[..., volume].astype(np.float64), slice_axis=slice_axis, inplace=False
        )
        return np.asarray(found, np.float32)

    out = np.empty(data.shape, np.float32)
    for v, volume in enumerate(in_threads(one, range(data.shape[3]))):
        out[..., v] = volume
    return out


def is_interpolated(volume: FloatArray, mask: NDArray[np.bool_], slice_axis: int) -> bool:
    """Tell whether the edge of k-space is empty along an axis of the slices.

    Parameters
    ----------
    volume : (I, J, K) array
        One volume before denoising.
    mask : (I, J, K) bool array
        Legs: elsewhere the magnitude of noise fills k-space to its edge.
    """
    window = ndimage.gaussian_filter(mask.astype(np.float32), _WINDOW_VOXELS)
    for axis in {0, 1, 2} - {slice_axis}:
        spectrum = np.fft.rfft(volume * window, axis=axis)
        power = np.square(np.abs(spectrum)).mean(tuple({0, 1, 2} - {axis}))
        frequency = np.linspace(0, 1, len(power))
        if _band(power, frequency, _EDGE_BAND) < _EMPTY * _band(power, frequency, _INNER_BAND):
            return True
    return False


def _band(power: FloatArray, frequency: FloatArray, band: tuple[float, float]) -> float:
    """Return the mean power in a band of frequencies."""
    inside = (frequency >= band[0]) & (frequency <= band[1])
    return float(power[inside].mean()) if inside.any() else np.nan
