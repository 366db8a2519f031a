"""Fewer fascicles with fewer points, for the screen."""

from __future__ import annotations

import numpy as np

from imaging.musclemap.read.meshes import MapFascicles


def thinned(fascicles: MapFascicles, most: int) -> MapFascicles:
    """Return at most so many fascicles, the same share of every muscle, evenly spaced in order."""
    if len(fascicles) <= most:
        return fascicles
    kept = []
    for label in np.unique(fascicles.labels):
        rows = np.flatnonzero(fascicles.labels == label)
        wanted = max(1, int(len(rows) * most / len(fascicles))) if most else 0
        kept.append(rows[np.linspace(0, len(rows) - 1, wanted).astype(int)])
    return fascicles.take(np.sort(np.concatenate(kept)))


def coarser(fascicles: MapFascicles, spacing_mm: float) -> MapFascicles:
    """Return fascicles with points about so far apart; both ends stay."""
    if len(fascicles) == 0:
        return fascicles
    steps = np.linalg.norm(np.diff(fascicles.points, axis=0), axis=1)
    stride = max(1, int(spacing_mm / max(float(np.median(steps)), 1e-6)))
    counts = np.diff(fascicles.offsets)
    within = np.arange(fascicles.offsets[-1]) - np.repeat(fascicles.offsets[:-1], counts)
    kept = within % stride == 0
    kept[fascicles.offsets[1:] - 1] = True
    before = np.concatenate([[0], np.cumsum(kept)])
    return MapFascicles(fascicles.points[kept], before[fascicles.offsets], fascicles.data)
