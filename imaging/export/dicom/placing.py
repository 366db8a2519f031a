"""From the grid of the muscle map onto the frames of the source series."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.export.dicom.choice import Source
from imaging.export.dicom.objects import completed, settle
from imaging.image import Image, resample


@dataclass(frozen=True)
class Placed:
    """A source series, read whole.

    Attributes
    ----------
    source : Source
    """

    source: Source

    @cached_property
    def datasets(self) -> list[Any]:
        """Images of the series in the order of slices, or one of many frames in that order."""
        found = [completed(data) for data in self.source.volume.datasets()]
        if self.source.volume.frames:
            (data,) = found
            groups = list(data.PerFrameFunctionalGroupsSequence)
            # The file may hold frames of other images, in any order.
            data.PerFrameFunctionalGroupsSequence = [groups[n] for n in self.source.volume.frames]
            data.NumberOfFrames = len(self.source.volume.frames)
        else:
            step = f"{self.grid.spacing[2]:.10g}"
            for data in found:
                # Headers may lack both, or tell a spacing that the positions contradict.
                data.SpacingBetweenSlices = step
                data.SliceThickness = data.get("SliceThickness") or step
        return found

    @cached_property
    def grid(self) -> Image:
        """Voxels (column, row, slice) of the series, all zero."""
        return Image(np.zeros(self.source.volume.shape, np.uint8), self.source.volume.affine)

    def labels(self, labels: Image) -> NDArray[Any]:
        """Return labels on the frames, (frames, rows, columns): that of the nearest voxel."""
        return _by_slice(_nearest(labels, self.grid, 0))

    def values(self, image: Image) -> NDArray[np.float32]:
        """Return values on the frames, (frames, rows, columns); NaN where nothing was measured.

        On the grid of the series they are those of the map; elsewhere linear between the measured
        voxels around, where these have more than half of the weight.
        """
        known = np.isfinite(image.data)
        if self.source.on_grid:
            data = _nearest(image, self.grid, np.nan)
        else:
            filled = image.with_data(np.where(known, image.data, 0).astype(np.float32))
            weight = resample(image.with_data(known.astype(np.float32)), self.grid).data
            total = resample(filled, self.grid).data
            data = np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0.5)
        found: NDArray[np.float32] = _by_slice(data.astype(np.float32))
        return found

    def settled(self, made: Any) -> Any:
        """Return an object with dates and numbers of its source, those of frames included."""
        return settle(made, self.datasets[0], self.source.volume.frames)


def _by_slice(data: NDArray[Any]) -> NDArray[Any]:
    """Turn (columns, rows, slices) into (slices, rows, columns)."""
    return np.ascontiguousarray(data.transpose(2, 1, 0))


def _nearest(image: Image, grid: Image, fill: float) -> NDArray[Any]:
    """Return the value of the nearest voxel at each voxel of a grid, `fill` outside.

    By whole indices: rounding must not lose the outermost voxels, as interpolation up to the last
    centre does.
    """
    matrix = np.linalg.inv(image.affine) @ grid.affine
    out = np.full(grid.shape, fill, image.data.dtype)
    i, j = np.indices(grid.shape[:2])
    for k in range(grid.shape[2]):
        at = np.rint(
            np.stack([i, j, np.full_like(i, k)], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]
        ).astype(int)
        inside = np.all((at >= 0) & (at < image.shape), axis=-1)
        out[..., k][inside] = image.data[tuple(at[inside].T)]
    return out
