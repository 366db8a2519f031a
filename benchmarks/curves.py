"""Whether smooth curves measure fascicles better than the streamlines they are fitted to.

    python -m benchmarks.curves [--muscles unipennate …] [--scans thick:20 fine:40] [--seed 1]

For every muscle and scan: errors of curvature (median over fascicles, and bias of the mean),
length (median) and slope at the ends (median) of the streamline itself (`raw`; Menger curvature
at 3 mm, parabola at the ends), of polynomials of order 1 to 5, and which order is chosen.
Muscles and scans are those of ``benchmarks.architecture``.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

from benchmarks._muscles import MUSCLES, Muscle, trace
from benchmarks.architecture import LABEL, MASK_TURN, SCANS, draw, empty, scan, signals
from imaging.architecture.curves import PLACES, fit_curves
from imaging.architecture.ends import end_tangents
from imaging.architecture.fascicles import Fascicles
from imaging.architecture.muscle import reconstruct_muscle
from imaging.architecture.packed import even_places, lengths
from imaging.config import FibreSettings
from imaging.geometry import curvature, fold_angle_deg, resample_polyline
from imaging.muscles import label_of
from imaging.phantom.diffusion import weighting

_MENGER_MM = 3.0


def raw(fascicles: Fascicles) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return length mm, curvature 1/m and end tangents of streamlines as they are."""
    bend = np.zeros(len(fascicles))
    for f in range(len(fascicles)):
        coarse = resample_polyline(fascicles.line(f).astype(float), _MENGER_MM)
        bend[f] = 1000 * curvature(coarse).mean() if len(coarse) > 2 else 0.0
    packed = fascicles.points, fascicles.offsets
    return lengths(*packed), bend, end_tangents(*packed)


def rows(muscle: Muscle, fascicles: Fascicles, seeds: np.ndarray) -> list[tuple[str, list[float]]]:
    """Return the errors of the raw streamlines and of every order."""
    own = muscle.room(seeds) > 0
    length, _, bend = trace(muscle, seeds[own])
    side = muscle.side(seeds)
    points, offsets = fascicles.points, fascicles.offsets
    at = points[offsets[:-1]].astype(float), points[offsets[1:] - 1].astype(float)
    true = np.stack([muscle.unit(p, side) for p in at], axis=1)
    weight = fascicles.table["weight"].to_numpy(float)[own]

    def errors(found: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[float]:
        off = found[1][own] - bend
        return [
            float(np.median(np.abs(off))),
            float(np.average(off, weights=weight)),
            float(np.median(np.abs(found[0][own] - length))),
            float(np.median(fold_angle_deg(found[2], true)[own])),
        ]

    out = [("raw", errors(raw(fascicles)))]
    places = even_places(points, offsets, lengths(points, offsets), PLACES)
    for order in range(1, 6):
        curves = fit_curves(places, order)
        found = curves.lengths(), curves.curvature_per_m(), curves.end_tangents()
        title = f"order {order}" + (" (chosen)" if order == fascicles.order else "")
        out.append((title, errors(found)))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--muscles", nargs="+", default=list(MUSCLES), choices=list(MUSCLES))
    parser.add_argument("--scans", nargs="+", default=["thick:20", "fine:40"])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    heads = ("curvature 1/m", "bias 1/m", "length mm", "end slope deg")
    print(f"{'':38s}" + "".join(f"{h:>15s}" for h in heads))
    for name in given.muscles:
        muscle = MUSCLES[name]()
        mask, sheets = draw(muscle, empty(muscle, (1.0, 1.0, 1.0), MASK_TURN))
        for text in given.scans:
            key, snr = text.split(":")
            spacing, turn, directions, split, _ = SCANS[key]
            grid = empty(muscle, spacing, turn)
            weights = weighting(directions, 500.0, 2, np.random.default_rng(7))
            clean = signals(muscle, grid, weights, split)
            tensor = scan(clean, grid, weights, float(snr), given.seed)
            label = LABEL.get(name, label_of("PL", "left"))
            settings = FibreSettings(bootstrap=0)
            result = reconstruct_muscle(label, mask, tensor, settings, sheets)
            if result.seeds is None:
                print(f"{name} {text}: no fascicles")
                continue
            for title, values in rows(muscle, result.fascicles, result.seeds):
                cells = "".join(f"{v:15.2f}" for v in values)
                print(f"{name:11s} {text:9s} {title:16s}{cells}", flush=True)


if __name__ == "__main__":
    main()
