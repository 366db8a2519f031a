"""Internal aponeuroses drawn by a person: masks and surfaces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyvista as pv
from scipy.spatial import cKDTree

from imaging.errors import LabelError, MissingFileError
from imaging.formats.nifti import load_mask
from imaging.geometry import Sheet, sheet_from_mask, sheet_from_mesh
from imaging.io.muscles import LPS, NEAR_MM, DrawnMuscle, voxel_centres

SURFACES = (".vtp", ".vtk", ".stl", ".ply", ".obj")


_LEAST_NEAR = 0.1  # share of a sheet within reach of its muscle


def read_sheets(paths: Sequence[Path], muscles: Sequence[DrawnMuscle]) -> dict[int, list[Sheet]]:
    """Read internal aponeuroses and tell to which label each belongs.

    The number in ``label-<n>`` of its name tells the muscle. A single muscle needs no such name;
    among several masks the one in whose place the aponeurosis lies is taken.

    Raises
    ------
    LabelError
        Its muscle is not among those given, cannot be told, or lies elsewhere.
    """
    out: dict[int, list[Sheet]] = {}
    for path in paths:
        found = re.search(r"label-(\d+)", path.name)
        if not found and len(muscles) > 1 and any(m.number for m in muscles):
            raise LabelError("names no label", path, "Name it …label-<n>_aponeurosis")
        sheet = _read_sheet(path)
        near = {m.label: _share_near(sheet, m) for m in muscles}
        if found:
            owner = _owner(int(found.group(1)), muscles, path)
        else:
            owner = max(muscles, key=lambda m: near[m.label])
        if near[owner.label] < _LEAST_NEAR:
            turned = _share_near(sheet, owner, turned=True) >= _LEAST_NEAR
            raise LabelError(
                f"{near[owner.label]:.0%} of the aponeurosis lies within {NEAR_MM:g} mm of "
                f"{owner.name} ({owner.path})"
                + (f"; with x and y turned it does: {LPS}" if turned else ""),
                path,
                "Give an aponeurosis and a muscle of the same leg and session, world RAS+",
            )
        out.setdefault(owner.label, []).append(sheet)
    return out


def _owner(number: int, muscles: Sequence[DrawnMuscle], path: Path) -> DrawnMuscle:
    for muscle in muscles:
        if number in (muscle.label, muscle.number or muscle.label):
            return muscle
    raise LabelError(
        f"belongs to label {number}, which is not among the muscles",
        path,
        "Correct the label in its name, or give the muscle with --label",
    )


def _read_sheet(path: Path) -> Sheet:
    if path.suffix.lower() not in SURFACES:
        image = load_mask(path)
        return sheet_from_mask(image.data, image.affine)
    if not path.is_file():
        raise MissingFileError("no such aponeurosis", path, "Check the path")
    try:
        mesh = pv.read(path).extract_surface(algorithm="dataset_surface").triangulate()
    except Exception as error:  # VTK's readers raise unrelated kinds
        raise LabelError(
            f"cannot be read as a surface ({error})", path, "Export it again"
        ) from error
    if not mesh.n_cells:
        raise LabelError("holds no triangle", path, "Export the aponeurosis as a surface")
    return sheet_from_mesh(np.asarray(mesh.points, float), mesh.regular_faces)


def _share_near(sheet: Sheet, muscle: DrawnMuscle, turned: bool = False) -> float:
    """Return the share of a sheet's corners within reach of a muscle's voxels."""
    points = sheet.points * (-1, -1, 1) if turned else sheet.points
    reach = NEAR_MM + float(np.linalg.norm(muscle.mask.spacing)) / 2
    distance, _ = cKDTree(voxel_centres(muscle)).query(points, distance_upper_bound=reach)
    return float(np.isfinite(distance).mean())
