"""Wave images from a folder of DICOM files: Siemens, Philips and what is declared of others.

What DICOM does not say (frequency, density, encoding directions) stands in ``FOLDER.json``, with
the keys of wave images in NIfTI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.elastography.declaration import AXES, WaveDeclaration, arrange, wave_declaration
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError, MissingFileError, UnitError
from imaging.formats.json import read_json
from imaging.image import Image
from imaging.io.waves.comments import angle_deg, are_even, frequency_hz, index, is_fine
from imaging.io.waves.dicom_frames import Frame, read_frames
from imaging.io.waves.series import WaveSeries, check_range, units_told, units_warning

_SLICE_TOLERANCE_MM = 0.05
# Siemens stores 12 bits as -4096 to 4094: rescaled by 2 and -4096.
_SIEMENS_FULL = 4096.0


@dataclass(frozen=True)
class _Grid:
    """Where the slices lie, and the frames of each, in order."""

    affine: FloatArray
    slices: list[list[Frame]]


def read_folder(folder: Path) -> WaveSeries:
    """Read the wave images of one frequency from a folder of DICOM files.

    Phase in radians follows from RealWorldValueMapping or RescaleType in rad or mrad; of Siemens
    from the rescaled values, (pixel slope + intercept)/4096 pi; else from PhaseUnits in the JSON,
    or from values that fill the range of one unit only. Volumes are told apart by ImageComments,
    else they follow each other as VolumeOrder in the JSON says.
    A period or frequency that comments name must be that of the JSON, or stands for it.

    Raises
    ------
    MissingFileError, ImageError, UnitError, MissingToolError
        Something is not declared, another frequency in it than in the comments, no phase images, a
        scaling that is not known, or images that are missing.
    """
    json_path = folder.parent / f"{folder.name}.json"
    # Without one, the error names what it would have to say beside what the images do.
    content: Mapping[str, Any] = read_json(json_path) if json_path.is_file() else {}
    frames, foreign = read_frames(folder)
    phases = [f for f in frames if f.kind == "phase"]
    if not phases:
        raise ImageError(
            "has no phase images (ImageType without P or PHASE)", folder,
            "Export the phase images of the elastography series",
        )  # fmt: skip
    to_rad, why = _scaling(phases, content, folder)
    if to_rad is not None:
        content = {**content, "PhaseUnits": "rad"}
    warnings = []
    if content.get("PhaseUnits") is None:
        sample = np.stack([f.values() for f in phases if f.shape == phases[0].shape])
        if told := units_told(sample, phases[0].maker):
            content = {**content, **told}
            warnings = [units_warning(told, sample)]
    content = _with_counts(_with_frequency(content, phases, json_path), phases)
    try:
        declared = wave_declaration(
            content, json_path, ordered=_tell_order(phases), reasons={"PhaseUnits": why}
        )
    except UnitError as error:
        if json_path.is_file():
            raise
        raise MissingFileError(
            f"is not there, and the images do not say it all: what is known {error.what}",
            json_path, error.fix,
        ) from error  # fmt: skip
    grid = _grid(phases, folder)
    stored = _volumes(grid, declared, content, folder)
    if to_rad is not None:
        stored = stored * np.float32(to_rad[0]) + np.float32(to_rad[1])
    check_range(stored, content, declared, folder)
    magnitude = _magnitude([f for f in frames if f.kind == "magnitude"], grid, declared, content,
                           folder)  # fmt: skip
    shape = stored.shape[:3]
    weight = np.ones(shape, np.float32) if magnitude is None else magnitude.mean((3, 4, 5))
    image = Image(stored, grid.affine)
    images = WaveImages(
        declared.radians(stored), weight, grid.affine,
        declared.world_directions(image.rotation), declared.frequency_hz, declared.density,
    )  # fmt: skip
    beside = [json_path] if json_path.is_file() else []
    inputs = [*beside, *sorted({f.path for f in frames if f.kind})]
    return WaveSeries(
        images, magnitude, inputs, declared.gain, declared.driver_names,
        (*_left_out(folder, foreign), *warnings, *declared.assumed),
    )  # fmt: skip


def _left_out(folder: Path, foreign: Sequence[str]) -> tuple[str, ...]:
    """Name the files of a folder that are no DICOM images."""
    if not foreign:
        return ()
    more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
    return (
        f"{folder.name} holds files that are not DICOM images and were left out: "
        f"{', '.join(foreign[:3])}{more}.",
    )


def _scaling(
    frames: Sequence[Frame], content: Mapping[str, Any], folder: Path
) -> tuple[tuple[float, float] | None, str]:
    """Return slope and intercept from values to radians; or None, and why they are not known."""
    scales = {f.radians for f in frames}
    if len(scales) > 1:
        raise UnitError("holds phase images of different scaling", folder, "Give one series")
    known = scales.pop()
    if known is not None:
        return known, ""
    if content.get("PhaseUnits") is not None:
        return None, ""  # of rescaled values, as declared
    maker = frames[0].maker
    slope, intercept = frames[0].rescale
    if maker.upper().startswith("SIEMENS"):
        if (slope, intercept) == (2.0, -_SIEMENS_FULL):
            return (np.pi / _SIEMENS_FULL, 0.0), ""
        why = f"rescaled by {slope:g} and {intercept:g}, not by 2 and -4096 as of Siemens"
    else:
        why = f"of {maker or 'an unnamed maker'}, whose scaling is not known"
    return None, (
        f"phase images are {why}: rad, mrad, or scanner with PhaseRange, the rescaled values of "
        "-pi and pi"
    )


def _tell_order(frames: Sequence[Frame]) -> bool:
    """Tell whether comments name direction and offset of every image."""
    return all(index(f.comment) is not None for f in frames)


def _with_frequency(
    content: Mapping[str, Any], frames: Sequence[Frame], path: Path
) -> Mapping[str, Any]:
    """Return what is declared, with the frequency that comments name where none is."""
    told = {found for f in frames if (found := frequency_hz(f.comment)) is not None}
    if len(told) > 1:
        named = ", ".join(f"{hertz:.4g}" for hertz, _ in sorted(told))
        raise UnitError(
            f"declares waves whose images name several frequencies ({named} Hz)", path,
            "Give one folder per frequency",
        )  # fmt: skip
    if not told:
        return content
    (hertz, exact) = told.pop()
    declared = content.get("MechanicalFrequency")
    if declared is None and is_fine(hertz, exact):
        return {**content, "MechanicalFrequency": hertz}
    apart = isinstance(declared, int | float) and abs(declared - hertz) > exact + 0.01 * hertz
    if apart and not isinstance(declared, bool):
        raise UnitError(
            f"says {declared:g} Hz, but the images name {hertz:.4g} Hz in ImageComments", path,
            "Correct MechanicalFrequency",
        )  # fmt: skip
    return content


def _with_counts(content: Mapping[str, Any], frames: Sequence[Frame]) -> Mapping[str, Any]:
    """Return what is declared, with numbers of offsets and drivers that comments tell."""
    if "VolumeOrder" in content or not _tell_order(frames):
        return content
    named = [index(f.comment) for f in frames]
    counts = [len({i[axis] for i in named if i is not None}) for axis in range(3)]
    told = {"OffsetsPerPeriod": counts[1], "Drivers": counts[2]}
    return {**told, **{k: v for k, v in content.items() if v is not None}}


def _grid(frames: Sequence[Frame], folder: Path) -> _Grid:
    """Sort frames into slices and return their place, world RAS+."""
    first = frames[0]
    for frame in frames:
        same = (
            frame.shape == first.shape
            and np.allclose(frame.orientation, first.orientation, atol=1e-3)
            and np.allclose(frame.spacing, first.spacing, rtol=1e-3)
        )
        if not same:
            raise ImageError(
                f"holds slices of different size or tilt ({frame.path.name})", folder,
                "Give the images of one series",
            )  # fmt: skip
    row, column = first.orientation[:3], first.orientation[3:]
    normal = np.cross(row, column)
    heights = np.array([float(f.position @ normal) for f in frames])
    levels = _levels(heights)
    gaps = np.diff(levels)
    if gaps.size and np.ptp(gaps) > max(0.02 * float(gaps.mean()), _SLICE_TOLERANCE_MM):
        raise ImageError(
            "lacks slices: the distances between slices differ", folder, "Give the whole series"
        )
    slices: list[list[Frame]] = [[] for _ in levels]
    for frame, height in zip(frames, heights, strict=True):
        slices[int(np.argmin(np.abs(levels - height)))].append(frame)
    counts = sorted({len(s) for s in slices})
    if len(counts) > 1:
        raise ImageError(
            f"has {counts[0]} images of one slice and {counts[-1]} of another", folder,
            "Give the whole series",
        )  # fmt: skip
    thickness = float(gaps.mean()) if gaps.size else first.thickness
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = row * first.spacing[1], column * first.spacing[0]
    lps[:3, 2], lps[:3, 3] = normal * thickness, slices[0][0].position
    return _Grid(np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps, slices)


def _levels(heights: FloatArray) -> FloatArray:
    """Return the distinct heights of slices, ascending."""
    ordered = np.sort(heights)
    new = np.concatenate([[True], np.diff(ordered) > _SLICE_TOLERANCE_MM])
    return ordered[new]


def _volumes(
    grid: _Grid, declared: WaveDeclaration, content: Mapping[str, Any], folder: Path
) -> FloatArray:
    """Return values x, y, z, direction, offset, driver."""
    slices = [_ordered(s, content, folder) for s in grid.slices]
    data = np.stack([np.stack([f.values() for f in s], axis=-1) for s in slices], axis=2)
    if "VolumeOrder" in content:
        return arrange(data, declared, folder)
    arranged = arrange(data, replace(declared, order=AXES), folder)
    _check_named(slices, declared, folder)
    return arranged


def _check_named(
    slices: Sequence[Sequence[Frame]], declared: WaveDeclaration, folder: Path
) -> None:
    """Compare the directions, offsets and drivers that comments name with what is declared."""
    named = {tuple(index(f.comment) for f in frames) for frames in slices}
    if len(named) > 1:
        raise ImageError(
            "names other directions or offsets in one slice than in another", folder,
            "Give the whole series, and nothing else",
        )  # fmt: skip
    (names,) = named
    found = [len({i[axis] for i in names if i is not None}) for axis in range(3)]
    wanted = [len(declared.directions), declared.offsets, declared.drivers]
    if found != wanted:
        texts = [" x ".join(f"{n} {a}s" for n, a in zip(c, AXES, strict=True))
                 for c in (found, wanted)]  # fmt: skip
        raise ImageError(
            f"names {texts[0]} in ImageComments, but its JSON says {texts[1]}", folder,
            "Correct the JSON, or declare VolumeOrder if the comments mean something else",
        )  # fmt: skip
    angles = {a for frames in slices for f in frames if (a := angle_deg(f.comment)) is not None}
    if angles and not are_even(angles, declared.offsets):
        raise ImageError(
            f"names the angles {', '.join(f'{a:g}' for a in sorted(angles))} deg, which are not "
            f"{declared.offsets} even steps of one period", folder,
            "Give the images of one whole period, or declare VolumeOrder",
        )  # fmt: skip


def _ordered(frames: Sequence[Frame], content: Mapping[str, Any], folder: Path) -> list[Frame]:
    """Return the frames of a slice in the order of the volumes."""
    if "VolumeOrder" in content:
        return sorted(frames, key=lambda f: f.order)
    indices = [index(f.comment) for f in frames]
    if any(i is None for i in indices) or len(set(indices)) < len(indices):
        example = frames[0].comment
        raise ImageError(
            "does not say for every image which direction and offset it shows (ImageComments "
            f"{example!r})",
            folder,
            "Declare VolumeOrder in the JSON: direction, offset and driver, slowest first, as the "
            "images follow each other",
        )
    pairs = sorted(zip(indices, range(len(frames)), strict=True), key=lambda p: p[0] or ())
    return [frames[k] for _, k in pairs]


def _magnitude(
    frames: Sequence[Frame],
    phase: _Grid,
    declared: WaveDeclaration,
    content: Mapping[str, Any],
    folder: Path,
) -> FloatArray | None:
    """Return the magnitude of every volume; None where there is not one for each."""
    if len(frames) != sum(len(s) for s in phase.slices):
        return None
    grid = _grid(frames, folder)
    if len(grid.slices) != len(phase.slices) or not np.allclose(
        grid.affine, phase.affine, atol=0.1
    ):
        return None
    return _volumes(grid, declared, content, folder)
