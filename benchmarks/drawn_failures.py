"""What the segmentation network gets wrong on real legs, drawn: Dice per muscle and failure.

``python -m benchmarks.drawn_failures [--network FOLDER ...] [--body vhf]`` prints one table per
network. A row is a failure that was seen on a real image (issue: GL under SOL near the knee, the
lower end of GM, septa that are not seen, the rim of b0 images, EDL beside TA, calves that are
pressed or touch, fat images, slices of 20 mm, parts that are no lower leg) and how the network
does on drawn slices like it: legs of one body and new digital legs, as they are and with bellies
of other lengths and widths. Dice of all voxels of a leg's slices together; mean and standard
deviation over legs. No real image is used. In the last row it is the share of the section, in
percent, to which muscles and bones of the leg are given above the knee and below the ankle.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.network import linked
from imaging.io.networks import load_network
from imaging.segmentation.inputs import CLASSES, OUTSIDE, REST
from imaging.segmentation.network import Network, built_in
from imaging.training.anatomy import vary
from imaging.training.batches import draw_image
from imaging.training.choices import Choices
from imaging.training.legs import TrainingLeg
from imaging.training.sources import atlas_legs, digital_leg

PLAIN = tuple(Choices(family) for family in ("t1", "opposed", "water", "t2"))
NAMED = CLASSES[REST + 1 : CLASSES.index("TIB")]
DIFFICULTY = 0.6
SEED = 90_210


@dataclass(frozen=True)
class Failure:
    """A failure as it is drawn.

    Attributes
    ----------
    name : str
        What goes wrong.
    choices : tuple of Choices
        What the images show, in turn.
    heights : (low, high)
        Where along the leg; relative to the lower end of the belly `at` where one is given.
    at : str
        A muscle.
    """

    name: str
    choices: tuple[Choices, ...]
    heights: tuple[float, float]
    at: str = ""


FAILURES = (
    Failure("plain", PLAIN, (0.05, 0.95)),
    Failure("near the knee", PLAIN, (0.78, 0.96)),
    Failure("lower end of GM", PLAIN, (-0.05, 0.10), "GM"),
    Failure("lower end of GL", PLAIN, (-0.05, 0.10), "GL"),
    Failure("septa not seen", tuple(Choices(c.family, septa=False) for c in PLAIN), (0.4, 0.9)),
    Failure("b0", (Choices("echo_planar"),), (0.2, 0.95)),
    Failure("fat image", (Choices("fat"),), (0.2, 0.95)),
    Failure("pressed flat", tuple(Choices(c.family, pressed=True) for c in PLAIN), (0.2, 0.95)),
    Failure("touching", tuple(Choices(c.family, True, True, True) for c in PLAIN), (0.3, 0.95)),
    Failure("slices of 20 mm", tuple(Choices(c.family, apart_mm=20.0) for c in PLAIN), (0.1, 0.95)),
)
BEYOND = ((-0.12, -0.06), (1.04, 1.15))


def subjects(body: str, digital: list[int], variants: int) -> list[TrainingLeg]:
    """Return the legs to draw: each as it is and with other bellies."""
    legs = [leg for leg in atlas_legs(linked(None)) if leg.body == body]
    legs += [digital_leg(seed) for seed in digital]
    out = []
    for n, leg in enumerate(legs):
        out.append(leg)
        for v in range(variants):
            out.append(vary(np.random.default_rng([SEED, n, v]), leg, 0.8))
    return out


def heights_of(leg: TrainingLeg, failure: Failure, slices: int) -> np.ndarray:
    """Return the heights at which a leg is drawn."""
    low = 0.0
    if failure.at:
        own = leg.present[CLASSES.index(failure.at)]
        low = float(leg.height[np.flatnonzero(own)[0]])
    return low + np.linspace(*failure.heights, slices)


def judge(network: Network, leg: TrainingLeg, n: int, failure: Failure, slices: int) -> np.ndarray:
    """Return Dice (C,) of one leg; NaN where a class is not in its slices."""
    counts = np.zeros((2, len(CLASSES)))
    for s, height in enumerate(heights_of(leg, failure, slices)):
        choices = failure.choices[s % len(failure.choices)]
        x, y = drawn(network, leg, n, s, float(height), choices)
        found = logits(network, x).argmax(0)
        for c in range(len(CLASSES)):
            counts[0, c] += 2 * ((found == c) & (y == c)).sum()
            counts[1, c] += (found == c).sum() + (y == c).sum()
    seen = counts[1] > 0
    return np.where(seen, counts[0] / np.maximum(counts[1], 1), np.nan)


def drawn(
    network: Network, leg: TrainingLeg, n: int, s: int, height: float, choices: Choices
) -> tuple[np.ndarray, np.ndarray]:
    """Return input and classes of slice s of leg n: the same leg in the same contrast for all."""
    rng = np.random.default_rng([SEED, n, s])
    return draw_image(
        rng, leg, DIFFICULTY, height, False, slices_mm=network.slices_mm, choices=choices
    )


def logits(network: Network, x: np.ndarray) -> np.ndarray:
    return np.asarray(network.session.run(None, {"input": x[None]})[0][0])


def beyond(network: Network, leg: TrainingLeg, n: int, slices: int) -> float:
    """Return the share of the section, %, that is named where there is no lower leg."""
    named = section = 0
    for low, high in BEYOND:
        for s, height in enumerate(np.linspace(low, high, slices)):
            x, y = drawn(network, leg, n, s, float(height), PLAIN[s % len(PLAIN)])
            found = logits(network, x).argmax(0)
            named += int((found[y == REST] > REST).sum())
            section += int((y > OUTSIDE).sum())
    return 100.0 * named / max(section, 1)


def table(network: Network, legs: list[TrainingLeg], slices: int) -> pd.DataFrame:
    """Return mean and standard deviation over legs, by failure and muscle."""
    rows = {}
    for failure in FAILURES:
        each = np.array([judge(network, leg, n, failure, slices) for n, leg in enumerate(legs)])
        row = {"images": str(len(legs) * slices)}
        for key in NAMED:
            own = each[:, CLASSES.index(key)]
            own = own[np.isfinite(own)]
            row[key] = f"{own.mean():.2f} ±{own.std():.2f}" if own.size else "-"
        rows[failure.name] = row
    part = np.array([beyond(network, leg, n, slices) for n, leg in enumerate(legs)])
    rows["named beyond the ends, %"] = {
        "images": str(2 * len(legs) * slices), NAMED[0]: f"{part.mean():.1f} ±{part.std():.1f}",
    }  # fmt: skip
    return pd.DataFrame(rows).T.fillna("")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", nargs="*", type=Path, default=[built_in()])
    parser.add_argument("--body", default="vhf", help="Body of the legs that are drawn.")
    parser.add_argument("--digital", nargs="*", type=int, default=[2001])
    parser.add_argument("--variants", type=int, default=2)
    parser.add_argument("--slices", type=int, default=8)
    chosen = parser.parse_args()
    legs = subjects(chosen.body, chosen.digital, chosen.variants)
    for folder in chosen.network:
        network = load_network(folder)
        print(f"\n{network.name}, slices at {network.slices_mm} mm, {len(legs)} legs")
        print(table(network, legs, chosen.slices).to_string(), flush=True)


if __name__ == "__main__":
    main()
