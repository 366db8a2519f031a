"""NIfTI images read, checked and written.

World coordinates are RAS+ millimetres: x grows to the person's right, y forwards, z upwards.
"""

from __future__ import annotations

import contextlib
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imaging.arrays import FloatArray
from imaging.errors import ImageError, InputError, LabelError, MissingFileError
from imaging.formats.file_kind import ANALYZE, NIFTI, TRUNCATED, file_kind_of
from imaging.formats.gzipped import unpack_to_end
from imaging.formats.nifti_place import place_of
from imaging.formats.nrrd import flat, is_nrrd, load_segments
from imaging.image import Image
from imaging.memory import ensure_fits
from imaging.nib import nibabel as nib

_MOST_LABEL = 30_000
# Bytes before the voxels (header, extensions) and behind them.
_MOST_BEFORE, _MOST_BEYOND = 2**28, 2**26


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

    Returns
    -------
    Image
        Its affine in mm, whatever the header's unit of length, with axes at right angles.

    Raises
    ------
    MissingFileError
        No such file.
    ImageError
        Truncated, another kind of file (which one is said), without orientation, with axes that
        shear, wrong number of axes, or values that are not finite real numbers.
    InputError
        Its header tells of more voxels than fit into the machine's memory.

    Examples
    --------
    Voxel (0, 0, 0) lies 90 mm to the person's left here, and x grows to the right:

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.nii.gz"
    >>> affine = np.diag([2.0, 2.0, 5.0, 1.0])
    >>> affine[0, 3] = -90.0
    >>> save_image(Image(np.zeros((3, 4, 5), np.float32), affine), path)
    >>> load_image(path).to_world([[0, 0, 0], [1, 0, 0]]).tolist()
    [[-90.0, 0.0, 0.0], [-88.0, 0.0, 0.0]]
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError("no such image", path, "Check the path")
    nifti = _open(path)
    affine = _place(nifti, path)
    data = _read(nifti, path)
    if data.dtype.kind not in "buif":
        raise ImageError(
            f"holds values of type {data.dtype}",
            path,
            "Give an image with one real number per voxel",
        )
    data = data.reshape(_shape(data.shape, ndim, thinnest, path))
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large is named below
        values = data.astype(dtype, copy=False)
    _check_finite(data, values, gaps, path)
    return Image(values, affine)


