"""What a foreign model yields, and what it may be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.image import Image
from imaging.muscles import Side, structure_of


@dataclass(frozen=True)
class ModelOptions:
    """What a user may tell a model.

    Attributes
    ----------
    version : str or None
        Version of the model, where its files do not say it.
    scheme : str or None
        Name of a label scheme, or a table like those of ``imaging/data/schemes``; none: the names
        that the model itself gives.
    side : str
        Side of a single leg, for models that must be told.
    orientation : str or None
        Axis codes such as ``LPS`` in which an external tool gets the image; none: ``RAS``.
    overlap : float
        Share by which neighbouring tiles overlap, 0..0.9.
    device : str
        ``cpu`` or ``cuda``, for external tools.
    python : str or None
        Python interpreter in which a tool is installed that has no command of its own (Dafne).
    timeout_s : float
        Longest time an external tool may take, s.
    trusted : bool
        The user knows where the model's files come from: what they hold may run.
    """

    version: str | None = None
    scheme: str | None = None
    side: Side = "undecided"
    orientation: str | None = None
    overlap: float = 0.5
    device: str = "cpu"
    python: str | None = None
    timeout_s: float = 4 * 3600.0
    trusted: bool = False


@dataclass(frozen=True)
class ModelResult:
    """Labels of a foreign model in the words of the catalogue.

    Attributes
    ----------
    labels : Image
        int16, 100·side + index of the catalogue; side 0 where the model tells none. On the grid of
        the image that was given.
    confidence : (I, J, K) float32 or None
        0..1, of the label given; none where the model yields labels only.
    name, version : str
        Of the model. They stay with the label map: the same number means other muscles in other
        versions.
    scheme : str
        Where the meaning of its labels was taken from.
    licence : str
        Of the weights; empty where not said.
    note : str
        What a reader must know: what is merged, what was left out.
    """

    labels: Image
    confidence: NDArray[np.float32] | None
    name: str
    version: str
    scheme: str
    licence: str = ""
    note: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the catalogue that are labelled, in its order."""
        indices = np.unique(self.labels.data % 100)
        return tuple(structure_of(int(i)).key for i in indices if i > 0)

    @property
    def merged(self) -> tuple[str, ...]:
        """Keys of the labels that hold more than one muscle."""
        found = {structure_of(int(v)) for v in np.unique(self.labels.data) if v > 0}
        return tuple(s.key for s in sorted(found, key=lambda s: s.index) if s.tissue == "group")

    def about(self) -> dict[str, Any]:
        """Return what a sidecar or a note keeps of the model."""
        return {
            "name": self.name,
            "version": self.version,
            "scheme": self.scheme,
            "licence": self.licence,
            "merged": list(self.merged),
            "note": self.note,
        }
