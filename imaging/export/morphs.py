"""Colours that change over the gait cycle, as morph targets and weights of a glTF mesh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imaging.export.activation import EACH_LEG, FORCE_PAINTED, PAINTED, Curves, both_sides
from imaging.palette import GREY, RGB

# A muscle at the largest value; far in lightness from every muscle's own colour.
ACTIVE: RGB = (255, 240, 60)
# Fascicles are drawn in a lighter tone of the colour of their muscle.
LIGHTER = 0.5


@dataclass(frozen=True)
class Painted:
    """What is painted over the cycle; None where nothing is known.

    Attributes
    ----------
    activation, force : Curves or None
        EMG, and the share of force modelled from it.
    """

    activation: Curves | None
    force: Curves | None

    def says_nothing_of(self, label: int) -> bool:
        """Tell whether EMG was recorded, but not of this muscle."""
        return self.activation is not None and label not in self.activation.values

    def is_recorded(self, label: int) -> bool:
        """Tell whether EMG was recorded of this muscle."""
        return self.activation is not None and label in self.activation.values

    def is_grey_in_force(self, label: int) -> bool:
        """Tell whether a muscle with EMG has no share while others have."""
        return self.force is not None and label not in self.force.values

    def animations(self) -> Iterator[tuple[str, str, Curves, bool]]:
        """Yield name, note and curves of each animation, and whether it is that of force."""
        each = f". {EACH_LEG}" if self.activation and both_sides(self.activation) else ""
        if self.activation is not None:
            yield "gait cycle: EMG painted on anatomy", PAINTED + each, self.activation, False
        if self.force is not None:
            yield "gait cycle: share of force", FORCE_PAINTED + each, self.force, True

    def weights(self, label: int, force: bool, targets: int) -> NDArray[np.float32]:
        """Return the weights of the targets of a mesh, those of one time together."""
        shown = self.force if force else self.activation
        assert shown is not None, "there is such an animation"
        out = np.zeros((len(shown.percent), targets), np.float32)
        if label in shown.values and self.is_recorded(label):
            # The second target of fascicles is their own part of the force.
            out[:, targets - 1 if force else 0] = shown.shares(label)
        elif force or self.says_nothing_of(label):
            out[:, -1] = 1.0
        return out.ravel()


def linear(colour: RGB) -> NDArray[np.float32]:
    """Return a colour given in sRGB as linear RGB (3,), which glTF's COLOR_0 holds."""
    share = np.array(colour) / 255.0
    curve = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return curve.astype(np.float32)


def lighter(colour: RGB) -> NDArray[np.float32]:
    """Return the linear colour (3,) of fascicles of a muscle of this colour."""
    return np.asarray(1 - LIGHTER + LIGHTER * linear(colour), np.float32)


def targets_of_surface(label: int, colour: RGB, painted: Painted) -> list[NDArray[np.float32]]:
    """Return the changes of colour (3,) of a muscle: active, not measured, or none."""
    if not painted.is_recorded(label):
        grey = linear(GREY) - linear(colour)
        return [grey] if painted.says_nothing_of(label) else []
    out = [linear(ACTIVE) - linear(colour)]
    if painted.is_grey_in_force(label):
        out.append(linear(GREY) - linear(colour))
    return out


def targets_of_fascicles(
    label: int, colour: RGB, painted: Painted, fascicles: pd.DataFrame
) -> list[NDArray[np.float32]]:
    """Return the changes of colour (3,) or (F, 3) of the fascicles of a muscle.

    All follow the one EMG curve; of force each has its own part, over the 98th percentile.
    """
    base = lighter(colour)
    if not painted.is_recorded(label):
        return [lighter(GREY) - base] if painted.says_nothing_of(label) else []
    out = [linear(ACTIVE) - base]
    if painted.is_grey_in_force(label):
        out.append(lighter(GREY) - base)
    elif painted.force is not None:
        part = np.ones(len(fascicles))
        if "force_part" in fascicles and fascicles["force_part"].notna().any():
            own = fascicles["force_part"].to_numpy(float)
            part = np.nan_to_num(own / np.nanpercentile(own, 98)).clip(0, 1)
        out.append((part[:, None] * (linear(ACTIVE) - base)).astype(np.float32))
    return out
