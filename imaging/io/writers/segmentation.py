"""Files of the segmentation stage: reference image, labels, their probability, measures, notes."""

from __future__ import annotations

from imaging.measures import Notes
from imaging.muscles import lookup_table
from imaging.segmentation.finished import Finished
from imaging.stage_files import StageFiles


def write_segmentation(files: StageFiles, found: Finished, notes: Notes, contrast: str) -> None:
    """Write every file of the stage.

    Parameters
    ----------
    files
        Where they go.
    found
        Labels with their figures.
    notes
        Of the stage.
    contrast
        BIDS suffix of the image, such as ``T1w``.
    """
    files.image("image", found.image, Contrast=contrast)
    files.image("labels", found.image.with_data(found.labels))
    table = files.path("labels", ".tsv")
    lookup_table(found.labels).to_csv(table, sep="\t", index=False)
    files.image("probability", found.image.with_data(found.probability))
    files.measures(found.rows)
    files.notes(notes)
