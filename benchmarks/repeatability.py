"""How far a muscle's figures repeat, and how often their confidence intervals hold the truth.

    python -m benchmarks.repeatability [--seeds 10] [--muscles …] [--scans thick:20 fine:40]
        [--sheet given found] [--denoise] [--settings '{}'] [--table file.tsv]

Muscles and scans are those of ``benchmarks.architecture``; each scan is repeated with other noise.
Truth are means over the muscle's volume. `bias` and `sd` are those of the figure over the scans,
`rc` is the repeatability coefficient 2.77 sd, `half` the mean half width of its 95 % interval, and
`holds` how many of the intervals hold the truth, in percent. With `--denoise` the signals pass
MP-PCA before the tensor fit, which leaves neighbouring voxels with common noise.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from scipy.stats import qmc

from benchmarks._muscles import MUSCLES, Muscle, trace, trace_ends
from benchmarks.architecture import LABEL, MASK_TURN, SCANS, draw, empty, scan, signals
from imaging.architecture.muscle import MuscleArchitecture, reconstruct_muscle
from imaging.config import FibreSettings
from imaging.diffusion.denoise import denoise
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.tensor import fit_tensor
from imaging.geometry import fold_angle_deg
from imaging.image import Image
from imaging.muscles import label_of
from imaging.phantom.diffusion import Weighting, weighting
from imaging.phantom.images import rician

_POINTS = 2**16  # of a box about the muscle; the truth's own error is then below 0.1 %
_CHUNK = 8192


def truth(muscle: Muscle, shortest_mm: float) -> dict[str, float]:
    """Return the true means over the volume of a muscle.

    The mean per fascicle leaves out fascicles below `shortest_mm`, as the figure does.
    """
    unit = qmc.Sobol(3, scramble=False).random(_POINTS)
    points = (2 * unit - 1) * muscle.half
    points = points[muscle.room(points) > 0]
    parts = []
    for first in range(0, len(points), _CHUNK):
        some = points[first : first + _CHUNK]
        length, pennation, curvature = trace(muscle, some)
        _, ends, _ = trace_ends(muscle, some, 0.5)
        line = fold_angle_deg(ends[:, 1] - ends[:, 0], np.array([0.0, 0.0, 1.0]))
        counted = length >= shortest_mm
        number = np.where(counted, 1 / length, 0.0)
        parts.append(np.column_stack([length, number, pennation, line, curvature, counted]))
    mean = np.concatenate(parts).mean(axis=0)
    volume = len(points) / _POINTS * 8 * float(np.prod(muscle.half)) / 1000
    return {
        "fascicle_length": mean[0],
        "fascicle_length_per_fascicle": mean[6] / mean[1],
        "pennation_start": mean[2],
        "pennation_end": mean[3],
        "pennation_line": mean[4],
        "curvature": mean[5],
        "pcsa_anatomical": 10 * volume / mean[0],
    }


def denoised_scan(
    clean: np.ndarray, grid: Image, weights: Weighting, snr: float, seed: int
) -> Image:
    """Return the tensors of a noisy scan whose signals were denoised by MP-PCA."""
    noisy = rician(clean, 1 / snr, np.random.default_rng([seed, int(snr)]))
    table = GradientTable(weights.bvals, weights.directions)
    whole = np.ones(grid.shape, bool)
    signal, _ = denoise(300.0 * noisy, whole)
    return grid.with_data(fit_tensor(signal, table, whole).tensor)


def rows(result: MuscleArchitecture, true: dict[str, float]) -> list[dict[str, object]]:
    """Return one row per figure that has a truth."""
    out: list[dict[str, object]] = []
    for m in result.measures:
        if m.measure in true and m.value is not None:
            low = np.nan if m.ci_low is None else m.ci_low
            high = np.nan if m.ci_high is None else m.ci_high
            out.append(
                {"measure": m.measure, "true": true[m.measure], "value": m.value, "low": low,
                 "high": high}
            )  # fmt: skip
    return out


def summary(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return bias, spread and coverage of figures, grouped by columns."""
    frame = frame.assign(
        error=frame["value"] - frame["true"],
        half=(frame["high"] - frame["low"]) / 2,
        holds=100.0 * ((frame["low"] <= frame["true"]) & (frame["true"] <= frame["high"])),
    )
    groups = frame.groupby(keys, sort=False)
    out = groups.agg(
        n=("value", "size"), true=("true", "mean"), bias=("error", "mean"), sd=("value", "std"),
        half=("half", "mean"), holds=("holds", "mean"),
    )  # fmt: skip
    out.insert(4, "rc", 2.77 * out["sd"])
    return out


def cases(given: argparse.Namespace) -> pd.DataFrame:
    """Return the figures of every muscle, scan and seed."""
    settings = FibreSettings.model_validate_json(given.settings)
    found: list[dict[str, object]] = []
    for name in given.muscles:
        muscle = MUSCLES[name]()
        true = truth(muscle, settings.min_length_mm)
        mask, sheets = draw(muscle, empty(muscle, (1.0, 1.0, 1.0), MASK_TURN))
        label = LABEL.get(name, label_of("PL", "left"))
        for text in given.scans:
            key, snr = text.split(":")
            spacing, turn, directions, split, _ = SCANS[key]
            grid = empty(muscle, spacing, turn)
            weights = weighting(directions, 500.0, 2, np.random.default_rng(7))
            clean = signals(muscle, grid, weights, split)
            take = denoised_scan if given.denoise else scan
            start = len(found)
            began = time.perf_counter()
            for seed in range(1, given.seeds + 1):
                tensor = take(clean, grid, weights, float(snr), seed)
                for way in given.sheet if sheets else ["none"]:
                    use = sheets if way == "given" else []
                    result = reconstruct_muscle(label, mask, tensor, settings, use)
                    case = {"muscle": name, "scan": text, "sheet": way, "seed": seed}
                    found += [{**case, **row} for row in rows(result, true)]
            took = (time.perf_counter() - began) / given.seeds
            part = summary(pd.DataFrame(found[start:]), ["muscle", "scan", "sheet", "measure"])
            print(f"\n{took:.1f} s per scan\n{part.round(3).to_string()}", flush=True)
    return pd.DataFrame(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--muscles", nargs="+", default=list(MUSCLES), choices=list(MUSCLES))
    parser.add_argument("--scans", nargs="+", default=["thick:20", "fine:40"])
    parser.add_argument("--sheet", nargs="+", default=["given", "found"])
    parser.add_argument("--denoise", action="store_true")
    parser.add_argument("--settings", default="{}")
    parser.add_argument("--table", help="every figure of every scan, for a closer look")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    frame = cases(given)
    if given.table:
        frame.to_csv(given.table, sep="\t", index=False)
    print("\nover all muscles and scans")
    print(summary(frame, ["sheet", "measure"])[["n", "holds"]].round(1).to_string())
    everything = summary(frame.assign(every=1), ["every"])["holds"].iloc[0]
    print(f"\nintervals that hold the truth: {everything:.1f} %")


if __name__ == "__main__":
    main()
