"""Wave images from a folder of NIfTI files as dcm2niix leaves them, one per volume or direction.

Its sidecars keep ImageType, ImageComments and Manufacturer: which file is phase, which direction
and time step it shows, and for some makers how phase is stored. The rest stands in ``FOLDER.json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imaging.errors import ImageError
from imaging.formats.json import optional_sidecar, read_json
from imaging.io.waves.comments import angle_deg, are_even, frequency_hz, index, is_fine
from imaging.io.waves.nifti import read_nifti
from imaging.io.waves.series import WaveSeries
from imaging.io.waves.undistorted import ENCODING_KEYS

_SUFFIXES = (".nii", ".nii.gz")
_BESIDE = (".json", ".bval", ".bvec", ".txt", ".tsv")
# Words of ImageType, and endings of names that dcm2niix and BIDS give.
_PHASE, _MAGNITUDE = {"P", "PHASE"}, {"M", "MAGNITUDE"}
_PHASE_NAMES, _MAGNITUDE_NAMES = ("_ph", "part-phase"), ("part-mag",)


@dataclass(frozen=True)
class _File:
    """One file and what its sidecar says."""

    path: Path
    about: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """``phase``, ``magnitude`` or nothing."""
        name = self.path.name.split(".nii")[0]
        types = {str(t).upper() for t in self.about.get("ImageType") or ()}
        if types & _PHASE or any(name.endswith(n) or n in name for n in _PHASE_NAMES):
            return "phase"
        named = any(n in name for n in _MAGNITUDE_NAMES)
        return "magnitude" if types & _MAGNITUDE or named else ""

    @property
    def comment(self) -> str:
        """What the scanner wrote about the image."""
        return str(self.about.get("ImageComments") or self.about.get("ImageComment") or "")


def is_converted(folder: Path) -> bool:
    """Tell whether a folder holds NIfTI files and nothing but what lies beside them."""
    files = [p.name for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    known = all(n.endswith((*_SUFFIXES, *_BESIDE)) for n in files)
    return known and any(n.endswith(_SUFFIXES) for n in files)


def read_converted(folder: Path) -> WaveSeries:
    """Read the wave images of one frequency from the NIfTI files of a folder.

    Raises
    ------
    ImageError, UnitError
        No phase images, files that cannot be put in order, or something that neither sidecars nor
        ``FOLDER.json`` declare: all of it is named at once.
    """
    json_path = folder.parent / f"{folder.name}.json"
    content: dict[str, Any] = dict(read_json(json_path)) if json_path.is_file() else {}
    paths = sorted(p for p in folder.iterdir() if p.name.endswith(_SUFFIXES))
    files = [_File(p, optional_sidecar(p)) for p in paths]
    phases = [f for f in files if f.kind == "phase"]
    if not phases:
        raise ImageError(
            "has no phase images (ImageType with P or PHASE in sidecars, or names with part-phase "
            "or _ph)", folder, "Convert the phase images of the elastography series, too",
        )  # fmt: skip
    magnitudes = [f for f in files if f.kind == "magnitude"]
    ordered, told = _in_order(phases, content, folder)
    content = {**told, **_frequency(phases, content, folder), **content}
    # How it was encoded is the same in every file.
    content = {k: v for k, v in phases[0].about.items() if k in ENCODING_KEYS} | content
    twins = _in_order(magnitudes, content, folder)[0] if len(magnitudes) == len(phases) else []
    return read_nifti(
        [f.path for f in ordered], content, json_path, [f.path for f in twins] or None,
        maker=str(files[0].about.get("Manufacturer") or ""),
        ordered=bool(told) or "VolumeOrder" in content,
    )  # fmt: skip


def _in_order(
    files: Sequence[_File], content: Mapping[str, Any], folder: Path
) -> tuple[list[_File], dict[str, Any]]:
    """Return files in the order of their comments, with the counts that these tell.

    Nothing is told where a comment is silent, and of a stack: its sidecar keeps the comment of its
    first image alone.
    """
    found = [index(f.comment) for f in files]
    silent = any(i is None for i in found) or len(set(found)) < len(found)
    if "VolumeOrder" in content or len(files) < 2 or silent:
        return list(files), {}
    named = [i for i in found if i is not None]
    counts = [len({i[axis] for i in named}) for axis in range(3)]
    if np.prod(counts) != len(files):
        raise ImageError(
            f"holds {len(files)} files of {counts[0]} directions, {counts[1]} time steps and "
            f"{counts[2]} drivers: some are missing", folder, "Convert the whole series",
        )  # fmt: skip
    angles = {a for f in files if (a := angle_deg(f.comment)) is not None}
    if angles and not are_even(angles, counts[1]):
        raise ImageError(
            f"names the angles {', '.join(f'{a:g}' for a in sorted(angles))} deg, which are not "
            f"{counts[1]} even steps of one period", folder, "Convert one whole period",
        )  # fmt: skip
    order = sorted(range(len(files)), key=lambda k: named[k])
    return [files[k] for k in order], {"OffsetsPerPeriod": counts[1], "Drivers": counts[2]}


def _frequency(
    files: Sequence[_File], content: Mapping[str, Any], folder: Path
) -> dict[str, float]:
    """Return the frequency that comments name."""
    told = {f for file in files if (f := frequency_hz(file.comment)) is not None}
    if len(told) > 1:
        raise ImageError("names several frequencies", folder, "Give one folder per frequency")
    if not told:
        return {}
    hertz, exact = told.pop()
    declared = content.get("MechanicalFrequency")
    if isinstance(declared, int | float) and abs(declared - hertz) > exact + 0.01 * hertz:
        raise ImageError(
            f"names {hertz:.4g} Hz in ImageComments, but {folder.name}.json says {declared:g} Hz",
            folder, "Correct MechanicalFrequency",
        )  # fmt: skip
    return {"MechanicalFrequency": hertz} if is_fine(hertz, exact) else {}
