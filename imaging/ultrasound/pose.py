"""Where the frames of a tracked sequence lie, by the conventions of the PLUS toolkit.

A sequence holds transforms named ``<From>To<To>Transform`` for every frame, each with a status.
Image coordinates are pixels (x across, y down the stored image, 0 in the middle of the first) of an
image whose first axis points to the marked side of the probe and whose second points away from it
(orientation MF); frames stored otherwise are brought there first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import ImageError

_FIELD = re.compile(r"Seq_Frame(\d+)_(\w+)")
_TRANSFORM = re.compile(r"(\w+?)To(\w+?)Transform(Status)?$")
_STILL = {"M": (0, 1), "U": (0, -1), "F": (1, 1), "N": (1, -1)}
# Tracked rotations are orthogonal but for the digits they are written with.
_ORTHOGONAL = 1e-2
_LARGEST_MM = 1e6


@dataclass(frozen=True)
class TrackedFrame:
    """Transforms of one frame.

    Attributes
    ----------
    transforms : mapping of (str, str) to (4, 4) array
        From and to which frame of coordinates.
    refused : tuple of str
        Transforms, or the image itself, whose status is not OK.
    """

    transforms: Mapping[tuple[str, str], FloatArray]
    refused: tuple[str, ...]


def tracked_frames(fields: Mapping[str, str], count: int) -> list[TrackedFrame]:
    """Read the transforms of every frame from the fields of a sequence's header.

    Parameters
    ----------
    fields
        Names and texts of the header.
    count
        Number of frames.

    Raises
    ------
    ImageError
        A transform is not sixteen numbers of a 4 x 4 matrix.
    """
    shared: dict[tuple[str, str], FloatArray] = {}
    own: list[dict[tuple[str, str], FloatArray]] = [{} for _ in range(count)]
    refused: list[list[str]] = [[] for _ in range(count)]
    for name, text in sorted(fields.items()):
        field = _FIELD.fullmatch(name)
        number, rest = (int(field[1]), field[2]) if field else (-1, name)
        if number >= count:
            continue
        found = _TRANSFORM.fullmatch(rest)
        if found and not found[3]:
            (own[number] if field else shared)[found[1], found[2]] = matrix_of(text, name)
        elif field and rest.endswith("Status") and text.strip().upper() != "OK":
            refused[number].append(rest.removesuffix("Status"))
    return [
        TrackedFrame({**shared, **mine}, tuple(bad)) for mine, bad in zip(own, refused, strict=True)
    ]


def matrix_of(content: Any, name: str) -> FloatArray:
    """Return a (4, 4) matrix from sixteen numbers in a text or nested lists, row by row.

    Raises
    ------
    ImageError
        Not sixteen numbers (mm, below a kilometre), no last row 0 0 0 1, or no inverse.
    """
    try:
        numbers = content.split() if isinstance(content, str) else content
        matrix = np.asarray(numbers, dtype=float).reshape(4, 4)
    except (TypeError, ValueError, OverflowError) as error:
        raise ImageError(f"{name} is not sixteen numbers", None, "Correct it") from error
    if not (np.abs(matrix) < _LARGEST_MM).all() or np.abs(matrix[3] - [0, 0, 0, 1]).max() > 1e-6:
        raise ImageError(
            f"{name} is not a 4 x 4 matrix whose last row is 0 0 0 1", None, "Give it row by row"
        )
    if abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise ImageError(f"{name} cannot be inverted", None, "Correct it")
    return matrix


def image_to_reference(frame: TrackedFrame, calibration: FloatArray | None) -> FloatArray | None:
    """Chain a frame's transforms from pixels (MF) to the reference in mm.

    Parameters
    ----------
    frame
        From :func:`tracked_frames`.
    calibration : (4, 4) array, optional
        ImageToProbe, where the sequence does not hold it.

    Returns
    -------
    (4, 4) array or None
        None if a status is not OK.

    Raises
    ------
    ImageError
        A transform is missing, or one that must be rigid is not.
    """
    if frame.refused:
        return None
    known = dict(frame.transforms)
    if calibration is not None:
        known["Image", "Probe"] = calibration
    if ("Image", "Reference") in known:
        return known["Image", "Reference"]
    if ("Image", "Probe") not in known:
        raise ImageError(
            "has no ImageToProbe transform", None, "Declare ImageToProbe of the calibration"
        )
    if ("Probe", "Reference") in known:
        return _rigid(known, "Probe", "Reference") @ known["Image", "Probe"]
    tracker = _rigid(known, "Probe", "Tracker") @ known["Image", "Probe"]
    return np.linalg.inv(_rigid(known, "Reference", "Tracker")) @ tracker


def orientation_to_mf(letters: str, shape: tuple[int, int]) -> FloatArray:
    """Return the (4, 4) matrix from pixels of a stored image to those of its MF orientation.

    Parameters
    ----------
    letters
        Where the stored x and y axes point: M marked side, U unmarked, F far from the probe,
        N near; a third letter (frames are no volume) says nothing.
    shape : (H, W)
        Of the stored image.

    Raises
    ------
    ImageError
        Not two of these letters, one of each pair.
    """
    letters = letters.upper()
    axes = [_STILL.get(c) for c in letters[:2]]
    if len(letters) not in (2, 3) or None in axes or {a[0] for a in axes if a} != {0, 1}:
        raise ImageError(
            f"UltrasoundImageOrientation {letters!r} is not known", None,
            "Use two letters, such as MF or UN",
        )  # fmt: skip
    matrix = np.zeros((4, 4))
    matrix[2, 2] = matrix[3, 3] = 1.0
    for column, (axis, size) in enumerate(zip(axes, shape[::-1], strict=True)):
        assert axis is not None
        row, sign = axis
        matrix[row, column] = sign
        matrix[row, 3] = 0.0 if sign > 0 else size - 1.0
    return matrix


def _rigid(known: Mapping[tuple[str, str], FloatArray], start: str, end: str) -> FloatArray:
    name = f"{start}To{end}Transform"
    matrix = known.get((start, end))
    if matrix is None:
        raise ImageError(f"has no {name}", None, "Export the sequence with its tracking")
    turn = matrix[:3, :3]
    if np.abs(turn.T @ turn - np.eye(3)).max() > _ORTHOGONAL or np.linalg.det(turn) < 0:
        raise ImageError(f"{name} is not a rigid motion in mm", None, "Check its units and axes")
    return matrix
