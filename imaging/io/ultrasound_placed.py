"""Frames of ultrasound files placed in the scan, and the samples read from their colours."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.arrays import FloatArray
from imaging.config import UltrasoundSettings
from imaging.errors import ImageError
from imaging.io.ultrasound_frames import FrameFile
from imaging.ultrasound.colour_bar import crop, read_bar
from imaging.ultrasound.colour_box import BoxCells
from imaging.ultrasound.frame_samples import read_frame, read_values
from imaging.ultrasound.locate import Located, locate
from imaging.ultrasound.notes import UNCHECKED_OPACITY, placement_warnings, repeats_warning
from imaging.ultrasound.overlay import read_overlay, repeats
from imaging.ultrasound.samples import FramePlane, Samples
from imaging.ultrasound.series_tables import FrameFacts
from imaging.ultrasound.times import across_midnight
from imaging.ultrasound.values import ends_of


@dataclass
class PlacedFrames:
    """Frames of all files, read and placed; lists by frame have one entry per frame used.

    Attributes
    ----------
    located, repeated
        By file: places of its frames, and how many of them repeat the one before.
    samples, boxes, planes, slab_mm, turn_deg, error_mm, sources
        By frame: its samples, all cells of its colour box, place, thickness of the beam,
        uncertainty of its rotation and place at every sample, file and number.
    file, number, time_s, angle_deg, middle
        By frame: number of its file, its own in it, when it was taken and at which angle (nan where
        not known), and the middle of its colour box in pixels.
    warnings, colours
        Doubts about places, and about colours.
    """

    located: list[Located] = field(default_factory=list)
    samples: list[Samples] = field(default_factory=list)
    boxes: list[BoxCells] = field(default_factory=list)
    file: list[int] = field(default_factory=list)
    number: list[int] = field(default_factory=list)
    time_s: list[float] = field(default_factory=list)
    angle_deg: list[float] = field(default_factory=list)
    middle: list[tuple[float, float]] = field(default_factory=list)
    planes: list[FramePlane] = field(default_factory=list)
    slab_mm: list[float] = field(default_factory=list)
    turn_deg: list[FloatArray] = field(default_factory=list)
    error_mm: list[FloatArray] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def frame_facts(self, files: Sequence[FrameFile]) -> FrameFacts:
        """Return what is known of the frames used."""
        own = [files[k] for k in self.file]
        return FrameFacts(
            [f.paths[0].name for f in own], self.number, [len(f.frames) > 1 for f in own],
            np.array(self.time_s), np.array(self.angle_deg), self.planes, self.middle,
        )  # fmt: skip

    def facts(self, files: Sequence[FrameFile]) -> list[dict[str, Any]]:
        """Return what the notes tell of each file."""
        each = zip(files, self.located, self.repeated, strict=True)
        return [_facts(file, located, repeated) for file, located, repeated in each]


def place_frames(files: Sequence[FrameFile], options: UltrasoundSettings) -> PlacedFrames:
    """Place and read the frames of every file.

    Raises
    ------
    ImageError
        A file cannot be placed, a colour bar cannot be read, or nothing has colour.
    """
    out = PlacedFrames()
    starts = across_midnight([f.timing.start_s for f in files])
    first = min((s for s in starts if s is not None), default=0.0)
    for place, file in enumerate(files):
        name, located = file.paths[0].name, locate_file(file, options)
        start = starts[place]
        times = _times(file, None if start is None else start - first)
        out.located.append(located)
        out.warnings += placement_warnings(name, located)
        doubts: Counter[str] = Counter()
        used = len(out.planes)
        shown = tqdm(located.planes, desc=name, unit="frame", disable=not sys.stderr.isatty())
        before, repeated = None, 0
        for number, plane in enumerate(shown):
            if plane is None:
                continue
            part = crop(file.frames[number], file.declared.overlay)
            if before is not None and _same(file, part, before):
                repeated += 1
                continue
            before = part
            found, box, doubt = _read(file, number, plane, len(out.planes), options.cell_mm)
            doubts.update(doubt)
            out.samples.append(found)
            out.planes.append(plane)
            out.slab_mm.append(file.declared.slab_mm or options.slab_mm)
            out.turn_deg.append(np.full(len(found), located.placement.turn_deg))
            out.error_mm.append(located.target_mm(found.world))
            out.sources.append(f"{name} {number}")
            out.boxes.append(box)
            out.file.append(place)
            out.number.append(number)
            out.time_s.append(times[number])
            angle = np.nan if file.angles_deg is None else file.angles_deg[number]
            out.angle_deg.append(float(angle))
            x0, y0, x1, y1 = file.declared.overlay
            out.middle.append(((x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2))
        out.repeated.append(repeated)
        if repeated:
            out.warnings.append(repeats_warning(name, repeated))
        if doubts[UNCHECKED_OPACITY] < len(out.planes) - used:  # other frames tell
            del doubts[UNCHECKED_OPACITY]
        out.colours += [f"{name}: {doubt}" for doubt in list(doubts)[:3]]
    if not any(len(s) for s in out.samples):
        raise _colourless(files[0], out.colours)
    return out


def _same(file: FrameFile, part: NDArray[Any], before: NDArray[Any]) -> bool:
    """Tell whether two frames show one map."""
    if file.holds_values:
        return bool(np.array_equal(part, before, equal_nan=True))
    return repeats(part, before)


def _read(
    file: FrameFile, number: int, plane: FramePlane, given: int, cell_mm: float
) -> tuple[Samples, BoxCells, list[str]]:
    """Read a frame of colours or of values; `given` is its number among all frames used."""
    declared, frame = file.declared, file.frames[number]
    if file.holds_values:
        ends = ends_of(file.frames, declared)
        return *read_values(frame, ends, declared, plane, given, cell_mm), []
    try:
        return read_frame(frame, declared, plane, given, cell_mm)
    except ImageError as error:
        raise ImageError(error.what, file.paths[1], error.fix) from error


def _times(file: FrameFile, start_s: float | None) -> list[float]:
    """Return the times of a file's frames, on the clock of all where it tells one.

    A single frame without a clock has no time: among several it would stand at 0 with the first.
    """
    known = file.timing.times_s
    if known is None or (start_s is None and len(file.frames) == 1):
        return [float("nan")] * len(file.frames)
    return [float(t) + (start_s or 0.0) for t in known]


def locate_file(file: FrameFile, options: UltrasoundSettings) -> Located:
    """Place a file's frames.

    Raises
    ------
    ImageError
        No landmarks that fit, no pixel size, or no frame with good tracking, by the file's name.
    """
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


def check_frames(
    files: Sequence[FrameFile], options: UltrasoundSettings
) -> Iterator[tuple[FrameFile, FloatArray]]:
    """Refuse what :func:`place_frames` would, without reading every frame.

    Yields
    ------
    file : FrameFile
    corners : (N, 3) array
        World places of the corners of the overlay in its frames, mm.
    """
    coloured = False
    for file in files:
        located = locate_file(file, options)
        used = [n for n, plane in enumerate(located.planes) if plane is not None]
        for number in used:
            coloured = _reads(file, number, look=not coloured) or coloured
        x0, y0, x1, y1 = file.declared.overlay
        pixels = np.array([[x, y, 0, 1] for x in (x0, x1) for y in (y0, y1)], dtype=float)
        planes = [p for p in located.planes if p is not None]
        yield file, np.concatenate([(pixels @ p.matrix.T)[:, :3] for p in planes])
    if not coloured:
        raise _colourless(files[0], [])


def _reads(file: FrameFile, number: int, look: bool) -> bool:
    """Read the colour bar of a frame, and where asked for tell whether its overlay has colours."""
    frame: NDArray[np.uint8] = file.frames[number]
    if file.holds_values:
        return bool((np.nan_to_num(frame) > 0).any())
    try:
        bar = read_bar(frame, file.declared.bar, file.declared.rises)
    except ImageError as error:
        raise ImageError(error.what, file.paths[1], error.fix) from error
    if not look:
        return False
    part = crop(frame, file.declared.overlay)
    return bool(read_overlay(part, bar, file.declared.opacity).valid.any())


def _colourless(file: FrameFile, doubts: Sequence[str]) -> ImageError:
    return ImageError(
        "has no readable colour inside ColorBox", file.paths[0],
        " ".join(["Check ColorBox, ColorBarBox and Opacity.", *doubts]).rstrip("."),
    )  # fmt: skip


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
        "range": None if np.isinf(file.declared.high) else [file.declared.low, file.declared.high],
        "opacity": None if file.holds_values else file.declared.opacity,
    }
