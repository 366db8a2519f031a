"""Files of the composition stage: fat fraction, T2, measures and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imaging.image import Image
from imaging.measures import Measure, Notes
from imaging.stage_files import StageFiles


@dataclass(frozen=True)
class CompositionOutput:
    """What is written.

    Attributes
    ----------
    fat_fraction, t2 : Image or None
        Percent and ms, NaN where not known.
    rows : list of Measure
    notes : Notes
    inputs : list of Path
        Files that everything was made from.
    """

    fat_fraction: Image | None
    t2: Image | None
    rows: Sequence[Measure]
    notes: Notes
    inputs: Sequence[Path]


def _zero_outside(image: Image) -> Image:
    return image.with_data(np.nan_to_num(image.data, nan=0.0).astype(np.float32))


def write_composition(folder: Path, prefix: str, output: CompositionOutput) -> None:
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
    files = StageFiles("composition", folder, prefix, output.inputs)
    if output.fat_fraction is not None:
        known = np.isfinite(output.fat_fraction.data)
        files.image("fat_fraction", _zero_outside(output.fat_fraction))
        files.image("mask", output.fat_fraction.with_data(known.astype(np.uint8)))
    if output.t2 is not None:
        files.image("t2", _zero_outside(output.t2))
    files.measures(output.rows)
    files.notes(output.notes)
