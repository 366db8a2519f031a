"""Frames of DICOM files, classic and enhanced: their kind, place, scaling and order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.errors import ImageError, InputError, MissingToolError
from imaging.io.dicom_size import pixels_of, read_dicom
from imaging.io.waves.mosaic import is_mosaic, slices_of

_RADIANS = {"rad": 1.0, "mrad": 1e-3}
# RescaleType, in the spellings of Philips.
_RESCALED = {"rad": 1.0, "radians": 1.0, "radials": 1.0, "mrad": 1e-3, "milliradians": 1e-3,
             "milliradials": 1e-3}  # fmt: skip
# Private element of GE: 0 magnitude, 1 phase, 2 real, 3 imaginary.
_GE_KIND = (0x0043, 0x102F)
# MR Image Storage, classic and enhanced.
_MR_IMAGES = ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1")


@dataclass(frozen=True)
class Frame:
    """One slice of one volume.

    Attributes
    ----------
    path : Path
    kind : str
        ``phase``, ``magnitude`` or nothing.
    maker, comment : str
    pixels : (rows, columns) array
        As stored.
    rescale : tuple of float
        Slope and intercept of the modality.
    radians : tuple of float or None
        Slope and intercept from rescaled values to radians, where the file says so.
    position, orientation, spacing : array
        ImagePositionPatient, ImageOrientationPatient, PixelSpacing (LPS+, mm).
    thickness : float
        mm.
    order : tuple
        By which frames of a slice follow each other.
    """

    path: Path
    kind: str
    maker: str
    comment: str
    pixels: NDArray[Any]
    rescale: tuple[float, float]
    radians: tuple[float, float] | None
    position: FloatArray
    orientation: FloatArray
    spacing: FloatArray
    thickness: float
    order: tuple[Any, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.pixels.shape

    def values(self) -> NDArray[np.float32]:
        """Return the rescaled values, columns by rows."""
        slope, intercept = self.rescale
        return (self.pixels.T * slope + intercept).astype(np.float32)


def read_frames(folder: Path) -> tuple[list[Frame], list[str]]:
    """Read every frame of the DICOM files in a folder and the folders in it.

    Returns
    -------
    frames : list of Frame
    foreign : list of str
        Names of files that are no DICOM images; they are left out.

    Raises
    ------
    MissingToolError
        pydicom is not installed.
    ImageError
        No DICOM image, or one that cannot be read.
    """
    try:
        import pydicom
    except ImportError as error:
        raise MissingToolError(
            "DICOM files need pydicom", folder, "pip install 'pennate[dicom]'"
        ) from error
    frames: list[Frame] = []
    foreign: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            data = read_dicom(path)
        except pydicom.errors.InvalidDicomError:
            foreign.append(path.name)
            continue
        except InputError:
            raise
        except Exception as error:  # a broken file ends in a dozen unrelated kinds
            raise ImageError(
                f"cannot be read as DICOM ({error})", path, "Copy or export it again"
            ) from error
        if "PixelData" not in data:
            if data.file_meta.get("MediaStorageSOPClassUID") in _MR_IMAGES:
                raise ImageError("is cut short: it has no pixels", path, "Copy or export it again")
            foreign.append(path.name)
            continue
        try:
            frames += _frames(data, path)
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError,
                ValueError) as error:  # fmt: skip
            raise ImageError(
                f"cannot be read as an MR image ({error})", path, "Export the series again"
            ) from error
    if not frames:
        raise ImageError("has no DICOM images", folder, "Give the folder of the series")
    return frames, foreign


def _frames(data: Any, path: Path) -> Iterator[Frame]:
    pixels = pixels_of(data, path)
    shared = data.get("SharedFunctionalGroupsSequence", [None])[0]
    per_frame = data.get("PerFrameFunctionalGroupsSequence")
    if per_frame is None:
        if not is_mosaic(data):
            yield _frame([data], pixels, path, 0)
            return
        whole = _frame([data], pixels, path, 0)
        for one, position in slices_of(data, pixels):
            yield replace(whole, pixels=one, position=position)
        return
    for k, groups in enumerate(per_frame):
        one = pixels.reshape(-1, data.Rows, data.Columns)[k]
        yield _frame([groups, shared, data], one, path, k)


def _frame(places: list[Any], pixels: NDArray[Any], path: Path, k: int) -> Frame:
    def value(name: str, sequence: str = "", default: Any = None) -> Any:
        for place in (p for p in places if p is not None):
            inner = place.get(sequence, [None])[0] if sequence in place else place
            found = None if inner is None else inner.get(name)
            if found is not None:
                return found
        return default

    kinds = {str(t).upper() for t in value("ImageType", default=[])}
    kinds |= {str(t).upper() for t in value("FrameType", "MRImageFrameTypeSequence", [])}
    kinds.add(str(value("ComplexImageComponent", "MRImageFrameTypeSequence", "")).upper())
    kind = ""
    if kinds & {"P", "PHASE", "PHASE MAP"}:
        kind = "phase"
    elif kinds & {"M", "MAGNITUDE", "FFE", "M_FFE", "M_SE"}:
        kind = "magnitude"
    elif str(value("Manufacturer", default="")).upper().startswith("GE"):
        kind = _kind_by_ge(places[-1])
    spacing = value("PixelSpacing", "PixelMeasuresSequence")
    thickness = value("SpacingBetweenSlices", "PixelMeasuresSequence") or value(
        "SliceThickness", "PixelMeasuresSequence", 1.0
    )
    content = "FrameContentSequence"
    order = (
        int(value("SeriesNumber", default=0) or 0),
        int(value("AcquisitionNumber", default=0) or 0),
        int(value("TemporalPositionIndex", content) or value("TemporalPositionIdentifier") or 0),
        float(value("NominalCardiacTriggerDelayTime", "CardiacSynchronizationSequence")
              or value("TriggerTime") or 0),
        int(value("InstanceNumber", default=0) or 0),
        k,
    )  # fmt: skip
    rescale = (
        float(value("RescaleSlope", "PixelValueTransformationSequence", 1.0)),
        float(value("RescaleIntercept", "PixelValueTransformationSequence", 0.0)),
    )
    comment = value("FrameComments", content) or value("ImageComments", default="")
    return Frame(
        path, kind, str(value("Manufacturer", default="")), str(comment), pixels, rescale,
        _real_world(value("RealWorldValueMappingSequence"), rescale)
        or _rescaled(value("RescaleType", "PixelValueTransformationSequence")),
        np.array(value("ImagePositionPatient", "PlanePositionSequence"), float),
        np.array(value("ImageOrientationPatient", "PlaneOrientationSequence"), float),
        np.array(spacing, float), float(thickness), order,
    )  # fmt: skip


def _kind_by_ge(data: Any) -> str:
    """Return the kind of an image of GE, which ImageType does not tell."""
    element = data.get(_GE_KIND)
    if element is None or element.value in (None, b"", ""):
        return ""
    found = element.value
    number = int.from_bytes(found[:2], "little") if isinstance(found, bytes) else int(found)
    return {0: "magnitude", 1: "phase"}.get(number, "")


def _real_world(mappings: Any, rescale: tuple[float, float]) -> tuple[float, float] | None:
    """Return slope and intercept from rescaled values to radians, if a mapping gives radians."""
    for mapping in mappings or []:
        codes = mapping.get("MeasurementUnitsCodeSequence") or []
        unit = str(codes[0].get("CodeValue", "")) if codes else ""
        slope, intercept = (
            mapping.get("RealWorldValueSlope"),
            mapping.get("RealWorldValueIntercept"),
        )
        if unit in _RADIANS and slope is not None and intercept is not None:
            # The mapping is of stored values; those are (rescaled - b) / m.
            per_stored = float(slope) * _RADIANS[unit] / rescale[0]
            return per_stored, float(intercept) * _RADIANS[unit] - per_stored * rescale[1]
    return None


def _rescaled(unit: Any) -> tuple[float, float] | None:
    """Return slope and intercept from rescaled values to radians, if those have such a unit."""
    scale = _RESCALED.get(str(unit or "").strip().lower())
    return None if scale is None else (scale, 0.0)
