"""What is seen of surfaces from one side: label and shade of every pixel, without OpenGL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyvista as pv
from numpy.typing import NDArray

# Samples of a triangle lie closer than a pixel, so that no pixel is missed.
_PER_PIXEL = 1.3


@dataclass(frozen=True)
class DepthView:
    """A picture of surfaces in parallel projection.

    Attributes
    ----------
    labels : (H, W) int array
        Label of the nearest surface; 0 where there is none. The first row is the top.
    shade : (H, W) float32 array
        1 where the surface faces the eye, 0 where it is seen along its tangent.
    """

    labels: NDArray[np.int32]
    shade: NDArray[np.float32]


def depth_views(surfaces: Mapping[int, pv.PolyData], pixel_mm: float) -> list[DepthView]:
    """Return the views of surfaces from the front and from the back; superior is up.

    Parameters
    ----------
    surfaces
        Label to triangles, world RAS+ mm. From the front the person's right is on the left.
    pixel_mm
        Edge of a pixel, mm.
    """
    meshes = {
        label: (np.asarray(mesh.points, float), np.asarray(mesh.regular_faces, int))
        for label, mesh in surfaces.items()
        if mesh.n_cells
    }
    if not meshes:
        return [DepthView(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32))] * 2
    used = [points[np.unique(faces)] / pixel_mm for points, faces in meshes.values()]
    low = np.min([points.min(axis=0) for points in used], axis=0)
    high = np.max([points.max(axis=0) for points in used], axis=0)
    views = [_Buffer(low, high, sign) for sign in (-1.0, 1.0)]
    for label, (points, faces) in meshes.items():
        samples = _samples(points, faces, pixel_mm)
        for view in views:
            view.add(label, samples)
    return [view.seen() for view in views]


class _Buffer:
    """The nearest of samples at every pixel, from behind for a sign of 1."""

    def __init__(self, low: NDArray[np.float64], high: NDArray[np.float64], sign: float):
        """Take the corners (3,) of all that is shown, pixels."""
        self._sign = sign
        ends = np.floor(sign * np.array([low[0], high[0]])).astype(int)
        self._left, self._bottom = int(ends.min()), int(np.floor(low[2]))
        self._width = int(ends.max()) - self._left + 1
        self._height = int(np.floor(high[2])) - self._bottom + 1
        self._nearest = np.full(self._height * self._width, -np.inf)
        self._label = np.zeros(self._nearest.shape, np.int32)
        self._shade = np.zeros(self._nearest.shape, np.float32)

    def add(self, label: int, samples: NDArray[np.float64]) -> None:
        """Add samples (S, 4) of one surface."""
        across = np.floor(self._sign * samples[:, 0]).astype(int) - self._left
        up = np.floor(samples[:, 1]).astype(int) - self._bottom
        # Interpolation may round a sample past a corner.
        across, up = across.clip(0, self._width - 1), up.clip(0, self._height - 1)
        near = -self._sign * samples[:, 2]
        pixel = (self._height - 1 - up) * self._width + across
        np.maximum.at(self._nearest, pixel, near)
        front = np.flatnonzero(near == self._nearest[pixel])
        self._label[pixel[front]] = label
        self._shade[pixel[front]] = samples[front, 3]

    def seen(self) -> DepthView:
        """Return the picture."""
        shape = self._height, self._width
        return DepthView(self._label.reshape(shape), self._shade.reshape(shape))


def _samples(
    points: NDArray[np.float64], faces: NDArray[np.int_], pixel_mm: float
) -> NDArray[np.float64]:
    """Return place (R and S, pixels), A (mm) and facing of samples of triangles, (S, 4)."""
    if len(faces) == 0:
        return np.zeros((0, 4))
    facing = np.abs(_normals(points, faces)[:, 1])
    seen = points[:, 0] / pixel_mm, points[:, 2] / pixel_mm
    return _fill(np.column_stack([*seen, points[:, 1], facing])[faces])


def _fill(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values (S, V) interpolated within triangles (T, 3, V), first two axes in pixels."""
    edges = corners[:, :, :2] - np.roll(corners[:, :, :2], 1, axis=1)
    longest = np.linalg.norm(edges, axis=2).max(axis=1)
    steps = np.maximum(np.ceil(_PER_PIXEL * longest), 1).astype(int)
    out = []
    for count in np.unique(steps):
        i, j = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
        within = i + j <= count
        weights = np.stack([i, j, count - i - j], axis=-1)[within] / count
        chosen = corners[steps == count]
        out.append(np.einsum("sc,tcv->tsv", weights, chosen).reshape(-1, corners.shape[2]))
    return np.concatenate(out)


def _normals(points: NDArray[np.float64], faces: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return unit normals (N, 3) of points, triangles weighted by area."""
    corners = points[faces]
    own = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out = np.zeros_like(points)
    for corner in range(3):
        np.add.at(out, faces[:, corner], own)
    lengths = np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(out / np.where(lengths > 0, lengths, 1.0))
