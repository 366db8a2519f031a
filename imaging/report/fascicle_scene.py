"""Fascicles in 3-D: rendered off screen in a process of its own, or drawn as plain lines.

Rendering needs OpenGL without a screen, which may be missing or crash. It runs as
``python -m imaging.report.fascicle_scene`` so that a crash ends that process and not the report.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Line3DCollection

from imaging.formats.vtk_xml import read_vtk_mesh
from imaging.musclemap.meshes import labels_of_cells
from imaging.musclemap.read.files import REMAKE
from imaging.musclemap.vtk_files import fascicles_of
from imaging.muscles import bone_labels
from imaging.palette import SHEET, muscle_hex
from imaging.report.picture import raster, webp, window
from imaging.threads import threads

_MOST_LINES = 4000
_SECONDS = 180
_PANEL = (500, 900)  # pixels
SURFACE = "#BBBBBB"
NO_OPENGL = (
    "Drawn as plain lines because no off-screen OpenGL is there; for shaded pictures install "
    "the Debian package libegl1 (with libegl-mesa0 and libgl1) or libosmesa6."
)


def render(fascicles: Path, surfaces: Path | None, sheets: Path | None = None) -> tuple[str, str]:
    """Return the data address of the picture, and a sentence where it had to be a plain one.

    Parameters
    ----------
    fascicles
        ``_fascicles.vtp``.
    surfaces
        ``_surfaces.vtp`` or None.
    sheets
        ``_aponeuroses.vtp`` or None.
    """
    return begin(fascicles, surfaces, sheets)()


def begin(
    fascicles: Path, surfaces: Path | None, sheets: Path | None = None
) -> Callable[[], tuple[str, str]]:
    """Start rendering, and return what gives the result of :func:`render`.

    Until it is asked for, other pictures can be drawn.
    """
    with_one = ThreadPoolExecutor(1)
    found = with_one.submit(_rendered, fascicles, surfaces, sheets)
    with_one.shutdown(wait=False)

    def finish() -> tuple[str, str]:
        content = found.result()
        if content is not None:
            return webp(content), ""
        return plain(read_vtk_mesh(fascicles, REMAKE, ("label",))), NO_OPENGL

    return finish


def _rendered(fascicles: Path, surfaces: Path | None, sheets: Path | None) -> bytes | None:
    """Return the picture as PNG; None where it could not be rendered."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "scene.png"
        command = [sys.executable, "-m", "imaging.report.fascicle_scene", str(fascicles)]
        command += [str(path) if path else "-" for path in (surfaces, sheets)]
        command.append(str(target))
        # Mesa draws with as many threads as there are cores, each with memory of its own.
        environment = {**os.environ, "LP_NUM_THREADS": str(threads())}
        try:
            subprocess.run(
                command, capture_output=True, timeout=_SECONDS, check=True, env=environment
            )
            return target.read_bytes()
        except (subprocess.SubprocessError, OSError):
            return None


def thinned(mesh: pv.PolyData, most: int = _MOST_LINES) -> pv.PolyData:
    """Return at most so many fascicles, evenly taken from their order."""
    if mesh.n_cells <= most:
        return mesh
    chosen = np.unique(np.linspace(0, mesh.n_cells - 1, most).round().astype(int))
    part = mesh.extract_cells(chosen)
    return part.extract_geometry()


