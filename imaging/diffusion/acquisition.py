"""How a series was acquired, as its sidecar tells: axes, partial Fourier, interpolation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from imaging.image import Image

_THICKER = 1.2  # ratio of voxel sizes above which the largest one is the slice thickness


@dataclass(frozen=True)
class Acquisition:
    """Axes are voxel axes (0, 1, 2) of the file.

    Attributes
    ----------
    phase_axis : int or None
        Phase-encoding axis; None when the sidecar does not tell.
    phase_sign : int
        1, or -1 where phase encoding runs towards smaller indices.
    readout_s : float or None
        Total readout time in seconds.
    slice_axis : int
        From the sidecar, else the axis of the largest voxel size, else the third.
    whole_k_space : bool
        False when the sidecar tells of partial Fourier or of an interpolated image.
    """

    phase_axis: int | None = None
    phase_sign: int = 1
    readout_s: float | None = None
    slice_axis: int = 2
    whole_k_space: bool = True


def acquisition_of(sidecar: Mapping[str, Any], image: Image) -> Acquisition:
    """Read the BIDS keys of a sidecar; what it does not tell keeps its default.

    Parameters
    ----------
    sidecar
        ``PhaseEncodingDirection``, ``SliceEncodingDirection``, ``TotalReadoutTime``,
        ``PartialFourier`` (share of k-space acquired along the phase-encoding axis),
        ``InterpolationFlag`` or ``AcquisitionMatrixPE``.
    image : Image
        Of that sidecar, axes as in the file.
    """
    phase, sign = _axis(sidecar.get("PhaseEncodingDirection"))
    across, _ = _axis(sidecar.get("SliceEncodingDirection"))
    readout = _number(sidecar.get("TotalReadoutTime"))
    return Acquisition(
        phase,
        sign,
        readout,
        _slice_axis(image, phase) if across is None else across,
        _whole(sidecar, image, phase),
    )


def _axis(direction: Any) -> tuple[int | None, int]:
    """Return axis and sign of ``i``, ``j-`` ...; None when it is neither."""
    if not isinstance(direction, str) or direction[:1] not in tuple("ijk"):
        return None, 1
    if direction[1:] not in ("", "-", "+"):
        return None, 1
    return "ijk".index(direction[0]), -1 if direction.endswith("-") else 1


def _slice_axis(image: Image, phase: int | None) -> int:
    """Return the axis of clearly the largest voxel size, else the last that is not `phase`."""
    order = np.argsort(image.spacing)
    if image.spacing[order[2]] > _THICKER * image.spacing[order[1]] and order[2] != phase:
        return int(order[2])
    return 1 if phase == 2 else 2


def _whole(sidecar: Mapping[str, Any], image: Image, phase: int | None) -> bool:
    """Tell whether the image grid is that of a fully sampled k-space."""
    share = _number(sidecar.get("PartialFourier"))
    if share is not None and 0 < share < 1:
        return False
    if sidecar.get("InterpolationFlag") in (True, 1):
        return False
    lines = _number(sidecar.get("AcquisitionMatrixPE"))
    return phase is None or not lines or image.shape[phase] <= lines


def _number(value: Any) -> float | None:
    """Return a JSON number, None for anything else."""
    return float(value) if isinstance(value, int | float) and value is not True else None
