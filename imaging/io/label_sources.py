"""Reading for ``pennate segment``: drawings, networks, atlases and models of others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray
from imaging.config import SegmentationSettings
from imaging.dataset.names import sibling
from imaging.errors import ImageError
from imaging.formats.json import optional_sidecar
from imaging.image import Image
from imaging.io.atlas import load_atlas
from imaging.io.label_maps import in_catalogue, read_label_map
from imaging.io.models.card import ModelOptions
from imaging.io.models.run import parse_model, run_model
from imaging.io.models.sides import split_sides, swapped_share
from imaging.io.networks import load_network
from imaging.muscles import muscle_labels, side_of, structure_of
from imaging.segmentation import manual
from imaging.segmentation.atlas import built_in_atlas
from imaging.segmentation.find_legs import find_legs
from imaging.segmentation.legs import correct_bias, leg_mask
from imaging.segmentation.network import built_in
from imaging.segmentation.segment import Segmentation, Sources
from imaging.segmentation.sides import decide_sides
from imaging.segmentation.sparse import find_slices
from imaging.segmentation.view import view_leg, work_spacing

_DOUBT_MM = 4.0
_SWAPPED = 0.1


@dataclass(frozen=True)
class Drawing:
    """What a person drew.

    Attributes
    ----------
    labels : (I, J, K) int16
        Labels of the catalogue on the grid of the image; 0 where nothing is drawn.
    slices : Image or None
        The map on its own grid, where it is a few drawn slices.
    complete : bool
        Whether no automatic labels are needed.
    paths : list of Path
        What was read.
    doubts : tuple of str
        What may be meant otherwise than it was read.
    """

    labels: NDArray[np.int16]
    slices: Image | None
    complete: bool
    paths: list[Path]
    doubts: tuple[str, ...] = ()

    @property
    def present(self) -> list[int]:
        """Labels of muscles that are drawn."""
        return muscle_labels(self.labels) if self.labels.any() else []

    @property
    def extent(self) -> str:
        """What is drawn: ``slices``, ``muscles``, or nothing."""
        if self.slices is not None:
            return "slices"
        return "muscles" if self.present else ""

    def over(self, automatic: NDArray[np.int16], like: Image) -> NDArray[np.int16]:
        """Put what is drawn over automatic labels."""
        if self.slices is None:
            return manual.merge(automatic, self.labels) if self.present else automatic
        for side in ("left", "right", "undecided"):
            drawn = find_slices(self.slices, side)  # type: ignore[arg-type]
            if drawn is not None:
                automatic = manual.overlay(automatic, drawn, side, like)  # type: ignore[arg-type]
        return automatic


def contrast_and_side(anat: Path) -> tuple[str, str | None]:
    """Return contrast and side that the name and sidecar of an image tell."""
    stem = anat.name.removesuffix(".gz").removesuffix(".nii")
    content = optional_sidecar(anat)
    side = str(content.get("BodyPartSide", content.get("Laterality", ""))).lower()
    side = {"l": "left", "r": "right"}.get(side, side)
    return stem.rsplit("_", 1)[-1], side if side in ("left", "right") else None


def read_drawing(like: Image, path: Path | None, lookup: Path | None) -> Drawing:
    """Read a label map drawn by a person, whole muscles or a few slices."""
    if path is None:
        return Drawing(np.zeros(like.shape, np.int16), None, False, [])
    drawn = read_label_map(path, lookup)
    own = in_catalogue(drawn)
    labels = manual.manual_labels(own, like, path)
    sparse = any(find_slices(own, side) is not None for side in ("left", "right"))  # type: ignore[arg-type]
    complete = not sparse and manual.is_complete(labels)
    paths = [path, *([lookup] if lookup else [])]
    doubts = _bare_numbers(own, path) if drawn.meanings is None else ()
    return Drawing(labels, own if sparse else None, complete, paths, doubts)


def _bare_numbers(own: Image, path: Path) -> tuple[str, ...]:
    """Say what numbers without a side were taken for, where no table tells."""
    bare = [label for label in muscle_labels(own.data) if side_of(label) == "undecided"]
    if not bare:
        return ()
    named = ", ".join(f"{label} as {structure_of(label).key}" for label in bare)
    return (
        f"{path.name}: no look-up says what its numbers mean; of the catalogue, without a side, "
        f"they were taken: {named}. If that is not meant, write {sibling(path, '.tsv').name}.",
    )


def find_leg(
    image: Image, drawing: Drawing, path: Path, *, correct: bool = True
) -> tuple[BoolArray | None, Image, list[str]]:
    """Return where the leg is, the image with its bias corrected, and what a reader must know.

    Where nothing in the image looks like a leg although muscles are drawn on it, there is no mask
    and the image stays as it is; so it does without `correct`.

    Raises
    ------
    ImageError
        Nothing in the image looks like a leg, and nothing is drawn.
    """
    try:
        mask = leg_mask(image, path)
    except ImageError as error:
        if not drawing.present:
            raise
        return None, image, [*drawing.doubts, manual.no_leg_warning(error)]
    name = drawing.paths[0].name if drawing.paths else ""
    said = manual.air_warning(drawing.labels, mask, name)
    return (
        mask,
        correct_bias(image, mask) if correct else image,
        [*drawing.doubts, *([said] if said else [])],
    )


def read_sources(
    chosen: SegmentationSettings, scheme: str | None, drawn: Image | None
) -> tuple[Sources, dict[str, Any], list[Path]]:
    """Read network and atlas; return them, what to note about them, and the files read."""
    network = atlas = None
    about: dict[str, Any] = {}
    read: list[Path] = []
    # A registered atlas took .02 Dice from the network on a held-out body: see docs/validation.md.
    method = "network" if chosen.method == "auto" else chosen.method
    if method in ("network", "both"):
        folder = Path(chosen.network) if chosen.network else built_in()
        network = load_network(folder)
        card = network.card
        about["network"] = {k: card.get(k) for k in ("name", "version", "licence", "data")}
        read += [folder / "network.onnx", folder / "network.json"]
    if method in ("atlas", "both"):
        folder = Path(chosen.atlas) if chosen.atlas else built_in_atlas()
        atlas = load_atlas(folder, work_spacing(chosen.work_spacing_mm), scheme)
        about["atlas"] = {k: atlas.about.get(k) for k in ("name", "version", "licence", "scheme")}
        read += sorted(folder.glob("*_dseg.nii.gz"))
    return Sources(network, atlas, chosen.atlas_legs, drawn), about, read


def unused_atlas(chosen: SegmentationSettings) -> list[str]:
    """Return a warning where an atlas was given that the method does not use."""
    if not chosen.atlas or chosen.method in ("atlas", "both"):
        return []
    return [
        "The label atlas given was not used: joined with the network it made labels worse in "
        "tests. Set segmentation method to both or atlas to use it."
    ]


def label_by_model(
    image: Image, mask: BoolArray, chosen: SegmentationSettings, side: str, path: Path
) -> tuple[Segmentation, dict[str, Any]]:
    """Label an image by a model that the user has; sides come from anatomy where it tells none."""
    kind, where = parse_model(str(chosen.model))
    seen = find_legs(image, mask)
    legs = seen.masks
    spacing = work_spacing(chosen.work_spacing_mm)
    found = [view_leg(image, leg, spacing).side for leg in legs]
    sides = decide_sides(found, side, path)
    options = ModelOptions(
        version=chosen.model_version, scheme=chosen.model_scheme,
        side=sides[0] if len(sides) == 1 else "undecided", trusted=chosen.trust_model,
    )  # fmt: skip
    result = run_model(kind, image, where, options)
    labels = split_sides(result.labels, legs, sides)
    swapped = swapped_share(result.labels, legs, sides)
    confidence = result.confidence
    if confidence is None:
        confidence = _geometric(labels, image)
    out = Segmentation(labels, np.asarray(confidence, np.float32))
    out.facts = {f"leg_{n + 1}": {"side": s} for n, s in enumerate(sides)}
    out.warnings += seen.warnings
    if swapped > _SWAPPED:
        out.warnings.append(
            f"The model puts {100 * swapped:.0f} % of its labels on the other leg than anatomy "
            "does: check left and right."
        )
    if result.note:
        out.warnings.append(result.note)
    return out, {"model": result.about()}


def _geometric(labels: NDArray[np.int16], image: Image) -> NDArray[np.float32]:
    """Return the share a label keeps if its border errs by 4 mm, where a model gives none."""
    out = np.zeros(labels.shape, np.float32)
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is not None:
            mask = (labels[box] == label).astype(np.float32)
            share = ndimage.gaussian_filter(mask, _DOUBT_MM / image.spacing, mode="constant")
            out[box] = np.where(mask > 0, share, out[box])
    return out
