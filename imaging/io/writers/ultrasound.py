"""Files of the ultrasound stage: maps, mask, samples, measures and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from imaging.arrays import FloatArray
from imaging.image import Image
from imaging.measures import Measure, Notes
from imaging.stage_files import StageFiles
from imaging.ultrasound.maps import COLUMNS
from imaging.ultrasound.notes import METHOD
from imaging.ultrasound.series_tables import FRAME_COLUMNS, LINE_COLUMNS

_QUANTITIES = {
    "stiffness": "shear_stiffness",
    "corrected": "mu_par",
    "angle": "angle",
    "tilt": "angle",
    "confidence": "confidence",
}


@dataclass(frozen=True)
class UltrasoundOutput:
    """What is written.

    Attributes
    ----------
    maps : mapping
        Name of a map to its values (I, J, K).
    weight : (I, J, K)
        Of the samples in each voxel; 0 where no frame lies.
    grid : Image
        Any image on that grid.
    samples, frames, lines : DataFrame
        One row per sample, per frame and region, and per line through the frames of a recording.
    curves : bytes
        Picture (SVG) of the frames with lines; empty without any.
    rows : sequence of Measure
    notes : Notes
    density : float
        kg/m3.
    inputs : sequence of Path
        Files that everything was made from.
    settings : mapping
        Of the stage.
    """

    maps: Mapping[str, FloatArray]
    weight: FloatArray
    grid: Image
    samples: pd.DataFrame
    frames: pd.DataFrame
    lines: pd.DataFrame
    curves: bytes
    rows: Sequence[Measure]
    notes: Notes
    density: float
    inputs: Sequence[Path]
    settings: Mapping[str, Any]


def write_ultrasound(folder: Path, prefix: str, output: UltrasoundOutput) -> None:
    """Write every file of the stage.

    Parameters
    ----------
    folder
        Scratch folder.
    prefix
        Start of file names.
    output
        What is written.
    """
    files = StageFiles("ultrasound", folder, prefix, output.inputs, output.settings)
    for key, values in output.maps.items():
        files.image(
            key, output.grid.with_data(values), Quantity=_QUANTITIES[key], Method=METHOD,
            FrequencyHz=None, DensityKgPerM3=output.density,
        )  # fmt: skip
    files.image("mask", output.grid.with_data(output.weight > 0))
    output.samples.to_parquet(files.path("samples"), index=False)
    files.describe("samples", Columns=COLUMNS)
    files.table("frames", output.frames, Columns=FRAME_COLUMNS)
    if len(output.lines):
        files.table("lines", output.lines, Columns=LINE_COLUMNS)
        files.path("curves").write_bytes(output.curves)
        files.describe("curves")
    files.measures(output.rows)
    files.notes(output.notes)
