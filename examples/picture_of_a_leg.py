"""For anyone who wants the 3-D result: fascicles by pennation inside the muscles, as a picture.

    python examples/picture_of_a_leg.py OUT sub-01 leg.png [--colour-by pennation_end_deg]

The map's files are plain VTK in millimetres, x to the right, y to the front, z up (RAS+), so that
pyvista, ParaView or Blender's VTK add-on open them as they are. With ``--show`` a window opens
instead and the leg can be turned.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyvista as pv


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="output folder of pennate run")
    parser.add_argument("prefix", help="such as sub-01 or sub-01_ses-02")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--colour-by", default="pennation_end_deg", help="a figure per fascicle")
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    folder = given.out / given.prefix.replace("_", "/") / "map"
    fascicles = pv.read(folder / f"{given.prefix}_fascicles.vtp")
    surfaces = pv.read(folder / f"{given.prefix}_surfaces.vtp")
    if given.colour_by not in fascicles.cell_data:
        raise SystemExit(f"no {given.colour_by}; there are {', '.join(fascicles.cell_data.keys())}")
    values = fascicles.cell_data[given.colour_by]
    plotter = pv.Plotter(off_screen=not given.show, window_size=[900, 1400])
    plotter.background_color = "white"
    plotter.add_mesh(
        fascicles, scalars=given.colour_by, cmap="viridis", clim=np.nanpercentile(values, (2, 98)),
        line_width=1.5, nan_opacity=0.0,
        scalar_bar_args={"title": given.colour_by, "color": "black", "fmt": "%.0f"},
    )  # fmt: skip
    plotter.add_mesh(surfaces, color="#BBBBBB", opacity=0.15)
    plotter.view_vector((0.3, -1.0, 0.1), viewup=(0, 0, 1))  # from behind
    plotter.camera.zoom(1.3)
    plotter.show(screenshot=given.picture)


if __name__ == "__main__":
    main()
