"""Label the muscles of an anatomical image by registration of a label atlas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.image import FloatArray, Image, regrid, resample
from imaging.muscles import SIDE_CODES, Side, structure
from imaging.segmentation.atlas import Atlas, AtlasLeg
from imaging.segmentation.features import Features, image_features
from imaging.segmentation.fuse import Registered, label_leg
from imaging.segmentation.initialise import guesses
from imaging.segmentation.legs import MaskArray, split_legs
from imaging.segmentation.register import (
    Float32,
    affine,
    coarser,
    demons,
    grid_points,
    sample,
)
from imaging.segmentation.sides import decide_sides, side_from_bones
from imaging.segmentation.tissue import Tissue, classify

_MARGIN_MM = 10.0


@dataclass(frozen=True)
class LegView:
    """One leg cut out of the image.

    Attributes
    ----------
    box : tuple of slices
        Where it lies in the image.
    work : Image
        Working grid over the box.
    tissue, features
        Rough classes and channels on the working grid.
    side : str
        Side told by the bones.
    """

    box: tuple[slice, slice, slice]
    work: Image
    tissue: Tissue
    features: Features
    side: Side = "undecided"


@dataclass
class Segmentation:
    """Labels of an image.

    Attributes
    ----------
    labels : (I, J, K) int16
        100·side + index of the catalogue.
    confidence : (I, J, K) float32
        0..1, of the label given.
    facts : dict
        Sides, atlas legs used and residuals, per leg.
    warnings : list of str
        What a reader must know.
    """

    labels: NDArray[np.int16]
    confidence: Float32
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def work_spacing(spacing_mm: float) -> FloatArray:
    """Return the voxel size of the working grid: twice as long along the leg as across it."""
    return np.array([spacing_mm, spacing_mm, 2.0 * spacing_mm])


def view_leg(image: Image, leg: MaskArray, spacing: FloatArray) -> LegView:
    """Cut one leg out and reduce it to tissue classes and channels."""
    margin = np.ceil(_MARGIN_MM / image.spacing).astype(int)
    margin[2] = 0
    where = np.argwhere(leg)
    low = np.maximum(where.min(0) - margin, 0)
    high = np.minimum(where.max(0) + 1 + margin, image.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    part = cut(image, box)
    # Cortex is two to five millimetres thick: bones are looked for on no coarser a grid.
    fine = regrid(part, np.minimum(spacing, work_spacing(2.0)))
    data = resample(_blurred(part, fine), fine).data
    mask = resample(part.with_data(leg[box].astype(np.float32)), fine).data > 0.5
    tissue = classify(data, mask, fine.spacing)
    side = side_from_bones(tissue.tibia, tissue.fibula, fine.affine)
    grid = regrid(part, spacing)
    if grid.shape != fine.shape:
        tissue = _onto(tissue, fine, grid)
    return LegView(box, grid, tissue, image_features(tissue, grid.spacing), side)  # type: ignore[arg-type]


def _onto(tissue: Tissue, fine: Image, grid: Image) -> Tissue:
    """Put tissue classes on another grid of the same field of view."""

    def mask(values: MaskArray) -> MaskArray:
        return resample(fine.with_data(values.astype(np.float32)), grid).data > 0.5

    valid = np.asarray(mask(np.broadcast_to(tissue.valid, fine.shape)).any((0, 1)))
    return Tissue(
        resample(fine.with_data(tissue.intensity), grid).data,
        mask(tissue.leg),
        mask(tissue.envelope),
        mask(tissue.tibia),
        mask(tissue.fibula),
        mask(tissue.fat),
        valid,
    )


def cut(image: Image, box: tuple[slice, ...]) -> Image:
    """Return a part of an image, in its place in the world."""
    matrix = image.affine.copy()
    matrix[:3, 3] = image.to_world([s.start for s in box])
    return Image(image.data[box], matrix)


def _blurred(image: Image, grid: Image) -> Image:
    sigma = np.maximum(0.4 * (grid.spacing / image.spacing - 1), 0.0)
    return image.with_data(ndimage.gaussian_filter(image.data.astype(np.float32), sigma))


def register_leg(view: LegView, leg: AtlasLeg, starts: int = 2) -> Registered:
    """Register one leg of an atlas (already on the side of the view) to a leg in view: affine."""
    features, filled = leg.features()
    coarse_view, coarse = coarser(view.features), coarser(features)
    found = [
        affine(coarse_view, coarse, guess.matrix, step=(1, 1, 1), sigma_mm=4.0)
        for guess in guesses(view.features, features, starts)
    ]
    matrix, cost = min(found, key=lambda m: m[1], default=(np.eye(4), np.inf))
    return Registered(filled, matrix, _no_field(view.features.envelope.shape), cost)


def deform(view: LegView, start: Registered) -> Registered:
    """Refine the affine of an atlas leg by demons: half the resolution first, then the whole."""
    features, _ = start.leg.features()
    coarse_view, coarse = coarser(view.features), coarser(features)
    field = demons(
        coarse_view, coarse, start.matrix, _no_field(coarse_view.envelope.shape),
        iterations=60, sigma_mm=4.0, elastic_mm=5.0, fluid_mm=5.0,
    )  # fmt: skip
    points = grid_points(view.features.envelope.shape, view.features.spacing)
    field = sample(field, points, coarse_view.spacing)
    field = demons(
        view.features, features, start.matrix, field,
        iterations=15, sigma_mm=2.0, elastic_mm=3.0, fluid_mm=3.0,
    )  # fmt: skip
    return Registered(start.leg, start.matrix, field, start.cost)


def _no_field(shape: tuple[int, ...]) -> Float32:
    return np.zeros((3, *shape), np.float32)


def segment(
    image: Image,
    mask: MaskArray,
    atlas: Atlas,
    *,
    side: str = "auto",
    spacing_mm: float = 2.0,
    path: str | Path | None = None,
) -> Segmentation:
    """Label the muscles of one or both lower legs.

    Parameters
    ----------
    image
        3-D anatomical image of any contrast, bias-corrected, canonical axis order.
    mask : (I, J, K) bool
        Everything that is not air.
    atlas
        Label atlas on the working grid of `spacing_mm`.
    side
        ``left``, ``right`` or ``auto``.
    spacing_mm
        Working grid across the leg; twice that along it.
    path
        The image, for messages.

    Raises
    ------
    SideError
        Sides contradict each other.
    """
    legs = split_legs(mask, image.spacing)
    views = [view_leg(image, leg, work_spacing(spacing_mm)) for leg in legs]
    found = [view.side for view in views]
    sides = decide_sides(found, side, path)
    out = Segmentation(np.zeros(image.shape, np.int16), np.zeros(image.shape, np.float32))
    for n, (view, leg_side) in enumerate(zip(views, sides, strict=True)):
        chosen = _best(view, atlas.legs, leg_side)
        part = cut(image, view.box)
        indices, confidence = label_leg([chosen], view.work, part)
        indices = use_seen(view, part, indices)
        allowed = legs[n][view.box]
        indices[~allowed | np.isin(indices, _skin())] = 0
        labels = np.where(indices > 0, indices + 100 * SIDE_CODES[leg_side], 0)
        inside = labels > 0
        out.labels[view.box][inside] = labels[inside]
        out.confidence[view.box][inside] = confidence[inside]
        out.facts[f"leg_{n + 1}"] = {
            "side": leg_side, "side_from_bones": found[n], "atlas": chosen.leg.name,
            "residual": round(float(chosen.cost), 4),
        }  # fmt: skip
        if leg_side == "undecided":
            out.warnings.append(
                "The side of the leg could not be told from its bones: labels carry no side."
            )
    return out


def use_seen(view: LegView, part: Image, indices: NDArray[np.int16]) -> NDArray[np.int16]:
    """Put the bones that the image itself shows over the atlas's, and drop muscle in skin fat.

    Only in slices in which the image shows them.
    """
    out = indices.copy()
    tissue = view.tissue
    fat = _fine(tissue.fat, view.work, part)
    out[fat] = 0
    for key, mask in (("TIB", tissue.tibia), ("FIB", tissue.fibula)):
        index, seen = structure(key).index, _fine(mask, view.work, part)
        # Marrow alone, without its cortex, is not the bone.
        slices = seen.sum((0, 1)) > 0.85 * (out == index).sum((0, 1))
        seen &= slices
        out[(out == index) & slices & ~seen] = 0
        out[seen] = index
    return out


def _fine(mask: MaskArray, work: Image, part: Image) -> MaskArray:
    return resample(work.with_data(mask.astype(np.float32)), part).data > 0.5


def _best(view: LegView, legs: Sequence[AtlasLeg], side: Side) -> Registered:
    """Return the leg of the atlas that fits best, deformed; both sides are tried if not known."""
    tries = []
    for leg in legs:
        if side != "left":
            tries.append(register_leg(view, leg))
        if side != "right":
            tries.append(register_leg(view, leg.mirrored()))
    return deform(view, min(tries, key=lambda r: r.cost))


def _skin() -> list[int]:
    return [structure("SAT").index, structure("SKIN").index]
