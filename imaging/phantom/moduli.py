"""Stiffness and MR signal of every tissue of the digital leg: the truth behind its wave images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imaging.arrays import ComplexArray, FloatArray, LabelArray
from imaging.muscles import structure_of

# |G*| (Pa) and loss angle (rad) at 60 Hz. SOL, GM, GL and TA are of the size of mu_12 in Guo et
# al., Magn Reson Med 2016; the other muscles are set beside them so that groups can be told apart.
STIFFNESS: Mapping[str, tuple[float, float]] = {
    "TA": (1260.0, 0.30),
    "EDL+EHL+PT": (1150.0, 0.30),
    "PL+PB": (1350.0, 0.28),
    "GM+GL": (900.0, 0.32),
    "SOL": (1060.0, 0.30),
    "PLA": (950.0, 0.30),
    "POP": (1100.0, 0.30),
    "FDL": (1000.0, 0.30),
    "FHL": (1200.0, 0.30),
    "TP": (1400.0, 0.28),
    "TIB": (6000.0, 0.15),
    "FIB": (6000.0, 0.15),
    "SAT": (800.0, 0.40),
    "SKIN": (1500.0, 0.40),
}
_CONNECTIVE = (1300.0, 0.30)
_SURROUNDINGS = (1000.0, 0.60)  # gel in place of air: softer does not converge
# Ratios to the modulus across the fibre, of the size of Guo et al. 2016: mu_13/mu_12 and E3/mu_12.
ALONG, TENSILE = 1.3, 7.0
_SIGNAL = {"muscle": 1.0, "group": 1.0, "fat": 1.4, "skin": 0.8, "bone": 0.25}


def tissue_of(label: int) -> tuple[float, float, float]:
    """Return |G*| in Pa, loss angle in rad, and MR signal of a label."""
    if label == 0:
        return (*_SURROUNDINGS, 0.0)
    if label < 0:
        return (*_CONNECTIVE, 0.7)
    found = structure_of(label)
    values = STIFFNESS.get(found.key) or STIFFNESS.get(found.group) or _CONNECTIVE
    return (*values, _SIGNAL.get(found.tissue, 1.0))


def paint(labels: LabelArray) -> tuple[ComplexArray, FloatArray]:
    """Return the complex shear modulus in Pa and the MR signal of a label array."""
    present, index = np.unique(labels, return_inverse=True)
    table = np.array([tissue_of(int(v)) for v in present])
    modulus = table[:, 0] * np.exp(1j * table[:, 1])
    index = index.reshape(labels.shape)
    return modulus[index].astype(np.complex64), table[index, 2].astype(np.float32)
