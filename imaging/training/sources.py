"""Where training legs come from: folders of label maps, and digital legs from seeds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from tqdm import tqdm

from imaging.errors import LabelError, MissingFileError
from imaging.formats.nifti import load_image, load_labels
from imaging.image import Image, canonical
from imaging.io.atlas import load_atlas, read_about
from imaging.io.label_maps import in_catalogue, lookup_beside, read_label_map
from imaging.muscles import SIDE_CODES, Side, structure
from imaging.phantom.leg import CONNECTIVE_LABEL, make_leg
from imaging.schemes import translate
from imaging.segmentation.atlas import AtlasLeg
from imaging.segmentation.features import hull_gap
from imaging.segmentation.legs import correct_bias, leg_mask
from imaging.training.legs import SPACING_MM, TrainingLeg, prepare, to_classes
from imaging.training.scans import ScannedLeg, is_partial, scanned_leg

# Of a leg that images can be drawn from.
_LEAST_MM = 100.0


def digital_leg(seed: int) -> TrainingLeg:
    """Return a digital right leg."""
    leg = make_leg(seed, "right", variation=1.0)
    grid = leg.grid(SPACING_MM, margin_mm=0.0)
    labels = np.zeros(grid.shape, np.int16)
    for k in range(grid.shape[2]):
        i, j = np.meshgrid(*(np.arange(n) for n in grid.shape[:2]), indexing="ij")
        points = grid.to_world(np.stack([i, j, np.full_like(i, k)], -1).reshape(-1, 3))
        labels[..., k] = leg.labels(points).reshape(grid.shape[:2])
    skin = [structure("SAT").index, structure("SKIN").index]
    indices = np.where((labels > 0) & ~np.isin(labels % 100, skin), labels % 100, 0)
    connective = labels == CONNECTIVE_LABEL
    return prepare(f"digital-{seed}", f"digital-{seed}", grid.with_data(indices), connective)


def atlas_legs(folder: Path, scheme: str | None = None) -> list[TrainingLeg]:
    """Return the legs of a folder of label maps (see :mod:`imaging.segmentation.atlas`).

    A tibia that is not labelled is taken from another leg of the folder. Maps of which slices or
    muscles are left out tell nothing of whole legs: they are passed over where their image lies
    beside them (see :func:`scanned_legs`).
    """
    atlas = load_atlas(folder, np.array(SPACING_MM), scheme)
    whole = [leg for leg in atlas.legs if not (_scan_of(folder, leg).is_file() and _is_part(leg))]
    models = [leg for leg in whole if _has_tibia(leg)]
    out = []
    for leg in tqdm(whole, desc="label maps", disable=None):
        indices = leg.indices if _has_tibia(leg) else with_tibia(leg, models)
        grid = Image(indices, np.diag([*SPACING_MM, 1.0]))
        out.append(prepare(leg.name, body_of(leg.name), grid, np.zeros(indices.shape, bool)))
    return out


def scanned_legs(folder: Path, scheme: str | None = None) -> list[ScannedLeg]:
    """Return the legs of a folder whose image lies beside the labels (``NAME_anat.nii.gz``).

    Without an ``atlas.json`` a label map ``NAME_dseg`` is read as one given to ``pennate segment
    --manual`` is: labels of the catalogue, a table beside it, or a segmentation of 3D Slicer, with
    one leg or both.

    Raises
    ------
    InputError
        A file cannot be read, has no partner, or does not say what its labels mean or which leg
        they lie in.
    """
    about = read_about(folder) if (folder / "atlas.json").is_file() else None
    out = []
    for path in sorted(folder.glob("*_anat.nii*")):
        name = path.name.split("_anat.nii")[0]
        drawn = _drawn_on(path, name)
        if about is None:
            labels = canonical(in_catalogue(read_label_map(drawn, lookup_beside(drawn))))
            legs = {f"{name}_{side}": (side, own) for side, own in _by_side(labels, drawn)}
        else:
            labels = canonical(load_labels(drawn))
            indices = translate(labels.data, str(scheme or about.get("scheme"))) % 100
            legs = {name: (_side_in(about, drawn, folder), labels.with_data(indices))}
        image = canonical(load_image(path))
        image = correct_bias(image, leg_mask(image, path))
        for leg, (side, indices_of) in legs.items():
            try:
                out.append(scanned_leg(leg, body_of(name), image, indices_of, side == "right"))
            except LabelError as error:
                raise LabelError(f"({side} leg) {error.what}", drawn, error.fix) from error
    return out


def _side_in(about: dict[str, Any], drawn: Path, folder: Path) -> Side:
    side = about.get("sides", {}).get(drawn.name)
    if side not in ("left", "right"):
        raise LabelError(
            f"gives no side for {drawn.name}", folder / "atlas.json", 'Add it to "sides"'
        )
    return "left" if side == "left" else "right"


def _drawn_on(path: Path, name: str) -> Path:
    """Return the label map that was drawn on an image."""
    found = sorted(
        p for p in path.parent.glob(f"{name}_dseg.*") if p.name.endswith((".nii", ".gz", ".nrrd"))
    )
    if len(found) != 1:
        raise MissingFileError(
            f"has {len(found) or 'no'} label maps {name}_dseg.* beside it", path,
            f"Put the drawing there as {name}_dseg.nii.gz or {name}_dseg.seg.nrrd",
        )  # fmt: skip
    return found[0]


def _by_side(labels: Image, path: Path) -> list[tuple[Side, Image]]:
    """Return the indices of structures of each leg that is drawn."""
    codes = np.where(labels.data > 0, labels.data // 100, -1)
    if (codes == 0).any():
        raise LabelError(
            "does not say which leg its labels lie in", path, "Name the side of every label"
        )
    sides: tuple[Side, Side] = ("left", "right")
    return [
        (side, labels.with_data(np.where(codes == SIDE_CODES[side], labels.data % 100, 0)))
        for side in sides if (codes == SIDE_CODES[side]).any()
    ]  # fmt: skip


def body_of(name: str) -> str:
    """Return whose leg it is: legs are of one body where names differ in left and right only."""
    return name.replace("left", "").replace("right", "").strip("_-")


def _scan_of(folder: Path, leg: AtlasLeg) -> Path:
    return folder / f"{leg.name}_anat.nii.gz"


def _is_part(leg: AtlasLeg) -> bool:
    """Tell whether slices or muscles were left out of a drawing."""
    slices = np.flatnonzero((leg.indices > 0).any((0, 1)))
    gaps = slices.size and slices.size < 0.9 * (slices[-1] - slices[0] + 1)
    short = slices.size * float(leg.spacing[2]) < _LEAST_MM
    return bool(gaps or short or is_partial(to_classes(leg.indices)))


def _has_tibia(leg: AtlasLeg) -> bool:
    return bool((leg.indices == structure("TIB").index).any())


def with_tibia(leg: AtlasLeg, models: Iterable[AtlasLeg]) -> NDArray[np.int16]:
    """Return the labels of a leg with its tibia filled in.

    Along the shaft it is the hole between the muscles and their hull. Towards the ends, where no
    muscles surround it, it is that of a model leg at the same height of the fibula, put in place
    by the centres of what both legs have.
    """
    out = leg.indices.copy()
    bone = structure("TIB").index
    gap = hull_gap(out > 0, leg.spacing)
    models = list(models)
    found = _carried(leg, models[0]) if models else np.zeros(out.shape, bool)
    # The hole widens into loose tissue near the ends: there the model alone is believed.
    near = ndimage.binary_dilation(found, np.ones((5, 5, 1), bool))
    tibia = (found | (gap & near if found.any() else gap)) & (out == 0)
    tibia = ndimage.binary_opening(tibia, np.ones((3, 3, 1), bool))
    bodies, count = ndimage.label(tibia)
    if count:
        sizes = ndimage.sum_labels(tibia, bodies, range(1, count + 1))
        out[bodies == 1 + int(np.argmax(sizes))] = bone
    return out


def _carried(leg: AtlasLeg, model: AtlasLeg) -> NDArray[np.bool_]:
    """Carry a model's tibia into a leg, slice by slice, by a similarity of centres."""
    here, there = _fibula(leg), _fibula(model)
    wanted = np.zeros(leg.indices.shape, bool)
    grid = np.indices(leg.indices.shape[:2]).reshape(2, -1).astype(float)
    scale_z = (there[1] - there[0]) / (here[1] - here[0])
    fits: dict[int, NDArray[np.complex128]] = {}
    for k in range(leg.indices.shape[2]):
        z = int(round(there[0] + (k - here[0]) * scale_z))
        if 0 <= z < model.indices.shape[2]:
            fit = _similarity(leg.indices[..., k], model.indices[..., z])
            if fit is not None:
                fits[k] = fit
    heights = sorted(fits)
    if not heights:
        return wanted
    table = np.array([fits[k] for k in heights])
    smooth = ndimage.gaussian_filter1d(table.real, 6, axis=0, mode="nearest")
    smooth = smooth + 1j * ndimage.gaussian_filter1d(table.imag, 6, axis=0, mode="nearest")
    for k in range(leg.indices.shape[2]):
        z = int(round(there[0] + (k - here[0]) * scale_z))
        if not 0 <= z < model.indices.shape[2]:
            continue
        turn = np.array(
            [np.interp(k, heights, c.real) + 1j * np.interp(k, heights, c.imag) for c in smooth.T]
        )
        place = turn[0] * (grid[0] + 1j * grid[1]) + turn[1]
        mask = (model.indices[..., z] == structure("TIB").index).astype(np.float32)
        value = ndimage.map_coordinates(mask, [place.real, place.imag], order=1)
        wanted[..., k] = value.reshape(leg.indices.shape[:2]) > 0.5
    return wanted


def _fibula(leg: AtlasLeg) -> tuple[int, int]:
    slices = np.flatnonzero((leg.indices == structure("FIB").index).any((0, 1)))
    return int(slices[0]), int(slices[-1])


def _similarity(here: NDArray[np.int16], there: NDArray[np.int16]) -> NDArray[np.complex128] | None:
    """Fit turn, scale and shift (complex) that take centres of structures here to those there."""
    bone = structure("TIB").index
    common = np.intersect1d(np.unique(here[here > 0]), np.unique(there[there > 0]))
    pairs = []
    for index in common[common != bone]:
        a, b = np.argwhere(here == index), np.argwhere(there == index)
        if len(a) > 15 and len(b) > 15:
            weight = np.sqrt(min(len(a), len(b)))
            pairs.append((complex(*a.mean(0)), complex(*b.mean(0)), weight))
    if len(pairs) < 4:
        return None
    a, b, w = (np.array(column) for column in zip(*pairs, strict=True))
    rows = np.stack([a, np.ones(len(a))], -1) * w[:, None]
    return np.asarray(np.linalg.lstsq(rows, b * w, rcond=None)[0])
