"""Label maps drawn by a person, with what their numbers mean: NIfTI with a table, or .seg.nrrd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imaging.dataset.names import sibling
from imaging.errors import LabelError
from imaging.formats.nifti import load_labels, whole_labels
from imaging.formats.nrrd import Segments, flat, is_nrrd, load_segments
from imaging.image import Image
from imaging.lookup import Meaning, catalogue_labels, load_meanings, meaning_of
from imaging.schemes import CATALOGUE, relabel, translate


@dataclass(frozen=True)
class LabelMap:
    """A label map as it was drawn.

    Attributes
    ----------
    segments : Segments
        Its layers; muscles may overlap only in a segmentation of 3D Slicer.
    meanings : dict or None
        What each number means; None: the numbers are labels of the catalogue.
    path, lookup : Path, Path or None
        Where it was read.
    """

    segments: Segments
    meanings: Mapping[int, Meaning] | None
    path: Path
    lookup: Path | None

    @property
    def source(self) -> Path:
        """The file that says what the numbers mean."""
        return self.lookup or self.path


def lookup_beside(path: Path) -> Path | None:
    """Return the table NAME.tsv beside a label map, as BIDS has it, or None.

    One that only repeats the catalogue, as beside labels of Pennate, changes nothing and is None.

    Raises
    ------
    InputError
        The table cannot be read, or contradicts itself.
    """
    table = sibling(path, ".tsv")
    if not table.is_file():
        return None
    repeats = all(meaning.label == n for n, meaning in load_meanings(table).items())
    return None if repeats else table


def read_label_map(path: Path, lookup: Path | None) -> LabelMap:
    """Read a label map and what its numbers mean.

    Parameters
    ----------
    path
        NIfTI, NRRD, or a segmentation of 3D Slicer.
    lookup
        Table of meanings; it goes before the names in the file.

    Raises
    ------
    InputError
        One of them cannot be read, or contradicts itself.
    LabelError
        There is no label in it.
    """
    if is_nrrd(path):
        segments = load_segments(path)
        if not any(layer.data.any() for layer in segments.layers):
            raise LabelError("is empty: every voxel is 0", path, "Draw the segments again")
        if segments.names is None:
            segments = Segments((whole_labels(flat(segments, path), path),), None)
    else:
        segments = Segments((load_labels(path),), None)
    if lookup is not None:
        return LabelMap(segments, load_meanings(lookup), path, lookup)
    if segments.names is None:
        return LabelMap(segments, None, path, None)
    meanings = {n: meaning_of(n, name, "", "", path) for n, name in segments.names.items()}
    return LabelMap(segments, meanings, path, None)


def in_catalogue(drawn: LabelMap) -> Image:
    """Return a label map as one map in labels of the catalogue, on its own grid.

    Raises
    ------
    LabelError
        A number or name is not in the catalogue, or two segments overlap.
    """
    image = whole_labels(flat(drawn.segments, drawn.path), drawn.path)
    if drawn.meanings is None:
        return image.with_data(translate(image.data, CATALOGUE))
    present = {int(n) for n in np.unique(image.data)}
    wanted = {n: m for n, m in drawn.meanings.items() if drawn.lookup or n in present}
    table = catalogue_labels(wanted, drawn.source)
    return image.with_data(relabel(image.data, table, drawn.source))
