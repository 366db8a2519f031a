"""|G*| of every muscle in echo-planar wave images that a field inhomogeneity displaces.

    python -m benchmarks.wave_distortion [--body 1] [--slices 30] [--most 2 4 6] [--snr 30]

Waves of the simulated leg of `benchmarks.stiffness_slabs` (solved once, kept in ``scratch/``),
three drivers at 60 Hz. Every point is displaced along the phase encoding (front to back, turned
with the grid) by a smooth field of up to `--most` mm, in both signs: the one for the waves, the
other for a magnitude of reversed phase encoding. The solved waves are displaced on their own grid
by a spline of fifth order, before voxels are acquired; the correction knows nothing of the field.
Per case: median and worst error of |G*| among muscles as the distorted images are, undone by the
reversed magnitude, and undone against a T1-weighted image; share of voxels whose label is right;
and how far the found field is from the true one in the legs.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.stiffness_slabs import (
    ERODE_MM,
    TILT,
    VOXEL_MM,
    Scene,
    judged,
    solved,
)
from imaging.diffusion.acquisition import Acquisition
from imaging.elastography.fields import frequency_field, harmonic_fields
from imaging.elastography.methods import invert
from imaging.elastography.waves import WaveImages
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.io.waves.undistorted import look, undistorted
from imaging.phantom.images import t1_weighted
from imaging.phantom.leg import Leg, make_leg
from imaging.phantom.moduli import paint
from imaging.phantom.mre import DENSITY, encode, points_of, slab_box, turned_grid
from imaging.provenance import write_json

METHODS = ("mdev", "vfm")
FREQUENCY, AXIS = 60.0, 1
SLAB_MM = 100.0


def field_mm(points: np.ndarray, centre: np.ndarray, most: float) -> np.ndarray:
    """Return the displacement (N,) of points of the undistorted leg, mm: a sum of smooth hills."""
    away = points - centre
    hills = (
        (1.0, (30.0, 10.0, -20.0), 35.0), (-0.8, (-25.0, -20.0, 15.0), 30.0),
        (0.6, (0.0, 30.0, 35.0), 40.0),
    )  # fmt: skip
    out = sum(h * np.exp(-((away - c) ** 2).sum(1) / (2 * w**2)) for h, c, w in hills)
    return most * np.asarray(out) / 0.9


def origin(seen: np.ndarray, along: np.ndarray, centre: np.ndarray, most: float) -> np.ndarray:
    """Return where (N, 3) what is seen at points came from: x + b(x) along = seen."""
    x = seen.copy()
    for _ in range(60):
        x = seen - field_mm(x, centre, most)[:, None] * along
    return x


def displaced(waves: Image, along: np.ndarray, centre: np.ndarray, most: float) -> Image:
    """Return solved waves as they are seen, on their own fine grid."""
    place = waves.to_voxels(origin(points_of(waves.shape[:3], waves.affine), along, centre, most))
    out = np.empty_like(waves.data)
    for c, r in np.ndindex(waves.data.shape[3:]):
        parts = (waves.data[..., c, r].real, waves.data[..., c, r].imag)
        real, imag = (ndimage.map_coordinates(p, place.T, order=5, mode="nearest") for p in parts)
        out[..., c, r] = (real + 1j * imag).reshape(waves.shape[:3])
    return waves.with_data(out)


def signal_of(leg: Leg, like: Image, along: np.ndarray, centre: np.ndarray, most: float):
    """Return the signal (I, J, K) that is seen: nine samples along the phase encoding."""
    points = points_of(like.shape, like.affine)
    out = np.zeros(like.shape)
    for part in (np.arange(9) - 4) / 9 * VOXEL_MM:
        x = origin(points + part * along, along, centre, most)
        step = 0.5 * along
        slope = field_mm(x + step, centre, most) - field_mm(x - step, centre, most)
        own = paint(leg.labels(x).reshape(like.shape))[1]
        out += own / (1 + slope).reshape(like.shape) / 9
    return out


def acquired(body: int, slices: int, most: float, snr: float) -> tuple[Scene, Image, Image]:
    """Return the scene as seen, the magnitude of reversed phase encoding, and the true field."""
    leg, rng = make_leg(body), np.random.default_rng([body, slices, int(10 * most)])
    low, high = slab_box(leg, SLAB_MM)
    centre = (low + high) / 2
    shape = (*(int(n) for n in np.ceil(((high - low)[:2] + 20) / VOXEL_MM)), slices)
    affine = turned_grid(centre, shape, VOXEL_MM, TILT)
    like = Image(np.zeros(shape, np.uint8), affine)
    along = TILT[:, AXIS]
    labels = leg.labels(points_of(shape, affine)).reshape(shape)
    waves = solved(leg, body, FREQUENCY, 3)
    signal = signal_of(leg, like, along, centre, most)
    phase, magnitude = encode(
        displaced(waves, along, centre, most), like, signal, TILT.T, snr=snr, rng=rng
    )
    weight = magnitude.reshape(*shape, -1).mean(-1)
    images = WaveImages(phase, weight, affine, TILT.T, FREQUENCY, DENSITY)
    other = signal_of(leg, like, along, centre, -most)
    noise = rng.standard_normal((2, *shape)) / snr
    reverse = like.with_data(np.hypot(other + noise[0], noise[1]).astype(np.float32))
    truth = field_mm(points_of(shape, affine), centre, most).reshape(shape)
    muscles = np.where((labels > 0) & (labels % 100 <= 14), labels, 0)
    tissue = paint(labels)[1] > 0.3
    scene = Scene([images], tissue, muscles, paint(labels)[0], affine)
    return scene, reverse, like.with_data(truth.astype(np.float32))


def errors(scene: Scene, images: WaveImages) -> dict[str, np.ndarray]:
    """Return the errors of |G*| of all muscles by method, percent."""
    waves = harmonic_fields([frequency_field(images, None, scene.tissue)], scene.tissue)
    grid = Image(np.zeros(scene.labels.shape, np.uint8), scene.affine)
    found, _ = invert(waves, grid, scene.labels, None, METHODS, erode_mm=ERODE_MM)
    return {
        one.method: np.array([
            r.error for r in judged(scene, one) if r.quantity == "magnitude" and r.error is not None
        ]) for one in found
    }  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--body", type=int, default=1)
    parser.add_argument("--slices", type=int, default=30)
    parser.add_argument("--most", type=float, nargs="+", default=[0.0, 2.0, 4.0, 6.0])
    parser.add_argument("--snr", type=float, default=30.0)
    given = parser.parse_args()
    acquisition = Acquisition(AXIS, 1, 0.03, 2, True)
    print(f"{'displaced by':>14} {'undone by':>16} {'field off mm':>12}", end="")
    print("".join(f" {m + ' median':>12} {m + ' worst':>11}" for m in METHODS))
    for most in given.most:
        scene, reverse, truth = acquired(given.body, given.slices, most, given.snr)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "reversed_epi.nii.gz"
            save_image(reverse, path)
            about = {"PhaseEncodingDirection": "ijk"[AXIS] + "-", "TotalReadoutTime": 0.03}
            write_json(path.with_name("reversed_epi.json"), about)
            anatomy = _anatomy(given.body, scene)
            ways = {"nothing": {}, "reversed scan": {"fmap": path}, "anatomy": {"anatomy": anatomy}}
            for way, how in ways.items():
                images, off = scene.images[0], truth.data
                if how:
                    found = look(images, scene.tissue, acquisition, **how).found
                    assert found is not None
                    way += "" if found.status == "corrected" else f" ({found.status})"
                    if found.status == "corrected":
                        images = undistorted(images, None, found)[0]
                        off = found.displacement_mm - truth.data
                rest = float(np.median(np.abs(off[scene.labels > 0])))
                print(f"{f'{most:g} mm':>14} {way:>16} {rest:12.2f}", end="")
                for error in errors(scene, images).values():
                    size = np.abs(error)
                    print(f" {np.median(size):12.1f} {size.max():11.1f}", end="")
                print(flush=True)


def _anatomy(body: int, scene: Scene) -> Image:
    """Return a T1-weighted image of the slab."""
    low, high = slab_box(make_leg(body), SLAB_MM + 20)
    shape = tuple(int(n) for n in np.ceil((high - low + 10) / (1.5, 1.5, 3.0)))
    affine = turned_grid((low + high) / 2, shape, (1.5, 1.5, 3.0), np.eye(3))
    like = Image(np.zeros(shape, np.float32), affine)
    return t1_weighted([make_leg(body)], like, (1, 1, 1), 30.0, np.random.default_rng(body))


if __name__ == "__main__":
    main()
