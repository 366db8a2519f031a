"""What anatomy tells of any lower leg: where structures lie, and where fascicles lean.

``imaging/data/leg_layout.tsv``: where structures lie in a cross-section of the calf. It is laid
over labels to find anterior and lateral, so that foot rotation and side do not matter.
``imaging/data/fibre_prior.tsv``: for a muscle, or a part of it as seen from the middle of its own
cross-section, the angle from the leg's axis by which a fascicle leans anteriorly and laterally on
its way proximally; how far a healthy leg may differ; and the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from imaging.arrays import FloatArray, IntArray
from imaging.muscles import structure_of
from imaging.own_tables import own_rows

_FEWEST_STRUCTURES = 4  # that anterior and lateral are found from
_CLEAR_HAND = 0.2  # difference of the correlations of a leg with a left and a right one
_SIDES = {"anterior": (0, 1.0), "posterior": (0, -1.0), "lateral": (1, 1.0), "medial": (1, -1.0)}


class Lean(NamedTuple):
    """A row of the table of leans."""

    muscle: str
    region: str
    anterior_deg: float
    lateral_deg: float
    tolerance_deg: float
    source: str


class Place(NamedTuple):
    """A row of the table of places."""

    structure: str
    anterior_mm: float
    lateral_mm: float


@cache
def leans() -> tuple[Lean, ...]:
    """Return the rows of the table of leans."""
    return tuple(
        Lean(
            row["muscle"], row["region"], float(row["anterior_deg"]), float(row["lateral_deg"]),
            float(row["tolerance_deg"]), row["source"],
        )
        for row in own_rows("fibre_prior.tsv")
    )  # fmt: skip


@cache
def layout() -> tuple[Place, ...]:
    """Return the rows of the table of places."""
    return tuple(
        Place(row["structure"], float(row["anterior_mm"]), float(row["lateral_mm"]))
        for row in own_rows("leg_layout.tsv")
    )


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
    laid = _laid_over(labels, points)
    if laid is None:
        return None
    # Procrustes, mirror images allowed: left and right legs.
    left, _, right = np.linalg.svd(laid.places.T @ laid.centres)
    anterior, lateral = left @ right @ laid.across
    return np.stack([anterior, lateral, laid.proximal])


def sides_contradicted(labels: IntArray, points: FloatArray) -> str:
    """Return how the sides of labels contradict the legs, in words; empty where they do not.

    A left and a right leg are mirror images, whatever their turn: where anterior and proximal
    point, lateral follows from the side. And the right leg lies to the right of the left one.

    Parameters
    ----------
    labels : (P,) array
        100 * side + index of each point.
    points : (P, 3) array
        World RAS+ mm.
    """
    middles, mirrored = {}, []
    for side, name in ((1, "left"), (2, "right")):
        own = labels // 100 == side
        laid = _laid_over(labels[own], points[own]) if own.any() else None
        if laid is None:
            continue
        middles[name] = points[own].mean(axis=0)
        hand = laid.handedness()
        if abs(hand) > _CLEAR_HAND and (hand > 0) != (name == "left"):
            mirrored.append(name)
    crossed = len(middles) == 2 and middles["right"][0] < middles["left"][0]
    if crossed and len(mirrored) == len(middles):
        return "the labels call the left leg right and the right leg left"
    if crossed:
        return "the leg that the labels call right lies to the left of the other one"
    if mirrored:
        return (
            f"the muscles called {' and '.join(mirrored)} lie as in a leg of the other side: the "
            "labels name the wrong side, or image and labels are mirrored"
        )
    return ""


@dataclass(frozen=True)
class _LaidOver:
    """Structures of one leg, and where the table of places has them."""

    centres: FloatArray  # (S, 2), centred, along `across`
    places: FloatArray  # (S, 2), anterior and lateral, centred
    across: FloatArray  # (2, 3)
    proximal: FloatArray  # (3,)

    def handedness(self) -> float:
        """Return by how much better a left leg (> 0) fits than a right one (< 0): correlations."""
        product = self.places.T @ self.centres
        best, least = np.linalg.svd(product, compute_uv=False)
        size = float(np.linalg.norm(self.places) * np.linalg.norm(self.centres))
        # Fits of the two hands are (best + least) and (best - least).
        anterior, lateral = np.sign(np.linalg.det(product)) * self.across[0], self.across[1]
        hand = np.linalg.det(np.stack([anterior, lateral, self.proximal]))
        return float(np.sign(hand) * 2.0 * least / max(size, 1e-9)) if best > 0 else 0.0


def _laid_over(labels: IntArray, points: FloatArray) -> _LaidOver | None:
    """Return the structures of one leg across its long axis; None when there are too few."""
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
    return _LaidOver(a - a.mean(0), b - b.mean(0), across, proximal)


def lean_direction(row: Lean) -> FloatArray:
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
