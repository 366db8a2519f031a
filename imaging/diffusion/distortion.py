"""Whether and how echo-planar distortion is corrected, and how well the result agrees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.config import DiffusionSettings
from imaging.diffusion.acquisition import Acquisition
from imaging.diffusion.distortion_anatomy import expected_b0, field_to_anatomy, tissue_shares
from imaging.diffusion.distortion_field import Field, undistort
from imaging.diffusion.fieldmap import field_of_pair
from imaging.diffusion.legmask import bounding_box, leg_mask
from imaging.diffusion.resample import resample_series
from imaging.image import Image, resample
from imaging.registration import Alignment, register_rigid

Method = Literal["fmap", "anatomy"]

MAX_MM: dict[Method, float] = {"fmap": 30.0, "anatomy": 15.0}
_RIM_MM = 8.0
_MARGIN_VOXELS = 4
_MIN_JACOBIAN, _MAX_JACOBIAN = 0.3, 1.7
# Unexplained share of b = 0 that has to go: less may be chance, since contrasts differ.
_MIN_GAIN = 0.15
_BEYOND_CHANCE = 2.0  # times as much as goes along the axis without distortion
_ROUND_MM = 3  # decimals


@dataclass(frozen=True)
class ReversedScan:
    """Mean b = 0 image of other phase encoding than that of the series.

    Attributes
    ----------
    image : Image
        3-D, on any grid with an axis along the phase-encoding axis of the series.
    ratio
        Its readout time over that of the series; negative when both run the same way.
    """

    image: Image
    ratio: float


@dataclass(frozen=True)
class Distortion:
    """Displacement by field inhomogeneity, found and judged.

    Attributes
    ----------
    method : str
        ``fmap`` or ``anatomy``.
    status : str
        ``corrected``; ``kept``: nothing gained; ``refused``: implausible.
    axis : int
        Voxel axis of phase encoding.
    displacement_mm : (I, J, K) float32 array
        On the undistorted grid: what belongs at a voxel appears so far along the phase-encoding
        axis, towards larger indices.
    median_mm, max_mm : float
        Of its size inside the legs.
    agreement_before, agreement_after : float
        Share (at most 1) of the variance of the b = 0 image that the other image explains.
    chance_mm : float or None
        Median size of what the same search finds along the other axis of the slices, where echo
        planar images are not distorted; None where it was not looked at.
    rigid : Alignment or None
        Where the b = 0 image, not undistorted, lies in the anatomical world; None where it was not
        sought.
    """

    method: Method
    status: Literal["corrected", "kept", "refused"]
    axis: int
    displacement_mm: FloatArray
    median_mm: float
    max_mm: float
    agreement_before: float
    agreement_after: float
    chance_mm: float | None = None
    rigid: Alignment | None = None

    @property
    def gain(self) -> float:
        """Share of what the other image leaves unexplained that the displacement takes off."""
        return 1 - (1 - self.agreement_after) / max(1 - self.agreement_before, 1e-12)

    def moved(self, values: FloatArray, spacing_mm: float) -> FloatArray:
        """Return values (I, J, K) of the distorted grid where they belong (linear)."""
        place = np.indices(values.shape, dtype=np.float32)
        place[self.axis] += self.displacement_mm / spacing_mm
        return ndimage.map_coordinates(values, place, order=1, mode="nearest")


def find_distortion(
    b0: Image,
    mask: NDArray[np.bool_],
    fmap: ReversedScan | None,
    anatomy: Image | None,
    acquisition: Acquisition,
    settings: DiffusionSettings,
) -> Distortion | None:
    """Find the displacement of a series; None where it cannot be found or is not asked for.

    Parameters
    ----------
    b0 : Image
        Mean b = 0 image of the series at rest.
    mask : (I, J, K) bool array
        Legs.
    fmap
        Scan of reversed phase encoding.
    anatomy : Image or None
        3-D; used where there is no such scan.
    acquisition : Acquisition
        Its phase-encoding axis.
    """
    wanted, axis = settings.distortion, acquisition.phase_axis
    use_fmap = fmap is not None and wanted in ("auto", "fmap")
    aligned = anatomy is not None and settings.register_to_anatomy
    use_anatomy = aligned and not use_fmap and wanted in ("auto", "anatomy")
    if wanted == "off" or axis is None:
        return None
    if use_fmap and fmap is not None:
        return distortion_of_pair(b0, mask, axis, fmap)
    if use_anatomy and anatomy is not None:
        return distortion_to_anatomy(b0, mask, axis, anatomy, acquisition.slice_axis)
    return None


def distortion_of_pair(
    b0: Image, mask: NDArray[np.bool_], axis: int, fmap: ReversedScan
) -> Distortion:
    """Find the displacement from a scan of reversed phase encoding; see :mod:`.fieldmap`."""
    other = resample(fmap.image, b0, order=3)
    both = mask | leg_mask(b0.with_data(np.clip(other.data, 0, None)))
    lines = _Lines(b0, both, axis)
    forward, backward = lines.take(b0.data), lines.take(other.data)
    field = field_of_pair(forward, backward, lines.weight, lines.spacing, fmap.ratio)
    after = [
        undistort(image, field.times(factor), float(lines.spacing[2]))[0]
        for image, factor in ((forward, 1.0), (backward, -fmap.ratio))
    ]
    before = _explained(forward, _scaled(backward, forward, lines.weight), lines.weight)
    agreement = _explained(after[0], _scaled(after[1], after[0], lines.weight), lines.weight)
    return _judged("fmap", lines, field, mask, before, agreement)


def distortion_to_anatomy(
    b0: Image, mask: NDArray[np.bool_], axis: int, anatomy: Image, slice_axis: int = 2
) -> Distortion:
    """Find the displacement against an anatomical image; see :mod:`.distortion_anatomy`.

    Contrasts differ, so that some displacement always gains. Therefore the same search is made in
    the corrected image along the other axis of the slices, where there is no distortion: what it
    gains there is chance.
    """
    alignment = register_rigid(b0, mask, anatomy)
    rigid = alignment.world
    found = replace(_to_anatomy(b0, mask, axis, anatomy, rigid), rigid=alignment)
    if found.status != "corrected":
        return found
    other = next(a for a in (0, 1, 2) if a not in (axis, slice_axis))
    restored = b0.with_data(b0.data[..., None])
    restored = resample_series(restored, None, axis, found.displacement_mm)
    chance = _to_anatomy(b0.with_data(restored.data[..., 0]), mask, other, anatomy, rigid)
    beyond = found.gain > _BEYOND_CHANCE * chance.gain
    return replace(found, status="corrected" if beyond else "kept", chance_mm=chance.median_mm)


def _to_anatomy(
    b0: Image, mask: NDArray[np.bool_], axis: int, anatomy: Image, world: FloatArray
) -> Distortion:
    """Find the displacement along one axis."""
    lines = _Lines(b0, mask, axis)
    shares = tissue_shares(anatomy, lines.grid, world, axis)
    seen = lines.take(b0.data)
    field = field_to_anatomy(seen, shares, lines.weight, lines.spacing)
    agreement = []
    for image in (seen, undistort(seen, field, float(lines.spacing[2]))[0]):
        expected = expected_b0(image, shares, lines.weight, lines.spacing)
        agreement.append(_explained(image, expected, lines.weight))
    return _judged("anatomy", lines, field, mask, *agreement)


def _judged(
    method: Method,
    lines: _Lines,
    field: Field,
    mask: NDArray[np.bool_],
    before: float,
    after: float,
) -> Distortion:
    """Return the displacement with its figures and whether it is to be used."""
    displacement = lines.put(np.round(field.shift, _ROUND_MM))
    size = np.abs(displacement[mask])
    inside = field.slope[lines.take(mask.astype(float)) > 0]
    plausible = (
        size.max() <= MAX_MM[method]
        and 1 + inside.min() >= _MIN_JACOBIAN
        and 1 + inside.max() <= _MAX_JACOBIAN
    )
    needed = _MIN_GAIN if method == "anatomy" else 0.0
    gained = 1 - after < (1 - needed) * (1 - before)
    status: Literal["corrected", "kept", "refused"] = "corrected" if gained else "kept"
    if not plausible:
        status = "refused"
    return Distortion(
        method,
        status,
        lines.axis,
        displacement,
        float(np.median(size)),
        float(size.max()),
        before,
        after,
    )


class _Lines:
    """The part of a grid around the legs, with the phase-encoding axis last."""

    def __init__(self, grid: Image, mask: NDArray[np.bool_], axis: int):
        rim = ndimage.distance_transform_edt(~mask, sampling=grid.spacing) <= _RIM_MM
        self.axis, self._shape = axis, grid.shape
        self._box = bounding_box(rim, _MARGIN_VOXELS)
        self.weight = self.take(rim)
        corner = np.eye(4)
        corner[:3, 3] = [b.start for b in self._box]
        self.grid = Image(grid.data[self._box], grid.affine @ corner)
        order = [a for a in range(3) if a != axis] + [axis]
        self.spacing = grid.spacing[order]

    def take(self, data: NDArray[Any]) -> FloatArray:
        """Return the part (I, J, K) of an image."""
        return np.ascontiguousarray(np.moveaxis(data[self._box], self.axis, -1), dtype=np.float64)

    def put(self, part: FloatArray) -> FloatArray:
        """Return a part on the whole grid; beyond it the nearest value goes on."""
        inner = np.moveaxis(part, -1, self.axis).astype(np.float32)
        beyond = [
            (b.start, max(n - b.stop, 0)) for b, n in zip(self._box, self._shape, strict=True)
        ]
        return np.pad(inner, beyond, mode="edge")


def _scaled(image: FloatArray, like: FloatArray, weight: FloatArray) -> FloatArray:
    """Scale an image to fit another one."""
    return image * float((image * like * weight).sum() / (np.square(image) * weight).sum())


def _explained(image: FloatArray, expected: FloatArray, weight: FloatArray) -> float:
    """Return the share of an image's variance that an expectation explains."""
    seen, missed = image[weight > 0], (image - expected)[weight > 0]
    return 1 - float(np.square(missed).mean() / max(float(seen.var()), 1e-12))
