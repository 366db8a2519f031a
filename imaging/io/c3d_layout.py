"""Where the data of a C3D file lie and how many frames they hold.

The reader of C3D trusts the counts of the parameter section alone: it reads padding as frames,
loses the frames above 65,535 where they are counted in another parameter, and reads data askew
where header and parameters contradict each other. So these are settled here first.

The C3D File Format, User Guide. Motion Lab Systems, "Reading the frame count", "Header events".
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imaging.errors import RecordingError

BLOCK = 512
INTEL, DEC = 84, 85
EXPORT_AGAIN = "Export it again as C3D with Intel byte order"
_PROCESSORS = {INTEL: "Intel", DEC: "DEC", 86: "SGI/MIPS"}
_WORD = 0xFFFF
_SIZES = {-1: 1, 1: 1, 2: 2, 4: 4}


@dataclass(frozen=True)
class Parameter:
    """A parameter of numbers; `kind` is 4 for real ones, `name_at` the byte of its name."""

    values: tuple[float, ...]
    kind: int
    name_at: int


@dataclass(frozen=True)
class Layout:
    """Counts and places in a C3D file.

    Attributes
    ----------
    first_frame : int
        Number of the first frame, counted from 0: it lies at ``first_frame / rate`` seconds.
    n_frames : int
        Frames of markers that the file holds.
    n_analog, per_frame : int
        Analog channels, and their samples in one frame.
    data_start, frame_bytes : int
        Byte where the data begin, and bytes of one frame.
    n_header_events : int
        Events that the header itself holds, 18 at most.
    frames : Parameter or None
        POINT:FRAMES.
    """

    first_frame: int
    n_frames: int
    n_analog: int
    per_frame: int
    data_start: int
    frame_bytes: int
    n_header_events: int
    frames: Parameter | None

    @property
    def needs_copy(self) -> bool:
        """Whether the reader would not find all frames."""
        return self.n_frames >= _WORD or (self.frames is not None and self.frames.kind == 4)


def read_layout(path: Path) -> Layout:
    """Read header and parameters of a C3D file.

    Raises
    ------
    RecordingError
        Not C3D, SGI/MIPS, cut short, or header and parameters contradict each other.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(BLOCK)
        if len(header) < BLOCK or header[1] != 0x50:
            raise RecordingError("is not a C3D file", path, "Give a C3D or EDF file")
        place = BLOCK * (header[0] - 1)
        file.seek(max(place, 0))
        section = file.read(4)
        if len(section) < 4 or place < BLOCK:
            raise RecordingError("has no parameter section", path, "The file is cut short")
        section += file.read(BLOCK * section[2])
    processor = section[3]
    if processor not in (INTEL, DEC):
        name = _PROCESSORS.get(processor, f"unknown ({processor})")
        raise RecordingError(
            f"has the byte order {name}, which is not supported", path, EXPORT_AGAIN
        )
    known = _numbers(section, place, processor == DEC)
    points, analog, first, last = struct.unpack_from("<4H", header, 2)
    block, per_frame = struct.unpack_from("<2H", header, 16)
    scale = _real(header[12:16], processor == DEC)
    n_analog = _analog(known, analog, per_frame, path)
    if (used := _first(known, "POINT:USED")) is not None and int(used) & _WORD != points:
        raise RecordingError(
            f"names {points} markers in its header and {used:g} in POINT:USED", path, EXPORT_AGAIN
        )
    data_start = BLOCK * (block - 1)
    frame_bytes = (4 * points + analog) * (4 if scale < 0 else 2)
    if data_start < BLOCK or frame_bytes == 0:
        raise RecordingError("holds neither markers nor analog channels", path, EXPORT_AGAIN)
    room = max(0, size - data_start) // frame_bytes
    n_frames = _count(known, last - first + 1, room)
    if n_frames == _WORD and (room - _WORD) * frame_bytes >= BLOCK:
        raise RecordingError(
            f"holds more than {_WORD} frames and does not say how many", path, "Export less of it"
        )
    if n_frames < 1 or n_frames > room:
        raise RecordingError(
            f"holds {max(room, 0)} frames, but its header announces {n_frames}",
            path,
            "The file is cut short; export it again",
        )
    (events,) = struct.unpack_from("<H", header, 300)
    return Layout(
        _first_frame(known, first),
        n_frames,
        n_analog,
        per_frame,
        data_start,
        frame_bytes,
        min(int(events), 18),
        known.get("POINT:FRAMES"),
    )


def write_whole(layout: Layout, path: Path, copy: Path) -> None:
    """Write a copy in which the reader finds every frame, as it reads on to the file's end."""
    end = layout.data_start + layout.n_frames * layout.frame_bytes
    content = bytearray(path.read_bytes()[:end])
    struct.pack_into("<2H", content, 6, 1, _WORD)
    if layout.frames is not None:
        content[layout.frames.name_at] = ord("_")  # without POINT:FRAMES the header counts
    copy.write_bytes(content)


