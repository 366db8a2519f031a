"""Frames of every file, placed in the scan and read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.config import UltrasoundSettings
from imaging.errors import ImageError
from imaging.io.ultrasound_frames import FrameFile
from imaging.ultrasound.colour import crop, repeats
from imaging.ultrasound.evidence import read_frame
from imaging.ultrasound.locate import Located, locate
from imaging.ultrasound.samples import FramePlane, Samples
from imaging.ultrasound.words import placement_doubts


@dataclass
class PlacedFrames:
    """Frames of all files, read and placed; one entry per frame that could be used."""

    located: list[Located] = field(default_factory=list)
    samples: list[Samples] = field(default_factory=list)
    planes: list[FramePlane] = field(default_factory=list)
    slab_mm: list[float] = field(default_factory=list)
    turn_deg: list[NDArray[Any]] = field(default_factory=list)
    error_mm: list[NDArray[Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def facts(self, files: Sequence[FrameFile]) -> list[dict[str, Any]]:
        """Return what the notes tell of each file."""
        each = zip(files, self.located, self.repeated, strict=True)
        return [_facts(file, located, repeated) for file, located, repeated in each]


def place_frames(files: Sequence[FrameFile], options: UltrasoundSettings) -> PlacedFrames:
    """Place and read the frames of every file.

    Parameters
    ----------
    files
        Frames with what their JSON declares.
    options
        Settings of the stage.

    Raises
    ------
    ImageError
        Landmarks do not fit, or the colours of a frame cannot be read.
    """
    out = PlacedFrames()
    for file in files:
        name, located = file.paths[0].name, _locate(file, options)
        out.located.append(located)
        out.warnings += placement_doubts(name, located)
        doubts: dict[str, None] = {}
        shown = tqdm(located.planes, desc=name, unit="frame", disable=not sys.stderr.isatty())
        before, repeated = None, 0
        for number, plane in enumerate(shown):
            if plane is None:
                continue
            part = crop(file.frames[number], file.declared.overlay)
            if before is not None and repeats(part, before):
                repeated += 1
                continue
            before = part
            try:
                found, doubt = read_frame(
                    file.frames[number], file.declared, plane, len(out.planes), options.cell_mm
                )
            except ImageError as error:
                raise ImageError(error.what, file.paths[1], error.fix) from error
            doubts |= dict.fromkeys(doubt)
            out.samples.append(found)
            out.planes.append(plane)
            out.slab_mm.append(file.declared.slab_mm or options.slab_mm)
            out.turn_deg.append(np.full(len(found), located.placement.turn_deg))
            out.error_mm.append(located.target_mm(found.world))
            out.sources.append(f"{name} {number}")
        out.repeated.append(repeated)
        if repeated:
            out.warnings.append(f"{name}: {repeated} frames repeat the map before them, left out.")
        out.colours += [f"{name}: {doubt}" for doubt in list(doubts)[:3]]
    return out


def _locate(file: FrameFile, options: UltrasoundSettings) -> Located:
    """Place a file's frames; name the file in what is wrong."""
    height, width = file.frames.shape[1:3]
    try:
        located = locate(
            file.declared, len(file.frames), (height, width), file.fields, file.regions
        )
    except ImageError as error:
        raise ImageError(error.what, error.path or file.paths[1], error.fix) from error
    error_mm, left = located.placement.fiducial_mm, located.placement.left_out_mm
    if error_mm > options.max_landmark_error_mm:
        worst = ""
        if not np.isnan(left).any():
            worst = f"; {file.declared.landmarks.names[int(np.argmax(left))]} is missed most"
        raise ImageError(
            f"the landmarks fit within {error_mm:.1f} mm only{worst}", file.paths[1],
            "Check that each is the same point in both, or raise max_landmark_error_mm",
        )  # fmt: skip
    return located


def _facts(file: FrameFile, located: Located, repeated: int) -> dict[str, Any]:
    left = located.placement.left_out_mm
    return {
        "file": file.paths[0].name,
        "frames": len(file.frames),
        "skipped": list(located.skipped),
        "repeated": repeated,
        "tracked": located.tracked,
        "landmarks": len(left),
        "fiducial_error_mm": round(located.placement.fiducial_mm, 4),
        "left_out_error_mm": None if np.isnan(left).any() else [round(float(v), 3) for v in left],
        "quantity": file.declared.quantity,
        "units": file.declared.unit,
        "range": [file.declared.low, file.declared.high],
        "opacity": file.declared.opacity,
    }
