"""Shear-wave frames of ultrasound, taken along as DICOM without names and dates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imaging.io.dicom_size import read_dicom
from imaging.io.scanner.series import Series

# What of a frame is needed to read it; everything else stays behind.
_KEPT = frozenset((
    "SOPClassUID", "Modality", "Manufacturer", "ManufacturerModelName", "ImageType",
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames",
    "FrameTime", "FrameTimeVector", "FrameIncrementPointer", "CineRate", "PixelSpacing",
    "SequenceOfUltrasoundRegions",
    "LossyImageCompression", "PixelData", "BurnedInAnnotation",
))  # fmt: skip


def write_ultrasound(series: Series, target: Path) -> list[str]:
    """Write the frames of a series as ``NAME.dcm``, or ``NAME_…`` where there are several.

    Parameters
    ----------
    target
        Path without ending.

    Returns
    -------
    Names of the elements that were left behind.
    """
    import pydicom
    from pydicom.uid import generate_uid

    gone: set[str] = set()
    for number, file in enumerate(series.files, start=1):
        data = read_dicom(file)
        kept: Any = pydicom.Dataset()
        for element in data:
            if element.keyword in _KEPT:
                kept.add(element)
            else:
                gone.add(element.keyword or str(element.tag))
        kept.SOPInstanceUID = generate_uid(entropy_srcs=[target.name, str(number)])
        kept.file_meta = pydicom.dataset.FileMetaDataset()
        kept.file_meta.TransferSyntaxUID = data.file_meta.TransferSyntaxUID
        kept.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
        kept.file_meta.MediaStorageSOPInstanceUID = kept.SOPInstanceUID
        start, suffix = target.name.rsplit("_", 1)
        name = target.name if len(series.files) == 1 else f"{start}_run-{number}_{suffix}"
        kept.save_as(target.with_name(f"{name}.dcm"), enforce_file_format=True)
    return sorted(gone)
