"""Series of images in the manner of each maker of scanners, with known place and contrast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom")
from pydicom.dataset import Dataset, FileMetaDataset  # noqa: E402
from pydicom.sequence import Sequence as Items  # noqa: E402
from pydicom.uid import (  # noqa: E402
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    generate_uid,
)

PERSON = {"PatientName": "Muster^Zacharias", "PatientID": "mrn90210"}
TOLD = {
    "PatientBirthDate": "19700101", "StudyDate": "20260102", "AcquisitionDate": "20260102",
    "AcquisitionTime": "101112.0", "StudyTime": "101010", "InstitutionName": "Clinic of Zacharias",
    "ReferringPhysicianName": "House^G", "AccessionNumber": "acc777", "StationName": "mr7",
}  # fmt: skip
SECRETS = (
    b"Zacharias",
    b"mrn90210",
    b"19700101",
    b"20260102",
    b"1011",
    b"House",
    b"acc777",
    b"mr7",
)
SHAPE = (10, 8, 4)  # columns, rows, slices
Change = Callable[[Dataset, int, int, int], None]


def affine(tilt_deg: float = 20.0) -> np.ndarray:
    """Return an oblique grid, voxel (column, row, slice) to world RAS+ mm, 2 x 2.5 x 6 mm."""
    a = np.deg2rad(tilt_deg)
    turn = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    out = np.eye(4)
    # Columns run to the left, rows to the back, as an axial image is shown.
    out[:3, :3] = turn @ np.diag([-1, -1, 1]) @ np.diag([2.0, 2.5, 6.0])
    out[:3, 3] = 12, 15, -90
    return out


def voxels(number: int, volume: int = 0) -> np.ndarray:
    """Return what a volume holds, (columns, rows, slices)."""
    rng = np.random.default_rng([number, volume])
    return rng.integers(10, 900, SHAPE)


def header(number: int, count: int, study: str, storage: str = MRImageStorage) -> Dataset:
    """Return what every image says of person, study and series."""
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = storage
    d.SOPInstanceUID = generate_uid(entropy_srcs=[study, str(number), str(count)])
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID
    d.StudyInstanceUID = generate_uid(entropy_srcs=[study])
    d.FrameOfReferenceUID = generate_uid(entropy_srcs=[study, "frame"])
    d.SeriesInstanceUID = generate_uid(entropy_srcs=[study, str(number)])
    for name, value in {**PERSON, **TOLD}.items():
        setattr(d, name, value)
    d.SeriesNumber, d.InstanceNumber, d.AcquisitionNumber = number, count, 1
    return d


def pixels(d: Dataset, values: np.ndarray) -> None:
    """Put (columns, rows[, frames]) into an image."""
    d.Columns, d.Rows = values.shape[:2]
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    d.PixelData = np.ascontiguousarray(values.T.astype("<u2")).tobytes()
    d["PixelData"].VR = "OW"


def write_classic(
    folder: Path, number: int, description: str, *, maker: str = "SIEMENS",
    types: Sequence[Sequence[str]] = (("ORIGINAL", "PRIMARY", "M", "NORM"),),
    echoes: Sequence[float] = (12.0,), b_values: Sequence[float | None] = (None,),
    scanning: str = "SE", tr: float = 600.0, flip: float = 90.0, change: Change | None = None,
    study: str = "study", modality: str = "MR", **more: Any,
) -> None:  # fmt: skip
    """Write one file per slice, echo, b-value and image type."""
    folder.mkdir(parents=True, exist_ok=True)
    lps = np.diag([-1.0, -1, 1, 1]) @ affine()
    steps = np.linalg.norm(lps[:3, :3], axis=0)
    axes = lps[:3, :3] / steps
    count = 0
    for kind in types:
        for volume, b in enumerate(b_values):
            for echo, te in enumerate(echoes):
                for k in range(SHAPE[2]):
                    count += 1
                    d = header(number, count, study)
                    d.Modality, d.Manufacturer, d.ManufacturerModelName = modality, maker, "Model"
                    d.SeriesDescription = d.ProtocolName = description
                    d.ImageType, d.ScanningSequence, d.SequenceVariant = (
                        list(kind),
                        scanning,
                        "NONE",
                    )
                    d.ScanOptions, d.MRAcquisitionType, d.PatientPosition = "", "2D", "HFS"
                    d.RepetitionTime, d.EchoTime, d.EchoNumbers = tr, te, echo + 1
                    d.FlipAngle, d.MagneticFieldStrength, d.ImagingFrequency = flip, 3, 123.2
                    d.InPlanePhaseEncodingDirection = "COL"
                    d.ImagePositionPatient = (lps @ [0, 0, k, 1])[:3].round(6).tolist()
                    d.ImageOrientationPatient = axes[:, :2].T.ravel().round(9).tolist()
                    d.PixelSpacing, d.SliceThickness = [steps[1], steps[0]], steps[2]
                    d.SpacingBetweenSlices = steps[2]
                    if b is not None:
                        d.DiffusionBValue = float(b)
                        d.AcquisitionNumber = volume + 1
                    if change is not None:
                        change(d, volume, echo, k)
                    for name, value in more.items():
                        setattr(d, name, value)
                    pixels(d, voxels(number, 10 * volume + echo)[:, :, k])
                    d.save_as(folder / f"{number:03d}_{count:04d}.dcm", enforce_file_format=True)


def write_enhanced(
    folder: Path, number: int, description: str, te: float | Sequence[float], tr: float, *,
    maker: str = "Siemens Healthineers", scanning: str = "SPIN",
    types: Sequence[Sequence[str]] = (("ORIGINAL", "PRIMARY", "M", "NONE"),),
    weighting: Sequence[tuple[float, Sequence[float] | None]] = ((0.0, None),),
) -> None:  # fmt: skip
    """Write one multi-frame file, as Siemens XA and Philips do: by type, echo, weighting, slice."""
    folder.mkdir(parents=True, exist_ok=True)
    echoes = (te,) if isinstance(te, int | float) else tuple(te)
    lps = np.diag([-1.0, -1, 1, 1]) @ affine()
    steps = np.linalg.norm(lps[:3, :3], axis=0)
    axes = lps[:3, :3] / steps
    d = header(number, 1, "study", EnhancedMRImageStorage)
    d.Modality, d.Manufacturer, d.ManufacturerModelName = "MR", maker, "XA"
    d.SeriesDescription = d.ProtocolName = description
    d.ImageType = [*types[0][:2], "MIXED", "NONE"] if len(types) > 1 else list(types[0])
    d.PatientPosition, d.MagneticFieldStrength, d.MRAcquisitionType = "HFS", 3, "2D"
    d.EchoPulseSequence = scanning
    shared = Dataset()
    timing, measures, plane = Dataset(), Dataset(), Dataset()
    timing.RepetitionTime, timing.FlipAngle = tr, 90.0 if scanning == "SPIN" else 9.0
    shared.MRTimingAndRelatedParametersSequence = Items([timing])
    measures.PixelSpacing, measures.SliceThickness = [steps[1], steps[0]], steps[2]
    measures.SpacingBetweenSlices = steps[2]
    shared.PixelMeasuresSequence = Items([measures])
    plane.ImageOrientationPatient = axes[:, :2].T.ravel().round(9).tolist()
    shared.PlaneOrientationSequence = Items([plane])
    d.SharedFunctionalGroupsSequence = Items([shared])
    frames, values, volume = [], [], 0
    for kind in types:
        for echo in echoes:
            for b, towards in weighting:
                for k in range(SHAPE[2]):
                    frame = _frame(lps, k, volume, kind, echo)
                    if len(weighting) > 1:
                        frame.MRDiffusionSequence = Items([_diffusion(b, towards)])
                    frames.append(frame)
                    values.append(voxels(number, volume)[:, :, k])
                volume += 1
    d.PerFrameFunctionalGroupsSequence = Items(frames)
    d.NumberOfFrames = len(frames)
    pixels(d, np.stack(values, axis=-1))
    d.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)


def _frame(lps: np.ndarray, k: int, volume: int, kind: Sequence[str], te: float) -> Dataset:
    frame, place, echo, content, about = (Dataset() for _ in range(5))
    place.ImagePositionPatient = (lps @ [0, 0, k, 1])[:3].round(6).tolist()
    frame.PlanePositionSequence = Items([place])
    echo.EffectiveEchoTime = te
    frame.MREchoSequence = Items([echo])
    content.InStackPositionNumber, content.StackID = k + 1, "1"
    content.DimensionIndexValues = [1, k + 1, volume + 1]
    content.TemporalPositionIndex = volume + 1
    frame.FrameContentSequence = Items([content])
    about.FrameType = list(kind)
    frame.MRImageFrameTypeSequence = Items([about])
    return frame


def _diffusion(b: float, towards: Sequence[float] | None) -> Dataset:
    about = Dataset()
    about.DiffusionBValue = float(b)
    about.DiffusionDirectionality = "NONE" if towards is None else "DIRECTIONAL"
    if towards is not None:
        way = Dataset()
        way.DiffusionGradientOrientation = [float(v) for v in towards]
        about.DiffusionGradientDirectionSequence = Items([way])
    return about


def directions(n: int) -> np.ndarray:
    """Return gradient directions (n, 3), unit vectors, in the axes of the patient (LPS+)."""
    found = np.random.default_rng(8).normal(size=(n, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def write_screen(folder: Path, number: int) -> None:
    """Write a picture of a screen."""
    folder.mkdir(parents=True, exist_ok=True)
    d = header(number, 1, "study", SecondaryCaptureImageStorage)
    d.Modality, d.SeriesDescription, d.ImageType = "MR", "screen", ["DERIVED", "SECONDARY"]
    pixels(d, voxels(number)[:, :, 0])
    d.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)


def write_frames(folder: Path, number: int) -> None:
    """Write a colour frame of ultrasound."""
    folder.mkdir(parents=True, exist_ok=True)
    d = header(number, 1, "study", UltrasoundImageStorage)
    d.Modality, d.Manufacturer, d.SeriesDescription = "US", "SuperSonic", "SWE"
    d.ImageType = ["ORIGINAL", "PRIMARY"]
    d.Rows, d.Columns, d.SamplesPerPixel, d.PlanarConfiguration = 6, 8, 3, 0
    d.PhotometricInterpretation, d.BitsAllocated, d.BitsStored, d.HighBit = "RGB", 8, 8, 7
    d.PixelRepresentation = 0
    d.PixelData = bytes(range(6 * 8 * 3))
    d["PixelData"].VR = "OB"
    region = Dataset()
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.02
    d.SequenceOfUltrasoundRegions = Items([region])
    d.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
