"""Muscles and aponeuroses drawn by a person: label maps, masks and surfaces, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.architecture.fascicles import name_of
from imaging.errors import ImageError, InputError, LabelError, UnitError
from imaging.formats.nifti import load_mask
from imaging.image import Image
from imaging.io.label_maps import read_label_map
from imaging.lookup import Meaning
from imaging.muscles import ANONYMOUS, is_known, structure_of
from imaging.provenance import sidecar_path

_MARGIN_VOXELS = 2
NEAR_MM = 5.0  # a drawn sheet may go on as a tendon far outside its muscle
LPS = "one of the two is written in LPS, not RAS+"
_SMALLEST_MM, _LARGEST_MM = 2.0, 3000.0  # a leg in metres is smaller, a person not larger
# What points of a wrong frame or unit are to be multiplied with, and how to say so.
_FRAMES = (
    ((-1.0, -1.0, 1.0), f"with x and y turned it does: {LPS}"),
    ((1000.0,) * 3, "a thousand times larger it does: it is written in metres, not millimetres"),
    (
        (-1000.0, -1000.0, 1000.0),
        "a thousand times larger, with x and y turned, it does: it is written in metres and LPS",
    ),
    ((10.0,) * 3, "ten times larger it does: it is written in centimetres, not millimetres"),
)


@dataclass(frozen=True)
class DrawnMuscle:
    """One muscle of a label map, or one mask.

    Attributes
    ----------
    label : int
        Of the catalogue, or above ``ANONYMOUS`` where the catalogue does not know the muscle.
    name : str
        Such as ``left TA``, or what its file or look-up calls it.
    mask : Image
        Bool, cropped with a margin.
    path : Path
        Where it was read.
    number : int
        Its value there; 0 for a mask.
    """

    label: int
    name: str
    mask: Image
    path: Path
    number: int = 0


def read_labels(path: Path, lookup: Path | None) -> list[DrawnMuscle]:
    """Read the muscles of a label map.

    Parameters
    ----------
    path
        3-D, whole numbers, on any grid; or a segmentation of 3D Slicer with names of its own.
    lookup
        Table index, name. A name of the catalogue is that muscle, any other name a muscle of its
        own. Without names the labels are those of the catalogue.

    Raises
    ------
    LabelError
        No muscle in it, or the look-up cannot be used.
    """
    drawn = read_label_map(path, lookup)
    members: dict[int, tuple[str, list[int]]] = {}
    for number in sorted({int(v) for a in drawn.segments.layers for v in np.unique(a.data) if v}):
        label, name = _meaning(number, drawn.meanings)
        if label == 0 or (is_known(label) and not structure_of(label).is_muscle):
            continue
        members.setdefault(label, (name, []))[1].append(number)
    if not members:
        raise LabelError("has no muscle", path, "See imaging/data/muscles.tsv for labels")
    first = drawn.segments.layers[0]
    muscles = []
    for label, (name, numbers) in sorted(members.items()):
        layers = [np.isin(layer.data, numbers) for layer in drawn.segments.layers]
        mask = _crop(first, np.any(layers, axis=0))
        muscles.append(DrawnMuscle(label, name, mask, path, numbers[0]))
    return muscles


def _meaning(number: int, meanings: Mapping[int, Meaning] | None) -> tuple[int, str]:
    """Return label and name of a value: by what its file tells, else by the catalogue."""
    if meanings is not None and number in meanings:
        meaning = meanings[number]
        if meaning.label is None:
            return ANONYMOUS + number, meaning.name
        return meaning.label, name_of(meaning.label)
    if meanings is None and is_known(number):
        return number, name_of(number)
    return ANONYMOUS + number, f"label-{number}"


def read_masks(paths: Sequence[Path], labels: Sequence[int]) -> list[DrawnMuscle]:
    """Read masks of one muscle each.

    Parameters
    ----------
    paths
        3-D, 0 outside; on any grids of one world.
    labels
        Label of each; none at all: the muscles are named after their files.

    Raises
    ------
    LabelError
        A mask is empty or holds several labels, or a label is not a muscle or given twice.
    InputError
        Not as many labels as masks.
    """
    if labels and len(labels) != len(paths):
        raise InputError(
            f"{len(labels)} muscles are named for {len(paths)} masks",
            None,
            "Give --label or --muscle once for every --mask, in the same order, or leave it out",
        )
    if len(set(labels)) < len(labels):
        raise LabelError("two masks are given the same muscle", None, "Join them into one mask")
    for label in labels:
        if not structure_of(label).is_muscle:
            name = structure_of(label).name
            raise LabelError(
                f"label {label} is not a muscle ({name})", None, "Give a muscle's label"
            )
    out: list[DrawnMuscle] = []
    for count, path in enumerate(paths, 1):
        image = load_mask(path)
        if len(values := np.unique(image.data[image.data != 0])) > 1:
            raise LabelError(
                f"holds {len(values)} labels, a mask holds one muscle",
                path,
                "Give it as --labels, with --lookup if the labels are not the catalogue's",
            )
        label = labels[count - 1] if labels else ANONYMOUS + count
        name = name_of(label) if labels else _stem(path)
        if any(name == m.name for m in out):
            name = f"{name}-{count}"
        out.append(DrawnMuscle(label, name, _crop(image, image.data != 0), path))
    return out


def _stem(path: Path) -> str:
    return sidecar_path(path).stem.removesuffix(".seg")


def _crop(image: Image, mask: NDArray[np.bool_]) -> Image:
    """Return a mask cut down to its bounding box and a margin."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    first = [max(s.start - _MARGIN_VOXELS, 0) for s in box]
    part = tuple(slice(a, s.stop + _MARGIN_VOXELS) for a, s in zip(first, box, strict=True))
    affine = image.affine.copy()
    affine[:3, 3] = image.to_world(first)
    return Image(mask[part].copy(), affine)  # a view would keep the whole grid


