"""Other people's muscles in the same leg: where bellies end, how wide they are, who has the border.

A label map is one body. People differ in how far gastrocnemius, soleus and the extensors reach
along the leg and in how much of a compartment each of them takes; fascia and bones stay where they
are. Muscles of a compartment share its room anew: each is stretched along the leg between new ends,
grows or shrinks by a smooth field, and what it leaves goes to the compartment's base.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, Float32
from imaging.segmentation.inputs import CLASSES, REST
from imaging.training.joints import FAT, FILLER
from imaging.training.legs import SPACING_MM, TrainingLeg, edges_of

Classes = NDArray[np.uint8]
_FAR = 60.0
# A base does not take what lies farther from it than this, mm: there is no belly to grow.
_REACH_MM = 12.0
_END_SHARE = 0.25
_ROUND = np.hypot(*np.mgrid[-2:3, -2:3]) < 2.3
_CRUMB_MM2 = 12


@dataclass(frozen=True)
class Member:
    """A muscle that shares a compartment with its base.

    Attributes
    ----------
    key : str
        Class.
    low_mm, high_mm : float
        Standard deviations of its lower and upper end along the leg.
    width_mm : float
        Standard deviation of where its border with the others lies.
    """

    key: str
    low_mm: float
    high_mm: float
    width_mm: float


# Ends: GM ends below GL in most people, but by 0 to 50 mm; spreads are wider than people's.
COMPARTMENTS = (
    ("SOL", (Member("GM", 20.0, 0.0, 2.5), Member("GL", 20.0, 0.0, 2.5))),
    ("TA", (Member("EDL+PT", 0.0, 14.0, 2.0), Member("EHL", 8.0, 14.0, 1.2))),
    ("TP", (Member("FHL", 0.0, 14.0, 1.5), Member("FDL", 0.0, 14.0, 1.2))),
)
SOLEUS = Member("SOL", 16.0, 0.0, 0.0)


def vary(rng: np.random.Generator, leg: TrainingLeg, strength: float) -> TrainingLeg:
    """Return the leg with bellies of other lengths and widths.

    Parameters
    ----------
    rng
        Random numbers.
    leg
        The leg as it is.
    strength
        0 (as it is) to 1.
    """
    classes = leg.classes.copy()
    free = ((classes == REST) & np.isin(leg.kind, (FILLER, FAT))) & (leg.envelope < 0)
    ends(rng, classes, free, SOLEUS, strength)
    for base, members in COMPARTMENTS:
        share(rng, classes, base, members, strength, (classes == REST) & (leg.kind == FILLER))
    changed = np.unique(classes[classes != leg.classes])
    old = np.unique(leg.classes[classes != leg.classes])
    touched = sorted({*changed.tolist(), *old.tolist()} - {REST})
    edge = leg.edge.copy()
    # What was muscle and is none now is loose tissue, which has no border of its own.
    kind = np.where((classes == REST) & (leg.classes != REST), FILLER, leg.kind).astype(np.uint8)
    for c in touched:
        edge[classes == c] = 0
        np.maximum(edge, edges_of(classes, c), out=edge, where=classes == c)
    return replace(leg, classes=classes, kind=kind, edge=edge)


def ends(
    rng: np.random.Generator, classes: Classes, free: BoolArray, member: Member, strength: float
) -> None:
    """Let a muscle with loose tissue around its lower end end elsewhere; changes `classes`.

    Parameters
    ----------
    rng
        Random numbers.
    classes : (I, J, K) uint8
        Network classes.
    free : (I, J, K) bool
        Loose tissue that may be taken.
    member
        The muscle.
    strength
        0 to 1.
    """
    own = classes == CLASSES.index(member.key)
    if not own.any() or strength <= 0:
        return
    field = stretched(own, *_new_ends(rng, own, member, strength), _anchors(own))
    seen = np.flatnonzero(own.any((0, 1)))
    # Higher up it is held between its neighbours: there its section stays.
    stop = int(seen[0] + _END_SHARE * (seen[-1] - seen[0]))
    low = np.s_[:, :, :stop]
    part = classes[low]
    part[own[low] & (field[low] > 0)] = REST
    part[free[low] & (field[low] < 0)] = CLASSES.index(member.key)


def share(
    rng: np.random.Generator, classes: Classes, base: str, members: tuple[Member, ...],
    strength: float, free: BoolArray,
) -> None:  # fmt: skip
    """Share a compartment anew between its base and its members; changes `classes`.

    Gaps between them (of what is `free`) go with the border: the old one is not left in a muscle.
    """
    group = np.isin(classes, [CLASSES.index(k) for k in (base, *(m.key for m in members))])
    if not group.any() or strength <= 0:
        return
    box = ndimage.find_objects(group.astype(np.uint8))[0]
    part, group, free = classes[box], group[box], free[box]
    anchors = _anchors(group)
    wide = np.pad(group, ((6, 6), (6, 6), (0, 0)))
    closed = ndimage.binary_closing(wide, _ROUND[:, :, None], iterations=2)[6:-6, 6:-6]
    group |= free & closed
    reach = _signed(part == CLASSES.index(base))
    fields = []
    for member in members:
        own = part == CLASSES.index(member.key)
        field = np.full(part.shape, _FAR, np.float32)
        if own.any():
            field = stretched(own, *_new_ends(rng, own, member, strength), anchors)
            field += strength * member.width_mm * _smooth(rng, part.shape)
        fields.append(field)
    table = np.stack(fields)
    winner, least = table.argmin(0), table.min(0)
    keys = np.array([CLASSES.index(m.key) for m in members], np.uint8)
    taken = (least < 0) & group
    nearest = keys[winner]
    for k in np.flatnonzero(group.any((0, 1))):
        taken[:, :, k] = _whole(taken[:, :, k], group[:, :, k], nearest[:, :, k])
    new = np.where(taken, nearest, np.uint8(CLASSES.index(base)))
    # Where the base has no belly nearby, all stays as it was.
    keep = ~taken & (reach > _REACH_MM)
    part[group & ~keep] = new[group & ~keep]


def _whole(taken: BoolArray, group: BoolArray, owner: Classes) -> BoolArray:
    """Return what members take of a section (I, J) without shreds of a muscle in another.

    The base keeps its largest body, without strips thinner than 5 mm; a member's crumbs go back.
    """
    base = group & ~taken
    core = _largest(ndimage.binary_opening(base, _ROUND))
    if core.any():
        taken = group & ~(ndimage.binary_dilation(core, _ROUND) & base)
    out = taken.copy()
    for value in np.unique(owner[taken]):
        own = taken & (owner == value)
        bodies, count = ndimage.label(own)
        for n in range(1, count + 1):
            if (crumb := bodies == n).sum() < _CRUMB_MM2:
                out &= ~crumb
    return out


def _largest(mask: BoolArray) -> BoolArray:
    bodies, count = ndimage.label(mask)
    if count < 2:
        return mask
    return np.asarray(bodies == 1 + int(np.argmax(np.bincount(bodies.ravel())[1:])))


def stretched(own: BoolArray, low: float, high: float, anchors: NDArray[np.intp]) -> Float32:
    """Return signed distance (mm, negative inside) to a muscle laid between other ends.

    Parameters
    ----------
    own : (I, J, K) bool
        The muscle.
    low, high
        Slices between which it lies now.
    anchors : (K, 2) int
        A place in every slice that goes with the compartment.
    """
    seen = np.flatnonzero(own.any((0, 1)))
    first, last = int(seen[0]), int(seen[-1])
    field = _signed(own)
    out = np.full(own.shape, _FAR, np.float32)
    scale = (last - first) / max(high - low, 1.0)
    for k in range(max(int(np.ceil(low)), 0), min(int(high), own.shape[2] - 1) + 1):
        source = int(np.clip(round(first + (k - low) * scale), first, last))
        out[:, :, k] = _moved(field[:, :, source], anchors[k] - anchors[source])
    return out


def _new_ends(
    rng: np.random.Generator, own: BoolArray, member: Member, strength: float
) -> tuple[float, float]:
    """Draw new ends of a muscle, slices; at least half of its length stays."""
    seen = np.flatnonzero(own.any((0, 1)))
    low, high = float(seen[0]), float(seen[-1])
    most = 0.25 * (high - low)
    drawn = np.clip(rng.standard_normal(2), -2, 2) * strength / SPACING_MM[2]
    low += float(np.clip(drawn[0] * member.low_mm, -most, most))
    high += float(np.clip(drawn[1] * member.high_mm, -most, most))
    return low, high


def _anchors(group: BoolArray) -> NDArray[np.intp]:
    """Return middle across and back of a compartment in every slice (K, 2), smooth along it."""
    out = np.zeros((group.shape[2], 2))
    seen = np.flatnonzero(group.any((0, 1)))
    for k in seen:
        x, y = np.nonzero(group[:, :, k])
        out[k] = x.mean(), np.percentile(y, 5)
    for column in out.T:
        column[:] = np.interp(np.arange(len(out)), seen, column[seen])
        column[:] = ndimage.gaussian_filter1d(column, 3.0, mode="nearest")
    return np.rint(out).astype(np.intp)


def _signed(mask: BoolArray) -> Float32:
    """Return the signed distance to a mask's border within each slice, mm, negative inside."""
    out = np.full(mask.shape, _FAR, np.float32)
    for k in np.flatnonzero(mask.any((0, 1))):
        section = mask[:, :, k]
        outer = ndimage.distance_transform_edt(~section, sampling=SPACING_MM[:2])
        inner = ndimage.distance_transform_edt(np.pad(section, 1), sampling=SPACING_MM[:2])
        out[:, :, k] = outer - inner[1:-1, 1:-1]
    return out


def _moved(section: Float32, by: NDArray[np.intp]) -> Float32:
    """Move a section by whole voxels; what comes in from outside is far away."""
    out = np.full_like(section, _FAR)
    (a, b), (n, m) = by, section.shape
    out[max(a, 0) : n + min(a, 0), max(b, 0) : m + min(b, 0)] = section[
        max(-a, 0) : n + min(-a, 0), max(-b, 0) : m + min(-b, 0)
    ]
    return out


def _smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> Float32:
    """Return a smooth random field of standard deviation about 1 over a block."""
    coarse = rng.standard_normal((4, 4, max(shape[2] // 12, 3))).astype(np.float32)
    zoom = [n / c for n, c in zip(shape, coarse.shape, strict=True)]
    field = ndimage.zoom(coarse, zoom, order=1, mode="nearest", grid_mode=True)
    return np.asarray(1.3 * field, np.float32)
