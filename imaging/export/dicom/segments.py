"""Muscles and bones as DICOM Segmentations: one binary segment each, and as one label map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging import __version__
from imaging.errors import LabelError
from imaging.export.dicom.objects import INSTANCE, MAKER, SERIES, item
from imaging.export.dicom.placing import Placed
from imaging.formats import dicom_codes as codes
from imaging.image import Image
from imaging.muscles import Names, side_and_name, structure_of
from imaging.palette import muscle_colour

#: Longest text of the value representation LO.
LONGEST = 64


@dataclass(frozen=True)
class Method:
    """How labels came to be: AUTOMATIC, SEMIAUTOMATIC or MANUAL, by what, of which version."""

    kind: str
    name: str = ""
    version: str = ""


def segmentation(
    placed: Placed,
    labels: Image,
    names: Names,
    method: Method,
    *,
    labelmap: bool,
    series_number: int,
) -> Any:
    """Return every label as a segment, numbered from 1 in the order of labels.

    Parameters
    ----------
    placed
        The source, and how the map gets onto its grid.
    labels
        Of the map.
    names
        Of muscles that the catalogue does not know.
    method
        How the labels came to be.
    labelmap
        One label per voxel (LABELMAP) instead of one bit per voxel and segment (BINARY).
    series_number
        Of the new series.

    Raises
    ------
    LabelError
        A structure is too small for the voxels of the series.
    """
    import highdicom as hd

    on_source = placed.labels(labels)
    present = [int(v) for v in np.unique(on_source) if v > 0]
    if lost := sorted({int(v) for v in np.unique(labels.data)} - {0, *present}):
        raise LabelError(
            f"{side_and_name(lost[0], names)} has no voxel on {placed.source.volume.title}", None,
            "Make the map without spacing_mm, so that it lies on the grid of the series",
        )  # fmt: skip
    numbers = {label: number for number, label in enumerate(present, start=1)}
    kind = "label map" if labelmap else "segments"
    made = hd.seg.Segmentation(
        source_images=placed.datasets,
        pixel_array=_numbered(on_source, numbers),
        segmentation_type="LABELMAP" if labelmap else "BINARY",
        segment_descriptions=[describe(v, n, names, method) for v, n in numbers.items()],
        series_instance_uid=SERIES,
        series_number=series_number,
        sop_instance_uid=INSTANCE,
        instance_number=1,
        content_description="Muscles and bones of the lower leg",
        content_label="MUSCLES",
        series_description=f"Pennate muscles, {kind}",
        **MAKER,
    )
    return placed.settled(made)


def describe(label: int, number: int, names: Names, method: Method) -> Any:
    """Return the description of one segment: words, codes, side and colour."""
    import highdicom as hd
    from highdicom.color import CIELabColor

    structure = structure_of(label, names)
    program = None
    if method.kind != "MANUAL":
        program = hd.AlgorithmIdentificationSequence(
            name=method.name[:LONGEST],
            version=method.version[:LONGEST] or __version__,
            family=codes.code("DCM", "ArtificialIntelligence"),
        )
    region = codes.own_region(label, structure)
    segment = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=side_and_name(label, names)[:LONGEST],
        segmented_property_category=codes.category(structure),
        segmented_property_type=codes.kind(structure),
        algorithm_type=method.kind,
        algorithm_identification=program,
        anatomic_regions=None if region is None else [region],
        display_color=CIELabColor.from_rgb(*muscle_colour(label)),
    )
    side = codes.laterality(label)
    if side is not None:
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [item(side)]
    return segment


def _numbered(labels: NDArray[Any], numbers: dict[int, int]) -> NDArray[np.uint16]:
    table = np.zeros(max(numbers) + 1, np.uint16)
    for label, number in numbers.items():
        table[label] = number
    found: NDArray[np.uint16] = table[labels]
    return found.astype(np.uint8) if len(numbers) < 256 else found  # type: ignore[return-value]
