"""Results of single muscles, joined: fascicles, maps of direction, profiles, surfaces of sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyvista as pv

from imaging.architecture.fascicles import Fascicles, join
from imaging.architecture.muscle import MuscleArchitecture
from imaging.architecture.profile import profile
from imaging.architecture.tractogram import labelled_surface
from imaging.image import Image
from imaging.muscles import is_known

# Least share of a voxel that is shown.
_LEAST_SHARE = 0.25


def joined_fascicles(results: Sequence[MuscleArchitecture], names: Mapping[int, str]) -> Fascicles:
    """Return the fascicles of all muscles; those unknown to the catalogue under their own name."""
    return join([_named(r.fascicles, names.get(r.label, "")) for r in results])


def _named(fascicles: Fascicles, name: str) -> Fascicles:
    table = fascicles.table
    if not len(table) or is_known(int(table["label"].iloc[0])):
        return fascicles
    return replace(fascicles, table=table.assign(muscle=name))


def direction_maps(
    results: Sequence[MuscleArchitecture], grid: Image
) -> tuple[Image, Image] | None:
    """Return directions and dispersion on the tensor's grid; the muscle with most of it wins.

    Parameters
    ----------
    results
        One per muscle.
    grid
        Any image on the grid of the tensor.

    Returns
    -------
    tuple of Image, or None
        Unit vectors (I, J, K, 3) in world RAS+, up to their sign; degrees (I, J, K); both 0 outside
        muscles. None where no muscle was followed through tensors.
    """
    if all(r.box is None for r in results):
        return None
    directions = np.zeros((*grid.shape, 3), np.float32)
    dispersion = np.zeros(grid.shape, np.float32)
    share = np.full(grid.shape, _LEAST_SHARE, np.float32)
    for r in results:
        if r.box is None or r.share is None or r.directions is None or r.dispersion_deg is None:
            continue
        wins = r.share > share[r.box]
        share[r.box][wins] = r.share[wins]
        directions[r.box][wins] = r.directions[wins]
        dispersion[r.box][wins] = r.dispersion_deg[wins]
    return grid.with_data(directions), grid.with_data(dispersion)


def profiles(results: Sequence[MuscleArchitecture], names: Mapping[int, str]) -> pd.DataFrame:
    """Return the table of five parts of each muscle along its line of action."""
    parts = []
    for r in results:
        places = r.seeds if r.seeds is not None and len(r.fascicles) else np.zeros((0, 3))
        part = profile(r.label, r.points, r.fascicles.table, places)
        own = part["muscle"] if is_known(r.label) else names.get(r.label, "")
        parts.append(part.assign(muscle=own))
    return pd.concat(parts, ignore_index=True)


def sheet_surface(results: Sequence[MuscleArchitecture]) -> pv.PolyData | None:
    """Return the internal aponeuroses, arrays ``label`` and ``found``; None where there is none."""
    meshes = [(r.label, s.points, s.faces) for r in results for s in r.sheets]
    if not meshes:
        return None
    surface = labelled_surface(meshes)
    found = [r.label for r in results if r.sheets_found]
    surface.cell_data["found"] = np.isin(surface.cell_data["label"], found).astype(np.uint8)
    return surface
