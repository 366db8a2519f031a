"""Fascicles as tractogram files: TRX (groups per muscle, figures per fascicle) and TrackVis TRK."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.formats import tracts, trx
from imaging.image import Image
from imaging.musclemap.read.meshes import MapFascicles
from imaging.muscles import NO_NAMES, Names, side_and_key


def trx_bytes(fascicles: MapFascicles, grid: Image, names: Names = NO_NAMES) -> bytes:
    """Return fascicles as a TRX archive, with groups named by side and muscle.

    Parameters
    ----------
    fascicles
        World RAS+ mm.
    grid
        Image that the header refers to.
    names
        Of the muscles that the catalogue does not know.
    """
    groups: dict[str, NDArray[np.intp]] = {}
    for label in np.unique(fascicles.labels).tolist():
        name = side_and_key(label, "_", names)
        name = f"{name}_{label}" if name in groups else name  # two muscles of one name
        groups[name] = np.flatnonzero(fascicles.labels == label)
    figures = _per_fascicle(fascicles)
    return trx.archive(fascicles.points, fascicles.offsets, figures, groups, grid)


def trk_bytes(fascicles: MapFascicles, grid: Image) -> bytes:
    """Return fascicles as a TrackVis file whose header lies on the grid of an image.

    Of the figures that fit into TRK the label comes first, then measures in the order of the table.
    """
    lines = tracts.Tracts(fascicles.points, fascicles.offsets)
    return tracts.trk_bytes(lines, _per_fascicle(fascicles), grid)


def _per_fascicle(fascicles: MapFascicles) -> dict[str, NDArray[np.float32]]:
    names = ["label", *fascicles.measures]
    return {name: fascicles.data[name].to_numpy(np.float32) for name in names}
