"""Files that ``pennate ultrasound`` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.provenance import write_sidecar
from imaging.ultrasound.frame_samples import FrameSamples
from imaging.ultrasound.notes import METHOD
from imaging.ultrasound.samples import FramePlane
from imaging.ultrasound.splat import splat

_MAPS = {
    "stiffness": ("shear_stiffness", "Pa", "rho c^2, not corrected for the fibre's angle"),
    "corrected": ("mu_par", "Pa", "Modulus along the fibre, where its angle allows it; a model"),
    "angle": ("angle", "deg", "Angle between the direction of the wave and the fibre"),
    "tilt": ("angle", "deg", "Angle between the fibre and the plane of the frame"),
    "confidence": ("confidence", "1", "How well the colours lie on the colour bar"),
}
_COLUMNS = {
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


def columns_of(evidence: FrameSamples) -> dict[str, FloatArray]:
    """Return the values of every map at the samples; maps that nothing is known of are left out."""
    samples = evidence.samples
    out: dict[str, FloatArray] = {"stiffness": samples.shear_pa, "confidence": samples.confidence}
    if evidence.correction is not None:
        out["corrected"] = samples.shear_pa * evidence.correction.factor
    if evidence.angles is not None:
        out |= {"angle": evidence.angles.across, "tilt": evidence.angles.tilt}
    else:
        out |= {name: np.full(len(samples), np.nan) for name in ("angle", "tilt")}
    return out


def write_maps(
    folder: Path,
    stem: str,
    evidence: FrameSamples,
    planes: Sequence[FramePlane],
    slab_mm: Sequence[float],
    grid: Image,
    *,
    about: Mapping[str, Any],
    density: float,
) -> FloatArray:
    """Spread the samples over the grid, write the maps, and return the weight of every voxel.

    Parameters
    ----------
    folder, stem
        Where, and the start of the names.
    evidence, planes, slab_mm, grid
        See :func:`imaging.ultrasound.splat.splat`.
    about
        Verb, inputs and settings for the sidecars.
    density
        kg/m3.
    """
    maps, weight = splat(evidence.samples, planes, slab_mm, columns_of(evidence), grid)
    for suffix, values in maps.items():
        quantity, unit, text = _MAPS[suffix]
        path = folder / f"{stem}_{suffix}.nii.gz"
        save_image(grid.with_data(values), path)
        write_sidecar(
            path, **about, Quantity=quantity, Units=unit, Description=text, Method=METHOD,
            FrequencyHz=None, DensityKgPerM3=density,
        )  # fmt: skip
    path = folder / f"{stem}_mask.nii.gz"
    save_image(grid.with_data(weight > 0), path)
    write_sidecar(path, **about, Description="Voxels within the slabs of the frames")
    return weight


def write_samples(
    path: Path,
    evidence: FrameSamples,
    owner: NDArray[Any],
    sources: Sequence[str],
    place_error_mm: FloatArray,
    about: Mapping[str, Any],
) -> None:
    """Write one row per sample."""
    samples, values = evidence.samples, columns_of(evidence)
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
            "pitch_deg": unknown if evidence.angles is None else evidence.angles.pitch,
            "confidence": samples.confidence,
            "saturated": samples.saturated,
            "place_error_mm": place_error_mm,
        }
    )
    floats = table.select_dtypes("float64").columns
    table = table.astype(dict.fromkeys(floats, np.float32))
    table.to_parquet(path, index=False)
    write_sidecar(path, **about, Columns=_COLUMNS)
