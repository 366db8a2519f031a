"""Series of the images that a map was made from, written by pydicom: slices, or one of frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from imaging.image import Image

LPS = np.diag([-1.0, -1, 1, 1])
PERSON = {
    "PatientName": "Müller^Jörg", "PatientID": "mrn90210", "PatientBirthDate": "19700101",
    "PatientSex": "M", "StudyDate": "20260102", "StudyTime": "101010", "StudyID": "7",
    "SeriesDate": "20260102", "SeriesTime": "101112", "AcquisitionDate": "20260102",
    "AcquisitionTime": "101113", "ContentDate": "20260102", "ContentTime": "101114",
    "AccessionNumber": "acc777", "ReferringPhysicianName": "House^G", "InstitutionName": "Clinic",
}  # fmt: skip


def scanned(anatomy: Image, margin: tuple[int, int, int] = (5, 4, 2), seed: int = 3) -> Image:
    """Return what the scanner made: whole numbers, a wider view, columns to the left, rows back."""
    values = np.nan_to_num(anatomy.data)
    wide = np.pad(values, [(n, n + 1) for n in margin])
    rng = np.random.default_rng(seed)
    wide = np.clip(np.rint(wide + 15 * rng.random(wide.shape) * (wide == 0)), 0, 4000)
    affine = anatomy.affine.copy()
    affine[:3, 3] = anatomy.to_world(-np.array(margin))
    flipped = wide[::-1, ::-1]
    turn = np.diag([-1.0, -1, 1, 1])
    turn[:2, 3] = np.array(wide.shape[:2]) - 1
    return Image(flipped.astype(np.uint16), affine @ turn)


def _header(storage: str, series: str, study: str, patient: dict[str, Any]) -> Dataset:
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = storage
    d.SpecificCharacterSet = "ISO_IR 100"
    for name, value in {**PERSON, **patient}.items():
        setattr(d, name, value)
    d.StudyInstanceUID = generate_uid(entropy_srcs=[study])
    d.SeriesInstanceUID = generate_uid(entropy_srcs=[study, series])
    d.FrameOfReferenceUID = generate_uid(entropy_srcs=[study, "frame"])
    d.PositionReferenceIndicator = ""
    d.Modality, d.Manufacturer, d.ManufacturerModelName = "MR", "SIEMENS", "Model"
    d.SoftwareVersions, d.DeviceSerialNumber = "XA", "1"
    d.BodyPartExamined, d.PatientPosition, d.Laterality = "LEG", "FFS", ""
    return d


def _pixels(d: Dataset, values: np.ndarray) -> None:
    d.Columns, d.Rows = values.shape[:2]
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    d.PixelData = np.ascontiguousarray(values.T.astype("<u2")).tobytes()
    d["PixelData"].VR = "OW"


def write_slices(
    folder: Path, image: Image, number: int = 2, description: str = "t1_tse_tra",
    study: str = "study", **more: Any,
) -> Path:  # fmt: skip
    """Write one file per slice, the last first."""
    folder.mkdir(parents=True, exist_ok=True)
    lps = LPS @ image.affine
    for k in reversed(range(image.shape[2])):
        d = _header(MRImageStorage, str(number), study, {})
        d.SOPInstanceUID = generate_uid(entropy_srcs=[study, str(number), str(k)])
        d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID
        d.SeriesNumber, d.InstanceNumber, d.AcquisitionNumber = number, k + 1, 1
        d.SeriesDescription = d.ProtocolName = description
        d.ImageType, d.ScanningSequence, d.SequenceVariant = (
            ["ORIGINAL", "PRIMARY", "M"],
            "SE",
            "NONE",
        )
        d.ScanOptions, d.MRAcquisitionType = "", "2D"
        d.RepetitionTime, d.EchoTime, d.EchoTrainLength, d.FlipAngle = 600, 12, 1, 90
        d.MagneticFieldStrength = 3
        d.ImagePositionPatient = [f"{v:.10g}" for v in (lps @ [0, 0, k, 1])[:3]]
        _plane(d, d, lps)
        _pixels(d, image.data[:, :, k])
        for name, value in more.items():
            setattr(d, name, value)
        d.save_as(folder / f"{number:03d}_{k:04d}.dcm", enforce_file_format=True)
    return folder


def _plane(orientation: Dataset, measures: Dataset, lps: np.ndarray) -> None:
    steps = np.linalg.norm(lps[:3, :3], axis=0)
    axes = (lps[:3, :3] / steps)[:, :2].T.ravel()
    orientation.ImageOrientationPatient = [f"{v:.10f}" for v in axes]
    measures.PixelSpacing = [f"{steps[1]:.10g}", f"{steps[0]:.10g}"]
    measures.SliceThickness = f"{steps[2]:.10g}"
    measures.SpacingBetweenSlices = f"{steps[2]:.10g}"


def write_frames(
    folder: Path, image: Image, number: int = 4, study: str = "study",
    beside: np.ndarray | None = None,
) -> Path:  # fmt: skip
    """Write one enhanced file whose frames run from the last slice to the first.

    With `beside`, voxels of a fat image on the same grid, each slice has a frame of fat before that
    of the image, which is water then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lps = LPS @ image.affine
    d = _header(EnhancedMRImageStorage, str(number), study, {})
    d.SOPInstanceUID = generate_uid(entropy_srcs=[study, str(number)])
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID
    d.SeriesNumber, d.InstanceNumber = number, 1
    d.SeriesDescription, d.ImageType = "t1_enhanced", ["ORIGINAL", "PRIMARY", "M", "NONE"]
    shared, measures, plane = Dataset(), Dataset(), Dataset()
    _plane(plane, measures, lps)
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = (
        Items([measures]),
        Items([plane]),
    )
    d.SharedFunctionalGroupsSequence = Items([shared])
    kinds = [("M", image.data)] if beside is None else [("FAT", beside), ("WATER", image.data)]
    order = [(k, *kind) for k in reversed(range(image.shape[2])) for kind in kinds]
    frames = []
    for place, (k, kind, _) in enumerate(order):
        frame, position, content, about = Dataset(), Dataset(), Dataset(), Dataset()
        about.FrameType = ["ORIGINAL", "PRIMARY", kind, "NONE"]
        frame.MRImageFrameTypeSequence = Items([about])
        position.ImagePositionPatient = [f"{v:.10g}" for v in (lps @ [0, 0, k, 1])[:3]]
        frame.PlanePositionSequence = Items([position])
        content.InStackPositionNumber, content.StackID = place + 1, "1"
        content.DimensionIndexValues = [1, place + 1]
        frame.FrameContentSequence = Items([content])
        frames.append(frame)
    d.PerFrameFunctionalGroupsSequence = Items(frames)
    d.NumberOfFrames = len(frames)
    _pixels(d, np.stack([values[:, :, k] for k, _, values in order], axis=-1))
    d.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
    return folder
