"""Wave images of one frequency as they were read, and the range of their phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.diffusion.acquisition import Acquisition
from imaging.elastography.declaration import WaveDeclaration
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError, UnitError

# A phase beyond this is not in radians, unwrapped or not (degrees reach 180); one that stays below
# the other holds less than noise.
_PHASE_LIMIT_RAD, _LEAST_PHASE_RAD = 100.0, 0.02
# Wrapped phase of noise reaches both ends of its range; values that do tell its unit.
_FILLED = 0.95
_MRAD = 3142.0
_SIEMENS = 4096.0


@dataclass(frozen=True)
class WaveSeries:
    """Wave images of one frequency, and where they come from.

    Attributes
    ----------
    images : WaveImages
    magnitude : (I, J, K, D, n, R) array or None
        Of every volume, where it was given so.
    inputs : list of Path
    gain : float or None
        Radians per metre of displacement.
    driver_names : tuple of str
        Empty where the JSON gives their count only.
    warnings : tuple of str
        What was left out of the files, or taken for granted.
    acquisition : Acquisition or None
        Of echo-planar images, where their sidecar tells.
    """

    images: WaveImages
    magnitude: FloatArray | None
    inputs: list[Path]
    gain: float | None = None
    driver_names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    acquisition: Acquisition | None = None


def units_told(stored: FloatArray, maker: str) -> dict[str, Any]:
    """Return the unit of wrapped phase where values and maker leave no doubt of it, else nothing.

    Examples
    --------
    >>> import numpy as np
    >>> units_told(np.array([-4096.0, 0.0, 4094.0]), "Siemens")
    {'PhaseUnits': 'scanner', 'PhaseRange': [-4096, 4096]}
    >>> units_told(np.array([-3.1415, 0.2, 3.1414]), ""), units_told(np.array([0.0, 4095.0]), "GE")
    ({'PhaseUnits': 'rad'}, {})
    """
    low, high = float(stored.min()), float(stored.max())
    whole = bool(np.all(stored == np.round(stored)))
    if not whole and _fills(low, high, np.pi):
        return {"PhaseUnits": "rad"}
    name = maker.lower()
    if whole and "siemens" in name and _fills(low, high, _SIEMENS):
        return {"PhaseUnits": "scanner", "PhaseRange": [-4096, 4096]}
    # Philips scales 12 bits to these thousandths: no whole numbers.
    if _fills(low, high, _MRAD) and ("philips" in name or (whole and name.startswith("ge"))):
        return {"PhaseUnits": "mrad"}
    return {}


def _fills(low: float, high: float, full: float) -> bool:
    slack = 1e-3 * full
    return -full - slack <= low <= -_FILLED * full and _FILLED * full <= high <= full + slack


def units_warning(told: Mapping[str, Any], stored: FloatArray) -> str:
    """Say from which values the unit of phase was concluded."""
    unit = str(told["PhaseUnits"])
    named = {"rad": "radians", "mrad": "thousandths of a radian"}.get(
        unit, f"phase stored as {told.get('PhaseRange')}"
    )
    return (
        f"PhaseUnits is not declared: values from {float(stored.min()):.5g} to "
        f"{float(stored.max()):.5g} were taken as {named}."
    )


def check_range(
    stored: FloatArray, content: Mapping[str, Any], declared: WaveDeclaration, path: Path
) -> None:
    """Compare stored phase with what its declaration says it ranges over.

    Raises
    ------
    UnitError
        Values beyond the range, or in one half of it only.
    ImageError
        Values that are all the same, or too large or too small for radians.

    Examples
    --------
    Siemens stores -pi to pi as -4096 to 4096; 0 to 4095 is half of that:

    >>> import numpy as np
    >>> content = {"PhaseUnits": "scanner", "PhaseRange": [-4096, 4096]}
    >>> along = WaveDeclaration(60.0, 1000.0, np.eye(3), "image", 4, 1, np.pi / 4096)
    >>> check_range(np.array([-4000.0, 4000.0]), content, along, Path("waves.nii.gz"))
    >>> check_range(np.array([0.0, 4095.0]), content, along, Path("waves.nii.gz"))
    Traceback (most recent call last):
    UnitError: waves.nii.gz: holds values from 0 to 4095, only one half of PhaseRange
    """
    low, high = float(stored.min()), float(stored.max())
    if low == high:
        raise ImageError(
            f"holds {low:.4g} everywhere: it shows no wave",
            path,
            "Give the phase images, not another part",
        )
    units = content["PhaseUnits"]
    if units == "scanner":
        first, last = content["PhaseRange"]
        slack = 0.01 * (last - first)
        if low < first - slack or high > last + slack:
            raise UnitError(
                f"holds values from {low:.4g} to {high:.4g}, outside PhaseRange {first} to {last}",
                path,
                "Correct PhaseRange",
            )
        if low > declared.shift - slack or high < declared.shift + slack:
            raise UnitError(
                f"holds values from {low:.4g} to {high:.4g}, only one half of PhaseRange",
                path,
                "Correct PhaseRange: the stored values of -pi and pi",
            )
    elif max(-low, high) * declared.scale > _PHASE_LIMIT_RAD:
        raise ImageError(
            f"holds values up to {max(-low, high):.4g}, but PhaseUnits says {units!r}",
            path,
            "Scale the phase to radians, or declare PhaseUnits 'scanner' with PhaseRange",
        )
    elif max(-low, high) * declared.scale < _LEAST_PHASE_RAD:
        raise ImageError(
            f"holds values up to {max(-low, high):.4g} only, but PhaseUnits says {units!r}",
            path,
            "Declare the unit that the phase is stored in",
        )
