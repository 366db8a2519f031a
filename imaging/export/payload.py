"""What the viewer page carries: volumes, surfaces, fascicles and tables, small enough to inline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from imaging import __version__
from imaging.export.activation import (
    EACH_LEG,
    FORCE_PAINTED,
    PAINTED,
    Curves,
    both_sides,
    curves,
    force_curves,
)
from imaging.export.groups import group_of_column, group_titles
from imaging.export.packing import step_of
from imaging.export.structures import PARTS, corners, fascicle_facts, largest_muscle, structures
from imaging.export.volumes import overlays, volumes
from imaging.musclemap.headline import is_headline
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.musclemap.table import measure_of_column
from imaging.musclemap.titles import shown_column
from imaging.palette import GREY, SHEET, colour_scale


def payload(muscle_map: MuscleMap, *, all_fascicles: int) -> dict[str, Any]:
    """Return everything the page shows, ready for JSON.

    Parameters
    ----------
    muscle_map
        Parts that are missing are left out and named; see :func:`imaging.export.mesh.for_screen`.
    all_fascicles
        Number in the whole map.
    """
    kept = muscle_map.fascicles
    low, extent = corners(muscle_map)
    step = step_of(extent)
    layers = overlays(muscle_map.arrays)
    return {
        "subject": muscle_map.prefix,
        "version": __version__,
        "volumes": volumes(muscle_map.arrays),
        "overlays": layers,
        "corner": low.tolist(),
        "step": step,
        "structures": structures(muscle_map, low, step),
        "largest": largest_muscle(muscle_map),
        "fascicles": fascicle_facts(kept, all_fascicles),
        "columns": _columns(muscle_map.muscles),
        "groups": group_titles(),
        "activation": _activation(muscle_map),
        "force": _force(muscle_map),
        "scales": {"measure": colour_scale("viridis"), "activation": colour_scale("plasma")},
        "grey": GREY,
        "sheet": SHEET,
        "warnings": [sentence for _, sentence in muscle_map.notes.warnings],
        "missing": _missing(muscle_map, layers),
    }


def _columns(muscles: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the measures of the wide table that hold a value for any muscle."""
    out = []
    for column in muscles.columns:
        name = str(column)
        if name == "label" or name.endswith(PARTS):
            continue
        values = muscles[column]
        if pd.api.types.is_numeric_dtype(values) and values.notna().any():
            title, unit, factor = shown_column(name)
            low, high = float(values.min()) * factor, float(values.max()) * factor
            found = measure_of_column(name)
            out.append({"id": name, "title": title, "unit": unit, "low": low, "high": high,
                        "group": group_of_column(name),
                        "headline": found is not None and is_headline(found[0])})  # fmt: skip
    return out


def _activation(muscle_map: MuscleMap) -> dict[str, Any] | None:
    found = curves(muscle_map.activation, muscle_map.surfaces)
    return None if found is None else _cycle(found, PAINTED)


def _force(muscle_map: MuscleMap) -> dict[str, Any] | None:
    """Return the share of force over the cycle, and each muscle's force over its own largest."""
    found = force_curves(muscle_map.load, muscle_map.surfaces)
    if found is None or muscle_map.load is None:
        return None
    rows = muscle_map.load.sort_values("percent")
    own = {
        str(k): np.round(rows.loc[rows["label"] == k, "of_peak"].to_numpy(float), 4).tolist()
        for k in found.values
    }
    return _cycle(found, FORCE_PAINTED) | {"of_peak": own}


def _cycle(found: Curves, note: str) -> dict[str, Any]:
    shares = {str(k): np.round(found.shares(k), 4).tolist() for k in found.values}
    return {"percent": found.percent.tolist(), "shares": shares, "largest": found.largest,
            "unit": found.unit, "note": f"{note}. {EACH_LEG}" if both_sides(found) else note,
            }  # fmt: skip


def _missing(muscle_map: MuscleMap, layers: Iterable[Mapping[str, Any]]) -> list[str]:
    out = [f"{title}: {why}" for title, why in muscle_map.notes.absent]
    if muscle_map.fascicles is None:
        why = muscle_map.why_no_fascicles() or "the map has no diffusion data"
        out.append(f"No fascicles: {why}")
    if muscle_map.activation is None:
        out.append("No activation: the map has no EMG recording")
    if not any(str(layer["id"]).startswith("stiffness") for layer in layers):
        out.append("No stiffness: the map has no elastography")
    return list(dict.fromkeys(out))
