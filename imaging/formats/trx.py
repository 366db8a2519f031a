"""TRX tractograms as bytes that depend on nothing but what they hold."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from imaging.image import Image

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def archive(
    points: NDArray[Any],
    offsets: NDArray[Any],
    figures: Mapping[str, NDArray[Any]],
    groups: Mapping[str, NDArray[Any]],
    grid: Image,
) -> bytes:
    """Return an uncompressed TRX archive; trx-python writes one that carries the time of day.

    Parameters
    ----------
    points : (P, 3) array
        World RAS+ mm, streamline after streamline.
    offsets : (F + 1,) array
        Where each streamline begins, and the end of the last.
    figures
        Name to (F,) values per streamline.
    groups
        Name to the numbers of the streamlines in it.
    grid
        Image that the header refers to.

    References
    ----------
    TRX 0.1, github.com/tee-ar-ex/trx-spec.
    """
    header = {
        "DIMENSIONS": list(grid.shape),
        "NB_STREAMLINES": len(offsets) - 1,
        "NB_VERTICES": len(points),
        "VOXEL_TO_RASMM": grid.affine.tolist(),
    }
    members = {
        "header.json": json.dumps(header, indent=2).encode(),
        "positions.3.float32": points.astype("<f4").tobytes(),
        "offsets.uint32": offsets.astype("<u4").tobytes(),
    }
    for name, values in figures.items():
        members[f"dps/{name}.float32"] = values.astype("<f4").tobytes()
    for name, rows in groups.items():
        members[f"groups/{name}.uint32"] = rows.astype("<u4").tobytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name in sorted(members):
            file.writestr(zipfile.ZipInfo(name, _ZIP_DATE), members[name])
    return buffer.getvalue()
