"""A small muscle map on disk, made from shapes whose size and place are known."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyvista as pv

from imaging.image import Image, apply_affine
from imaging.measures import Measure, Notes, not_measured, write_measures
from imaging.musclemap.headline import headline, headline_dictionary
from imaging.musclemap.table import dictionary, wide
from imaging.muscles import label_of
from imaging.provenance import write_json, write_sidecar
from imaging.stage_files import write_tsv

TA, SOL, TIB = label_of("TA", "right"), label_of("SOL", "right"), label_of("TIB", "right")
# Centre (world mm) and semi-axes of each ellipsoid.
SHAPES = {
    TA: ((30.0, 25.0, 0.0), (12.0, 10.0, 70.0)),
    SOL: ((22.0, -25.0, 0.0), (20.0, 14.0, 75.0)),
    TIB: ((8.0, 12.0, 0.0), (9.0, 9.0, 85.0)),
}


def oblique_affine(spacing: tuple[float, float, float] = (2.0, 2.5, 5.0)) -> np.ndarray:
    """Voxels to world: unequal spacing, turned by 15 degrees about z."""
    c, s = np.cos(np.radians(15)), np.sin(np.radians(15))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * spacing
    affine[:3, 3] = (-35.0, -75.0, -95.0)
    return affine


def ellipsoid(centre: tuple[float, ...], axes: tuple[float, ...]) -> pv.PolyData:
    sphere = pv.Icosphere(radius=1.0, nsub=4)
    return pv.PolyData(sphere.points * np.array(axes) + np.array(centre), sphere.faces)


def label_image(shape: tuple[int, int, int] = (60, 56, 38)) -> Image:
    affine = oblique_affine()
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    world = apply_affine(affine, voxels)
    labels = np.zeros(shape, np.int16)
    for label, (centre, axes) in SHAPES.items():
        labels[(((world - centre) / axes) ** 2).sum(-1) <= 1] = label
    return Image(labels, affine)


def write_map(
    folder: Path,
    prefix: str = "sub-01",
    *,
    fascicles: bool = True,
    activation: bool = True,
    stiffness: bool = True,
    aponeuroses: bool = True,
    load: bool = False,
) -> Path:
    """Write the files of a muscle map with two muscles and a bone of the right leg."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    labels = label_image()
    _write_grid(labels, folder / f"{prefix}_map.vti", rng, stiffness)
    meshes = []
    for label, (centre, axes) in SHAPES.items():
        mesh = ellipsoid(centre, axes)
        mesh.cell_data["label"] = np.full(mesh.n_cells, label, np.int16)
        meshes.append(mesh)
    meshes[0].append_polydata(*meshes[1:]).save(folder / f"{prefix}_surfaces.vtp")
    if aponeuroses:
        _write_sheet(folder / f"{prefix}_aponeuroses.vtp")
    if fascicles:
        _write_fascicles(folder / f"{prefix}_fascicles.vtp", load)
    if activation:
        percent = np.arange(101)
        bump = 100 * np.exp(-0.5 * ((percent - 20) / 8.0) ** 2)
        pd.DataFrame(
            {"label": TA, "muscle": "TA", "side": "right", "percent": percent, "mean": bump,
             "sd": 10.0, "n": 3, "unit": "% of peak of mean cycle"}
        ).to_csv(folder / f"{prefix}_activation.tsv", sep="\t", index=False)  # fmt: skip
    if load:
        write_tsv(force_of(TA, SOL), folder / f"{prefix}_load.tsv")
    measures = _measures(fascicles)
    write_measures(measures, folder / f"{prefix}_measures.tsv")
    write_tsv(headline(wide(measures)), folder / f"{prefix}_muscles.tsv")
    warned = Notes("fibres", "Followed.", (), ["Lengths rest on <three> assumptions"])
    notes = {
        "stages": [asdict(warned)],
        "missing": {
            "mre": "no elastography was recorded",
            **({} if fascicles else {"fibre": "no diffusion MRI was given"}),
        },
        "provenance": {},
        "onsets": [],
        "prefix": prefix,
    }
    write_json(folder / f"{prefix}_notes.json", notes)
    _write_sidecars(folder, prefix, measures)
    return folder


def _measures(fascicles: bool) -> list[Measure]:
    length = (
        Measure(TA, "fascicle_length", 60.0, "mm")
        if fascicles
        else not_measured(TA, "fascicle_length", "mm", "no fascicles")
    )
    return [
        Measure(TA, "volume", 35.2, "ml"),
        Measure(SOL, "volume", 88.0, "ml"),
        length,
        not_measured(SOL, "fascicle_length", "mm", "no fascicles"),
    ]


