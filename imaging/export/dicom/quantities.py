"""Voxel maps as DICOM Parametric Maps: floating-point values with unit and quantity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.export.dicom.objects import INSTANCE, MAKER, SERIES
from imaging.export.dicom.placing import Placed
from imaging.export.dicom.segments import LONGEST
from imaging.formats import dicom_codes as codes
from imaging.image import Image
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.musclemap.titles import shown

# Part of the values inside the window a viewer opens with.
_WINDOW_PERCENT = (1, 99)
# Longest text of the value representations CS and SH.
_SHORT = 16


def layers(muscle_map: MuscleMap) -> Iterator[tuple[str, codes.Quantity]]:
    """Yield the layers of a map that become Parametric Maps: those that hold a measured value."""
    for name, image in muscle_map.arrays.items():
        about: Mapping[str, Any] = muscle_map.layers.get(name, {})
        found = codes.quantity(str(about.get("Quantity", name)))
        if found is not None and image.data.ndim == 3 and np.isfinite(image.data).any():
            yield name, found


def parametric_map(
    placed: Placed, name: str, image: Image, quantity: codes.Quantity, text: str, series_number: int
) -> Any | None:
    """Return a layer on the frames of the source series that hold values of it.

    Parameters
    ----------
    placed
        The source, and how the map gets onto its grid.
    name
        Of the layer.
    image
        NaN where not measured.
    quantity
        Code, unit and factor to it.
    text
        What the layer is, one sentence.
    series_number
        Of the new series.

    Returns
    -------
    None where no voxel of the series has a value.
    """
    import highdicom as hd

    values = placed.values(image) * np.float32(quantity.factor)
    measured = np.isfinite(values)
    if not measured.any():
        return None
    sources = placed.datasets
    if not placed.source.volume.frames:
        kept = np.flatnonzero(measured.any(axis=(1, 2)))
        values, sources = values[kept], [sources[i] for i in kept]
    low, high = _window(values[np.isfinite(values)])
    title, label = shown(name).title, name.removeprefix("stiffness_").upper()[:_SHORT]
    named = title if quantity.unit.value == "1" else f"{title}, {quantity.unit.value}"
    mapping = hd.pm.RealWorldValueMapping(
        lut_label=label,
        lut_explanation=text[:LONGEST],
        unit=quantity.unit,
        value_range=(float(np.nanmin(values)), float(np.nanmax(values))),
        slope=1.0,
        intercept=0.0,
        quantity_definition=quantity.code,
    )
    made = hd.pm.ParametricMap(
        source_images=sources,
        pixel_array=values,
        series_instance_uid=SERIES,
        series_number=series_number,
        sop_instance_uid=INSTANCE,
        instance_number=1,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            # The plain linear function takes no window narrower than 1.
            hd.VOILUTTransformation((low + high) / 2, high - low, voi_lut_function="LINEAR_EXACT")
        ],
        content_description=title[:LONGEST],
        content_label=label,
        series_description=f"Pennate {named}"[:LONGEST],
        **MAKER,
    )
    return placed.settled(made)


def _window(values: NDArray[np.float32]) -> tuple[float, float]:
    low, high = (float(v) for v in np.percentile(values, _WINDOW_PERCENT))
    return (low, high) if high > low else (low, low + max(abs(low), 1.0))
