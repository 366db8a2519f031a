"""Write the pictures of the README from the finished output folder of a phantom.

``python docs/make_pictures.py OUT [PREFIX]``: demo.png from the muscle map; viewer.png as a
screenshot of the viewer when a Chromium is installed.
"""

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyvista as pv
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter

from imaging.formats.vtk_xml import read_vtk_mesh
from imaging.image import Image
from imaging.musclemap.vtk_files import read_voxels
from imaging.muscles import structure_of
from imaging.palette import muscle_hex
from imaging.report.picture import window

TARGET = Path(__file__).parent / "pictures"
LARGEST = {"demo.png": 300_000, "viewer.png": 250_000}
INK = "#222222"
HOW = "Run pennate on the phantom first"
FLAGS = """
--headless --no-sandbox --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader
--ignore-gpu-blocklist --no-first-run --disable-background-networking --disable-component-update
--disable-sync --hide-scrollbars --window-size=1440,900 --virtual-time-budget=20000
"""


def leg(
    folder: Path, prefix: str, limits: tuple[float, float], eye: tuple[float, float, float]
) -> np.ndarray:
    """Return a picture of the fascicles, coloured by length, within translucent muscles.

    `eye` is the direction from the leg to the viewer, world RAS+.
    """
    lines = read_vtk_mesh(folder / f"{prefix}_fascicles.vtp", HOW)
    skin = read_vtk_mesh(folder / f"{prefix}_surfaces.vtp", HOW)
    keep = np.random.default_rng(0).permutation(lines.n_cells)[:7000]
    lines = lines.extract_cells(np.sort(keep)).extract_surface(algorithm=None)
    plotter = pv.Plotter(off_screen=True, window_size=[1300, 1900], lighting="three lights")
    plotter.background_color = "white"
    plotter.add_mesh(lines, scalars="length_mm", cmap="viridis", clim=limits, line_width=2.8,
                     ambient=0.3, diffuse=0.8, specular=0.15,
                     render_lines_as_tubes=True, show_scalar_bar=False)  # fmt: skip
    for label in np.unique(skin.cell_data["label"]):
        part = skin.extract_cells(np.asarray(skin.cell_data["label"]) == label)
        part = part.extract_surface(algorithm=None).smooth_taubin(n_iter=30)
        plotter.add_mesh(part, color=muscle_hex(int(label)), opacity=0.14, smooth_shading=True)
    plotter.view_vector(eye, viewup=(0, 0, 1))
    plotter.enable_parallel_projection()
    plotter.camera.parallel_scale = 0.5 * (skin.bounds[5] - skin.bounds[4]) * 1.04
    plotter.enable_anti_aliasing("ssaa")
    picture = plotter.screenshot(return_img=True)
    plotter.close()
    used = np.argwhere((np.asarray(picture) < 250).any(axis=2))
    (top, left), (bottom, right) = used.min(axis=0), used.max(axis=0)
    return np.asarray(picture)[top : bottom + 1, left : right + 1]


def slice_with_labels(axes, anatomy: Image, labels: Image) -> None:
    """Draw the axial slice with most muscles, radiological: the right side on the left."""
    counts = [len(_muscles(labels.data[..., k], 60)) for k in range(labels.shape[2])]
    best = np.flatnonzero(np.array(counts) == max(counts))
    k = int(max(best, key=lambda k: (labels.data[..., k] > 0).sum()))
    plane, grey = labels.data[..., k], anatomy.data[..., k]
    axes.imshow(grey.T, origin="lower", cmap="gray", vmin=0, vmax=window(grey, 1, 99.5)[1],
                interpolation="bilinear")  # fmt: skip
    for label in np.unique(plane[plane > 0]):
        mask = plane == label
        s = structure_of(int(label))
        if s.is_muscle:
            smooth = gaussian_filter(mask.T.astype(float), 0.8)
            axes.contourf(smooth, [0.5, 2], colors=[muscle_hex(int(label))], alpha=0.62)
            axes.contour(smooth, [0.5], colors="white", linewidths=0.9)
        where = np.argwhere(mask)
        x, y = where[np.argmin(((where - where.mean(axis=0)) ** 2).sum(axis=1))]
        if len(where) > 60:
            axes.text(x, y, s.key, fontsize=8, color="white", ha="center", va="center",
                      path_effects=[withStroke(linewidth=2, foreground=INK)])  # fmt: skip
    axes.set_xlim(labels.shape[0] - 0.5, -0.5)
    axes.set_ylim(-0.5, labels.shape[1] - 0.5)
    axes.set_aspect(labels.spacing[1] / labels.spacing[0])
    rim = [withStroke(linewidth=2.5, foreground=INK)]
    for x, y, letter in ((0.03, 0.5, "R"), (0.5, 0.965, "A")):
        axes.text(x, y, letter, transform=axes.transAxes, color="white", fontsize=11, ha="center",
                  va="center", path_effects=rim)  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])


