"""DICOM objects read by the letter of the standard with pydicom alone, as places in the world.

Nothing of the writer is used here: frames are unpacked, and placed by their own functional groups.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pyvista as pv

TO_RAS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Frame:
    """One frame: values (rows, columns), world RAS+ mm of each, and its segment (0: none)."""

    values: np.ndarray
    world: np.ndarray
    segment: int


def frames(path: Path) -> list[Frame]:
    """Return every frame of a Segmentation or Parametric Map."""
    data = pydicom.dcmread(path)
    shared = data.SharedFunctionalGroupsSequence[0]
    out = []
    for values, own in zip(_pixels(data), data.PerFrameFunctionalGroupsSequence, strict=True):
        orientation = _group(own, shared, "PlaneOrientationSequence").ImageOrientationPatient
        spacing = _group(own, shared, "PixelMeasuresSequence").PixelSpacing
        corner = np.array(_group(own, shared, "PlanePositionSequence").ImagePositionPatient, float)
        along, down = np.array(orientation[:3], float), np.array(orientation[3:], float)
        rows, columns = np.indices(values.shape)
        lps = (
            corner
            + columns[..., None] * along * float(spacing[1])
            + rows[..., None] * down * float(spacing[0])
        )
        part = own.get("SegmentIdentificationSequence")
        number = int(part[0].ReferencedSegmentNumber) if part else 0
        out.append(Frame(values, lps * TO_RAS, number))
    return out


def _pixels(data: Any) -> np.ndarray:
    shape = (int(data.NumberOfFrames), int(data.Rows), int(data.Columns))
    if "FloatPixelData" in data:
        return np.frombuffer(data.FloatPixelData, "<f4").reshape(shape)
    if data.BitsAllocated == 1:
        bits = np.unpackbits(np.frombuffer(data.PixelData, np.uint8), bitorder="little")
        return bits[: np.prod(shape)].reshape(shape)
    kind = "<u2" if data.BitsAllocated == 16 else np.uint8
    return np.frombuffer(data.PixelData, kind)[: np.prod(shape)].reshape(shape)


def _group(own: Any, shared: Any, name: str) -> Any:
    return (own.get(name) or shared.get(name))[0]


def segment_labels(path: Path) -> dict[int, str]:
    """Return the words of every segment by its number."""
    return {
        int(s.SegmentNumber): str(s.SegmentLabel) for s in pydicom.dcmread(path).SegmentSequence
    }


def tracks(path: Path) -> dict[str, list[np.ndarray]]:
    """Return the points (N, 3) of each track, world RAS+ mm, by the label of its set."""
    found: dict[str, list[np.ndarray]] = {}
    for one in pydicom.dcmread(path).TrackSetSequence:
        found[str(one.TrackSetLabel)] = [
            np.frombuffer(t.PointCoordinatesData, "<f4").reshape(-1, 3) * TO_RAS
            for t in one.TrackSequence
        ]
    return found


def surface(path: Path) -> tuple[str, pv.PolyData]:
    """Return title and mesh, world RAS+ mm, of an Encapsulated STL; read by VTK."""
    data = pydicom.dcmread(path)
    content = data.EncapsulatedDocument[: data.EncapsulatedDocumentLength]
    scratch = path.with_suffix(".stl")
    scratch.write_bytes(io.BytesIO(content).getvalue())
    mesh = pv.read(scratch)
    scratch.unlink()
    mesh.points = np.asarray(mesh.points, float) * TO_RAS
    return str(data.DocumentTitle), mesh
