"""Steps on the images before any tensor: noise, ringing, lost slices, motion and eddy currents."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.config import DiffusionSettings
from imaging.diffusion.acquisition import Acquisition
from imaging.diffusion.denoise import denoise, remove_noise_floor
from imaging.diffusion.gibbs import is_interpolated, remove_ringing
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.legmask import bounding_box
from imaging.diffusion.motion import Motion, estimate_motion
from imaging.diffusion.notes import (
    Journal,
    note_denoising,
    note_motion,
    note_outliers,
    note_ringing,
)
from imaging.diffusion.outliers import Outliers, find_outliers, replaced
from imaging.diffusion.prediction import model_at_rest
from imaging.diffusion.resample import PlacedSeries, Placement
from imaging.image import Image

_MARGIN_VOXELS = 4


@dataclass(frozen=True)
class CleanedSeries:
    """A series ready to be brought to rest.

    Attributes
    ----------
    placed : PlacedSeries
        Cleaned volumes, not yet resampled.
    noisy : PlacedSeries
        The same with the noise that was taken off put back. Denoising by principal components
        draws a voxel towards its surroundings, and with it the direction of fibres.
    table : GradientTable
        Directions relative to the leg at rest.
    sigma : (I, J, K) array
        Noise of one volume before denoising; 0 where unknown.
    motion : Motion or None
    outliers : Outliers or None
    """

    placed: PlacedSeries
    noisy: PlacedSeries
    table: GradientTable
    sigma: FloatArray
    motion: Motion | None
    outliers: Outliers | None


def clean(
    dwi: Image,
    table: GradientTable,
    mask: NDArray[np.bool_],
    acquisition: Acquisition,
    settings: DiffusionSettings,
    journal: Journal,
) -> CleanedSeries:
    """Run every step that the settings ask for.

    Parameters
    ----------
    dwi : Image
        4-D magnitude as acquired.
    table : GradientTable
        World RAS+.
    mask : (I, J, K) bool array
        Legs.
    """
    dwi, noise, sigma = _denoise(dwi, mask, acquisition, settings, journal)
    outliers = None
    if settings.outliers:
        outliers = find_outliers(dwi.data, table, mask, acquisition.slice_axis)
        data = replaced(dwi.data, table, mask, outliers, acquisition.slice_axis)
        noise = None if noise is None else np.where(data == dwi.data, noise, np.float32(0))
        dwi = dwi.with_data(data)
        note_outliers(outliers, acquisition.slice_axis, journal)
    weights = None if outliers is None or not len(outliers.found) else outliers.weights
    across = acquisition.slice_axis
    still = [Placement()] * dwi.data.shape[3]
    placed = PlacedSeries(dwi, still, acquisition.phase_axis, across, weights)
    motion = None
    if settings.motion:
        motion, placed = _bring_to_rest(placed, table, mask, settings.eddy)
        table = motion.turned_back(table)
        note_motion(motion, acquisition, settings, journal)
    noisy = placed
    if noise is not None:
        data = np.clip(placed.source.data + noise, 0, None)
        noisy = replace(placed, source=dwi.with_data(data))
    return CleanedSeries(placed, noisy, table, sigma, motion, outliers)


def _bring_to_rest(
    placed: PlacedSeries, table: GradientTable, mask: NDArray[np.bool_], eddy: bool
) -> tuple[Motion, PlacedSeries]:
    """Estimate motion, and once more when lost slices are known in the place they belong to."""
    phase = placed.phase_axis if eddy else None

    def estimate(start: Motion | None) -> Motion:
        return estimate_motion(
            placed.source, table, mask,
            phase_axis=phase, slice_weights=placed.slice_weights,
            slice_axis=placed.slice_axis, start=start,
        )  # fmt: skip

    motion = estimate(None)
    placed = replace(placed, placements=motion.placements())
    if placed.slice_weights is None:
        return motion, placed
    placed = placed.with_model(model_at_rest(placed, motion.turned_back(table), mask))
    motion = estimate(motion)
    placed = replace(placed, placements=motion.placements())
    return motion, placed.with_model(model_at_rest(placed, motion.turned_back(table), mask))


def _denoise(
    dwi: Image,
    mask: NDArray[np.bool_],
    acquisition: Acquisition,
    settings: DiffusionSettings,
    journal: Journal,
) -> tuple[Image, FloatArray | None, FloatArray]:
    """Return images without noise and ringing, the noise taken off, and its standard deviation.

    When denoising is off there is no noise taken off, and its deviation is 0.
    """
    sigma = np.zeros(dwi.shape, np.float32)
    box = bounding_box(mask, _MARGIN_VOXELS)
    data, noise = dwi.data.copy(), None
    if settings.denoise:
        data[box], sigma[box] = denoise(dwi.data[box], mask[box])
        noise = dwi.data - data
        note_denoising(journal)
    if settings.gibbs and _can_ring(dwi, mask, acquisition, journal):
        data[box] = remove_ringing(data[box], acquisition.slice_axis)
    if settings.denoise:
        data[box] = remove_noise_floor(data[box], sigma[box])
    return dwi.with_data(data), noise, sigma


def _can_ring(
    dwi: Image, mask: NDArray[np.bool_], acquisition: Acquisition, journal: Journal
) -> bool:
    """Tell whether Gibbs ringing can be taken off, and say so."""
    across = acquisition.slice_axis
    can = acquisition.whole_k_space and not is_interpolated(dwi.data[..., 0], mask, across)
    note_ringing(can, journal)
    return can
