"""Fascicles in 3-D: rendered off screen in a process of its own, or drawn as plain lines.

Rendering needs OpenGL without a screen, which may be missing or crash. It runs as ``python -m
imaging.report.fascicle_rendering``, so that a crash ends that process and not the report.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyvista as pv
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Line3DCollection

from imaging.formats.vtk_xml import read_vtk_mesh
from imaging.musclemap.read.files import REMAKE
from imaging.musclemap.vtk_files import fascicles_of
from imaging.muscles import bone_labels
from imaging.palette import SHEET, muscle_colour, muscle_hex
from imaging.report.fascicle_rendering import Scene
from imaging.report.picture import raster, webp
from imaging.threads import threads

_SECONDS = 180
NO_OPENGL = (
    "Drawn as plain lines because no off-screen OpenGL is there; for shaded pictures install "
    "the Debian package libegl1 (with libegl-mesa0 and libgl1) or libosmesa6."
)


def render(
    fascicles: Path, surfaces: Path | None, sheets: Path | None, labels: Iterable[int]
) -> tuple[str, str]:
    """Return the data address of the picture, and a sentence where it had to be a plain one.

    Parameters
    ----------
    fascicles
        ``_fascicles.vtp``.
    surfaces
        ``_surfaces.vtp`` or None.
    sheets
        ``_aponeuroses.vtp`` or None.
    labels
        Of everything in these files.
    """
    return begin(fascicles, surfaces, sheets, labels)()


def begin(
    fascicles: Path, surfaces: Path | None, sheets: Path | None, labels: Iterable[int]
) -> Callable[[], tuple[str, str]]:
    """Start rendering, and return what gives the result of :func:`render`.

    Until it is asked for, other pictures can be drawn.
    """
    known = sorted(set(labels))
    lines, skin, inside = (str(path or "") for path in (fascicles, surfaces, sheets))
    colours = {str(v): muscle_colour(v) for v in known}
    bones = list(bone_labels(np.array(known)))
    with_one = ThreadPoolExecutor(1)
    found = with_one.submit(
        _rendered, lambda target: Scene(lines, skin, inside, target, colours, bones, SHEET, REMAKE)
    )
    with_one.shutdown(wait=False)

    def finish() -> tuple[str, str]:
        content = found.result()
        if content is not None:
            return webp(content), ""
        return plain(read_vtk_mesh(fascicles, REMAKE, ("label",))), NO_OPENGL

    return finish


def _rendered(scene_into: Callable[[str], Scene]) -> bytes | None:
    """Return the picture as PNG; None where it could not be rendered."""
    with tempfile.TemporaryDirectory() as folder:
        target, told = Path(folder) / "scene.png", Path(folder) / "scene.json"
        told.write_text(scene_into(str(target)).to_json(), encoding="utf-8")
        command = [sys.executable, "-m", "imaging.report.fascicle_rendering", str(told)]
        # Mesa draws with as many threads as there are cores, each with memory of its own.
        environment = {**os.environ, "LP_NUM_THREADS": str(threads())}
        try:
            subprocess.run(
                command, capture_output=True, timeout=_SECONDS, check=True, env=environment
            )
            return target.read_bytes()
        except (subprocess.SubprocessError, OSError):
            return None


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
