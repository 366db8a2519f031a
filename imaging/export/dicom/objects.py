"""What all objects share: patient and study of the source, dates and UIDs that do not change.

UIDs are hashes of the object's content and dates those of the source, so that the same input
gives the same bytes, and another result never takes the place of an earlier one in an archive.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from imaging import __version__

#: What makes objects, as the standard asks of every one.
MAKER: dict[str, Any] = {
    "manufacturer": "Pennate",
    "manufacturer_model_name": "pennate",
    "software_versions": __version__,
    "device_serial_number": __version__,
}
#: Stands where the hash of the content goes.
SERIES, INSTANCE, _DIMENSION = "2.25.1", "2.25.2", "2.25.3"
_DATES = (("ContentDate", "ContentTime"), ("InstanceCreationDate", "InstanceCreationTime"),
          ("SeriesDate", "SeriesTime"))  # fmt: skip
# Of the source, the first that it has.
_FROM = (("AcquisitionDate", "AcquisitionTime"), ("SeriesDate", "SeriesTime"),
         ("ContentDate", "ContentTime"), ("StudyDate", "StudyTime"))  # fmt: skip
# Type 2 in the modules of patient, study and frame of reference.
_MAY_BE_EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "StudyID", "ReferringPhysicianName", "PositionReferenceIndicator",
)  # fmt: skip
#: Date of objects whose source has none (type 1 in the standard).
_NO_DATE = ("19000101", "000000")


def completed(source: Any) -> Any:
    """Return a source image with every element that may be empty but must be there.

    Files that were de-identified often lack them.
    """
    for name in _MAY_BE_EMPTY:
        if name not in source:
            setattr(source, name, None)
    return source


def uid_of(*texts: str) -> str:
    """Return a UID that is the same for the same texts.

    Examples
    --------
    >>> uid_of("a") == uid_of("a"), uid_of("a") == uid_of("a", ""), uid_of("a")[:5]
    (True, False, '2.25.')
    """
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, chr(0).join(texts)).int}"


def blank(
    source: Any, sop_class: str, modality: str, series_number: int, number: int, described: str
) -> Any:
    """Return an object with patient, study and frame of reference of a source image."""
    from highdicom.base import SOPClass
    from pydicom.uid import ExplicitVRLittleEndian

    made = SOPClass(
        study_instance_uid=source.StudyInstanceUID, series_instance_uid=SERIES,
        series_number=series_number, sop_instance_uid=INSTANCE, sop_class_uid=sop_class,
        instance_number=number, modality=modality, transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=described, **MAKER,
    )  # fmt: skip
    made.copy_patient_and_study_information(source)
    made.FrameOfReferenceUID = source.FrameOfReferenceUID
    made.PositionReferenceIndicator = source.PositionReferenceIndicator
    return made


def settle(made: Any, source: Any, frames: Sequence[int] = ()) -> Any:
    """Give an object the dates of its source, UIDs of dimensions that do not change, and UTF-8.

    Frames that it was told by their place among `frames` get their numbers in the file.

    The words of the source, as the person's name, are in whatever letters its site uses; those of
    a muscle that its drawer named, too.
    """
    made.SpecificCharacterSet = "ISO_IR 192"
    for element in made:
        if element.VR == "PN" and element.value:
            made[element.tag].value = str(element.value)
    date, time = _date_of(source)
    for day, hour in _DATES:
        if day in made:
            setattr(made, day, date)
            setattr(made, hour, time)
    for tool in made.get("ContributingEquipmentSequence", []):
        tool.pop("ContributionDateTime", None)  # the moment of the export

    done: dict[int, Any] = {}  # frames of one slice share the item that names it

    def visit(_: Any, element: Any) -> None:
        if element.keyword == "DimensionOrganizationUID":
            element.value = _DIMENSION
        elif element.keyword == "ReferencedFrameNumber" and frames and id(element) not in done:
            done[id(element)] = element
            element.value = frames[int(element.value) - 1] + 1

    made.walk(visit)
    return made


def number_by_content(made: Sequence[Any], source: Any) -> None:
    """Give the objects of one series their UIDs, hashes of what they hold."""
    digests = [hashlib.sha256(_bytes(one)).hexdigest() for one in made]
    series = uid_of("series", str(source.SeriesInstanceUID), *digests)
    for one, digest in zip(made, digests, strict=True):
        instance = uid_of("instance", series, digest)
        one.SeriesInstanceUID, one.SOPInstanceUID = series, instance
        one.file_meta.MediaStorageSOPInstanceUID = instance


def refer(made: Any, images: Sequence[Any]) -> None:
    """Name the images an object was made from, by the common instance reference and in itself."""
    from pydicom.dataset import Dataset

    def references() -> list[Any]:
        out = []
        for image in images:
            one = Dataset()
            one.ReferencedSOPClassUID = image.SOPClassUID
            one.ReferencedSOPInstanceUID = image.SOPInstanceUID
            out.append(one)
        return out

    series = Dataset()
    series.SeriesInstanceUID = images[0].SeriesInstanceUID
    series.ReferencedInstanceSequence = references()
    made.ReferencedSeriesSequence = [series]
    made.ReferencedInstanceSequence = references()


def item(code: Any) -> Any:
    """Return a code as an item of a sequence."""
    from highdicom.sr.coding import CodedConcept

    return CodedConcept(code.value, code.scheme_designator, code.meaning)


def _date_of(source: Any) -> tuple[str, str]:
    for day, hour in _FROM:
        if source.get(day):
            return str(source.get(day)), str(source.get(hour) or "000000")
    return _NO_DATE


def _bytes(made: Any) -> bytes:
    buffer = BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
