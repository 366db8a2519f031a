"""Internal aponeuroses drawn by a person: masks and surfaces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from imaging.arrays import FloatArray
from imaging.errors import InputError, LabelError, MissingFileError
from imaging.formats.nifti import load_mask
from imaging.formats.polydata import SUFFIXES
from imaging.formats.surfaces import load_surfaces
from imaging.geometry import AponeurosisSurface, sheet_from_mask, sheet_from_mesh
from imaging.io.muscles import NEAR_MM, DrawnMuscle, check_size, elsewhere, voxel_centres

_LEAST_NEAR = 0.1  # share of a sheet within reach of its muscle
_MOST_FILLED = 0.5  # share of a muscle that its aponeurosis may fill


def read_sheets(
    paths: Sequence[Path], muscles: Sequence[DrawnMuscle]
) -> dict[int, list[AponeurosisSurface]]:
    """Read internal aponeuroses and tell to which label each belongs.

    The number in ``label-<n>`` of its name tells the muscle. A single muscle needs no such name;
    among several masks the one in whose place the aponeurosis lies is taken.

    Raises
    ------
    MissingFileError
        No such file.
    UnitError
        Not in millimetres.
    LabelError
        Cut, damaged or in an unknown frame; or its muscle is not among those given, cannot be
        told, or lies elsewhere; two layers that enclose no body; or the muscle itself.
    """
    out: dict[int, list[AponeurosisSurface]] = {}
    for path, sheet in zip(paths, _read_all(paths), strict=True):
        found = re.search(r"label-(\d+)", path.name)
        if not found and len(muscles) > 1 and any(m.number for m in muscles):
            raise LabelError("has no label in its name", path, "Name it …label-<n>_aponeurosis")
        near = {m.label: _share_near(sheet.points, m) for m in muscles}
        if found:
            owner = _owner(int(found.group(1)), muscles, path)
        else:
            owner = max(muscles, key=lambda m: near[m.label])
        if near[owner.label] < _LEAST_NEAR:
            raise LabelError(
                f"{near[owner.label]:.0%} of the aponeurosis lies within {NEAR_MM:g} mm of "
                f"{owner.name} ({owner.path})" + _meets_if(sheet.points, owner),
                path,
                "Give an aponeurosis and a muscle of the same leg and session, world RAS+ mm",
            )
        if (filled := float(sheet.holds(voxel_centres(owner)).mean())) > _MOST_FILLED:
            raise LabelError(
                f"the aponeurosis fills {filled:.0%} of {owner.name} ({owner.path})",
                path,
                "Give the sheet on which fascicles end, not the muscle",
            )
        out.setdefault(owner.label, []).append(sheet)
    return out


def _meets_if(points: FloatArray, muscle: DrawnMuscle) -> str:
    words = elsewhere(points, lambda moved: _share_near(moved, muscle) >= _LEAST_NEAR)
    return f"; {words}" if words else ""


def _owner(number: int, muscles: Sequence[DrawnMuscle], path: Path) -> DrawnMuscle:
    for muscle in muscles:
        if number in (muscle.label, muscle.number or muscle.label):
            return muscle
    raise LabelError(
        f"belongs to label {number}, which is not among the muscles",
        path,
        "Correct the label in its name, or give the muscle with --label",
    )


def _read_all(paths: Sequence[Path]) -> list[AponeurosisSurface]:
    """Read masks and surfaces, in their order; all surfaces at once."""
    meshes = [path for path in paths if path.suffix.lower() in SUFFIXES]
    try:
        surfaces = dict(zip(meshes, load_surfaces(meshes), strict=True))
    except MissingFileError as error:
        raise MissingFileError("no such aponeurosis", error.path, error.fix) from None
    except InputError as error:
        raise LabelError(error.what, error.path, error.fix) from error
    out = []
    for path in paths:
        if path in surfaces:
            check_size(surfaces[path].points, "the aponeurosis", path)
        try:
            if path in surfaces:
                out.append(sheet_from_mesh(surfaces[path].points, surfaces[path].faces))
            else:
                image = load_mask(path)
                out.append(sheet_from_mask(image.data, image.affine))
        except LabelError as error:
            raise LabelError(error.what, error.path or path, error.fix) from error
    return out


def _share_near(points: FloatArray, muscle: DrawnMuscle) -> float:
    """Return the share of a sheet's corners within reach of a muscle's voxels."""
    reach = NEAR_MM + float(np.linalg.norm(muscle.mask.spacing)) / 2
    distance, _ = cKDTree(voxel_centres(muscle)).query(points, distance_upper_bound=reach)
    return float(np.isfinite(distance).mean())
