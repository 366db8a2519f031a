"""Volumes against what is usual: the size of the person, and the other side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imaging.arrays import BoolArray
from imaging.image import Image
from imaging.measures import Measure
from imaging.muscles import label_of, side_of, structure, structure_of
from imaging.segmentation.checks import cut_by_view
from imaging.segmentation.quality import Flag

# Of the leg whose typical volumes the catalogue holds, mm.
TYPICAL_TIBIA_MM = 375.0
_SIZE = 2.5
_SIDES = 1.35
_LEAST_ML = 5.0


def tibia_length_mm(labels: Image, side: int, seen: BoolArray) -> float | None:
    """Return the length of a tibia from end to end; None where the view cuts it or it is missing.

    Parameters
    ----------
    labels
        Catalogue labels.
    side
        Code of the side (0 undecided, 1 left, 2 right).
    seen : (K,) bool
        Slices with signal.
    """
    label = 100 * side + structure("TIB").index
    voxels = np.argwhere(labels.data == label)
    if not len(voxels) or cut_by_view(labels.data, label, seen):
        return None
    points = labels.to_world(voxels)
    axis = np.linalg.svd(points[:: max(1, len(points) // 5000)] - points.mean(0))[2][0]
    along = points @ axis
    return float(along.max() - along.min() + labels.spacing[2])


def size_flags(rows: Sequence[Measure], length_mm: Mapping[int, float | None]) -> list[Flag]:
    """Flag legs whose muscles together are far from usual for the length of their tibia.

    Lengths and widths are taken to grow alike, so that volumes go with the cube of the length: a
    child's leg is judged as a child's. Wide limits (a factor of 2.5): training, age and disease
    change muscle by a factor of two.

    Parameters
    ----------
    rows
        From :func:`imaging.segmentation.checks.measures`.
    length_mm
        Length of the tibia per code of side; None: not in view.
    """
    whole = _whole_volumes(rows)
    out = []
    for side, length in length_mm.items():
        own = {label: v for label, v in whole.items() if label // 100 == side}
        usual = sum(structure_of(label).typical_ml for label in own)
        if length is None or usual < 200:
            continue
        ratio = sum(own.values()) / (usual * (length / TYPICAL_TIBIA_MM) ** 3)
        if not 1 / _SIZE <= ratio <= _SIZE:
            much = "much muscle" if ratio > 1 else "little muscle"
            name = side_of(100 * side)
            out.append(
                Flag("size", "flag", f"The {name} leg has {much} for a tibia of {length:.0f} mm "
                     f"({ratio:.1f} times the usual): check labels and voxel size.")
            )  # fmt: skip
    return out


def side_flags(rows: Sequence[Measure]) -> list[Flag]:
    """Flag muscles, whole in view on both sides, whose volumes differ by more than 35 %."""
    whole = _whole_volumes(rows)
    out = []
    for label in sorted(v for v in whole if side_of(v) == "left"):
        other = label_of(structure_of(label).key, "right")
        if other not in whole or max(whole[label], whole[other]) < _LEAST_ML:
            continue
        ratio = whole[other] / max(whole[label], 1e-3)
        if not 1 / _SIDES <= ratio <= _SIDES:
            out.append(
                Flag("sides differ", "flag", f"{structure_of(label).key} has {whole[label]:.0f} ml "
                     f"on the left and {whole[other]:.0f} ml on the right: look at both.", label)
            )  # fmt: skip
    return out


def _whole_volumes(rows: Sequence[Measure]) -> dict[int, float]:
    """Return volumes (ml) of muscles that the field of view does not cut."""
    whole = {r.label for r in rows if r.measure == "coverage" and r.value == 1}
    return {
        r.label: r.value
        for r in rows
        if r.measure == "volume" and r.label in whole and r.value is not None
    }
