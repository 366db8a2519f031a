"""Enhanced files that hold several images: their frames told apart by type and echo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imaging.errors import InputError
from imaging.io.dicom_size import read_dicom

_FRAMES = "PerFrameFunctionalGroupsSequence"
_CHANGED = (_FRAMES, "NumberOfFrames", "ImageType")


def split(header: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield the frames of each image of an enhanced header, and the header of these alone.

    An image has one frame type and one echo time. A header of one image is yielded as it is, with
    no frames named.
    """
    from pydicom.dataset import Dataset

    every = list(header[_FRAMES].value)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for number, frame in enumerate(every):
        groups.setdefault((_type(frame), _echo(frame)), []).append(number)
    if len(groups) < 2:
        yield (), header
        return
    for (kind, _), numbers in groups.items():
        part: Any = Dataset()
        # What changes is an element of its own, not one that all parts share.
        part.update({e.tag: e for e in header if e.keyword not in _CHANGED})
        part.PerFrameFunctionalGroupsSequence = [every[n] for n in numbers]
        part.NumberOfFrames = len(numbers)
        part.ImageType = list(kind) or header.get("ImageType")
        yield tuple(numbers), part


def _type(frame: Any) -> tuple[str, ...]:
    about = frame.get("MRImageFrameTypeSequence")
    return tuple(str(t).strip().upper() for t in about[0].get("FrameType", ())) if about else ()


def _echo(frame: Any) -> float | None:
    about = frame.get("MREchoSequence")
    value = about[0].get("EffectiveEchoTime") if about else None
    return None if value is None else float(value)


def write_frames(path: Path, frames: Sequence[int], target: Path) -> None:
    """Write some frames of an enhanced file as a file of their own.

    Raises
    ------
    InputError
        The pixels cannot be decoded, or are fewer than the header says.
    """
    data: Any = read_dicom(path)
    count = int(data.NumberOfFrames)
    try:
        if data.file_meta.TransferSyntaxUID.is_compressed:
            data.decompress()
        size = int(data.Rows) * int(data.Columns) * int(data.get("SamplesPerPixel", 1))
        each = size * int(data.BitsAllocated) // 8
        pixels = np.frombuffer(data.PixelData, np.uint8)[: each * count].reshape(count, each)
    except Exception as error:  # whatever a damaged file or a missing decoder leads to
        why = f"holds frames that cannot be told apart ({error})"
        raise InputError(why, path, "Send the series uncompressed") from error
    groups = list(data[_FRAMES].value)
    data.PixelData = np.ascontiguousarray(pixels[list(frames)]).tobytes()
    data.NumberOfFrames = len(frames)
    data.PerFrameFunctionalGroupsSequence = [groups[n] for n in frames]
    if kind := _type(groups[frames[0]]):
        data.ImageType = list(kind)
    data.save_as(target)
