"""Reads the other images of a session that vote on the labels, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from imaging.dataset.names import sibling
from imaging.diffusion.gradients import B0_MAX
from imaging.errors import PennateError
from imaging.formats.nifti import load_image
from imaging.image import Image, canonical
from imaging.io.gradients import read_table
from imaging.segmentation.legs import correct_bias, leg_mask
from imaging.segmentation.votes import Voter


def read_voters(paths: Sequence[Path], said: list[str]) -> Iterator[Voter]:
    """Yield the images that can be read and show legs; only one is in memory.

    Parameters
    ----------
    paths
        3-D, or 4-D: of a diffusion series (with ``.bval`` and ``.bvec`` beside it) the mean of the
        volumes without diffusion weighting votes, of a train of echoes the first.
    said
        Takes a sentence for every image that is left out.
    """
    for path in paths:
        try:
            image = canonical(_one_volume(path))
            mask = leg_mask(image, path)
        except PennateError as error:
            said.append(f"{path.name} was not used for the labels: {error}")
            continue
        yield Voter(path.name, correct_bias(image, mask), mask)


def _one_volume(path: Path) -> Image:
    """Return the volume of an image that shows anatomy."""
    image = load_image(path, ndim=(3, 4))
    if image.data.ndim == 3:
        return image
    bval, bvec = (sibling(path, end) for end in (".bval", ".bvec"))
    if not bval.is_file():
        return image.with_data(np.ascontiguousarray(image.data[..., 0]))
    plain = read_table(bval, bvec, image.affine, image.data.shape[3]).table.bvals <= B0_MAX
    return image.with_data(image.data[..., plain].mean(-1, dtype=np.float32))
