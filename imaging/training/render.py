"""Compiled drawing of synthetic slices from a training leg."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imaging.segmentation.inputs import CLASSES, PIXEL_MM
from imaging.training.joints import CARTILAGE, FAT, OTHER_BONE, OTHER_MUSCLE, TENDON
from imaging.training.legs import EDGE_UNIT_MM, ENVELOPE_UNIT_MM

# Tissues, one column each in a table of signals; muscles follow one by one.
(T_AIR, T_SKIN, T_FAT, T_FILLER, T_TENDON, T_CORTEX, T_MARROW, T_FASCIA, T_CARTILAGE, T_OTHER_BONE,
 T_OTHER_MUSCLE, T_MUSCLE) = range(12)  # fmt: skip
MUSCLES = 12
TISSUES = T_MUSCLE + MUSCLES
_FIRST, _TIB, _FIB = 3, CLASSES.index("TIB"), CLASSES.index("FIB")
_PIXEL = PIXEL_MM
_ENVELOPE, _EDGE, _FAR = ENVELOPE_UNIT_MM, EDGE_UNIT_MM, 60.0
AT_SKIN, AT_FASCIA, AT_GAP, AT_CORTEX_TIB, AT_CORTEX_FIB, AT_CORTEX_OTHER = range(6)

Array = NDArray[Any]


@njit(cache=True, nogil=True)
def tissue_at(voxel: int, fat: float, widths: Array, visible: float) -> tuple[int, int]:
    """Return tissue and network class of one voxel of a leg.

    Parameters
    ----------
    voxel
        From ``TrainingLeg.packed``.
    fat
        Thickness of subcutaneous fat here, mm.
    widths : (6,)
        Thickness of skin, fascia, gaps between muscles, cortex of tibia, fibula, other bones, mm.
    visible
        Share of the fascia's and gaps' width that is there, 0..1.
    """
    away = (((voxel >> 8) & 255) - 128) * _ENVELOPE
    if away > 0:
        if away < fat:
            return T_FAT, 1
        return (T_SKIN, 1) if away < fat + widths[AT_SKIN] else (T_AIR, 0)
    own = voxel & 31
    deep = ((voxel >> 16) & 255) * _EDGE
    if own in (_TIB, _FIB):
        width = widths[AT_CORTEX_TIB] if own == _TIB else widths[AT_CORTEX_FIB]
        return (T_CORTEX if deep < width else T_MARROW), own
    if own >= _FIRST:
        if deep < widths[AT_GAP] * visible:
            return T_FILLER, 2
        if deep < widths[AT_FASCIA] * visible:
            return T_FASCIA, own
        return T_MUSCLE + own - _FIRST, own
    return _rest(voxel, deep, widths, visible), 2


@njit(cache=True, nogil=True)
def _rest(voxel: int, deep: float, widths: Array, visible: float) -> int:
    """Return the tissue of what has no class of its own."""
    kind = (voxel >> 5) & 7
    if kind == OTHER_BONE:
        return T_CORTEX if deep < widths[AT_CORTEX_OTHER] else T_OTHER_BONE
    if kind == OTHER_MUSCLE:
        if deep < widths[AT_GAP] * visible:
            return T_FILLER
        return T_FASCIA if deep < widths[AT_FASCIA] * visible else T_OTHER_MUSCLE
    if kind == TENDON:
        return T_TENDON
    if kind == CARTILAGE:
        return T_CARTILAGE
    return T_FAT if kind == FAT else T_FILLER


@njit(cache=True, nogil=True, inline="always")
def _voxel(frame: Array, u: float, v: float, q: float) -> tuple[int, int, int]:
    x = frame[0, 0] * u + frame[0, 1] * v + frame[0, 2] * q + frame[0, 3]
    y = frame[1, 0] * u + frame[1, 1] * v + frame[1, 2] * q + frame[1, 3]
    z = frame[2, 0] * u + frame[2, 1] * v + frame[2, 2] * q + frame[2, 3]
    return int(x + 0.5), int(y + 0.5), int(z + 0.5)


@njit(cache=True, nogil=True, fastmath=True)
def draw_slices(
    packed: Array, frame: Array, warp: Array, fields: Array, heights: Array, middle: int,
    water: Array, fats: Array, widths: Array, fat_mm: float, muscles: Array, sheet: int,
    shift: Array,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Draw slices of a leg.

    Parameters
    ----------
    packed : (I, J, K) int32
        ``TrainingLeg.packed``.
    frame : (3, 4)
        Slice coordinates (two across in mm from the middle, one along) to voxels of the leg.
    warp : (6, N, M)
        Displacement of every pixel in mm, and its slope along the leg.
    fields : (4, N, M)
        Factor on the thickness of fat, share of fascia visible, share of fat in muscle, share of a
        sheet within muscle.
    heights : (S, H)
        Places along the leg at which each slice is sampled, mm; its middle first.
    middle
        The slice whose classes are wanted.
    water, fats : (TISSUES,)
        Signals.
    widths : (6,)
        See :func:`tissue_at`.
    fat_mm
        Mean thickness of subcutaneous fat.
    muscles : (2, MUSCLES)
        How much more than the mean each is infiltrated by fat; whether the sheet is in it.
    sheet
        Tissue of the sheet.
    shift : (2,)
        Chemical shift of fat, pixels.

    Returns
    -------
    Water and fat signal (2, S, N, M), class in the middle of the middle slice (N, M), and depth
    under the skin in it (N, M), mm, negative outside.
    """
    count, samples = heights.shape
    n, m = warp.shape[1:]
    out = np.zeros((2, count, n, m), np.float32)
    label = np.zeros((n, m), np.uint8)
    # What lies beyond the grid of the leg is air.
    depth = np.full((n, m), -_FAR, np.float32)
    shape = packed.shape
    moved = shift[0] != 0.0 or shift[1] != 0.0
    # Samples of one pixel lie side by side in memory: pixels outside, samples inside.
    for a in range(n):
        for b in range(m):
            for channel in range(2 if moved else 1):
                fa = a + (shift[0] if channel == 1 else 0.0)
                fb = b + (shift[1] if channel == 1 else 0.0)
                ia, ib = min(max(int(fa), 0), n - 1), min(max(int(fb), 0), m - 1)
                u0 = (fa - 0.5 * (n - 1)) * _PIXEL + warp[0, ia, ib]
                v0 = (fb - 0.5 * (m - 1)) * _PIXEL + warp[1, ia, ib]
                q0, u1, v1, q1 = warp[2, ia, ib], warp[3, ia, ib], warp[4, ia, ib], warp[5, ia, ib]
                fat, visible = fat_mm * fields[0, ia, ib], fields[1, ia, ib]
                for s in range(count):
                    for h in range(samples):
                        w = heights[s, h]
                        # The first sample is the centre; the others lie apart across it as well.
                        du = (((h * 0.618034) % 1.0) - 0.5) * _PIXEL if h > 0 else 0.0
                        dv = (((h * 0.754878) % 1.0) - 0.5) * _PIXEL if h > 0 else 0.0
                        i, j, k = _voxel(frame, u0 + du + w * u1, v0 + dv + w * v1, w + q0 + w * q1)
                        if i < 0 or j < 0 or i >= shape[0] or j >= shape[1]:
                            continue
                        voxel = packed[i, j, min(max(k, 0), shape[2] - 1)]
                        tissue, own = tissue_at(voxel, fat, widths, visible)
                        wet, fatty = water[tissue], fats[tissue]
                        if tissue >= T_OTHER_MUSCLE:
                            share = fields[2, ia, ib]
                            if tissue >= T_MUSCLE:
                                share = min(share * muscles[0, tissue - T_MUSCLE], 0.95)
                            wet = wet * (1.0 - share) + share * water[T_FAT]
                            fatty = fatty * (1.0 - share) + share * fats[T_FAT]
                        if tissue >= T_MUSCLE:
                            share = fields[3, ia, ib] * muscles[1, tissue - T_MUSCLE]
                            wet = wet * (1.0 - share) + share * water[sheet]
                            fatty = fatty * (1.0 - share) + share * fats[sheet]
                        if channel == 0:
                            out[0, s, a, b] += wet / samples
                        if channel == 1 or not moved:
                            out[1, s, a, b] += fatty / samples
                        if s == middle and h == 0 and channel == 0:
                            label[a, b] = own
                            away = (((voxel >> 8) & 255) - 128) * _ENVELOPE
                            depth[a, b] = fat + widths[AT_SKIN] - away
    return out, label, depth
