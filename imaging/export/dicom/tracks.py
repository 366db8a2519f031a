"""Fascicles as DICOM Tractography Results: one set of tracks per muscle.

Points are in the patient's axes (LPS+ mm) of the frame of reference of the source. Length, and the
mean FA and MD along a fascicle, go with the tracks; for pennation no dictionary has a code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from imaging import __version__
from imaging.export.dicom.objects import blank, item, refer
from imaging.export.dicom.placing import Placed
from imaging.export.dicom.segments import LONGEST
from imaging.formats import dicom_codes as codes
from imaging.musclemap.read.meshes import MapFascicles
from imaging.muscles import Names, Structure, side_and_name, structure_of
from imaging.palette import muscle_colour

_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.66.6"
_LPS = np.array([-1.0, -1.0, 1.0], np.float32)
# Figure of a fascicle, its code, UCUM unit, and what of the values along the fascicle it is.
_FIGURES = (
    ("length_mm", ("SCT", "Length"), "mm", "Total"),
    ("fa_mean", ("DCM", "FractionalAnisotropy"), "1", "Mean"),
    ("md_mean", ("DCM", "MeanDiffusivity"), "mm2/s", "Mean"),
)


def tracks(placed: Placed, fascicles: MapFascicles, names: Names, series_number: int) -> Any:
    """Return every fascicle, grouped by muscle."""
    source = placed.datasets[0]
    made = blank(source, _SOP_CLASS, "MR", series_number, 1, "Pennate fascicles")
    made.ContentLabel, made.ContentDescription = "FASCICLES", "Muscle fascicles of the lower leg"
    made.ContentCreatorName = None
    made.TrackSetSequence = [
        _track_set(number, label, part, names)
        for number, (label, part) in enumerate(fascicles.by_label(), start=1)
    ]
    refer(made, placed.datasets)
    return placed.settled(made)


def _track_set(number: int, label: int, fascicles: MapFascicles, names: Names) -> Any:
    from pydicom.dataset import Dataset

    structure = structure_of(label, names)
    made = Dataset()
    made.TrackSetNumber = number
    made.TrackSetLabel = side_and_name(label, names)[:LONGEST]
    made.TrackSetDescription = f"{len(fascicles)} fascicles of the {side_and_name(label, names)}"
    made.TrackSetAnatomicalTypeCodeSequence = [_anatomy(label, structure)]
    made.TrackSequence = [_track(points) for points in _lines(fascicles)]
    made.RecommendedDisplayCIELabValue = _colour(label)
    made.TrackStatisticsSequence = list(_figures(fascicles))
    made.DiffusionAcquisitionCodeSequence = [item(codes.code("DCM", "DTI"))]
    made.DiffusionModelCodeSequence = [item(codes.code("DCM", "SingleTensor"))]
    method = Dataset()
    method.AlgorithmFamilyCodeSequence = [item(codes.code("DCM", "Deterministic"))]
    method.AlgorithmName, method.AlgorithmVersion = "pennate fibres", __version__
    made.TrackingAlgorithmIdentificationSequence = [method]
    return made


def _anatomy(label: int, structure: Structure) -> Any:
    """Return the code of the muscle on its side, or the general one with the side beside it."""
    own, side = codes.own_region(label, structure), codes.laterality(label)
    made = item(own or codes.kind(structure))
    if own is None and side is not None:
        made.ModifierCodeSequence = [item(side)]
    return made


def _lines(fascicles: MapFascicles) -> Iterator[np.ndarray[Any, Any]]:
    for start, end in zip(fascicles.offsets[:-1], fascicles.offsets[1:], strict=True):
        yield fascicles.points[start:end]


def _track(points: np.ndarray[Any, Any]) -> Any:
    from pydicom.dataset import Dataset

    made = Dataset()
    made.PointCoordinatesData = (points * _LPS).astype("<f4").tobytes()
    return made


def _figures(fascicles: MapFascicles) -> Iterator[Any]:
    """Yield the figures that every fascicle of the muscle has."""
    from pydicom.dataset import Dataset

    for name, (scheme, keyword), unit, part in _FIGURES:
        if name not in fascicles.data:
            continue
        values = fascicles.data[name].to_numpy(np.float32)
        if not np.isfinite(values).all():
            continue
        made = Dataset()
        made.ConceptNameCodeSequence = [item(codes.code(scheme, keyword))]
        made.ModifierCodeSequence = [item(codes.code("SCT", part))]
        made.MeasurementUnitsCodeSequence = [item(codes.unit(unit))]
        made.FloatingPointValues = values.astype("<f4").tobytes()
        yield made


def _colour(label: int) -> Sequence[int]:
    from highdicom.color import CIELabColor

    return list(CIELabColor.from_rgb(*muscle_colour(label)).value)
