"""Maps as DICOM Parametric Map objects, with real-world values and units."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from imaging import __version__
from imaging.errors import MissingToolError
from imaging.formats import dicom_codes
from imaging.image import Image

# Unit of a map to its UCUM code, and what stored values are multiplied by.
_UNITS = {"Pa": ("kPa", 1e-3), "rad": ("rad", 1.0), "deg": ("deg", 1.0), "1": ("1", 1.0)}
_COPIED = (
    "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "PatientBirthDate", "PatientSex",
    "ReferringPhysicianName", "StudyDescription",
)  # fmt: skip
_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def need_highdicom() -> None:
    """Check that DICOM can be written.

    Raises
    ------
    MissingToolError
        highdicom or pydicom is not installed.
    """
    if any(find_spec(name) is None for name in ("highdicom", "pydicom")):
        raise MissingToolError(
            "DICOM is written by highdicom, which is not installed", None,
            'Run pip install "pennate[dicom]"',
        )  # fmt: skip


def write_parametric_map(
    path: str | Path,
    image: Image,
    *,
    quantity: str,
    description: str,
    unit: str,
    patient: str,
    sources: Sequence[Path] = (),
    series_number: int = 1,
) -> None:
    """Write one map as a DICOM Parametric Map (float pixels, one frame per slice).

    The same map and sources give the same bytes: identifiers follow from them, and dates are those
    of the study.

    Parameters
    ----------
    path
        File to write.
    image
        Map (I, J, K) in `unit`; Pa is stored as kPa.
    quantity
        What it is, such as ``magnitude``.
    description
        In words, for the viewer.
    unit
        ``Pa``, ``rad``, ``deg`` or ``1``.
    patient
        Identifier where there is no source.
    sources
        DICOM files that the map was made from: patient, study and frame of reference are theirs.
    series_number

    Raises
    ------
    MissingToolError
        highdicom or pydicom is not installed.
    """
    need_highdicom()
    import highdicom as hd
    from pydicom.uid import generate_uid

    shown, factor = _UNITS[unit]
    known = dicom_codes.quantity(quantity)
    values = np.ascontiguousarray(image.data.T, dtype=np.float32) * np.float32(factor)
    seed = [patient, quantity, description, image.affine.tobytes().hex(), values.tobytes().hex()]
    seed += [p.name for p in sources]
    source = _source(image, patient, sources)
    # Axes slice, row, column.
    lps = (_LPS_FROM_RAS @ image.affine)[:, [2, 1, 0, 3]]
    volume = hd.Volume(
        values, lps, coordinate_system="PATIENT", frame_of_reference_uid=source.FrameOfReferenceUID
    )
    low, high = float(values.min()), float(values.max())
    mapping = hd.pm.RealWorldValueMapping(
        lut_label=quantity[:16].upper(),
        lut_explanation=description[:64],
        unit=dicom_codes.unit(shown),
        value_range=(low, high if high > low else low + 1.0),
        slope=1.0,
        intercept=0.0,
        quantity_definition=None if known is None else known.code,
    )
    made = hd.pm.ParametricMap(
        [source],
        volume,
        series_instance_uid=generate_uid(entropy_srcs=["series", *seed]),
        series_number=series_number,
        sop_instance_uid=generate_uid(entropy_srcs=["instance", *seed]),
        instance_number=1,
        manufacturer="Pennate",
        manufacturer_model_name="pennate",
        software_versions=__version__,
        device_serial_number="0",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            hd.VOILUTTransformation(
                (low + high) / 2, (high - low) or 1.0, voi_lut_function="LINEAR_EXACT"
            )
        ],
        content_description=description[:64],
        content_label=quantity[:16].upper(),
        series_description=description[:64],
    )
    for item in [*made.DimensionOrganizationSequence, *made.DimensionIndexSequence]:
        item.DimensionOrganizationUID = generate_uid(entropy_srcs=["dimensions", *seed])
    date, time = source.StudyDate or "19000101", source.StudyTime or "000000"
    for name, value in (("Date", date), ("Time", time)):
        for start in ("Content", "Series", "InstanceCreation"):
            if f"{start}{name}" in made:
                setattr(made, f"{start}{name}", value)
    made.Laterality = ""  # the leg is paired; which one is not known here
    for equipment in made.get("ContributingEquipmentSequence", []):
        equipment.pop("ContributionDateTime", None)
    made.save_as(path)


def _source(image: Image, patient: str, sources: Sequence[Path]) -> Any:
    """Return a header with patient, study, frame of reference and the place of the first slice."""
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    given = pydicom.dcmread(sources[0], stop_before_pixels=True) if sources else pydicom.Dataset()
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = given.get("SOPClassUID", MRImageStorage)
    data.Modality = "MR"
    for name in ("Study", "Series", "SOP"):
        key = f"{name}InstanceUID"
        setattr(data, key, given.get(key) or generate_uid(entropy_srcs=[name, patient]))
    data.FrameOfReferenceUID = given.get("FrameOfReferenceUID") or generate_uid(
        entropy_srcs=["frame", data.StudyInstanceUID]
    )
    data.PatientID = given.get("PatientID", patient)
    data.PatientName = given.get("PatientName", f"{patient}^")
    for name in _COPIED:
        setattr(data, name, given.get(name, ""))
    place = _LPS_FROM_RAS @ image.affine
    axes = place[:3, :3] / image.spacing
    data.ImagePositionPatient = [float(f"{v:.6g}") for v in place[:3, 3]]
    data.ImageOrientationPatient = [float(f"{v:.8f}") for v in axes[:, :2].T.ravel()]
    data.PixelSpacing = [float(f"{v:.6g}") for v in image.spacing[1::-1]]
    data.SliceThickness = float(f"{image.spacing[2]:.6g}")
    data.Columns, data.Rows = image.shape[:2]
    return data