def check_on_grid(muscles: Sequence[DrawnMuscle], grid: Image, path: Path) -> None:
    """Raise where all muscles of a file lie outside the field of view of an image.

    Raises
    ------
    ImageError
        Names both files.
    """
    for source in dict.fromkeys(m.path for m in muscles):
        points = np.concatenate([voxel_centres(m) for m in muscles if m.path == source])
        if _on_grid(points, grid).any():
            continue
        turned = _on_grid(points * (-1, -1, 1), grid).any()
        raise ImageError(
            f"lies wholly outside the image {path}"
            + (f"; with x and y turned it would not: {LPS}" if turned else ""),
            source,
            "Draw it on an image of the same session, or give it the affine of that image",
        )


def check_tracts(muscles: Sequence[DrawnMuscle], points: NDArray[np.floating], path: Path) -> None:
    """Raise where tracts (P, 3) in world mm do not meet the muscles, or only when x and y turn.

    Raises
    ------
    InputError
        Names the tracts and a mask, and the unit or frame in which they would meet.
    """
    # A stray tract says nothing of the unit.
    check_size(np.quantile(points, (0.01, 0.99), axis=0), "the tractogram", path)
    drawn = np.concatenate([voxel_centres(m) for m in muscles])
    low, high = drawn.min(axis=0) - NEAR_MM, drawn.max(axis=0) + NEAR_MM

    def share(moved: NDArray[np.floating]) -> float:
        return float(np.all((moved >= low) & (moved <= high), axis=1).mean())

    turned = points * np.array([-1, -1, 1], points.dtype)
    here, there = share(points), share(turned)
    if here > 0 and not here < 0.5 < there:
        return
    if there:
        why = f"{there:.0%} do with x and y turned: {LPS}"
    else:
        why = elsewhere(points, lambda moved: share(moved) > 0.5) or "so they run elsewhere"
    raise InputError(
        f"{here:.0%} of the points lie near the muscles of {muscles[0].path.name}, {why}",
        path,
        "Give tracts and masks of the same session, both in world RAS+ millimetres",
    )


def check_size(points: NDArray[np.floating], what: str, path: Path) -> None:
    """Raise where points (P, 3) span less or more than anything drawn in millimetres.

    Raises
    ------
    UnitError
        Says in which unit they seem to be.

    Examples
    --------
    >>> check_size(np.array([[0.0, 0, 0], [0.02, 0.03, 0.3]]), "the surface", Path("gm.stl"))
    Traceback (most recent call last):
    UnitError: gm.stl: the surface spans 0.3 mm from end to end: it seems to be written in metres
    """
    size = float(np.linalg.norm(np.ptp(points.astype(float), axis=0)))
    if size < _SMALLEST_MM:
        why, how = "it seems to be written in metres", "a thousand times larger"
    elif size > _LARGEST_MM:
        why, how = "it seems to be written in micrometres", "a thousand times smaller"
    else:
        return
    raise UnitError(
        f"{what} spans {size:.2g} mm from end to end: {why}",
        path,
        f"Export it in millimetres, {how}",
    )


def elsewhere(points: NDArray[np.floating], meets: Callable[[NDArray[np.floating]], bool]) -> str:
    """Return in which frame or unit points (P, 3) would meet, in words; empty: in none known.

    Examples
    --------
    World RAS+ mm; LPS has the same z, x and y turned round:

    >>> muscle = np.array([[40.0, -20, 300]])
    >>> elsewhere(np.array([[-40.0, 20, 300]]), lambda moved: np.allclose(moved, muscle))
    'with x and y turned it does: one of the two is written in LPS, not RAS+'
    """
    return next((words for by, words in _FRAMES if meets(points * np.array(by))), "")


def voxel_centres(muscle: DrawnMuscle) -> NDArray[np.floating]:
    """Return the centres (N, 3) of a muscle's voxels, world RAS+ mm."""
    return muscle.mask.to_world(np.argwhere(muscle.mask.data))


def _on_grid(points: NDArray[np.floating], grid: Image) -> NDArray[np.bool_]:
    voxels = grid.to_voxels(points)
    inside: NDArray[np.bool_] = np.all(
        (voxels > -0.5) & (voxels < np.array(grid.shape) - 0.5), axis=1
    )
    return inside


def names_of(muscles: Sequence[DrawnMuscle]) -> Mapping[int, str]:
    """Return the name of each label."""
    return {m.label: m.name for m in muscles}
