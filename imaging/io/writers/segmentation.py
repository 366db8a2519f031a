"""Files of the segmentation stage: reference image, labels, their probability, measures, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging.formats.tsv import write_rows
from imaging.measures import Notes
from imaging.muscles import LOOKUP, lookup_rows
from imaging.segmentation.finished import Finished
from imaging.stage_files import StageFiles


@dataclass(frozen=True)
class SegmentationOutput:
    """What is written.

    Attributes
    ----------
    found
        Labels with their figures.
    notes
        Of the stage.
    contrast
        BIDS suffix of the image, such as ``T1w``.
    inputs
        Files that everything was made from.
    settings
        Of the stage.
    """

    found: Finished
    notes: Notes
    contrast: str
    inputs: Sequence[Path]
    settings: Mapping[str, Any]


def write_segmentation(folder: Path, prefix: str, output: SegmentationOutput) -> None:
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
    files = StageFiles("segmentation", folder, prefix, output.inputs, output.settings)
    found = output.found
    files.image("image", found.image, Contrast=output.contrast)
    files.image("labels", found.image.with_data(found.labels))
    table = files.path("labels", ".tsv")
    write_rows(LOOKUP, lookup_rows(found.labels), table)
    files.image("probability", found.image.with_data(found.probability))
    files.measures(found.rows)
    files.notes(output.notes)