def plain(mesh: pv.PolyData) -> str:
    """Draw fascicles as lines with matplotlib, from the front and from the right."""
    points, offsets = fascicles_of(mesh)
    step = max(1, (len(offsets) - 1) // 1500)
    chosen = range(0, len(offsets) - 1, step)
    lines = [points[offsets[f] : offsets[f + 1]] for f in chosen]
    labels = np.asarray(mesh.cell_data["label"])
    colours = [muscle_hex(int(labels[f])) for f in chosen]
    figure = Figure(figsize=(8, 6))
    low, high = points.min(axis=0), points.max(axis=0)
    for number, azimuth in enumerate((90, 0)):
        axes = figure.add_subplot(1, 2, number + 1, projection="3d")
        axes.add_collection3d(Line3DCollection(lines, colors=colours, linewidths=0.5))
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
        axes.set_box_aspect(np.maximum(high - low, 1), zoom=1.8)
        axes.view_init(elev=5, azim=azimuth)
        axes.set_axis_off()
    return raster(figure)


def draw(fascicles: Path, surfaces: Path | None, sheets: Path | None, target: Path) -> None:
    """Render fascicles by muscle from two sides and by length, into a PNG."""
    lines = thinned(read_vtk_mesh(fascicles, REMAKE, ("label", "length_mm")))
    skin = read_vtk_mesh(surfaces, REMAKE, ("label",)) if surfaces else None
    aponeuroses = read_vtk_mesh(sheets, REMAKE, ()) if sheets else None
    plotter = pv.Plotter(
        off_screen=True, shape=(1, 3), border=False, window_size=[3 * _PANEL[0], _PANEL[1]]
    )
    plotter.background_color = "white"  # type: ignore[assignment]
    for column, (azimuth, by_length) in enumerate(((0, False), (90, False), (0, True))):
        plotter.subplot(0, column)
        if by_length and "length_mm" in lines.cell_data:
            bar: Any = {
                "title": "fascicle length (mm)\n", "color": "black", "n_labels": 3, "fmt": "%.0f",
                "title_font_size": 20, "label_font_size": 18, "width": 0.7, "height": 0.05,
                "position_x": 0.15, "position_y": 0.01,
            }  # fmt: skip
            limits = window(np.asarray(lines.cell_data["length_mm"]), 2, 98)
            plotter.add_mesh(lines, scalars="length_mm", cmap="viridis", line_width=1.5,
                             clim=limits, scalar_bar_args=bar)  # fmt: skip
        else:
            for label in np.unique(np.asarray(lines.cell_data["label"])):
                part = lines.extract_cells(np.asarray(lines.cell_data["label"]) == label)
                plotter.add_mesh(part, color=muscle_hex(int(label)), line_width=1.5)
        if aponeuroses is not None:
            plotter.add_mesh(
                aponeuroses, color=[c / 255 for c in SHEET], opacity=0.5, show_scalar_bar=False
            )
        if skin is not None:
            labels = labels_of_cells(skin)
            bone: Any = np.isin(labels, bone_labels(labels))
            for part, opacity in ((~bone, 0.12), (bone, 0.22)):
                if part.any():
                    shown = skin.extract_cells(part)
                    plotter.add_mesh(shown, color=SURFACE, opacity=opacity, show_scalar_bar=False)
        # From the front (anterior, +y), upright; then from the right.
        eye = (0.0, 1.0, 0.0) if azimuth == 0 else (1.0, 0.0, 0.0)
        plotter.view_vector(eye, viewup=(0, 0, 1))  # type: ignore[call-arg,arg-type]
        plotter.enable_parallel_projection()  # type: ignore[call-arg]
        half = _half_height(lines if skin is None else skin)
        plotter.camera.parallel_scale = half
        # Lifted, to leave room for the colour bar below.
        x, y, z = plotter.camera.focal_point
        plotter.camera.focal_point = (x, y, z - 0.1 * half)
        x, y, z = plotter.camera.position
        plotter.camera.position = (x, y, z - 0.1 * half)
    plotter.screenshot(target)
    plotter.close()


def _half_height(mesh: pv.PolyData) -> float:
    """Return half the height in mm that a panel must show, with room for the colour bar."""
    x0, x1, y0, y1, z0, z1 = mesh.bounds
    width = max(x1 - x0, y1 - y0) * _PANEL[1] / _PANEL[0]
    return float(0.6 * max(z1 - z0, width, 1.0))


if __name__ == "__main__":
    _lines, *_optional, _target = sys.argv[1:]
    _surfaces, _sheets = (None if name == "-" else Path(name) for name in _optional)
    draw(Path(_lines), _surfaces, _sheets, Path(_target))
