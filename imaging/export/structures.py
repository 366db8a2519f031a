"""Muscles and bones for the viewer page: surfaces, aponeuroses, fascicles and figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyvista as pv
from numpy.typing import NDArray

from imaging.export.groups import group_of_layer
from imaging.export.packing import STEP_MM, packed, steps, value_range
from imaging.export.volumes import centres, voxel_values
from imaging.musclemap.read.meshes import MapFascicles
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.musclemap.titles import shown, shown_column
from imaging.muscles import muscle_labels, side_and_name, side_of, structure_of
from imaging.palette import muscle_colour

# Figures of a selected fascicle that are always told; others where they are chosen.
_HEADLINE = ("length_mm", "pennation_start_deg", "pennation_end_deg", "curvature_per_m", "fa_mean",
             "stiffness_vfm_mean", "extrapolated_fraction", "force_at_peak_N")  # fmt: skip
# What a muscle cut by the field of view has of its part in view only.
CUT_COLUMNS = ("volume_ml", "pcsa_anatomical_cm2", "pcsa_functional_cm2")
# Endings of columns that belong to another column of the wide table.
PARTS = ("_sd", "_n", "_ci_low", "_ci_high", "_status")


def structures(
    muscle_map: MuscleMap, corner: NDArray[Any], step_mm: float = STEP_MM
) -> list[dict[str, Any]]:
    """Return one entry per structure: name, colour, figures, and what there is to draw of it.

    Parameters
    ----------
    muscle_map
        See :func:`imaging.export.mesh.for_screen`.
    corner : (3,) array
        World point that packed coordinates count from.
    step_mm
        Their step.
    """
    fascicles = muscle_map.fascicles
    lines = dict(fascicles.by_label()) if fascicles is not None and len(fascicles) else {}
    rows = muscle_map.muscles.set_index("label")
    labels = muscle_map.arrays["label"].data
    present = set(np.unique(labels).tolist()) - {0}
    values, places = voxel_values(labels), centres(muscle_map.arrays["label"])
    active = muscle_map.active_labels()
    out = []
    for label in sorted(present | set(muscle_map.surfaces) | set(lines)):
        part = structure_of(int(label), muscle_map.names)
        entry: dict[str, Any] = {
            "label": int(label), "key": part.key, "side": side_of(int(label)),
            "name": side_and_name(int(label), muscle_map.names), "tissue": part.tissue,
            "muscle": part.is_muscle, "colour": muscle_colour(int(label)), "emg": label in active,
            "row": _row(rows, label),
        }  # fmt: skip
        if label in places:
            entry["centre"] = np.round(places[label], 2).tolist()
        if label in values:
            entry["voxel"] = values[label]
        if label in muscle_map.surfaces:
            entry |= _triangles(muscle_map.surfaces[label], corner, step_mm)
        if label in muscle_map.aponeuroses:
            sheet = muscle_map.aponeuroses[label]
            entry["sheet"] = {**_triangles(sheet.mesh, corner, step_mm), "found": sheet.found}
        if label in lines:
            entry["lines"] = _lines(lines[label], fascicles, corner, step_mm)
        out.append(entry)
    return out


def _triangles(mesh: pv.PolyData, corner: NDArray[Any], step_mm: float) -> dict[str, str]:
    return {
        "points": steps(np.asarray(mesh.points), corner, step_mm),
        "faces": packed(np.asarray(mesh.regular_faces).astype("<u4")),
    }


def _lines(
    part: MapFascicles, of_all: MapFascicles | None, corner: NDArray[Any], step_mm: float
) -> dict[str, Any]:
    names = [] if of_all is None else of_all.measures
    values = {
        name: packed((part.data[name].to_numpy(float) * shown(name).factor).astype("<f4"))
        for name in names
    }
    return {
        "points": steps(part.points, corner, step_mm),
        "offsets": packed(part.offsets.astype("<u4")),
        "values": values,
    }


def fascicle_facts(kept: MapFascicles | None, count: int) -> dict[str, Any] | None:
    """Return the measures to colour fascicles by, with their limits, and how many are shown."""
    if kept is None or len(kept) == 0:
        return None
    measures = []
    for name in kept.measures:
        low, high = value_range(kept.data[name].to_numpy(float))
        title, unit, factor = shown(name)
        measures.append({"id": name, "title": title, "unit": unit,
                         "low": low * factor, "high": high * factor,
                         "group": group_of_layer(name), "headline": name in _HEADLINE})  # fmt: skip
    return {"measures": measures, "shown": len(kept), "all": count}


def _row(rows: pd.DataFrame, label: int) -> dict[str, Any]:
    """Return a muscle's values as ``name: [value, sd, status]``, in the units shown."""
    if label not in rows.index:
        return {}
    row = {str(name): value for name, value in rows.loc[label].items()}
    out = {}
    for name in row:
        value = _figure(row[name])
        if not name.endswith(PARTS) and value is not None:
            status = str(row.get(f"{name}_status", ""))
            status = "cut" if name in CUT_COLUMNS and row.get("coverage") == 0 else status
            factor, sd = shown_column(name).factor, _figure(row.get(f"{name}_sd"))
            out[name] = [value * factor, None if sd is None else sd * factor, status]
    return out


def _figure(value: Any) -> float | None:
    if not isinstance(value, int | float | np.number) or not np.isfinite(value):
        return None
    return float(value)


def corners(muscle_map: MuscleMap) -> tuple[NDArray[np.float64], float]:
    """Return the lowest world coordinates (3,) of all that is drawn, whole mm, and its extent."""
    meshes = [*muscle_map.surfaces.values(), *(s.mesh for s in muscle_map.aponeuroses.values())]
    clouds = [np.asarray(mesh.points) for mesh in meshes if mesh.n_points]
    if muscle_map.fascicles is not None and len(muscle_map.fascicles):
        clouds.append(muscle_map.fascicles.points)
    ends = np.array([(c.min(axis=0), c.max(axis=0)) for c in clouds] or np.zeros((1, 2, 3)))
    low = np.floor(ends[:, 0].min(axis=0)).astype(np.float64)
    return low, float((ends[:, 1].max(axis=0) - low).max())


def largest_muscle(muscle_map: MuscleMap) -> int | None:
    """Return the label of the muscle with most voxels, None without muscles."""
    labels = muscle_map.arrays["label"].data
    counts = {k: int((labels == k).sum()) for k in muscle_labels(labels)}
    return max(counts, key=lambda k: counts[k], default=None)
