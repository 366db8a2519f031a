"""A diffusion-weighted series with its gradient table, each checked against the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.diffusion import table_fit
from imaging.diffusion.gradients import GradientTable, check_directions
from imaging.diffusion.legmask import leg_mask
from imaging.errors import ComputationError, GradientTableError, ImageError
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.io.gradients import ReadTable, read_table


@dataclass(frozen=True)
class DiffusionSeries:
    """Images and the table that belongs to them.

    Attributes
    ----------
    image : Image
        4-D magnitude, volumes that cannot be what the table says left out.
    table : GradientTable
        World RAS+, one row per volume of `image`.
    warnings : list of str
        What was put right, left out or looks wrong; volumes are counted from 0 in the file.
    """

    image: Image
    table: GradientTable
    warnings: list[str]


def read_series(dwi: Path, bval: Path, bvec: Path) -> DiffusionSeries:
    """Read a diffusion-weighted series and check that its table belongs to it.

    Parameters
    ----------
    dwi
        4-D NIfTI.
    bval, bvec
        Gradient table, see :func:`imaging.io.gradients.read_table`.

    Raises
    ------
    ImageError
        The image cannot be read, or volumes are empty.
    GradientTableError
        The table cannot be read, or the images contradict it.
    """
    image = load_image(dwi, ndim=4)
    read = read_table(bval, bvec, image.affine, image.data.shape[3])
    _must_hold_signal(image, dwi)
    try:
        mask = leg_mask(image.with_data(image.data.mean(-1)))
    except ComputationError as error:
        raise ImageError(str(error).rstrip("."), dwi, "Give the diffusion series itself") from error
    blocks = table_fit.tissue_blocks(image.data, mask, image.spacing)
    table, warnings = _by_length(read, blocks, bvec)
    kept = np.arange(len(table.bvals))
    brightness = table_fit.compare_brightness(blocks, table)
    if brightness.lonely:  # rows cannot be judged with volumes that are not what they are called
        kept, said = _by_brightness(brightness, table, bval)
        warnings += said
    blocks, table = blocks.of_volumes(kept), table.of_volumes(kept)
    warnings += _by_order(table, blocks, bvec)
    if not brightness.lonely:
        kept, said = _by_brightness(brightness, table, bval)
        table = table.of_volumes(kept)
        warnings += said
    if len(kept) < image.data.shape[3]:
        check_directions(table.bvals, table.vectors, bval)
        image = image.with_data(image.data[..., kept])
    return DiffusionSeries(image, table, warnings)


def _must_hold_signal(image: Image, path: Path) -> None:
    """Raise where volumes are empty."""
    empty = np.flatnonzero(image.data.mean(axis=(0, 1, 2)) <= 0)
    if empty.size:
        raise ImageError(
            f"has {empty.size} empty volumes, first {int(empty[0])}",
            path,
            "Take them and their gradients out, or convert the series again",
        )


def _by_length(
    read: ReadTable, blocks: table_fit.Blocks, path: Path
) -> tuple[GradientTable, list[str]]:
    """Let the images tell whether the lengths of vectors stand for b-values."""
    if read.other is None:
        return read.table, list(read.warnings)
    given, other = blocks.misfits(read.table), blocks.misfits(read.other)
    lengths, figures = read.lengths, f"{np.median(given):.1%} against {np.median(other):.1%}"
    scaled, enough_volumes = lengths.scaled, blocks.enough_volumes(read.table)
    if enough_volumes and table_fit.better(given, other):
        said = f"The images agree: the tensor leaves {figures} of the signal unexplained."
        return read.table, [*read.warnings, *([f"{path.name}: {said}"] if lengths.shells else [])]
    if enough_volumes and table_fit.better(other, given):
        how = "were taken as written" if scaled else "were scaled by the squared length"
        said = (
            f"{path.name}: the b-values {how} of the vectors: so the tensor leaves "
            f"{np.median(other):.1%} of the signal unexplained, otherwise {np.median(given):.1%}."
        )
        return read.other, [w for w in read.warnings if w not in lengths.warnings] + [said]
    if not lengths.shells:
        return read.table, list(read.warnings)
    raise GradientTableError(
        "holds vectors of several lengths, and the images do not tell whether they stand for "
        f"b-values ({figures} of the signal unexplained)",
        path,
        "Scale the vectors to length 1 and write the b-values that were used",
    )


def _by_order(table: GradientTable, blocks: table_fit.Blocks, path: Path) -> list[str]:
    """Raise where the rows of the table clearly belong to other volumes; warn where it looks so."""
    order = table_fit.compare_orders(blocks, table)
    figures = f"{order.best:.1%} of the signal at b = 0 unexplained, as given {order.given:.1%}"
    if order.verdict == "other":
        raise GradientTableError(
            f"has rows that belong to other volumes: with {order.name} the tensor leaves {figures}",
            path,
            "Convert the series again from DICOM, or put the rows where they belong",
        )
    if order.verdict == "rather_other":
        return [
            f"{path.name}: with {order.name} the tensor leaves {figures}. If rows were mixed up, "
            "FA, diffusivities and directions are wrong: compare with the DICOM files."
        ]
    if order.verdict == "chance":
        return [
            f"{path.name}: the directions explain the images no better than the same directions "
            f"in random order ({order.given:.1%} of the signal at b = 0 unexplained, in random "
            f"order {order.chance:.1%}). The table may belong to another series, or the leg moved "
            "much: FA, diffusivities and directions cannot be trusted."
        ]
    return []


def _by_brightness(
    found: table_fit.Brightness, table: GradientTable, path: Path
) -> tuple[NDArray[np.intp], list[str]]:
    """Return the volumes to keep, and why others are not what the table says."""
    if found.all_dark:
        raise GradientTableError(
            f"calls volume {_list(found.dark)} b = 0, but the weighted volumes are as bright",
            path,
            "Check the order of the b-values against that of the volumes",
        )
    if found.diffusivity > table_fit.MOST_DIFFUSIVITY:
        raise GradientTableError(
            f"holds b-values up to {table.bvals.max():g}, but the signal falls as fast as with a "
            f"diffusivity of {found.diffusivity:.2g} mm2/s, far faster than in water",
            path,
            "Write b-values in s/mm2",
        )
    warnings = []
    if found.dark.size:
        warnings.append(
            f"{path.name}: volume {_list(found.dark)} is listed as b = 0, but is as dark as "
            "weighted volumes. Left out."
        )
    if found.bright.size:
        warnings.append(
            f"{path.name}: volume {_list(found.bright)} is listed as weighted, but is as bright as "
            "b = 0. Left out."
        )
    gone = np.concatenate([found.dark, found.bright])
    return np.setdiff1d(np.arange(len(table.bvals)), gone), warnings


def _list(volumes: NDArray[np.intp]) -> str:
    return ", ".join(map(str, volumes))
