"""What can be wrong with a label map: islands, holes, cut muscles, left and right mixed up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, Float32
from imaging.image import Image
from imaging.measures import Measure, not_measured
from imaging.muscles import (
    SIDES,
    is_known,
    muscle_labels,
    side_and_key,
    side_of,
    structure_of,
    too_few_voxels,
)


def remove_islands(labels: NDArray[np.int16]) -> tuple[NDArray[np.int16], dict[int, int]]:
    """Keep the largest body of every label, fill its holes, and count the islands dropped."""
    out, dropped = labels.copy(), {}
    for label in (int(v) for v in np.unique(labels) if v > 0):
        box = ndimage.find_objects((labels == label).astype(np.uint8))[0]
        mask = labels[box] == label
        bodies, count = ndimage.label(mask, np.ones((3, 3, 3)))
        dropped[label] = count - 1
        if count > 1:
            sizes = ndimage.sum_labels(mask, bodies, range(1, count + 1))
            out[box][mask & (bodies != 1 + int(np.argmax(sizes)))] = 0
        holes = ndimage.binary_fill_holes(out[box] == label) & (out[box] == 0)
        out[box][holes] = label
    return out, dropped


def cut_by_view(labels: NDArray[np.int16], label: int, seen: BoolArray) -> bool:
    """Tell whether a label reaches the first or last slice in which anything is seen.

    Parameters
    ----------
    labels : (I, J, K) int16
    label
        The label in question.
    seen : (K,) bool
        Slices with signal.
    """
    slices = np.flatnonzero((labels == label).any((0, 1)))
    ends = np.flatnonzero(seen)
    return bool(slices.size and ends.size and (slices[0] <= ends[0] or slices[-1] >= ends[-1]))


def measures(
    image: Image, confidence: Float32, islands: dict[int, int], seen: BoolArray, drawn: list[int],
    way: str,
) -> list[Measure]:  # fmt: skip
    """Return volume (ml), confidence, components and coverage of every muscle.

    Parameters
    ----------
    image
        Label map in catalogue labels.
    confidence : (I, J, K)
        Of the label at each voxel.
    islands
        Islands dropped per label.
    seen : (K,) bool
        Slices with signal.
    drawn
        Labels that a person drew.
    way
        Where the other labels come from, in few words.
    """
    rows = []
    for label in muscle_labels(image.data):
        mask = image.data == label
        n = int(mask.sum())
        note = "drawn by a person" if label in drawn else way
        cut = cut_by_view(image.data, label, seen)
        partial = "; cut by the field of view: part of the muscle only" if cut else ""
        tiny = too_few_voxels(n, image.voxel_ml)
        rows += [
            not_measured(label, "volume", "ml", tiny)
            if tiny
            else Measure(label, "volume", n * image.voxel_ml, "ml", n, note=note + partial),
            Measure(
                label, "confidence", float(confidence[mask].mean()), "1", n,
                float(confidence[mask].std()),
                status="assumed" if label in drawn else "modelled", note=note,
            ),
            _components(label, mask, islands, label in drawn),
            Measure(label, "coverage", 0.0 if cut else 1.0, "1",
                    note="1 wholly in view, 0 cut by the field of view"),
        ]  # fmt: skip
    return rows


def _components(label: int, mask: BoolArray, islands: dict[int, int], drawn: bool) -> Measure:
    if drawn:
        count, note = ndimage.label(mask, np.ones((3, 3, 3)))[1], "bodies drawn; all are kept"
    else:
        count, note = 1 + islands.get(label, 0), "bodies found; all but the largest were removed"
    return Measure(label, "components", float(count), "1", note=note)


def side_warnings(automatic: NDArray[np.int16], drawn: NDArray[np.int16]) -> list[str]:
    """Return a warning where muscles were drawn for another side than the leg is labelled as."""
    out = []
    for code, side in SIDES.items():
        found = automatic[(drawn > 0) & (drawn // 100 == code)]
        found = found[found > 0] // 100
        taken = SIDES[int(np.bincount(found).argmax())] if found.size else side
        if taken not in (side, "undecided"):
            how = "without a side" if side == "undecided" else f"as {side} ones"
            out.append(
                f"Muscles were drawn {how} in a leg that is labelled as a {taken} one: the tables "
                "hold both. Correct the names of the drawing, or give the side of the leg."
            )
    return out


def order_warnings(image: Image) -> list[str]:
    """Return a warning where left labels lie to the right of right labels in the world."""
    labels = [int(v) for v in np.unique(image.data) if v > 0]
    centre = {}
    for side in ("left", "right"):
        chosen = np.isin(image.data, [label for label in labels if side_of(label) == side])
        if chosen.any():
            centre[side] = image.to_world(np.argwhere(chosen).mean(0))[0]
    if len(centre) == 2 and centre["left"] > centre["right"]:
        return ["Left labels lie to the person's right of the right labels: check the drawing."]
    return []


# A muscle this many times larger or smaller than its neighbours suggest is worth a look.
_IMPLAUSIBLE = 3.0


def out_of_proportion(rows: Sequence[Measure]) -> dict[int, str]:
    """Return muscles that are implausibly ``large`` or ``small`` beside the others of their leg.

    A muscle's volume is set against its typical volume, and that ratio against the median ratio of
    its leg, so that small and large persons are judged alike. Muscles that are cut are not judged.

    Parameters
    ----------
    rows
        From :func:`measures`.
    """
    cut = {r.label for r in rows if r.measure == "coverage" and r.value == 0}
    ratio = {
        r.label: r.value / structure_of(r.label).typical_ml
        for r in rows
        if r.measure == "volume" and r.value and r.label not in cut and is_known(r.label)
        and structure_of(r.label).typical_ml
    }  # fmt: skip
    out = {}
    for side in sorted({side_of(label) for label in ratio}):
        own = {label: value for label, value in ratio.items() if side_of(label) == side}
        median = float(np.median(list(own.values())))
        for label, value in own.items():
            if not 1 / _IMPLAUSIBLE <= value / median <= _IMPLAUSIBLE:
                out[label] = "large" if value > median else "small"
    return out


def volume_warnings(rows: Sequence[Measure]) -> list[str]:
    """Return warnings for muscles out of proportion, of a few voxels, or cut by the field of view.

    Parameters
    ----------
    rows
        From :func:`measures`.
    """
    volume = {r.label: r.value for r in rows if r.measure == "volume" and r.value}
    cut = [r.label for r in rows if r.measure == "coverage" and r.value == 0]
    out = [
        f"The {side_and_key(label)} ({volume[label]:.0f} ml) is implausibly {much} beside the "
        "other muscles of its leg: look at the picture before using it."
        for label, much in out_of_proportion(rows).items()
    ]
    volumes = [r for r in rows if r.measure == "volume"]
    out += [f"{side_and_key(r.label)}: {r.note}." for r in volumes if r.value is None]
    if cut:
        names = (
            "every muscle" if len(cut) == len(volumes) else ", ".join(side_and_key(v) for v in cut)
        )
        out.append(f"Cut by the field of view, so that volumes are of the part in view: {names}.")
    return out