def _muscles(plane: np.ndarray, voxels: int) -> list[int]:
    found, counts = np.unique(plane[plane > 0], return_counts=True)
    return [int(v) for v, n in zip(found, counts, strict=True)
            if n >= voxels and structure_of(int(v)).is_muscle]  # fmt: skip


def demo(out: Path, prefix: str) -> None:
    """Write demo.png: fascicles in 3-D beside a slice with labels."""
    folder = out / prefix.replace("_", "/") / "map"
    lengths = np.asarray(
        read_vtk_mesh(folder / f"{prefix}_fascicles.vtp", HOW).cell_data["length_mm"]
    )
    limits = window(lengths, 2, 98)
    arrays = read_voxels(folder / f"{prefix}_map.vti")
    figure = Figure(figsize=(10, 5.6), facecolor="white")
    for x, title, eye in ((0.01, "from the right and front", (1.0, 0.75, 0.1)),
                          (0.235, "from the right and behind", (0.8, -1.0, 0.1))):  # fmt: skip
        axes = figure.add_axes((x, 0.02, 0.22, 0.84))
        axes.imshow(leg(folder, prefix, limits, eye), interpolation="lanczos")
        axes.axis("off")
        axes.set_title(title, fontsize=8.5, color="#555555")
    figure.text(0.235, 0.94, "Fascicles by length", fontsize=12, color=INK, ha="center")
    bar = figure.add_axes((0.462, 0.24, 0.011, 0.42))
    scale = ScalarMappable(Normalize(*limits), "viridis")
    figure.colorbar(scale, cax=bar, extend="both").set_label("mm", fontsize=9, color=INK)
    bar.tick_params(labelsize=9)
    right = figure.add_axes((0.54, 0.07, 0.45, 0.79))
    slice_with_labels(right, arrays["anatomy"], arrays["label"])
    figure.text(0.765, 0.94, "Muscles on the anatomical image", fontsize=12, color=INK, ha="center")
    figure.text(0.99, 0.02, "Synthetic leg (pennate phantom); not a person.", fontsize=8,
                color="#555555", ha="right")  # fmt: skip
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=130, metadata={"Software": None})
    save(Picture.open(buffer), "demo.png")


def viewer(out: Path, prefix: str) -> None:
    """Write viewer.png: the viewer as a browser shows it."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        sys.exit("viewer.png is left as it is: no Chromium is installed")
    page = out / prefix.replace("_", "/") / "export" / f"{prefix}_viewer.html"
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        subprocess.run(
            [browser, *FLAGS.split(), f"--user-data-dir={folder}", f"--screenshot={shot}",
             f"{page.resolve().as_uri()}#overlay=stiffness_mdev"],
            check=True, capture_output=True, timeout=300,
        )  # fmt: skip
        save(Picture.open(shot), "viewer.png")


def save(picture: Picture.Image, name: str) -> None:
    """Save with as many pixels as the largest size allows."""
    picture = picture.convert("RGB")
    while True:
        buffer = io.BytesIO()
        # Colours that cover the range, so that colour bars stay true.
        method = Picture.Quantize.MAXCOVERAGE
        reduced = picture.quantize(256, method, kmeans=1, dither=Picture.Dither.FLOYDSTEINBERG)
        reduced.save(buffer, "png", optimize=True)
        if buffer.tell() <= LARGEST[name]:
            break
        size = picture.width * 19 // 20, picture.height * 19 // 20
        picture = picture.resize(size, Picture.Resampling.LANCZOS)
    TARGET.mkdir(exist_ok=True)
    (TARGET / name).write_bytes(buffer.getvalue())
    print(f"{TARGET / name}: {picture.width} x {picture.height}, {buffer.tell() // 1000} kB")


if __name__ == "__main__":
    _out = Path(sys.argv[1])
    _prefix = sys.argv[2] if len(sys.argv) > 2 else "sub-01"
    demo(_out, _prefix)
    viewer(_out, _prefix)
