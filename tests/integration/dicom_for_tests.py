"""Wave images as scanners write them: one file per slice, direction, offset, and phase or not."""

import struct

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


def csa_header(**items):
    """Private header of Siemens images: names, each with numbers as text."""
    out = b"SV10\4\3\2\1" + struct.pack("<2I", len(items), 77)
    for name, values in items.items():
        out += struct.pack("<64si4s3i", name.encode(), len(values), b"FD", 3, len(values), 77)
        for value in values:
            text = f"{value:.8f}".encode() + b"\0"
            out += struct.pack("<4i", len(text), len(text), 77, len(text))
            out += text + bytes(-len(text) % 4)
    return out


def write_mosaics(source, folder, affine, *, header=True):
    """Put the slices of every volume of a series into one image, as Siemens does."""
    folder.mkdir()
    declared = source.parent / f"{source.name}.json"
    (folder.parent / f"{folder.name}.json").write_bytes(declared.read_bytes())
    normal = np.diag([-1.0, -1, 1]) @ affine[:3, 2]
    volumes = {}
    for path in source.iterdir():
        data = pydicom.dcmread(path)
        volumes.setdefault((data.ImageType[2], data.ImageComments), []).append(data)
    for count, parts in enumerate(volumes.values()):
        parts.sort(key=lambda d: float(np.dot(d.ImagePositionPatient, normal)))
        first, across = parts[0], int(np.ceil(np.sqrt(len(parts))))
        rows, columns = first.Rows, first.Columns
        sheet = np.zeros((rows * across, columns * across), np.uint16)
        for k, part in enumerate(parts):
            top, left = k // across * rows, k % across * columns
            sheet[top : top + rows, left : left + columns] = part.pixel_array
        axes = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
        corner = np.array(first.ImagePositionPatient, float)
        corner -= axes[0] * first.PixelSpacing[1] * columns * (across - 1) / 2
        corner -= axes[1] * first.PixelSpacing[0] * rows * (across - 1) / 2
        first.ImagePositionPatient = list(corner)
        first.Rows, first.Columns = sheet.shape
        first.PixelData = sheet.tobytes()
        first.ImageType = [*first.ImageType, "MOSAIC"]
        first.SpacingBetweenSlices = float(np.linalg.norm(normal))
        if header:
            block = first.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
            unit = normal / np.linalg.norm(normal)
            block.add_new(0x10, "OB", csa_header(
                NumberOfImagesInMosaic=[len(parts)], SliceNormalVector=unit,
            ))  # fmt: skip
        first.save_as(folder / f"IM{count:04d}")
    return folder


def write_enhanced(path, phase, affine, declared):
    """Write one multi-frame file per direction, frames in no order, as Philips does."""
    path.mkdir()
    step = np.pi / 2048
    write_json(path.parent / f"{path.name}.json", declared)
    lps = np.diag([-1.0, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)

    def group(name, **values):
        outer, inner = pydicom.Dataset(), pydicom.Dataset()
        for key, value in values.items():
            setattr(inner, key, value)
        setattr(outer, name, [inner])
        return outer

    for d in range(phase.shape[3]):
        data = pydicom.Dataset()
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        data.SOPClassUID, data.SOPInstanceUID = pydicom.uid.EnhancedMRImageStorage, f"1.2.{d + 1}"
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.Manufacturer, data.SeriesNumber, data.InstanceNumber = "Philips", 10 - d, 1
        data.ImageType = ["ORIGINAL", "PRIMARY", "ELASTOGRAPHY", "NONE"]
        axes = (lps[:3, :2] / spacing[:2]).T.ravel().tolist()
        shared = group("PlaneOrientationSequence", ImageOrientationPatient=axes)
        shared.update(
            group(
                "PixelMeasuresSequence", PixelSpacing=[spacing[1], spacing[0]],
                SliceThickness=spacing[2],
            )
        )  # fmt: skip
        frames = list(np.ndindex(phase.shape[2], phase.shape[4]))
        np.random.default_rng(d).shuffle(frames)
        counts, groups = [], []
        for k, n in frames:
            one = group(
                "PlanePositionSequence", ImagePositionPatient=list((lps @ [0, 0, k, 1])[:3])
            )
            one.update(group("FrameContentSequence", TemporalPositionIndex=n + 1))
            one.update(group("MRImageFrameTypeSequence", ComplexImageComponent="PHASE"))
            one.update(
                group("PixelValueTransformationSequence", RescaleSlope=2.0, RescaleIntercept=-7.0)
            )
            unit = pydicom.Dataset()
            unit.CodeValue, unit.CodingSchemeDesignator = "rad", "UCUM"
            one.update(
                group(
                    "RealWorldValueMappingSequence", MeasurementUnitsCodeSequence=[unit],
                    RealWorldValueSlope=step, RealWorldValueIntercept=-np.pi,
                )
            )  # fmt: skip
            groups.append(one)
            counts.append(np.round((phase[:, :, k, d, n] + np.pi) / step).clip(0, 4095).T)
        data.SharedFunctionalGroupsSequence = [shared]
        data.PerFrameFunctionalGroupsSequence = groups
        data.NumberOfFrames, data.Columns, data.Rows = len(frames), *phase.shape[:2]
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        data.PixelData = np.stack(counts).astype(np.uint16).tobytes()
        data.save_as(path / f"IM{d}", enforce_file_format=True)
    return path
