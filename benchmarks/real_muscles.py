"""Fibre architecture of real muscle shapes with known fascicles, with goals.

    python -m benchmarks.real_muscles [--keys GM TA …] [--bodies vhm vhf] [--sides left]
        [--cases thick:20 thick:40 fine:40] [--masks anatomical scan inside] [--sheet given found]
        [--bootstrap 40] [--seeds 1]

Shapes are those of ``../shared/data/anatomy``, filled as `benchmarks._real_muscles` says; scans
are those of `benchmarks.architecture`. Masks: *anatomical*, 1 mm, turned against the scan; *scan*,
drawn on the scan's own grid; *inside*, 1 mm, drawn .15 mm inside the border. The body vhf is held
out: nothing was tuned to it. Errors are medians over the points that got a fascicle; `bias` is
that of the mean over the volume, dropped seeds included in the truth. In brackets: the goal.
`holds`: which 95 % intervals hold the truth (L length, s e l pennation at start, end and to the
line, k curvature; capital or small letter: holds, `-`: does not, `?`: no interval).
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from benchmarks._muscles import Array, Muscle, trace, trace_ends
from benchmarks._real_muscles import ANATOMY, BODIES, FILLINGS, SIDES, real_muscle
from benchmarks.architecture import MASK_TURN, SCANS, centres, empty, scan, signals
from imaging.architecture.muscle import MuscleArchitecture, reconstruct_muscle
from imaging.config import FibreSettings
from imaging.geometry import AponeurosisSurface, fold_angle_deg, principal_axis, sheet_from_mask
from imaging.image import Image
from imaging.muscles import label_of
from imaging.phantom.diffusion import weighting

POINTS, STEP_MM = 1000, 0.5  # the direction fields are smooth over that
INSIDE_MM = 0.15
LABEL = {"PL": "PL+PB"}
# (like, scan, SNR): length mm, bias of the mean mm, pennation deg
GOALS = {
    ("GM", "thick", 20): (0.75, 0.3, 1.3),
    ("GM", "thick", 40): (0.45, 0.3, 0.8),
    ("GM", "fine", 40): (0.28, 0.3, 0.5),
    ("TA", "thick", 20): (1.5, 1.0, 1.9),
    ("TA", "fine", 40): (0.6, 1.0, 0.9),
}
LIKE = {"GM": "GM", "GL": "GM", "PL": "GM", "TA": "TA", "SOL": "TA", "TP": "TA"}
INTERVALS = (
    ("L", "fascicle_length"),
    ("s", "pennation_start"),
    ("e", "pennation_end"),
    ("l", "pennation_line"),
    ("k", "curvature"),
)


@dataclass(frozen=True)
class Truth:
    """Points (P, 3) spread evenly in a muscle and figures of the fascicle through each."""

    points: Array
    length: Array
    pennation: Array
    curvature: Array

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, key: str, body: str, side: str) -> Truth:
        """Return the truth of one muscle."""
        muscle = real_muscle(key, body, side)
        points = spread(muscle, 2 * POINTS, np.random.default_rng(1))
        return cls(points, *trace(muscle, points, STEP_MM))

    def means(self) -> dict[str, float]:
        """Return the means over the muscle's volume."""
        start, end = self.pennation.mean(axis=0)
        return {
            "fascicle_length": float(self.length.mean()),
            "pennation_start": float(start),
            "pennation_end": float(end),
            "curvature": float(self.curvature.mean()),
        }


def spread(muscle: Muscle, count: int, rng: np.random.Generator) -> Array:
    """Return about `count` points, one in each cube: their mean is far better than of random ones.

    Lengths differ by 20 mm within a muscle; the mean of 1,000 random points would err by .6 mm.
    """
    half = np.array(muscle.half)
    coarse = rng.uniform(-1, 1, (20_000, 3)) * half
    volume = np.prod(2 * half) * np.mean(muscle.room(coarse) > 0)
    edge = (volume / count) ** (1 / 3)
    axes = [np.arange(-h, h, edge) for h in half]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    points = points + rng.uniform(0.0, edge, points.shape)
    return points[muscle.room(points) > 0]


