"""Direction error of the tensor with and without rejection of outlying samples.

    python -m benchmarks.tensor [--scans thick fine] [--snr 20 40] [--share 0.03]

Scans of the unipennate muscle as in benchmarks.architecture, single voxels, no denoising. `spoilt`:
a share of all samples lost 30 to 90 % of their signal; `known`: these left out by hand.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np

from benchmarks._muscles import unipennate
from benchmarks.architecture import SCANS, centres, empty, signals
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.tensor import fit_tensor
from imaging.geometry import fold_angle_deg
from imaging.phantom.diffusion import weighting
from imaging.phantom.images import rician


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", nargs="+", default=["thick"], choices=list(SCANS))
    parser.add_argument("--snr", type=float, nargs="+", default=[20.0, 40.0])
    parser.add_argument("--share", type=float, default=0.03)
    given = parser.parse_args()
    muscle = unipennate()
    print("scan   SNR  data    fit     median deg  rms deg  left out %")
    for name in given.scans:
        spacing, turn, directions, *_ = SCANS[name]
        grid = empty(muscle, spacing, turn)
        weights = weighting(directions, 500.0, 2, np.random.default_rng(7))
        table = GradientTable(weights.bvals, weights.directions)
        clean = signals(muscle, grid, weights, (2, 2, 2))
        points = centres(grid)
        inside = (muscle.room(points) > 1.5).reshape(grid.shape)
        want = muscle.unit(points, muscle.side(points))[inside.ravel()]
        for snr, spoil in product(given.snr, (False, True)):
            rng = np.random.default_rng([1, int(snr)])
            data = 300 * rician(clean, 1 / snr, rng)
            lost = (rng.random(data.shape) < given.share) & spoil
            data = np.where(lost, data * rng.uniform(0.1, 0.7, data.shape), data)
            trust = (~lost).astype(np.float32)
            ways = {"plain": (None, False), "robust": (None, True)}
            if spoil:
                ways["known"] = (trust, False)
            for way, (use, robust) in ways.items():
                fit = fit_tensor(data, table, np.ones(grid.shape, bool), use, robust)
                off = fold_angle_deg(fit.e1[inside].astype(float), want)
                rms, out = np.sqrt(np.mean(off**2)), 100 * fit.rejected[inside].mean()
                what = "spoilt" if spoil else "clean"
                print(
                    f"{name:6s} {snr:<4g} {what:7s} {way:7s} {np.median(off):10.2f} {rms:8.2f}"
                    f" {out:10.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
