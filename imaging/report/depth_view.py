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
    found = [_samples(np.asarray(m.points, float), np.asarray(m.regular_faces, int), pixel_mm)
             for m in surfaces.values()]  # fmt: skip
    labels = np.repeat(list(surfaces), [len(f) for f in found])
    every = np.concatenate(found) if len(labels) else np.zeros((0, 4))
    if len(every) == 0:
        return [DepthView(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32))] * 2
    return [_seen(every, labels, sign) for sign in (-1.0, 1.0)]


def _seen(every: NDArray[np.float64], labels: NDArray[np.int_], sign: float) -> DepthView:
    """Return what is seen of samples with their labels (S,): from behind for a sign of 1."""
    across, near = np.floor(sign * every[:, 0]).astype(int), -sign * every[:, 2]
    up = np.floor(every[:, 1]).astype(int)
    across -= across.min()
    up -= up.min()
    width, height = across.max() + 1, up.max() + 1
    pixel = (height - 1 - up) * width + across
    nearest = np.full(height * width, -np.inf)
    np.maximum.at(nearest, pixel, near)
    front = np.flatnonzero(near == nearest[pixel])
    label = np.zeros(height * width, np.int32)
    shade = np.zeros(height * width, np.float32)
    label[pixel[front]] = labels[front]
    shade[pixel[front]] = every[front, 3]
    return DepthView(label.reshape(height, width), shade.reshape(height, width))


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
