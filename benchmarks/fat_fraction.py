"""Fat fraction of the digital leg against its truth: echoes with phase, their magnitudes, pairs.

The leg is drawn with the grid and noise of the demo. `--shift` moves the peaks of the fat that
draws the images (ppm), so that they are not those that the separation knows.

    python -m benchmarks.fat_fraction [--seed 1] [--snr 40] [--shift 0.05]
"""

from __future__ import annotations

import argparse
import time
from unittest import mock

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.composition.analysis import Echoes, of_echoes, of_in_and_out, of_water_and_fat
from imaging.composition.muscles import core_of
from imaging.image import Image
from imaging.muscles import side_and_key, structure_of
from imaging.phantom import images
from imaging.phantom.writer import PRESETS, bounds, covering_grid, make_leg

MARGIN_MM = 3.0


def main() -> None:
    """Print the error of each muscle's mean, in points, and the time of each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--snr", type=float, default=40.0)
    parser.add_argument("--shift", type=float, default=0.0)
    given = parser.parse_args()
    size = PRESETS["demo"]
    leg = make_leg(given.seed, "right", 1.0)
    grid = covering_grid(bounds([leg]), np.array(size.anatomy_mm) * (1.5, 1.5, 5 / 3), (8, 8, 0))
    both = images.tissue_images(
        [leg], grid, size.anatomy_split, np.stack([images.WATER, images.FAT_SHARE])
    )
    truth = 100 * both[..., 1] / np.maximum(both.sum(-1), 1e-6)
    rng = np.random.default_rng(given.seed)
    with mock.patch.object(images, "FAT_SHIFTS_PPM", images.FAT_SHIFTS_PPM + given.shift):
        drawn = images.dixon_echoes([leg], grid, size.anatomy_split, given.snr, rng)
    found = _ways(drawn, both, grid)
    core = core_of(images.label_image([leg], grid).data, grid.spacing, MARGIN_MM)
    table = {name: _errors(percent, truth, core) for name, percent in found.items()}
    frame = pd.DataFrame(table)
    print(frame.round(2).to_string())
    print("median of the size of errors, points:")
    print(frame.abs().median().round(3).to_string())


def _ways(drawn: list[tuple[Image, Image]], both: FloatArray, grid: Image) -> dict[str, FloatArray]:
    """Return the fat fraction, percent, by what it was taken from."""
    magnitudes = grid.with_data(np.stack([m.data for m, _ in drawn], axis=-1))
    phases = np.stack([p.data for _, p in drawn], axis=-1)
    echo_s = np.array(images.ECHO_TIMES_S)
    out = {}
    for name, phase in (("echoes with phase", phases), ("magnitudes", None)):
        start = time.perf_counter()
        out[name] = of_echoes(Echoes(magnitudes, echo_s, images.FIELD_T, phase)).percent.data
        print(f"{name}: {time.perf_counter() - start:.1f} s")
    water, fat = (grid.with_data(both[..., k]) for k in (0, 1))
    out["water and fat, no noise"] = of_water_and_fat(water, fat).percent.data
    pair = (grid.with_data(drawn[1][0].data), grid.with_data(drawn[0][0].data))
    out["in and out of phase"] = of_in_and_out(*pair).percent.data
    return out


def _errors(percent: FloatArray, truth: FloatArray, core: FloatArray) -> pd.Series:
    labels = [int(v) for v in np.unique(core) if v > 0 and structure_of(int(v)).is_muscle]
    errors = {}
    for label in labels:
        own = (core == label) & np.isfinite(percent)
        if own.sum() >= 30:
            errors[side_and_key(label)] = float(percent[own].mean() - truth[own].mean())
    return pd.Series(errors)


if __name__ == "__main__":
    main()
