"""Pictures of fascicles rendered off screen: what runs in a process of its own.

It imports next to nothing beside VTK, so that it starts soon and is small.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv
from numpy.typing import NDArray

from imaging.formats.vtk_xml import read_vtk_mesh
from imaging.report.limits import window

_MOST_LINES = 4000
_PANEL = (500, 900)  # pixels
SURFACE = "#BBBBBB"


@dataclass(frozen=True)
class Scene:
    """What is drawn, and where to.

    Attributes
    ----------
    fascicles, surfaces, sheets : str
        Files of the map; empty where there is none.
    target : str
        PNG to write.
    colours : dict
        Label, as text, to the red, green and blue (0..255) of its fascicles.
    bones : list of int
        Labels of surfaces that are bones.
    sheet : tuple of int
        Colour of aponeuroses.
    again : str
        What a user should do where a file cannot be used.
    """

    fascicles: str
    surfaces: str
    sheets: str
    target: str
    colours: Mapping[str, tuple[int, int, int]]
    bones: list[int]
    sheet: tuple[int, int, int]
    again: str

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self))


def thinned(mesh: pv.PolyData, most: int = _MOST_LINES) -> pv.PolyData:
    """Return at most so many fascicles, evenly taken from their order."""
    if mesh.n_cells <= most:
        return mesh
    chosen = np.unique(np.linspace(0, mesh.n_cells - 1, most).round().astype(int))
    part = mesh.extract_cells(chosen)
    return part.extract_geometry()


def draw(scene: Scene) -> None:
    """Render fascicles by muscle from two sides and by length, into a PNG."""
    lines = thinned(read_vtk_mesh(scene.fascicles, scene.again, ("label", "length_mm")))
    labels = np.asarray(lines.cell_data["label"])
    colours = np.array([scene.colours[str(int(label))] for label in labels], np.uint8)
    lines.cell_data["colour"] = colours.reshape(-1, 3)
    skin = _skin(scene)
    aponeuroses = read_vtk_mesh(scene.sheets, scene.again, ()) if scene.sheets else None
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
            plotter.add_mesh(lines.copy(deep=False), scalars="colour", rgb=True, line_width=1.5)
        if aponeuroses is not None:
            plotter.add_mesh(
                aponeuroses, color=[c / 255 for c in scene.sheet], opacity=0.5,
                show_scalar_bar=False,
            )  # fmt: skip
        for part, opacity in skin:
            plotter.add_mesh(part, color=SURFACE, opacity=opacity, show_scalar_bar=False)
        # From the front (anterior, +y), upright; then from the right.
        eye = (0.0, 1.0, 0.0) if azimuth == 0 else (1.0, 0.0, 0.0)
        plotter.view_vector(eye, viewup=(0, 0, 1))  # type: ignore[call-arg,arg-type]
        plotter.enable_parallel_projection()  # type: ignore[call-arg]
        half = _half_height([part for part, _ in skin] or [lines])
        plotter.camera.parallel_scale = half
        # Lifted, to leave room for the colour bar below.
        x, y, z = plotter.camera.focal_point
        plotter.camera.focal_point = (x, y, z - 0.1 * half)
        x, y, z = plotter.camera.position
        plotter.camera.position = (x, y, z - 0.1 * half)
    plotter.screenshot(scene.target)
    plotter.close()


def _skin(scene: Scene) -> list[tuple[pv.PolyData, float]]:
    """Return muscles and bones, where there are any, with how opaque each is."""
    if not scene.surfaces:
        return []
    mesh = read_vtk_mesh(scene.surfaces, scene.again, ("label",))
    bone = np.isin(np.asarray(mesh.cell_data["label"]), scene.bones)
    faces: NDArray[Any] = np.asarray(mesh.regular_faces)
    points: Any = np.asarray(mesh.points)
    return [
        (pv.PolyData.from_regular_faces(points, faces[part]), opacity)
        for part, opacity in ((~bone, 0.12), (bone, 0.22))
        if part.any()
    ]


def _half_height(meshes: list[pv.PolyData]) -> float:
    """Return half the height in mm that a panel must show, with room for the colour bar."""
    bounds = np.array([mesh.bounds for mesh in meshes])
    x0, y0, z0 = bounds[:, ::2].min(axis=0)
    x1, y1, z1 = bounds[:, 1::2].max(axis=0)
    width = max(x1 - x0, y1 - y0) * _PANEL[1] / _PANEL[0]
    return float(0.6 * max(z1 - z0, width, 1.0))


if __name__ == "__main__":
    draw(Scene(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
