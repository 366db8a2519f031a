"""What of a scan's header may go along, and what is left behind.

A list of what is kept, not of what is removed: an element that nobody thought of stays out. Dates,
times, names, identifiers, places and free text are not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

KEPT = frozenset((
    "Modality", "MagneticFieldStrength", "ImagingFrequency", "Manufacturer",
    "ManufacturersModelName", "SoftwareVersions", "PatientPosition", "BodyPart",
    "BodyPartExamined", "MRAcquisitionType", "ScanningSequence", "SequenceVariant",
    "ScanOptions", "SequenceName", "PulseSequenceName", "PulseSequenceType", "ImageType",
    "NonlinearGradientCorrection", "SeriesNumber", "AcquisitionNumber", "SliceThickness",
    "SpacingBetweenSlices", "SAR", "EchoTime", "EchoTime1", "EchoTime2", "EchoNumber",
    "RepetitionTime", "InversionTime", "FlipAngle", "PartialFourier", "BaseResolution",
    "PhaseResolution", "PercentPhaseFOV", "PercentSampling", "EchoTrainLength",
    "PhaseEncodingSteps", "AcquisitionMatrixPE", "ReconMatrixPE",
    "BandwidthPerPixelPhaseEncode", "EffectiveEchoSpacing", "TotalReadoutTime",
    "EstimatedEffectiveEchoSpacing", "EstimatedTotalReadoutTime",
    "DerivedVendorReportedEchoSpacing", "PixelBandwidth", "DwellTime", "PhaseEncodingDirection",
    "PhaseEncodingAxis", "SliceTiming", "ImageOrientationPatientDICOM",
    "InPlanePhaseEncodingDirectionDICOM", "ParallelReductionFactorInPlane",
    "ParallelAcquisitionTechnique", "ParallelReductionOutOfPlane",
    "MultibandAccelerationFactor", "DiffusionScheme", "ReceiveCoilName",
    "ReceiveCoilActiveElements", "CoilString", "WaterFatShift", "PhilipsRescaleSlope",
    "PhilipsRescaleIntercept", "PhilipsScaleSlope", "UsePhilipsFloatNotDisplayScaling",
    "RescaleSlope", "RescaleIntercept", "NumberOfAverages", "ConversionSoftware",
    "ConversionSoftwareVersion", "RawImage", "ShimSetting", "TxRefAmp", "Units",
))  # fmt: skip


def deidentified(sidecar: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what of a sidecar is kept, and the names of what is not.

    Examples
    --------
    >>> deidentified({"EchoTime": 0.01, "PatientName": "Leg^Seven"})
    ({'EchoTime': 0.01}, ['PatientName'])
    """
    kept = {key: value for key, value in sidecar.items() if key in KEPT}
    return kept, sorted(set(sidecar) - set(kept) - {"BidsGuess"})


# Of a NIfTI-1 header: db_name; descrip, where dcm2niix writes the time of day, and aux_file, the
# comments.
_TEXTS = (slice(14, 32), slice(148, 252))


def without_texts(nifti: bytes) -> bytes:
    """Return an uncompressed NIfTI-1 file with the texts of its header emptied.

    Examples
    --------
    >>> header = bytes(148) + b"TE=12;Time=101112.000".ljust(104, b" ") + bytes(96)
    >>> b"Time" in without_texts(header)
    False
    """
    out = bytearray(nifti)
    for place in _TEXTS:
        out[place] = bytes(place.stop - place.start)
    return bytes(out)


def without_names(text: str, people: Iterable[tuple[str, str]]) -> str:
    """Return free text, such as the name of a protocol, without words of patients' names and IDs.

    Examples
    --------
    >>> without_names("t1 leg SEVEN 2", [("leg7", "Leg^Seven")])
    't1 … … 2'
    """
    hidden = {
        word.lower()
        for person in people
        for part in person
        for word in re.findall(r"[^\W_]{3,}", part)
    }
    return re.sub(r"[^\W_]{3,}", lambda m: "…" if m[0].lower() in hidden else m[0], text)