def draw(
    muscle: Muscle, grid: Image, inside_mm: float = 0.0
) -> tuple[Image, list[AponeurosisSurface]]:
    """Return the mask of a muscle and its sheet, as a person would draw them on a grid."""
    p = centres(grid)
    room = muscle.room(p)
    mask = grid.with_data((room > inside_mm).reshape(grid.shape))
    if muscle.sheet is None:
        return mask, []
    near = (np.abs(muscle.sheet(p)) < 0.75 * grid.spacing[:2].max()) & (room > 0)
    return mask, [sheet_from_mask(near.reshape(grid.shape), grid.affine)]


def line_pennation(muscle: Muscle, points: Array, axis: Array) -> float:
    """Return the mean angle between the chords of the points' fascicles and an axis."""
    _, ends, _ = trace_ends(muscle, points, 0.5)
    return float(np.mean(fold_angle_deg(ends[:, 1] - ends[:, 0], axis)))


def compare(
    muscle: Muscle, truth: Truth, result: MuscleArchitecture, tensor: Image
) -> dict[str, object]:
    """Return the figures of one row."""
    row: dict[str, object] = {"mean mm": truth.length.mean()}
    if result.box is not None and result.directions is not None:
        grid = np.argwhere(result.share > 0.5)
        at = tensor.to_world(grid + [s.start for s in result.box])
        own = muscle.room(at) > 0
        want = muscle.unit(at[own], muscle.side(at[own]))
        row["direction"] = np.median(fold_angle_deg(result.directions[tuple(grid[own].T)], want))
    if not len(result.fascicles) or result.seeds is None:
        return row
    own = np.flatnonzero(muscle.room(result.seeds) > 0)
    own = own[:: max(1, len(own) // POINTS)]
    table = result.fascicles.table.iloc[own]
    length, pennation, curvature = trace(muscle, result.seeds[own], STEP_MM)
    found = table[["pennation_start_deg", "pennation_end_deg"]].to_numpy(float)
    row["length"] = np.median(np.abs(table["length_mm"] - length))
    weight = result.fascicles.table["weight"]
    row["bias"] = np.average(result.fascicles.table["length_mm"], weights=weight)
    row["bias"] -= truth.length.mean()
    row["pennation"] = np.median(np.abs(found - pennation))
    row["pen. bias"] = float(np.mean(found - pennation))
    row["curv. bias"] = float(np.mean(table["curvature_per_m"] - curvature))
    near, _ = cKDTree(result.fascicles.points).query(truth.points)
    row["missing %"] = 100 * np.mean(near > 3.0)
    row["dropped %"] = 100 * (1 - len(result.fascicles) / result.facts["seeds"])
    row["kernel"] = "{smoothing_mm:g}/{polynomial_order}/{curve_order}".format(**result.facts)
    row["holds"] = holds(muscle, truth, result)
    return row


def holds(muscle: Muscle, truth: Truth, result: MuscleArchitecture) -> str:
    """Return which intervals of the muscle's means hold the truth."""
    wanted = truth.means()
    wanted["pennation_line"] = line_pennation(
        muscle, truth.points[::4], principal_axis(result.points)
    )
    rows = {m.measure: m for m in result.measures}
    out = ""
    for letter, name in INTERVALS:
        m = rows[name]
        if m.ci_low is None or m.ci_high is None:
            out += "?"
        else:
            out += letter if m.ci_low <= wanted[name] <= m.ci_high else "-"
    return out


def show(row: dict[str, object], goal: tuple[float, ...] | None) -> str:
    """Return one line of the table; a goal that is missed is marked."""
    cells = []
    aims = dict(zip(("length", "bias", "pennation"), goal or (), strict=False))
    for name in COLUMNS:
        value = row.get(name, np.nan)
        text = f"{value:7.2f}" if isinstance(value, float) else f"{value!s:>8s}"
        if name in aims:
            text += f" ({aims[name]:.2f}){' *'[not abs(float(value)) <= aims[name]]}"  # type: ignore[arg-type]
        elif name in ("length", "bias", "pennation"):
            text += " " * 8
        cells.append(text)
    return " ".join(cells)


COLUMNS = (
    "direction", "length", "bias", "pennation", "pen. bias", "curv. bias", "missing %",
    "dropped %", "mean mm", "kernel", "holds",
)  # fmt: skip


def coverage(rows: list[dict[str, object]]) -> None:
    """Print how often intervals hold the truth, per body and kind of muscle."""
    count: list[dict[str, object]] = []
    for row in rows:
        for letter, (_, name) in zip(str(row.get("holds", "")), INTERVALS, strict=False):
            if letter != "?":
                count.append({k: row[k] for k in ("body", "like")} | {name: letter != "-"})
    if count:
        table = pd.DataFrame(count).groupby(["body", "like"])[[n for _, n in INTERVALS]]
        print("\nshare of 95 % intervals that hold the truth, and their number")
        print((100 * table.mean()).round(0).to_string())
        print(table.count().to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", nargs="+", default=list(FILLINGS), choices=list(FILLINGS))
    parser.add_argument("--bodies", nargs="+", default=list(BODIES), choices=BODIES)
    parser.add_argument("--sides", nargs="+", default=["left"], choices=SIDES)
    parser.add_argument("--cases", nargs="+", default=["thick:20", "thick:40", "fine:40"])
    parser.add_argument("--masks", nargs="+", default=["anatomical"])
    parser.add_argument("--sheet", nargs="+", default=["given"], choices=["given", "found"])
    parser.add_argument("--bootstrap", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--settings", default="{}")
    given = parser.parse_args()
    if not ANATOMY.is_dir():
        print(f"no real shapes: {ANATOMY} is not there")
        return
    warnings.simplefilter("ignore")
    settings = FibreSettings.model_validate_json(given.settings)
    settings = settings.model_copy(update={"bootstrap": given.bootstrap})
    print(f"{'':44s}" + " ".join(
        f"{n:>{16 if n in ('length', 'bias', 'pennation') else 8}s}" for n in COLUMNS
    ))  # fmt: skip
    rows: list[dict[str, object]] = []
    for key, body, side, case in (
        (k, b, s, c)
        for b in given.bodies for k in given.keys for s in given.sides for c in given.cases
    ):  # fmt: skip
        name, snr = case.split(":")
        muscle, truth = real_muscle(key, body, side), Truth.of(key, body, side)
        spacing, turn, directions, split, _ = SCANS[name]
        grid = empty(muscle, spacing, turn)
        weights = weighting(directions, 500.0, 2, np.random.default_rng(7))
        clean = signals(muscle, grid, weights, split)
        for seed in given.seeds:
            tensor = scan(clean, grid, weights, float(snr), seed)
            for way in given.masks:
                drawn = grid if way == "scan" else empty(muscle, (1.0, 1.0, 1.0), MASK_TURN)
                mask, sheets = draw(muscle, drawn, INSIDE_MM if way == "inside" else 0.0)
                for known in given.sheet if sheets else ["given"]:
                    start = time.perf_counter()
                    label = label_of(LABEL.get(key, key), side)
                    use = sheets if known == "given" else []
                    result = reconstruct_muscle(label, mask, tensor, settings, use)
                    took = time.perf_counter() - start
                    row = compare(muscle, truth, result, tensor)
                    row |= {"body": body, "like": LIKE[key]}
                    rows.append(row)
                    goal = GOALS.get((LIKE[key], name, int(float(snr))))
                    if way == "inside" or known == "found":
                        goal = None
                    what = known if sheets else ""
                    title = f"{key:4s}{body} {side:6s}{case:9s}{way:11s}{what:6s}"
                    print(f"{title:44s}{show(row, goal)} {took:.1f} s", flush=True)
    coverage(rows)


if __name__ == "__main__":
    main()
