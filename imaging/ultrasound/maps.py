"""Values of the samples: what is spread over maps, and the table of all samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.image import Image
from imaging.ultrasound.frame_samples import FrameSamples

#: Columns of the table of samples, and what each is.
COLUMNS = {
    "frame": "Number of the frame among those used, from 0; see `source`",
    "source": "File and number of the frame in it, from 0",
    "pixel_x": "Middle of the sample in the stored image, pixels",
    "pixel_y": "Middle of the sample in the stored image, pixels",
    "x": "World RAS+ mm",
    "y": "World RAS+ mm",
    "z": "World RAS+ mm",
    "label": "100 times side (1 left, 2 right) plus index in the catalogue; 0 near a border",
    "shear_pa": "rho c^2 in Pa, not corrected",
    "corrected_pa": "Modulus along the fibre in Pa, empty where no correction is admissible",
    "angle_deg": "Between the direction of the wave and the fibre",
    "tilt_deg": "Between the fibre and the plane of the frame",
    "pitch_deg": "Between the fibre and the plane across the beam",
    "confidence": "0 to 1, how well the colour lies on the colour bar",
    "saturated": "At an end of the colour bar: the value is a bound",
    "place_error_mm": "Error of place expected from the landmarks",
}


def columns_of(joined: FrameSamples) -> dict[str, FloatArray]:
    """Return the values of every map at the samples; maps that nothing is known of are left out."""
    samples = joined.samples
    out: dict[str, FloatArray] = {"stiffness": samples.shear_pa, "confidence": samples.confidence}
    if joined.correction is not None:
        out["corrected"] = samples.shear_pa * joined.correction.factor
    if joined.angles is not None:
        out |= {"angle": joined.angles.across, "tilt": joined.angles.tilt}
    else:
        out |= {name: np.full(len(samples), np.nan) for name in ("angle", "tilt")}
    return out


def sample_table(
    joined: FrameSamples,
    owner: NDArray[Any],
    sources: Sequence[str],
    place_error_mm: FloatArray,
) -> pd.DataFrame:
    """Return one row per sample.

    Parameters
    ----------
    joined
        Samples with what is known of their angles.
    owner : (N,) int
        Label of each sample; 0 near a border.
    sources
        File and number of each frame.
    place_error_mm : (N,)
        Error of place expected from the landmarks.
    """
    samples, values = joined.samples, columns_of(joined)
    unknown = np.full(len(samples), np.nan)
    table = pd.DataFrame(
        {
            "frame": samples.frame.astype(np.int32),
            "source": np.array(sources)[samples.frame],
            "pixel_x": samples.pixel[:, 0],
            "pixel_y": samples.pixel[:, 1],
            **dict(zip("xyz", samples.world.T, strict=True)),
            "label": owner.astype(np.int16),
            "shear_pa": samples.shear_pa,
            "corrected_pa": values.get("corrected", unknown),
            "angle_deg": values["angle"],
            "tilt_deg": values["tilt"],
            "pitch_deg": unknown if joined.angles is None else joined.angles.pitch,
            "confidence": samples.confidence,
            "saturated": samples.bound != 0,
            "place_error_mm": place_error_mm,
        }
    )
    floats = table.select_dtypes("float64").columns
    table = table.astype(dict.fromkeys(floats, np.float32))
    return table


def grid_around(points: NDArray[Any]) -> Image:
    """Return an empty grid of 1 mm around points in world mm."""
    low, high = points.min(axis=0) - 5, points.max(axis=0) + 5
    affine = np.eye(4)
    affine[:3, 3] = low
    return Image(np.zeros(np.ceil(high - low).astype(int) + 1, np.uint8), affine)