def columns_of(measures: list[Measure]) -> dict[str, object]:
    """Return what the columns of the readable table mean."""
    return headline_dictionary(dictionary(measures), headline(wide(measures)))


def _write_sidecars(folder: Path, prefix: str, measures: list[Measure]) -> None:
    """Write what lies beside every file of a map."""
    arrays = {
        name: {"Description": name, "Units": "1"}
        for name in ("label", "anatomy", "fa", "stiffness_mdev")
    }
    more = {"map": {"Arrays": arrays}, "muscles": {"Columns": columns_of(measures)}}
    for path in sorted(folder.glob(f"{prefix}_*")):
        part = path.name.removeprefix(f"{prefix}_").split(".")[0]
        if path.suffix != ".json":
            write_sidecar(path, verb="map", **more.get(part, {}))


def _write_grid(labels: Image, path: Path, rng: np.random.Generator, stiffness: bool) -> None:
    grid = pv.ImageData(dimensions=labels.shape, spacing=labels.spacing)
    grid.origin = labels.affine[:3, 3]
    grid.direction_matrix = labels.rotation
    inside = labels.data > 0
    arrays = {
        "label": labels.data,
        "anatomy": (np.where(inside, 600, 100) + 20 * rng.random(labels.shape)).astype(np.float32),
        "fa": np.where(inside, 0.25, np.nan).astype(np.float32),
    }
    if stiffness:
        arrays["stiffness_mdev"] = np.where(labels.data == SOL, 2500, np.nan).astype(np.float32)
    for name, data in arrays.items():
        grid.point_data[name] = data.ravel(order="F")
    grid.save(path)


def _write_sheet(path: Path) -> None:
    """A flat internal aponeurosis of TA, 12 by 100 mm, found from the data."""
    sheet = pv.Plane(
        center=SHAPES[TA][0], direction=(1, 0, 0), i_size=100, j_size=12, i_resolution=10,
        j_resolution=4,
    ).triangulate()  # fmt: skip
    sheet.clear_data()
    sheet.cell_data["label"] = np.full(sheet.n_cells, TA, np.int32)
    sheet.cell_data["found"] = np.ones(sheet.n_cells, np.uint8)
    sheet.save(path)


def force_of(*labels: int) -> pd.DataFrame:
    """Equal shares of all labels, whose force rises to half of the cycle and falls."""
    percent = np.arange(101.0)
    rise = 1 - np.abs(percent - 50) / 50
    frames = [
        pd.DataFrame({
            "label": label, "percent": percent, "activation": 50 * rise,
            "share": 100 / len(labels), "force_n": 300 * rise, "of_peak": rise,
            "status": "modelled",
        })
        for label in labels
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _write_fascicles(path: Path, force: bool) -> None:
    """Ten straight fascicles of 20, 22 ... 38 mm in each muscle."""
    points, lines, label, length = [], [], [], []
    for key in (TA, SOL):
        centre = np.array(SHAPES[key][0])
        for k in range(10):
            reach = np.linspace(-0.5, 0.5, 21)[:, None] * (20 + 2 * k)
            lines.append([21, *range(len(points) * 21, len(points) * 21 + 21)])
            points.append(centre + [k - 5.0, 0, 0] + reach * [0.0, 0.6, 0.8])
            label.append(key)
            length.append(20.0 + 2 * k)
    mesh = pv.PolyData(np.concatenate(points).astype(np.float32), lines=np.concatenate(lines))
    mesh.cell_data["label"] = np.array(label, np.int16)
    mesh.cell_data["length_mm"] = np.array(length, np.float32)
    pennation = np.full(20, 20.0, np.float32)
    pennation[10:] = np.nan
    mesh.cell_data["pennation_start_deg"] = pennation
    mesh.cell_data["extrapolated_fraction"] = np.full(20, 0.1, np.float32)
    if force:
        mesh.cell_data["force_part"] = np.tile(np.linspace(0.05, 0.15, 10, dtype=np.float32), 2)
        mesh.cell_data["force_at_peak_N"] = 300 * mesh.cell_data["force_part"]
    mesh.save(path)
    rows = pd.DataFrame({"fascicle": range(20), "label": label, "length_mm": length})
    rows.to_parquet(path.with_suffix(".parquet"), index=False)
