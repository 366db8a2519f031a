"""The segmentation network: run by onnxruntime on the slices of one leg."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from imaging.arrays import BoolArray, Float32, FloatArray
from imaging.image import Image
from imaging.muscles import Side
from imaging.segmentation.inputs import (
    CLASSES,
    PLACE_CHANNELS,
    THREE_MM,
    channels,
    level,
)
from imaging.segmentation.legs import depth_in_slices
from imaging.segmentation.shares import Shares

if TYPE_CHECKING:
    import onnxruntime

KEYS = ("", "SAT", *CLASSES[3:])
_TILE = 16
_AT_ONCE = 8
_SURER = 0.02


@dataclass(frozen=True)
class Network:
    """A network and its card (see ``docs/model-card.md``)."""

    session: onnxruntime.InferenceSession
    card: dict[str, Any]

    @property
    def name(self) -> str:
        """Name and version, as they stay with the labels."""
        return f"{self.card['name']} {self.card['version']}"

    @property
    def slices_mm(self) -> tuple[float, ...]:
        """Slices that it sees, mm along the leg, the slice itself in the middle."""
        return tuple(self.card.get("slices_mm", THREE_MM))


def built_in() -> Path:
    """Return the folder of the network that comes with the package."""
    return Path(str(resources.files("imaging") / "data" / "network"))


@dataclass(frozen=True)
class LegSlices:
    """One leg as the network looks at it: a right leg, or a left one mirrored.

    Attributes
    ----------
    data : (I, J, K) float32
        Image at 1.5 mm across the leg, 0 outside it.
    levels : (K,)
        Level of muscle in each slice, 0 where there is none.
    grid : Image
        Where the slices lie; not mirrored.
    """

    data: Float32
    levels: FloatArray
    grid: Image

    def around(self, k: int, slices_mm: Sequence[float], mirror: bool) -> Float32:
        """Return slice k and its neighbours at distances along the leg, (S, I, J)."""
        apart = np.array(slices_mm) / self.grid.spacing[2]
        out = np.stack([self._at(k + away) for away in apart])
        return out[:, ::-1] if mirror else out

    def _at(self, place: float) -> Float32:
        """Read a slice between slices; beyond the ends the last one."""
        place = float(np.clip(place, 0, self.data.shape[2] - 1))
        low = min(int(place), max(self.data.shape[2] - 2, 0))
        high = min(low + 1, self.data.shape[2] - 1)
        share = np.float32(place - low)
        return self.data[:, :, low] * (1 - share) + self.data[:, :, high] * share


def leg_slices(image: Image, mask: BoolArray) -> LegSlices:
    """Prepare one leg on its working grid for the network.

    Parameters
    ----------
    image
        The leg on a grid of 1.5 mm across it (:func:`imaging.segmentation.legs.leg_grid`).
    mask : (I, J, K) bool
        The leg, on the same grid.
    """
    depth = depth_in_slices(mask, image.spacing)
    data = np.where(mask, image.data, 0).astype(np.float32)
    found = [level(data[:, :, k], depth[:, :, k]) for k in range(data.shape[2])]
    levels = ndimage.median_filter(np.array(found), 3, mode="nearest")
    return LegSlices(data, levels, image)


def run(
    network: Network, leg: LegSlices, mirror: bool, heights: FloatArray | None = None
) -> Shares:
    """Return the probabilities of the structures of one leg.

    Parameters
    ----------
    network
        The network.
    leg
        The leg.
    mirror
        Whether this is a left leg, which the network sees mirrored.
    heights : (K,)
        Height of each slice along the tibia, none where it is not known.
    """
    shape = leg.data.shape
    padded = [-(-n // _TILE) * _TILE for n in shape[:2]]
    values = np.zeros((len(KEYS), *shape), np.float32)
    values[0] = 1.0
    use = np.flatnonzero(leg.levels > 0)
    for start in range(0, len(use), _AT_ONCE):
        part = use[start : start + _AT_ONCE]
        count = len(network.slices_mm)
        x = np.zeros((len(part), count + PLACE_CHANNELS, *padded), np.float32)
        x[:, :count] = -1.0
        for n, k in enumerate(part):
            height = None if heights is None else float(heights[k])
            near = leg.around(int(k), network.slices_mm, mirror)
            seen = channels(near, float(leg.levels[k]), height)
            x[n, :, : shape[0], : shape[1]] = seen
            x[n, count:] = seen[count:, :1, :1]
        logits = network.session.run(None, {"input": x})[0][:, :, : shape[0], : shape[1]]
        cooled = np.asarray(logits, np.float32) / np.float32(network.card.get("temperature", 1.0))
        found = _softmax(cooled.astype(np.float32))
        found = found[:, :, ::-1] if mirror else found
        found = np.moveaxis(found, 0, -1)
        values[0][:, :, part] = found[0] + found[2]
        values[1][:, :, part] = found[1]
        values[2:, :, :, part] = found[3:]
    return Shares(KEYS, values, leg.grid)


def likelier_side(network: Network, leg: LegSlices) -> Side:
    """Return the side on which the network is surer of muscles; ``undecided`` if it hardly is.

    Parameters
    ----------
    network
        The network.
    leg
        A leg of unknown side.
    """
    use = np.flatnonzero(leg.levels > 0)
    some = np.unique(use[np.linspace(0, len(use) - 1, 12).astype(int)]) if len(use) else use
    levels = np.zeros_like(leg.levels)
    levels[some] = leg.levels[some]
    part = LegSlices(leg.data, levels, leg.grid)
    sure = []
    for mirror in (True, False):
        shares = run(network, part, mirror)
        muscle = shares.values[2:].max(0)
        sure.append(float(muscle[muscle > 0.3].mean()) if (muscle > 0.3).any() else 0.0)
    if abs(sure[0] - sure[1]) < _SURER:
        return "undecided"
    return "left" if sure[0] > sure[1] else "right"


def _softmax(logits: Float32) -> Float32:
    """Return probabilities over the second axis."""
    logits = logits - logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    return logits / logits.sum(axis=1, keepdims=True)
