"""Fascicles as tractogram files: TRX (groups per muscle, figures per fascicle) and TrackVis TRK."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping

import nibabel as nib
import numpy as np
from nibabel.streamlines import ArraySequence, Tractogram, TrkFile
from numpy.typing import NDArray

from imaging.export.inputs import Fascicles, short_name
from imaging.image import Image

# Limits of the TRK header.
_TRK_PROPERTIES, _TRK_NAME = 10, 20
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def trx_bytes(fascicles: Fascicles, grid: Image) -> bytes:
    """Return fascicles as an uncompressed TRX archive; the same fascicles give the same bytes.

    Parameters
    ----------
    fascicles
        World RAS+ mm.
    grid
        Image that the header refers to.

    Notes
    -----
    TRX 0.1 (github.com/tee-ar-ex/trx-spec): positions in world mm, `dps` per fascicle, `groups`
    of fascicle numbers named by side and muscle.
    """
    header = {
        "DIMENSIONS": list(grid.shape),
        "NB_STREAMLINES": len(fascicles),
        "NB_VERTICES": len(fascicles.points),
        "VOXEL_TO_RASMM": grid.affine.tolist(),
    }
    members: dict[str, bytes] = {
        "header.json": json.dumps(header, indent=2).encode(),
        "positions.3.float32": fascicles.points.astype("<f4").tobytes(),
        "offsets.uint32": fascicles.offsets.astype("<u4").tobytes(),
    }
    for name, values in _per_fascicle(fascicles).items():
        members[f"dps/{name}.float32"] = values.astype("<f4").tobytes()
    for label in np.unique(fascicles.labels):
        rows = np.flatnonzero(fascicles.labels == label)
        members[f"groups/{short_name(int(label), '_')}.uint32"] = rows.astype("<u4").tobytes()
    return _archive(members)


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


def _archive(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), content)
    return out.getvalue()
