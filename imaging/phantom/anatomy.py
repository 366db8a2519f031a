"""Table of the mean leg (``imaging/data/phantom_leg.tsv``) and its variation between people.

Heights are fractions of the tibia (0 ankle, 1 knee). Places across the leg are fractions of the
radius of the crural fascia from its centre, x lateral and y anterior, at three heights. `width` and
`depth` shape the power cell, turned by `turn_deg`; `tilt_deg` is the direction across the leg in
which fascicles leave the line of the muscle on their way up (both ways from an internal sheet, or
towards it where converging). Volumes and fascicle lengths: young adults, after
Fukunaga 1992, Ward 2009 and Rajagopal 2016; small muscles are chosen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray

MEAN_LENGTH_MM = 375.0
PLACE_HEIGHTS = (0.15, 0.55, 0.92)


@dataclass(frozen=True)
class Anatomy:
    """One person's proportions.

    Attributes
    ----------
    table : DataFrame
        One row per muscle, then connective fillers; columns of the data file.
    length_mm : float
        Ankle to knee.
    bone_mm : float
        Radius of the tibial shaft.
    fat_mm : float
        Mean thickness of subcutaneous fat.
    outline : (H, 2) array
        Cosine and sine amplitudes of the outline's radius for orders 1..H.
    fat_wave : (2,) array
        Cosine and sine amplitudes of the fat's thickness around the leg.
    """

    table: pd.DataFrame
    length_mm: float
    bone_mm: float
    fat_mm: float
    outline: FloatArray
    fat_wave: FloatArray


def mean_table() -> pd.DataFrame:
    """Return the table of the mean leg."""
    with resources.as_file(resources.files("imaging") / "data" / "phantom_leg.tsv") as path:
        return pd.read_csv(path, sep="\t", na_values=["n/a"])


def draw_anatomy(
    person: np.random.Generator, leg: np.random.Generator, variation: float
) -> Anatomy:
    """Draw the proportions of one leg.

    Parameters
    ----------
    person
        Random numbers of the person: both legs share length, girth and fat.
    leg
        Random numbers of the leg.
    variation
        0: the mean leg; 1: as people differ.
    """

    def shared(sd: float) -> float:
        return variation * sd * float(np.clip(person.standard_normal(), -2, 2))

    def spread(sd: float, size: int | tuple[int, ...]) -> FloatArray:
        return variation * sd * np.clip(leg.standard_normal(size), -2, 2)

    table = mean_table()
    n = len(table)
    length = MEAN_LENGTH_MM * math.exp(shared(0.06))
    scale = length / MEAN_LENGTH_MM
    girth, fat, bone = math.exp(shared(0.10)), math.exp(shared(0.35)), math.exp(shared(0.05))
    table["volume_ml"] *= girth * scale**2 * np.exp(spread(0.08, n))
    muscle = table["architecture"] != "connective"
    for column in ("low", "peak", "high"):
        table[column] += np.where(muscle, spread(0.010, n), 0.0)
    for column in ("x_low", "y_low", "x_mid", "y_mid", "x_high", "y_high"):
        table[column] += spread(0.012, n)
    table["fascicle_mm"] *= scale * np.exp(spread(0.06, n))
    outline = np.array([[0.0, 0.0], [-0.02, 0.0], [0.0, 0.015]]) + spread(0.008, (3, 2))
    fat_wave = np.array([-0.25, -0.15]) + spread(0.05, 2)
    return Anatomy(table, length, 13.0 * bone, 6.0 * fat, outline, fat_wave)
