"""C3D files byte by byte, in Intel or DEC order: apart from the library that the reader uses.

The C3D File Format, User Guide, Motion Lab Systems.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 512
INTEL, DEC, MIPS = 84, 85, 86
TYPES = {-1: "S1", 1: "i1", 2: "<i2", 4: "<f4"}


@dataclass
class C3d:
    """A file: `points` (F, P, 4), `analog` (F, S, A), parameters by ``GROUP:NAME``."""

    points: np.ndarray
    analog: np.ndarray
    rate_hz: float = 100.0
    first: int = 1
    parameters: dict[str, Any] = field(default_factory=dict)
    header_events: list[tuple[str, float]] = field(default_factory=list)

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.parameters[name] = value


def small(n_frames: int = 200, emg: int = 2, per_frame: int = 10, seed: int = 0) -> C3d:
    """Return a recording of noise with two heel markers."""
    rng = np.random.default_rng(seed)
    points = np.zeros((n_frames, 2, 4), dtype=np.float32)
    points[:, :, :3] = rng.normal(scale=100, size=(n_frames, 2, 3))
    analog = rng.normal(size=(n_frames, per_frame, emg)).astype(np.float32)
    names = [f"{side}_{muscle}" for muscle in ("TA", "SOL", "GM", "GL") for side in "LR"]
    return C3d(
        points,
        analog,
        parameters={
            "POINT:USED": np.int16([2]),
            "POINT:SCALE": np.float32([-1]),
            "POINT:RATE": np.float32([100]),
            "POINT:DATA_START": np.int16([0]),
            "POINT:FRAMES": np.int16([min(n_frames, 32767)]),
            "POINT:LABELS": ["LHEE", "RHEE"],
            "POINT:UNITS": ["mm"],
            "ANALOG:USED": np.int16([emg]),
            "ANALOG:LABELS": names[:emg],
            "ANALOG:UNITS": ["uV"] * emg,
            "ANALOG:GEN_SCALE": np.float32([1]),
            "ANALOG:SCALE": np.ones(emg, np.float32),
            "ANALOG:OFFSET": np.zeros(emg, np.int16),
            "ANALOG:RATE": np.float32([100 * per_frame]),
        },
    )


def add_events(file: C3d, events: list[tuple[str, str, float]]) -> None:
    """Add (context, label, seconds); beyond 255 in the numbered parameters."""
    file["EVENT:USED"] = np.int16([len(events)])
    for i in range(0, max(len(events), 1), 255):
        number = "" if i == 0 else str(i // 255 + 1)
        part = events[i : i + 255]
        file[f"EVENT:CONTEXTS{number}"] = [e[0] for e in part]
        file[f"EVENT:LABELS{number}"] = [e[1] for e in part]
        file[f"EVENT:TIMES{number}"] = np.float32([[e[2] // 60, e[2] % 60] for e in part]).T


def write(file: C3d, path: Path, processor: int = INTEL, *, last: int | None = None) -> Path:
    """Write a file of real numbers; `last` is the last frame that the header names."""
    parameters = _parameters(file, processor)
    start = 2 + len(parameters) // BLOCK
    file.parameters["POINT:DATA_START"] = np.int16([start])
    parameters = _parameters(file, processor)
    n_frames = len(file.points)
    per_frame = file.analog.shape[1]
    last = min(file.first + n_frames - 1, 0xFFFF) if last is None else last
    header = bytearray(BLOCK)
    header[:2] = b"\x02\x50"
    n_analog = per_frame * file.analog.shape[2]
    struct.pack_into("<5H", header, 2, file.points.shape[1], n_analog, file.first, last, 10)
    header[12:16] = _floats(np.float32([-1]), processor)
    struct.pack_into("<2H", header, 16, start, per_frame)
    header[20:24] = _floats(np.float32([file.rate_hz]), processor)
    struct.pack_into("<2H", header, 298, 12345, len(file.header_events))
    for i, (label, seconds) in enumerate(file.header_events):
        header[304 + 4 * i : 308 + 4 * i] = _floats(np.float32([seconds]), processor)
        header[396 + 4 * i : 400 + 4 * i] = label.encode().ljust(4)[:4]
    rows = [file.points.reshape(n_frames, -1), file.analog.reshape(n_frames, -1)]
    data = _floats(np.concatenate(rows, axis=1), processor)
    path.write_bytes(bytes(header) + parameters + data + bytes(-len(data) % BLOCK))
    return path


def read(path: Path) -> C3d:
    """Read an Intel file of real numbers."""
    content = path.read_bytes()
    points, n_analog, first, last = struct.unpack_from("<4H", content, 2)
    start, per_frame = struct.unpack_from("<2H", content, 16)
    (rate,) = struct.unpack_from("<f", content, 20)
    n_frames = last - first + 1
    width = 4 * points + n_analog
    rows = np.frombuffer(content, "<f4", n_frames * width, BLOCK * (start - 1))
    rows = rows.reshape(n_frames, width)
    return C3d(
        rows[:, : 4 * points].reshape(n_frames, points, 4).copy(),
        rows[:, 4 * points :].reshape(n_frames, per_frame, -1).copy(),
        rate,
        first,
        _read_parameters(content),
    )


def _floats(values: np.ndarray, processor: int) -> bytes:
    if processor == MIPS:
        return values.astype(">f4").tobytes()
    if processor == INTEL:
        return values.astype("<f4").tobytes()
    # VAX: four times smaller for the same exponent, 16-bit words swapped.
    words = (4 * values.astype("<f4")).view("<u2").reshape(-1, 2)
    return words[:, ::-1].tobytes()


def _parameters(file: C3d, processor: int) -> bytes:
    groups = list(dict.fromkeys(name.split(":")[0] for name in file.parameters))
    out = bytearray()
    for number, group in enumerate(groups, start=1):
        out += struct.pack("<bb", len(group), -number) + group.encode() + struct.pack("<hB", 3, 0)
    for name, value in file.parameters.items():
        group, short = name.split(":")
        kind, shape, raw = _encode(value, processor)
        body = struct.pack("<bB", kind, len(shape)) + bytes(shape) + raw + b"\0"
        out += struct.pack("<bb", len(short), groups.index(group) + 1) + short.encode()
        out += struct.pack("<H", len(body) + 2) + body
    out += b"\0\0"
    blocks = -(-(len(out) + 4) // BLOCK)
    return (bytes([1, 80, blocks, processor]) + bytes(out)).ljust(BLOCK * blocks, b"\0")


def _encode(value: Any, processor: int) -> tuple[int, tuple[int, ...], bytes]:
    if isinstance(value, list):
        width = max([len(v) for v in value] + [1])
        return -1, (width, len(value)), b"".join(v.encode().ljust(width) for v in value)
    value = np.asarray(value)
    flat = value.ravel(order="F")
    if value.dtype == np.float32:
        return 4, value.shape, _floats(flat, processor)
    if value.dtype == np.int8:
        return 1, value.shape, flat.tobytes()
    return 2, value.shape, flat.astype(">i2" if processor == MIPS else "<i2").tobytes()


def _read_parameters(content: bytes) -> dict[str, Any]:
    at = BLOCK * (content[0] - 1) + 4
    groups: dict[int, str] = {}
    found: list[tuple[int, str, Any]] = []
    while content[at]:
        length, number = struct.unpack_from("<bb", content, at)
        length = abs(length)
        name = content[at + 2 : at + 2 + length].decode()
        at += 2 + length
        (offset,) = struct.unpack_from("<H", content, at)
        if number < 0:
            groups[-number] = name
        else:
            found.append((number, name, _decode(content, at + 2)))
        if offset == 0:
            break
        at += offset
    return {f"{groups[number]}:{name}": value for number, name, value in found}


def _decode(content: bytes, at: int) -> Any:
    kind, n = struct.unpack_from("<bB", content, at)
    shape = tuple(content[at + 2 : at + 2 + n])
    count = int(np.prod(shape)) if shape else 1
    raw = content[at + 2 + n : at + 2 + n + count * abs(kind)]
    if kind == -1:
        width = shape[0] if shape else 1
        texts = [raw[i : i + width] for i in range(0, len(raw), width)] if width else []
        return [t.decode("latin-1").rstrip() for t in texts]
    values = np.frombuffer(raw, TYPES[kind]).reshape(shape or (1,), order="F")
    return values.astype(values.dtype.newbyteorder("="))
