"""Fascicles as tractogram files: TRX (groups per muscle, figures per fascicle) and TrackVis TRK."""

from __future__ import annotations

import io

import nibabel as nib
import numpy as np
from nibabel.streamlines import ArraySequence, Tractogram, TrkFile
from numpy.typing import NDArray

from imaging import trx
from imaging.export.inputs import Fascicles, short_name
from imaging.image import Image

# Limits of the TRK header.
_TRK_PROPERTIES, _TRK_NAME = 10, 20


def trx_bytes(fascicles: Fascicles, grid: Image) -> bytes:
    """Return fascicles as a TRX archive, with groups named by side and muscle.

    Parameters
    ----------
    fascicles
        World RAS+ mm.
    grid
        Image that the header refers to.
    """
    groups = {
        short_name(int(label), "_"): np.flatnonzero(fascicles.labels == label)
        for label in np.unique(fascicles.labels)
    }
    figures = _per_fascicle(fascicles)
    return trx.archive(fascicles.points, fascicles.offsets, figures, groups, grid)


def trk_bytes(fascicles: Fascicles, grid: Image) -> bytes:
    """Return fascicles as a TrackVis file whose header lies on the grid of an image.

    At most ten figures per fascicle fit into TRK, under names of at most twenty letters: the
    label first, then measures in the order of the table.
    """
    header = TrkFile.create_empty_header()
    header["voxel_to_rasmm"] = grid.affine.astype(np.float32)
    header["dimensions"] = grid.shape
    header["voxel_sizes"] = grid.spacing
    header["voxel_order"] = "".join(nib.orientations.aff2axcodes(grid.affine))
    sequence = ArraySequence()
    sequence._data = fascicles.points
    sequence._offsets = fascicles.offsets[:-1]
    sequence._lengths = np.diff(fascicles.offsets)
    figures = list(_per_fascicle(fascicles).items())[:_TRK_PROPERTIES]
    properties = {name[:_TRK_NAME]: values[:, None] for name, values in figures}
    tractogram = Tractogram(sequence, properties, affine_to_rasmm=np.eye(4))
    out = io.BytesIO()
    TrkFile(tractogram, header).save(out)
    return out.getvalue()


def _per_fascicle(fascicles: Fascicles) -> dict[str, NDArray[np.float32]]:
    names = ["label", *fascicles.measures]
    return {name: fascicles.data[name].to_numpy(np.float32) for name in names}