def _analog(known: Mapping[str, Parameter], measured: int, per_frame: int, path: Path) -> int:
    """Return the number of analog channels; 0 where the file holds none."""
    if measured == 0 or per_frame == 0:
        return 0
    for name in ("ANALOG:SCALE", "ANALOG:OFFSET"):
        if name not in known:
            raise RecordingError(f"does not hold {name}", path, EXPORT_AGAIN)
    n = measured // per_frame
    used = _first(known, "ANALOG:USED")
    if n * per_frame != measured or (used is not None and int(used) & _WORD != n):
        raise RecordingError(
            f"names {measured} analog samples and {per_frame} per frame in its header, and "
            f"{used if used is None else int(used)} channels in ANALOG:USED",
            path,
            EXPORT_AGAIN,
        )
    return n


def _count(known: Mapping[str, Parameter], span: int, room: int) -> int:
    """Return the number of frames that the file says it holds.

    POINT:FRAMES tells it, as 16 bits or as a real number. Above 65,535 it is found in
    POINT:LONG_FRAMES or in the numbers of the first and last frame in TRIAL.
    """
    frames = known.get("POINT:FRAMES")
    value = _first(known, "POINT:FRAMES") or 0.0
    counted = int(value) if frames is not None and frames.kind == 4 else int(value) & _WORD
    start, end = _long(known, "TRIAL:ACTUAL_START_FIELD"), _long(known, "TRIAL:ACTUAL_END_FIELD")
    trial = end - start + 1 if start is not None and end is not None else 0
    for long in (int(_first(known, "POINT:LONG_FRAMES") or 0), trial):
        if long > _WORD and (counted in (0, _WORD, long & _WORD) or long <= room):
            return long
    if counted not in (0, _WORD):
        return counted
    return span if span < _WORD - 1 else _WORD


def _first_frame(known: Mapping[str, Parameter], first: int) -> int:
    start = _long(known, "TRIAL:ACTUAL_START_FIELD")
    if start is not None and start > _WORD and start & _WORD == first:
        first = start
    return max(first - 1, 0)  # some writers count from 0


def _first(known: Mapping[str, Parameter], name: str) -> float | None:
    return known[name].values[0] if name in known and known[name].values else None


def _long(known: Mapping[str, Parameter], name: str) -> int | None:
    """Return a number of two 16-bit words, the low one first."""
    if name not in known or len(known[name].values) < 2:
        return None
    low, high = (int(v) & _WORD for v in known[name].values[:2])
    return low + 0x10000 * high


def _real(raw: bytes, dec: bool) -> float:
    """Return a real number of 32 bits; those of DEC have their words swapped and are 4 times it.

    Examples
    --------
    >>> _real(struct.pack("<f", 1200.0), dec=False)
    1200.0
    >>> four_times = struct.pack("<f", 4800.0)
    >>> _real(four_times[2:] + four_times[:2], dec=True)
    1200.0
    """
    value = struct.unpack("<f", raw[2:] + raw[:2] if dec else raw)[0]
    return float(value / 4 if dec else value)


def _numbers(section: bytes, place: int, dec: bool) -> dict[str, Parameter]:
    """Return the parameters of numbers, ``GROUP:NAME``, as far as the section can be read."""
    groups: dict[int, str] = {}
    found: list[tuple[int, str, Parameter]] = []
    at = 4
    while at + 2 < len(section) and section[at]:
        length, number = struct.unpack_from("<bb", section, at)
        after = at + 2 + abs(length)
        if after + 4 > len(section):
            break
        name = section[at + 2 : after].decode("latin-1").strip().upper()
        offset = struct.unpack_from("<H", section, after)[0]
        if number < 0:
            groups[-number] = name
        elif (parameter := _number(section, after + 2, place + at + 2, dec)) is not None:
            found.append((number, name, parameter))
        if offset == 0:
            break
        at = after + offset
    return {f"{groups.get(number, '')}:{name}": value for number, name, value in found}


def _number(section: bytes, at: int, name_at: int, dec: bool) -> Parameter | None:
    kind, n_dims = struct.unpack_from("<bB", section, at)
    begin = at + 2 + n_dims
    count = math.prod(section[at + 2 : begin])
    end = begin + count * _SIZES.get(kind, 0)
    if kind not in (1, 2, 4) or end > len(section):
        return None
    raw = section[begin:end]
    if kind == 4:
        values = [_real(raw[i : i + 4], dec) for i in range(0, len(raw), 4)]
    else:
        values = np.frombuffer(raw, "<i2" if kind == 2 else "i1").astype(float).tolist()
    finite = tuple(v if math.isfinite(v) else 0.0 for v in values)
    return Parameter(finite, kind, name_at)
