"""What stiffness maps of one run have in common, and the words for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.config import ElastographySettings
from imaging.image import Image
from imaging.io.region import Region
from imaging.measures import Measure
from imaging.muscles import muscle_labels, side_and_key, side_and_name


@dataclass(frozen=True)
class Source:
    """What the maps of one run have in common.

    Attributes
    ----------
    grid : Image
        Any image on the grid of the maps.
    labels : (I, J, K) int array
        On that grid; zeros where none were given.
    wanted : sequence of int
        Labels to report, also those without a voxel here; [0] for the whole mask.
    inputs : sequence of Path
    options : ElastographySettings
    frequency_hz : sequence of float
    density : float
        kg/m3.
    dicom : bool
        Write maps as DICOM parametric maps, too.
    """

    grid: Image
    labels: NDArray[np.integer[Any]]
    wanted: Sequence[int]
    inputs: Sequence[Path]
    options: ElastographySettings
    frequency_hz: Sequence[float]
    density: float
    dicom: bool = False

    @property
    def named(self) -> str:
        """Frequencies in words."""
        return "+".join(f"{f:g}" for f in self.frequency_hz) + " Hz"

    @property
    def keys(self) -> dict[str, Any]:
        """What every sidecar says."""
        hertz = list(self.frequency_hz)
        return {
            "FrequencyHz": hertz[0] if len(hertz) == 1 else hertz,
            "DensityKgPerM3": self.density,
        }


def labels_on(grid: Image, labels: Region | None) -> tuple[NDArray[np.integer[Any]], Sequence[int]]:
    """Return muscle labels on a grid, and those to report.

    Raises
    ------
    ImageError
        The labels lie elsewhere.
    """
    if labels is None:
        return np.zeros(grid.shape, np.int16), [0]
    return labels.on(grid).data, muscle_labels(labels.image.data)


@dataclass(frozen=True)
class Wording:
    """What is said of a method beside its figures.

    Attributes
    ----------
    sentence : str
        For the methods section.
    note : str
        Put into every row of the measures.
    warnings : sequence of str
        Beside those of the inversion.
    stiffness_keys : mapping
        Further keys in the sidecar of the map named ``stiffness``.
    names : mapping
        Name of a map's quantity in its measure, where not the usual one.
    """

    sentence: str
    note: str
    warnings: Sequence[str] = ()
    stiffness_keys: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def summary(rows: Sequence[Measure]) -> str:
    """Return a short table of moduli per muscle for the terminal."""
    moduli = [r for r in rows if r.unit == "Pa" and not r.measure.endswith("_iqr")]
    names = list(dict.fromkeys(r.measure.removeprefix("stiffness_") for r in moduli))
    lines, without = [f"{'kPa':36}" + "".join(f"{n:>18}" for n in names)], []
    for label in dict.fromkeys(r.label for r in moduli):
        values = {r.measure.removeprefix("stiffness_"): r.value for r in moduli if r.label == label}
        who = side_and_name(label) if label else "all tissue"
        cells = [values.get(n) for n in names]
        if label and all(v is None for v in cells):
            without.append(side_and_key(label))
            continue
        text = "".join(f"{'-' if v is None else format(v / 1000, '.3g'):>18}" for v in cells)
        lines.append(f"{who:36}{text}")
    if without:
        lines.append(f"not measured: {', '.join(without)}")
    return "\n".join(lines)