def load_grid(path: str | Path, *, ndim: int | tuple[int, ...] = 3, thinnest: int = 2) -> Image:
    """Read where the voxels of an image lie, and none of their values.

    Parameters
    ----------
    path, ndim, thinnest
        As of `load_image`.

    Returns
    -------
    Image
        Its values are 0 and take no memory.

    Raises
    ------
    MissingFileError, ImageError
        As `load_image`, as far as the header tells.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError("no such image", path, "Check the path")
    nifti = _open(path)
    shape = _shape(nifti.shape, ndim, thinnest, path)
    return Image(np.broadcast_to(np.float32(0), shape), _place(nifti, path))


def _shape(
    shape: tuple[int, ...], ndim: int | tuple[int, ...], thinnest: int, path: Path
) -> tuple[int, ...]:
    """Return the shape without trailing axes of length one, where it has the axes it should."""
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    own = shape
    while len(own) > max(allowed) and own[-1] == 1:
        own = own[:-1]
    if len(own) not in allowed or min(own[:3]) < thinnest or not math.prod(own):
        wanted = " or ".join(f"{n}-D" for n in allowed)
        raise ImageError(
            f"has shape {'x'.join(map(str, own))}, a {wanted} image is needed",
            path,
            "Give the whole volume, not a slice or another series",
        )
    return own


def _open(path: Path) -> Any:
    """Return the image with its header read and its data not."""
    _check_start(path)
    try:
        nifti = nib.load(path)
    except Exception as error:  # nibabel, gzip and zlib raise a dozen unrelated kinds
        raise _unreadable(path, error) from error
    if isinstance(nifti, nib.analyze.AnalyzeImage) and not isinstance(nifti, nib.Nifti1Pair):
        raise ImageError(f"cannot be read as NIfTI: it is {ANALYZE.kind}", path, ANALYZE.fix)
    return nifti


def _check_start(path: Path) -> None:
    """Refuse a NIfTI header that sends nibabel through extensions without end."""
    with (
        contextlib.suppress(OSError, EOFError, zlib.error),
        nib.openers.ImageOpener(str(path)) as file,
    ):
        head = file.read(nib.Nifti2Header.sizeof_hdr)
        for kind in (nib.Nifti1Header, nib.Nifti2Header):
            if kind.may_contain_header(head):
                offset = float(kind(head[: kind.sizeof_hdr], check=False)["vox_offset"])
                if not offset <= _MOST_BEFORE:
                    raise ImageError(
                        f"puts its voxels at byte {offset:,.0f}", path, "Convert it again"
                    )


def _place(nifti: Any, path: Path) -> FloatArray:
    if not isinstance(nifti.header, nib.Nifti1Header):  # MGH and MINC have one affine, in mm
        return np.array(nifti.affine, dtype=np.float64)
    if not (nifti.header["sform_code"] or _has_voxel_size(nifti)):
        raise ImageError("has voxels of size 0 in its header", path, "Convert it again from DICOM")
    try:
        return place_of(nifti.header, path)
    except (ValueError, nib.spatialimages.HeaderDataError) as error:
        raise ImageError(f"has no usable affine ({error})", path, "Convert it again") from error


def _has_voxel_size(nifti: Any) -> bool:
    """Tell whether no voxel size is 0 in the file itself: nibabel makes them 1 mm."""
    kind = type(nifti.header)
    where = nifti.file_map.get("header", nifti.file_map["image"]).filename
    with nib.openers.ImageOpener(str(where)) as file:
        header = kind(file.read(kind.sizeof_hdr), check=False)
    return bool(np.all(header["pixdim"][1:4] != 0))


def _read(nifti: Any, path: Path) -> NDArray[Any]:
    """Return the values of an image, scaled."""
    shape = nifti.shape
    what = f"an image of {'x'.join(map(str, shape))} voxels, as its header tells,"
    stored = nifti.get_data_dtype().itemsize
    # As stored, scaled, and as returned.
    scaled = 8 * (getattr(nifti.dataobj, "slope", 1) not in (None, 1))
    ensure_fits(shape, stored + scaled + 4, what, path, "Convert it again")
    try:
        with np.errstate(all="ignore"):
            return _values(nifti, stored * math.prod(shape))
    except InputError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error


def _values(nifti: Any, promised: int) -> NDArray[Any]:
    """Return the values, scaled; raise where a file holds less or far more than its header tells.

    A file compressed with gzip is unpacked once, into an array of which memory is taken only as
    far as the file reaches.
    """
    array: Any = nifti.dataobj
    if not isinstance(nifti, nib.Nifti1Pair):
        return np.asanyarray(array)
    start = int(array.offset)
    file = Path(str(nifti.file_map["image"].filename))
    if file.suffix.lower() == ".gz":
        content = np.empty(promised, np.uint8)
        held = unpack_to_end(file, start + promised + _MOST_BEYOND, start, content)
        _must_hold(held, start + promised)
        raw: NDArray[Any] = np.ndarray(nifti.shape, array.dtype, content.data, order="F")
        return np.asanyarray(nib.volumeutils.apply_read_scaling(raw, array.slope, array.inter))
    if file.suffix.lower() in (".nii", ".img"):
        _must_hold(file.stat().st_size, start + promised)
    return np.asanyarray(array)


def _must_hold(held: int, promised: int) -> None:
    if held < promised:
        raise EOFError(f"{held} of {promised} bytes")


def _unreadable(path: Path, error: Exception) -> ImageError:
    """Return an error that says what the file is, as its bytes tell."""
    found = file_kind_of(path)
    if found is NIFTI:
        short = isinstance(error, EOFError) or "bytes" in str(error) or "Expected" in str(error)
        why = f"{type(error).__name__}: {error}"
        kind = TRUNCATED.kind if short else f"damaged ({why})"
        return ImageError(f"cannot be read as NIfTI: it is {kind}", path, TRUNCATED.fix)
    return ImageError(f"cannot be read as NIfTI: it is {found.kind}", path, found.fix)


def _check_finite(data: NDArray[Any], values: NDArray[Any], gaps: bool, path: Path) -> None:
    if data.dtype.kind == "f":
        refused, named = (np.isinf(data), "Inf") if gaps else (~np.isfinite(data), "NaN or Inf")
        if count := int(refused.sum()):
            raise ImageError(
                f"holds {count} values that are not finite ({named})",
                path,
                "Replace them or export the image again",
            )
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise ImageError(
            "holds values too large to be read", path, "Check the scale (scl_slope) in its header"
        )


def load_labels(path: str | Path) -> Image:
    """Read a 3-D label map as int16; an empty one is an error.

    Parameters
    ----------
    path
        NIfTI or NRRD whose numbers tell what is drawn.

    Raises
    ------
    ImageError
        It cannot be read.
    LabelError
        Values that are not whole numbers, negative or very large, or no label at all.
    """
    if not is_nrrd(path):
        return whole_labels(load_image(path, dtype=np.float32), path)
    segments = load_segments(path)
    if segments.names is not None:
        raise LabelError(
            "names its segments instead of numbering them, which is not supported here",
            path,
            "Save it from 3D Slicer as NIfTI with the numbers of docs/formats.md",
        )
    return whole_labels(flat(segments, path), path)


def load_mask(path: str | Path) -> Image:
    """Read a 3-D mask as int16, whatever its numbers mean: NIfTI, NRRD or ``.seg.nrrd``.

    Raises
    ------
    ImageError, LabelError
        As :func:`load_labels`; or segments overlap.
    """
    if is_nrrd(path):
        return whole_labels(flat(load_segments(path), path), path)
    return load_labels(path)


def whole_labels(image: Image, path: str | Path) -> Image:
    """Return a label map as int16; see :func:`load_labels` for what is an error."""
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
