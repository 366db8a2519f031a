"""What every inversion returns: maps with their quantity, confidence and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imaging.arrays import BoolArray, FloatArray
from imaging.elastography.uncertainty import MuscleError
from imaging.measures import Measure


@dataclass(frozen=True)
class QuantityMap:
    """One map of an inversion.

    Attributes
    ----------
    values : (I, J, K) float32 array
        0 outside the mask of its inversion.
    unit : str
        ``Pa``, ``rad``, ``1`` ...
    quantity : str
        What it is: ``magnitude``, ``storage_modulus``, ``loss_modulus``, ``shear_stiffness``,
        ``mu_perp``, ``mu_par``, ``e_par``, ``loss_angle``, ``confidence``, ``condition`` ...
    """

    values: FloatArray
    unit: str
    quantity: str


@dataclass(frozen=True)
class Inversion:
    """Maps of one inversion on the grid of the waves.

    Attributes
    ----------
    method : str
        Short name that goes into file and measure names: ``mdev``, ``curl``, ``kmdev``, ``ti``.
    text : str
        One clause that names the method with its choices, for sidecars and the report.
    maps : mapping of str to QuantityMap
        File suffix to map; ``confidence`` (0 to 1) is always among them.
    mask : (I, J, K) bool array
        Where the maps hold data.
    warnings : tuple of str
        What a reader must know, in whole sentences.
    muscles : tuple of Measure
        Figures fitted to whole muscles, with intervals, where the method does so; they stand
        beside the medians of voxels.
    errors : mapping of int to MuscleError
        How far the modulus of every labelled muscle may be off, where the method can tell.
    citations : tuple of str
    facts : mapping
        Numbers behind the words (cut-off, drivers, frequencies ...), JSON-able.
    """

    method: str
    text: str
    maps: Mapping[str, QuantityMap]
    mask: BoolArray
    warnings: tuple[str, ...] = ()
    muscles: tuple[Measure, ...] = ()
    errors: Mapping[int, MuscleError] = field(default_factory=dict)
    citations: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
