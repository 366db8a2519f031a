"""NIfTI images read, checked and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import DTypeLike

from imaging.errors import ImageError, LabelError, MissingFileError
from imaging.image import Image

_MOST_LABEL = 30_000


def load_image(
    path: str | Path,
    *,
    ndim: int | tuple[int, ...] = 3,
    dtype: DTypeLike = np.float32,
    thinnest: int = 2,
    gaps: bool = False,
) -> Image:
    """Read a NIfTI image and check that it can be used.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``.
    ndim
        Allowed number(s) of axes; trailing axes of length one are dropped first.
    dtype
        Type of the returned array.
    thinnest
        Fewest voxels along each of the three spatial axes.
    gaps
        Let NaN pass, for maps in which it says that nothing was measured.

    Raises
    ------
    MissingFileError
        No such file.
    ImageError
        Truncated, not an image, without orientation, wrong number of axes, or values that are
        not finite real numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError("no such image", path, "Check the path")
    try:
        nifti = nib.load(path)
        data = np.asanyarray(nifti.dataobj)  # type: ignore[attr-defined]
        affine = np.array(nifti.affine, dtype=np.float64)  # type: ignore[attr-defined]
    except Exception as error:  # nibabel, gzip and zlib raise a dozen unrelated kinds
        raise ImageError(
            f"cannot be read as NIfTI ({type(error).__name__}: {error})",
            path,
            "The file may be truncated: copy or convert it again",
        ) from error
    _check_header(nifti.header, data.dtype, path)
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    while data.ndim > max(allowed) and data.shape[-1] == 1:
        data = data[..., 0]
    if data.ndim not in allowed or min(data.shape[:3]) < thinnest:
        wanted = " or ".join(f"{n}-D" for n in allowed)
        raise ImageError(
            f"has shape {'x'.join(map(str, data.shape))}, a {wanted} image is needed",
            path,
            "Give the whole volume, not a slice or another series",
        )
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ImageError("has no usable affine", path, "Convert it again from DICOM")
    if np.issubdtype(data.dtype, np.floating) and not np.isfinite(data).all():
        refused, named = (np.isinf(data), "Inf") if gaps else (~np.isfinite(data), "NaN or Inf")
        if refused.any():
            raise ImageError(
                f"holds {int(refused.sum())} values that are not finite ({named})",
                path,
                "Replace them or export the image again",
            )
    return Image(data.astype(dtype, copy=False), affine)


def _check_header(header: Any, dtype: np.dtype[Any], path: Path) -> None:
    if not any(int(header.get(f"{form}_code", 1)) for form in ("sform", "qform")):
        raise ImageError(
            "has no orientation (sform and qform codes are 0): left and right would be a guess",
            path,
            "Convert it again from DICOM",
        )
    if dtype.kind not in "buif":
        raise ImageError(f"holds values of type {dtype}", path, "Give one real number per voxel")


def load_labels(path: str | Path) -> Image:
    """Read a 3-D label map as int16; an empty one is an error.

    Raises
    ------
    LabelError
        Values that are not whole numbers, negative or very large, or no label at all.
    """
    image = load_image(path, dtype=np.float32)
    labels = np.rint(image.data)
    if np.abs(labels - image.data).max() > 1e-3:
        raise LabelError("holds values that are not whole numbers", path, "Give a label map")
    if not labels.any():
        raise LabelError("is empty: every voxel is 0", path, "Draw or export the labels again")
    if labels.min() < 0 or labels.max() > _MOST_LABEL:
        raise LabelError(
            f"holds labels from {labels.min():.0f} to {labels.max():.0f}",
            path,
            f"Number them from 1 to {_MOST_LABEL}",
        )
    return Image(labels.astype(np.int16), image.affine)


def save_image(image: Image, path: str | Path, *, units: str = "mm") -> None:
    """Write NIfTI; the same image gives the same bytes (gzip without name or time)."""
    data = image.data.astype(np.uint8) if image.data.dtype == bool else image.data
    if data.dtype == np.float64:
        data = data.astype(np.float32)
    if data.dtype == np.int64:
        data = data.astype(np.int32)
    nifti = nib.Nifti1Image(data, image.affine)
    nifti.header.set_xyzt_units(units)
    nifti.set_sform(image.affine, code=1)
    nifti.set_qform(image.affine, code=1)
    nib.save(nifti, path)
