"""Wave images as scanners write them: one file per slice, direction, offset, and phase or not."""

import numpy as np
import pytest

from imaging.provenance import write_json

pydicom = pytest.importorskip("pydicom")
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid  # noqa: E402

DECLARED = {
    "MechanicalFrequency": 60,
    "Density": 1000,
    "EncodingDirections": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "EncodingDirectionsFrame": "image",
    "OffsetsPerPeriod": 4,
    "Drivers": 1,
}


def write_series(
    folder, phase, affine, *, maker="SIEMENS", comment="MEG {d} timestep {n}",
    rescale=(2.0, -4096.0), real_world=None, magnitude=None, declared=DECLARED, shuffle=0,
    skip=None,
):  # fmt: skip
    """Write phase (I, J, K, D, n) in radians, its magnitude, and the JSON beside the folder."""
    folder.mkdir(parents=True)
    write_json(folder.parent / f"{folder.name}.json", declared)
    lps = np.diag([-1.0, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    axes = lps[:3, :3] / spacing
    study, frame = generate_uid(entropy_srcs=["a"]), generate_uid(entropy_srcs=["b"])
    entries = [
        (kind, *index)
        for kind in (["P", "M"] if magnitude is not None else ["P"])
        for index in np.ndindex(phase.shape[2:])
    ]
    numbers = np.random.default_rng(shuffle).permutation(len(entries)) if shuffle else None
    for count, (kind, k, d, n) in enumerate(entries):
        if skip == (kind, k, d, n):
            continue
        data = pydicom.Dataset()
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = MRImageStorage
        data.SOPInstanceUID = generate_uid(entropy_srcs=[str(count)])
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.StudyInstanceUID, data.FrameOfReferenceUID = study, frame
        data.SeriesInstanceUID = generate_uid(entropy_srcs=[kind])
        data.PatientID, data.PatientName, data.StudyDate = "leg7", "Leg^Seven", "20260102"
        data.Modality, data.Manufacturer = "MR", maker
        data.ImageType = ["ORIGINAL", "PRIMARY", kind, "NORM"]
        data.ImageComments = comment.format(
            d=d + 1, n=n, xyz="xyz"[d], a=360 * n / phase.shape[4], h=180 * n / phase.shape[4]
        )
        data.SeriesNumber, data.AcquisitionNumber = (1 if kind == "P" else 2), 1
        data.InstanceNumber = 1 + (d * phase.shape[4] + n) * phase.shape[2] + k
        data.ImagePositionPatient = list((lps @ [0, 0, k, 1])[:3])
        data.ImageOrientationPatient = list(axes[:, :2].T.ravel())
        data.PixelSpacing, data.SliceThickness = [spacing[1], spacing[0]], spacing[2]
        data.Columns, data.Rows = phase.shape[:2]
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        if kind == "P":
            data.RescaleSlope, data.RescaleIntercept = rescale
            counts = np.round((phase[:, :, k, d, n] / np.pi + 1) * 2048).clip(0, 4095)
            if real_world:
                item, unit = pydicom.Dataset(), pydicom.Dataset()
                unit.CodeValue, unit.CodingSchemeDesignator = real_world, "UCUM"
                item.MeasurementUnitsCodeSequence = [unit]
                per = np.pi / 2048 * (1000 if real_world == "mrad" else 1)
                item.RealWorldValueSlope, item.RealWorldValueIntercept = per, -2048 * per
                data.RealWorldValueMappingSequence = [item]
        else:
            counts = magnitude[:, :, k]
        data.PixelData = counts.T.astype(np.uint16).tobytes()
        name = count if numbers is None else int(numbers[count])
        data.save_as(folder / f"IM{name:05d}", enforce_file_format=True)
    return folder
