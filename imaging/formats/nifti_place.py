"""Where a NIfTI header puts an image: its unit of length, its two forms, and axes that shear.

A header holds up to two affines from voxels to world: the sform (any matrix) and the qform (a
rotation). Programs differ in which they take where both are there; see ``docs/formats.md``.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import ImageError
from imaging.image import apply_affine, voxel_size
from imaging.nib import nibabel as nib

_MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}  # metre, mm, micron; anything else is taken as mm
_UNIT_NAMES = {1: "metres", 3: "microns"}
AGREE_MM = 0.5
"""Two forms closer than this are one place: quaternions in single precision err by less."""
HARMLESS_SHEAR_MM = 0.25
"""Axes are set at right angles where no corner of the image moves further than this."""
_RIGHT_ANGLES = 1e-5  # of cosines between axes; single precision errs by less
_VOXEL_MM = (0.01, 200.0)  # smallest and largest edge of a voxel that can be meant


def place_of(header: Any, path: Path) -> FloatArray:
    """Return the (4, 4) affine of a NIfTI header, voxels to world RAS+ mm, axes at right angles.

    The sform is taken where its code is not 0, else the qform.

    Raises
    ------
    ImageError
        No form, no usable one, voxels of a size that cannot be meant, or axes that shear.
    """
    affine, _ = right_angled(_affine(header, path), _shape(header), path)
    return affine


def place_warnings(path: str | Path) -> list[str]:
    """Return what a reader must know of the place that a NIfTI file's header gives; opens no data.

    Nothing is said of files that are not NIfTI or cannot be read: whoever reads them says so.
    """
    path = Path(path)
    try:
        header = nib.load(path).header
        if not isinstance(header, nib.Nifti1Header):
            return []
        _, moved = right_angled(_affine(header, path), _shape(header), path)
    except Exception:  # what is wrong with the file is the reader's to say
        return []
    out = []
    form = "qform" if moved > 0 else itk_form(header)  # ITK takes no sform that shears
    if (apart := forms_apart_mm(header)) > AGREE_MM:
        out.append(
            f"{path.name}: its header gives two places, sform and qform, {apart:.1f} mm apart. "
            f"The sform is taken, as by nibabel; programs built on ITK 5.4 take the {form}. Labels "
            "drawn in another program may lie beside the muscles: look at them on the image, or "
            "make both forms the same and draw again."
        )
    if moved > 0:
        out.append(
            f"{path.name}: its axes were not quite at right angles and were set so; no corner of "
            f"the image moved by more than {moved:.2f} mm."
        )
    return out


def forms_apart_mm(header: Any) -> float:
    """Return how far apart the two forms put a corner of the image, mm; 0 where one is given."""
    if not (int(header["sform_code"]) and int(header["qform_code"])):
        return 0.0
    try:
        forms = header.get_sform(), header.get_qform()
    except Exception:  # no rotation: nobody can take it
        return 0.0
    there = [apply_affine(f, _corners(_shape(header))) for f in forms]
    apart = np.linalg.norm(there[0] - there[1], axis=1).max() * _mm_per_unit(header)
    return float(apart) if np.isfinite(apart) else 0.0


def itk_form(header: Any) -> str:
    """Return which form ITK 5.4 takes: the sform of code 1 (scanner), or where there is no qform.

    Source: SimpleITK 2.5.7 on every pair of codes.
    """
    sform, qform = int(header["sform_code"]), int(header["qform_code"])
    return "sform" if sform == 1 or not qform else "qform"


def _affine(header: Any, path: Path) -> FloatArray:
    if not any(int(header[f"{form}_code"]) for form in ("sform", "qform")):
        raise ImageError(
            "has no orientation (sform and qform codes are 0): left and right would be a guess",
            path,
            "Convert it again from DICOM",
        )
    affine = np.array(header.get_best_affine(), dtype=np.float64)
    affine[:3] *= _mm_per_unit(header)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise ImageError("has no usable affine", path, "Convert it again from DICOM")
    size = voxel_size(affine)
    if size.min() < _VOXEL_MM[0] or size.max() > _VOXEL_MM[1]:
        unit = _UNIT_NAMES.get(_unit(header), "mm")
        raise ImageError(
            f"has voxels of {' x '.join(f'{s:g}' for s in size)} mm (its header counts in {unit})",
            path,
            "Correct the unit or the voxel size in its header, or convert it again from DICOM",
        )
    return affine


def right_angled(
    affine: FloatArray, shape: tuple[int, int, int], path: Path
) -> tuple[FloatArray, float]:
    """Return the nearest affine with axes at right angles, and how far it moves a corner, mm."""
    size = voxel_size(affine)
    axes = affine[:3, :3] / size
    cosine = np.abs(axes.T @ axes - np.eye(3)).max()
    if cosine <= _RIGHT_ANGLES:
        return affine, 0.0
    left, _, right = np.linalg.svd(axes)
    straight = affine.copy()
    straight[:3, :3] = left @ right * size
    middle = (np.array(shape) - 1) / 2
    straight[:3, 3] += apply_affine(affine, middle) - apply_affine(straight, middle)
    corners = _corners(shape)
    gap = apply_affine(affine, corners) - apply_affine(straight, corners)
    moved = float(np.linalg.norm(gap, axis=1).max())
    if moved > HARMLESS_SHEAR_MM:
        angle = np.degrees(np.arcsin(min(cosine, 1.0)))
        raise ImageError(
            f"has axes that are {angle:.2g} degrees off a right angle (shear), which would move "
            f"its corners by {moved:.1f} mm",
            path,
            "Resample it to a grid without shear, or convert it again from DICOM",
        )
    return straight, moved


def _unit(header: Any) -> int:
    return int(header["xyzt_units"]) & 7


def _mm_per_unit(header: Any) -> float:
    return _MM_PER_UNIT.get(_unit(header), 1.0)


def _shape(header: Any) -> tuple[int, int, int]:
    i, j, k = (*(int(n) for n in header.get_data_shape()[:3]), 1, 1, 1)[:3]
    return i, j, k


def _corners(shape: tuple[int, int, int]) -> FloatArray:
    return np.array(list(itertools.product(*[(0.0, n - 1.0) for n in shape])))
