"""How far surfaces of masks lie from the true border.

    python -m benchmarks.surfaces [--groups vhm vhf analytic] [--grids "1 mm" 3x3x6]
                                  [--methods mask distance shares …] [--muscles GM SOL] [--each]

Per group of muscles and grid, with the true border of ``benchmarks._borders``: distance of the
found surface to the true one (median, 95th percentile, signed mean; outwards positive), of the
true one to the found (median, 95th percentile), median and signed mean at rims and sharp edges,
volume over the true volume, angle between normals (median, 95th percentile; smoothed by 1.5 mm,
as ends of fascicles use them), seconds of a core. Distances are mm, normals degrees. Means over
muscles. Methods were chosen on ``vhm``; ``vhf`` is held out. ``--error`` prints what
:func:`imaging.geometry.border_error_mm` and :func:`imaging.geometry.border_wobble_mm` state:
the standard deviation over muscles and grids of the signed mean, and the mean over them of the
standard deviation on one surface.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
import pyvista as pv

from benchmarks._borders import GRIDS, Border, borders, grid_about, inside_grid
from benchmarks._surface_methods import METHODS
from imaging.geometry import (
    border_error_mm,
    border_wobble_mm,
    mesh_volume,
    polydata,
    vertex_normals,
)

MOST = 20_000  # places at which a surface is judged


def closest(mesh: pv.PolyData, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest points of a mesh and the cells that hold them."""
    cells, near = mesh.find_closest_cell(points, return_closest_point=True)
    return np.asarray(near), np.asarray(cells)


def judge(border: Border, points: np.ndarray, faces: np.ndarray) -> dict[str, float]:
    """Return the figures of one surface."""
    truth = border.mesh()
    smooth = vertex_normals(points, faces, 1.5)
    some = faces[:: max(1, len(faces) // MOST)]
    edges = (points[some[:, k]] - points[some[:, 0]] for k in (1, 2))
    areas = np.linalg.norm(np.cross(*edges), axis=1)
    middle = points[some].mean(axis=1)
    near, cells = closest(truth, middle)
    sign = np.where(border.level(middle) > 0, -1.0, 1.0)
    off = sign * np.linalg.norm(middle - near, axis=1)
    rim = border.rim[border.faces[cells, 0]]
    normals = smooth[some].mean(axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    cosine = np.sum(normals * border.normals[border.faces[cells, 0]], axis=1)
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    stride = max(1, len(border.points) // MOST)
    true, true_rim = border.points[::stride], border.rim[::stride]
    found, _ = closest(polydata(points, faces), true)
    back = np.linalg.norm(true - found, axis=1)
    volume = mesh_volume(border.points, border.faces)
    signed = float(np.average(off, weights=areas))
    return {
        "median": weighted(np.abs(off), areas, 0.5),
        "p95": weighted(np.abs(off), areas, 0.95),
        "signed": signed,
        "wobble": float(np.sqrt(np.average((off - signed) ** 2, weights=areas))),
        "back": float(np.median(back)),
        "back95": float(np.percentile(back, 95)),
        "rim": float(np.median(back[true_rim])) if true_rim.any() else np.nan,
        "rim95": float(np.percentile(back[true_rim], 95)) if true_rim.any() else np.nan,
        "rim signed": float(np.average(off[rim], weights=areas[rim])) if rim.any() else np.nan,
        "volume": mesh_volume(points, faces) / volume,
        "normal": weighted(angle, areas, 0.5),
        "normal95": weighted(angle, areas, 0.95),
    }


def weighted(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """Return a quantile of values with weights."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, share * total[-1])])


def rows(
    group: str, grids: list[str], methods: list[str], muscles: list[str] | None, seeds: list[int]
) -> list[dict]:
    """Return the figures of a group of muscles."""
    out = []
    for border in borders(group):
        if muscles and border.name.split()[-1] not in muscles:
            continue
        for grid in grids:
            for seed in seeds:
                affine, shape = grid_about(border, GRIDS[grid], seed)
                mask = inside_grid(border, affine, shape, (1, 1, 1)) > 0
                split = tuple(max(2, round(s / 0.5)) for s in GRIDS[grid])
                shares = None
                for method in methods:
                    given = mask
                    if method.startswith("shares"):
                        if shares is None:
                            shares = inside_grid(border, affine, shape, split)
                        given = shares
                    start = time.process_time()
                    points, faces = METHODS[method](given, affine)
                    seconds = time.process_time() - start
                    about = {"group": group, "grid": grid, "method": method, "muscle": border.name}
                    out.append(about | judge(border, points, faces) | {"s": seconds})
    return out


def errors(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the spread of the border's offset and its wobble, measured and as the product says."""
    by = frame.groupby(["group", "method", "grid"], sort=False)
    out = pd.DataFrame({"offset": by["signed"].std(), "mean": by["signed"].mean(),
                        "wobble": by["wobble"].mean()})  # fmt: skip
    spacing = [np.array(GRIDS[key[-1]]) for key in out.index]
    out["offset stated"] = [border_error_mm(s) for s in spacing]
    out["wobble stated"] = [border_wobble_mm(s) for s in spacing]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", nargs="+", default=["vhm", "vhf", "analytic"])
    parser.add_argument("--grids", nargs="+", default=list(GRIDS))
    parser.add_argument("--methods", nargs="+", default=["mask"])
    parser.add_argument("--muscles", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--each", action="store_true", help="print every muscle")
    parser.add_argument("--error", action="store_true", help="print spreads of the border only")
    given = parser.parse_args()
    for group in given.groups:
        found = rows(group, given.grids, given.methods, given.muscles, given.seeds)
        frame = pd.DataFrame(found)
        if given.error:
            print(errors(frame).to_string(float_format="{:.3f}".format), flush=True)
        elif given.each:
            frame = frame.sort_values(["grid", "muscle"], kind="stable").set_index("muscle")
            print(frame.drop(columns="group").to_string(float_format="{:.3f}".format))
        else:
            keys = ["group", "grid", "method"]
            mean = frame.drop(columns="muscle").groupby(keys, sort=False).mean()
            print(mean.to_string(float_format="{:.3f}".format), flush=True)


if __name__ == "__main__":
    main()
