"""What anatomy tells of any lower leg: where structures lie, and where fascicles lean.

``imaging/data/leg_layout.tsv``: where structures lie in a cross-section of the calf. It is laid
over labels to find anterior and lateral, so that foot rotation and side do not matter.
``imaging/data/fibre_prior.tsv``: for a muscle, or a part of it as seen from the middle of its own
cross-section, the angle from the leg's axis by which a fascicle leans anteriorly and laterally on
its way proximally; how far a healthy leg may differ; and the source.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray, IntArray
from imaging.muscles import structure_of

_FEWEST_STRUCTURES = 4  # that anterior and lateral are found from
_SIDES = {"anterior": (0, 1.0), "posterior": (0, -1.0), "lateral": (1, 1.0), "medial": (1, -1.0)}


@cache
def _table(name: str) -> list[Any]:
    with files("imaging").joinpath(f"data/{name}.tsv").open(encoding="utf-8") as stream:
        return list(pd.read_csv(stream, sep="\t").itertuples())


def leans() -> list[Any]:
    """Return the rows of the table of leans."""
    return _table("fibre_prior")


def layout() -> list[Any]:
    """Return the rows of the table of places."""
    return _table("leg_layout")


def leg_axes(labels: IntArray, points: FloatArray) -> FloatArray | None:
    """Return anterior, lateral and proximal (3, 3) of one leg as rows, world RAS+.

    Parameters
    ----------
    labels : (P,) array
        Label of each point; of one side only.
    points : (P, 3) array
        World mm.

    Returns
    -------
    array or None
        None when too few structures are labelled. Proximal points to S; whether the axes are
        left- or right-handed follows from where the structures lie.
    """
    centred = points - points.mean(axis=0)
    proximal = np.linalg.eigh(centred.T @ centred)[1][:, 2]
    proximal = proximal * (1.0 if proximal[2] >= 0 else -1.0)
    across = np.linalg.svd(proximal[None])[2][1:]
    places = {r.structure: (r.anterior_mm, r.lateral_mm) for r in layout()}
    here, there = [], []
    for label in np.unique(labels):
        key = structure_of(int(label)).key
        if key in places:
            here.append((centred[labels == label] @ across.T).mean(axis=0))
            there.append(places[key])
    if len(here) < _FEWEST_STRUCTURES:
        return None
    a, b = np.array(here), np.array(there, float)
    # Procrustes, mirror images allowed: left and right legs.
    left, _, right = np.linalg.svd((b - b.mean(0)).T @ (a - a.mean(0)))
    anterior, lateral = left @ right @ across
    return np.stack([anterior, lateral, proximal])


def lean_direction(row: Any) -> FloatArray:
    """Return the unit direction (3,) of a row of leans: anterior, lateral, proximal."""
    lean = np.tan(np.radians([row.anterior_deg, row.lateral_deg]))
    direction = np.array([*lean, 1.0])
    return direction / np.linalg.norm(direction)


def expected_direction(key: str, axes: FloatArray, offset: FloatArray) -> FloatArray | None:
    """Return the mean direction of the fascicles of a part of a muscle.

    Parameters
    ----------
    key
        Of the muscle.
    axes : (3, 3) array
        Anterior, lateral and proximal as rows; see :func:`leg_axes`.
    offset : (3,) array
        From the muscle's middle to that of the part, world mm; 0 for the whole muscle.

    Returns
    -------
    (3,) array or None
        Unit, world RAS+; None where the table does not tell.
    """
    place = axes[:2] @ offset
    for row in leans():
        if row.muscle != key:
            continue
        sides = [_SIDES[name] for name in row.region.split("-") if name in _SIDES]
        if all(sign * place[axis] > 0 for axis, sign in sides):
            return np.asarray(lean_direction(row) @ axes)
    return None
