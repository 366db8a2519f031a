"""Isotropic inversions on waves they were not made for: a box, two inclusions, and a leg.

``python -m benchmarks.elastography_isotropic [CASE ...]`` prints figures beside their goals. Waves
are solved on 1.5 mm (leg 2 mm) and acquired on 2.5 mm voxels of a grid tilted against it: wrapped
phase, 3 directions, 8 offsets, 3 drivers at 40, 50 and 60 Hz, SNR 30, a field of view smaller than
the medium. Solved waves are kept in ``scratch/`` (not in git).
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.elastography.curl import curl_helmholtz
from imaging.elastography.fields import frequency_field, harmonic_fields
from imaging.elastography.inversion import Inversion
from imaging.elastography.kmdev import k_mdev
from imaging.elastography.mdev import mdev
from imaging.elastography.methods import invert
from imaging.elastography.muscles import FEW_VOXELS
from imaging.elastography.virtualfields import virtual_fields
from imaging.elastography.waves import WaveField, WaveImages, harmonic_field
from imaging.erosion import erode
from imaging.image import Image
from imaging.phantom.leg import make_leg
from imaging.phantom.moduli import ALONG, TENSILE, paint
from imaging.phantom.mre import DENSITY, Preset, displacement, encode, slab_box
from imaging.phantom.waves import solve_waves, sponge

CACHE = Path(__file__).parent.parent / "scratch" / "elastography"
FREQUENCIES = (40.0, 50.0, 60.0)
SNR = 30.0
FINE_MM, VOXEL_MM = 1.5, 2.5
BACKGROUND = 1000 * np.exp(0.2j)
STIFFER, SOFTER = 2.5, 0.5
TILT = Rotation.from_euler("xyz", [3, -4, 6], degrees=True).as_matrix()
SHAPE = (36, 32, 28)


@dataclass(frozen=True)
class Scene:
    """Wave fields with the truth on their grid: |G*| in Pa and named regions."""

    fields: list[WaveField]
    mask: NDArray[np.bool_]
    labels: NDArray[np.integer[Any]] | None
    truth: NDArray[np.floating[Any]]
    regions: dict[str, NDArray[np.bool_]]


def grid(centre: Any, shape: tuple[int, ...], spacing: float, turn: Any) -> Image:
    """Return an empty image of cubic voxels turned about its centre."""
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(turn) * spacing
    affine[:3, 3] = np.asarray(centre) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Image(np.zeros(shape, np.uint8), affine)


def points(image: Image) -> NDArray[np.floating[Any]]:
    """Return the world points (I, J, K, 3) of the voxels of an image."""
    voxels = np.stack(np.meshgrid(*map(np.arange, image.shape), indexing="ij"), -1)
    return voxels @ image.affine[:3, :3].T + image.affine[:3, 3]


def inclusions(world: NDArray[np.floating[Any]]) -> dict[str, NDArray[np.bool_]]:
    """Return where the stiff ball and the soft cylinder are."""
    ball = np.linalg.norm(world - [-19, 8, 3], axis=-1) <= 13
    rod = np.hypot(world[..., 0] - 21, world[..., 1] + 9) <= 11
    return {"stiff ball": ball, "soft cylinder": rod}


def shaken_box(with_inclusions: bool, frequency: float, driver: int) -> Image:
    """Solve the waves in a gel whose container is shaken along one direction."""
    path = CACHE / f"box-{int(with_inclusions)}-{frequency:g}-{driver}.npy"
    half = np.array(SHAPE) * VOXEL_MM / 2 + 8  # inner wall of the container
    n = (2 * (half + 6 + 12) / FINE_MM).astype(int) // 8 * 8 + 8
    like = grid(np.zeros(3), tuple(int(v) for v in n), FINE_MM, np.eye(3))
    if path.is_file():
        return Image(np.load(path), like.affine)
    world = points(like)
    modulus = np.full(like.shape, BACKGROUND)
    if with_inclusions:
        found = inclusions(world)
        modulus[found["stiff ball"]] *= STIFFER
        modulus[found["soft cylinder"]] *= SOFTER
    modulus = sum(
        f * ndimage.gaussian_filter(p, 0.7) for f, p in ((1, modulus.real), (1j, modulus.imag))
    )
    outside = (np.abs(world) - half).max(-1)
    wall = ndimage.gaussian_filter(((outside > 0) & (outside < 6)).astype(np.float32), 1.0)
    turn = Rotation.from_euler("zyx", [35, 25, 15], degrees=True).as_matrix()
    wave = solve_waves(
        modulus, modulus, 3 * modulus, wall[..., None] * turn[:, driver],
        frequency_hz=frequency, spacing_m=np.full(3, FINE_MM / 1000), density=DENSITY,
        damping=sponge(like.shape, (8, 8, 8)), tolerance=1e-3,
    )  # fmt: skip
    inside = outside < -8
    wave *= 2e-5 / np.quantile(np.linalg.norm(wave[inside], axis=-1), 0.95)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, wave)
    return Image(wave, like.affine)


def acquire(
    waves: Image, like: Image, signal: Any, frequency: float, seed: int, snr: float = SNR
) -> WaveField:
    """Return the harmonic field of waves (..., 3, R) as encoded, wrapped and noisy."""
    rng = np.random.default_rng(seed)
    phase, magnitude = encode(waves, like, signal, TILT.T, snr=snr, rng=rng)
    weight = magnitude.reshape(*like.shape, -1).mean(-1) * (signal > 0)
    return harmonic_field(WaveImages(phase, weight, like.affine, TILT.T, frequency, DENSITY))


def box(
    with_inclusions: bool, drivers: int = 3, frequencies: tuple[float, ...] = FREQUENCIES,
    snr: float = SNR,
) -> Scene:  # fmt: skip
    """Return a homogeneous gel, or one with a stiff ball and a soft cylinder."""
    like = grid([1.0, -0.7, 0.4], SHAPE, VOXEL_MM, TILT)
    fields = []
    for n, frequency in enumerate(frequencies):
        solved = [shaken_box(with_inclusions, frequency, d) for d in range(drivers)]
        waves = Image(np.stack([s.data for s in solved], -1), solved[0].affine)
        fields.append(acquire(waves, like, np.ones(SHAPE), frequency, n + 1, snr))
    truth = np.full(SHAPE, abs(BACKGROUND))
    regions = {"background": np.ones(SHAPE, bool)}
    if with_inclusions:
        found = inclusions(points(like))
        truth[found["stiff ball"]] *= STIFFER
        truth[found["soft cylinder"]] *= SOFTER
        far = [ndimage.distance_transform_edt(~f) * VOXEL_MM > 6 for f in found.values()]
        regions = {"background": far[0] & far[1], **found}
    return Scene(fields, np.ones(SHAPE, bool), None, truth, regions)


def leg(
    drivers: int, frequencies: tuple[float, ...], anisotropic: bool = False, snr: float = SNR
) -> Scene:
    """Return 65 mm of a digital calf, isotropic per muscle or transversely isotropic."""
    body = make_leg(3)
    preset = Preset(2.0, 14.0, 104.0, 18.0, (VOXEL_MM,) * 3, 26, snr)
    low, high = slab_box(body, preset.slices * VOXEL_MM)
    across = np.ceil(((high - low)[:2] + 8) / VOXEL_MM).astype(int)
    like = grid((low + high) / 2, (*map(int, across), preset.slices), VOXEL_MM, TILT)
    labels = body.labels(points(like).reshape(-1, 3)).reshape(like.shape)
    modulus, signal = paint(labels)
    fields = []
    for n, frequency in enumerate(frequencies):
        path = CACHE / f"leg-{drivers}-{frequency:g}-{int(anisotropic)}.npz"
        if path.is_file():
            kept = np.load(path)
            waves = Image(kept["data"], kept["affine"])
        else:
            waves = displacement(
                body, preset=preset, drivers=drivers, anisotropic=anisotropic,
                frequency_hz=frequency,
            )  # fmt: skip
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, data=waves.data, affine=waves.affine)
        fields.append(acquire(waves, like, signal, frequency, n + 1, snr))
    muscles = np.where((labels > 0) & (labels % 100 <= 14), labels, 0)
    regions = {str(v): labels == v for v in np.unique(muscles) if v and (muscles == v).sum() > 300}
    return Scene(fields, signal > 0.3, muscles, np.abs(modulus), regions)


METHODS: dict[str, Callable[..., Inversion]] = {
    "mdev": mdev,
    "curl": curl_helmholtz,
    "kmdev": k_mdev,
    "vfm": virtual_fields,
}


def magnitude(found: Inversion) -> NDArray[np.floating[Any]]:
    """Return |G*|, or rho c^2 where that is all a method gives."""
    if "storage" in found.maps:
        return np.hypot(found.maps["storage"].values, found.maps["loss"].values)
    return found.maps["stiffness"].values


def row(case: str, what: str, value: float, goal: float | None) -> None:
    """Print one figure, in percent, beside its goal."""
    met = "" if goal is None else f"{goal:6.1f}   {'yes' if abs(value) <= goal else 'NO'}"
    print(f"{case:44s} {what:26s} {value:+7.1f}  {met}", flush=True)


def run_box(snr: float = SNR) -> None:
    """Homogeneous gel."""
    scene = box(False, snr=snr)
    for name, method in METHODS.items():
        found = method(scene.fields, scene.mask)
        ratio = magnitude(found)[found.mask] / abs(BACKGROUND) - 1
        case, goals = f"box, SNR {snr:g}, {name}", (1.0, 2.5) if snr == SNR else (None, None)
        row(case, "median of |G*|", 100 * float(np.median(ratio)), goals[0])
        row(case, "median error per voxel", 100 * float(np.median(np.abs(ratio))), goals[1])


def run_inclusions() -> None:
    """Gel with two inclusions, whose borders no method knows."""
    scene = box(True)
    for name, method in METHODS.items():
        found = method(scene.fields, scene.mask)
        values = magnitude(found)
        for region, goal in (("background", None), ("soft cylinder", 5.0), ("stiff ball", 15.0)):
            inside = scene.regions[region]
            # All of an inclusion, up to its border; what has no value counts as missing.
            seen = inside & found.mask
            error = float(np.median(values[seen])) / scene.truth[inside].mean() - 1
            row(f"inclusions, {name}", f"{region} ({seen.sum() / inside.sum():.0%})",
                100 * error, goal)  # fmt: skip


def hill() -> float:
    """Return the isotropic modulus nearest to that of the phantom's muscles, over mu_perp.

    Mean of Voigt's and Reuss' averages over the five shears that keep the volume: one along the
    fibre (E_par / 3), two of mu_par and two of mu_perp.
    """
    shears = np.array([TENSILE / 3, ALONG, ALONG, 1.0, 1.0])
    return float((shears.mean() + 1 / (1 / shears).mean()) / 2)


def run_leg(
    drivers: int, frequencies: tuple[float, ...], snr: float, goals: Any, fibres: bool = False
) -> None:
    """Muscles of a calf, labels given, 3 mm from their borders as the muscle map is.

    With fibres, the medium is transversely isotropic and the truth is its nearest isotropic one.
    """
    scene = leg(drivers, frequencies, anisotropic=fibres, snr=snr)
    factor = hill() if fibres else 1.0
    spacing = np.full(3, VOXEL_MM)
    hertz = "/".join(f"{f:g}" for f in frequencies)
    for name, method in METHODS.items():
        found = method(scene.fields, scene.mask, labels=scene.labels)
        errors = []
        for region in scene.regions.values():
            core = erode(region, spacing, 3.0) & found.mask
            if core.sum() >= FEW_VOXELS:
                true = factor * scene.truth[region].mean()
                errors.append(abs(float(np.median(magnitude(found)[core])) / true - 1))
        kind = "leg with fibres" if fibres else "leg"
        case = f"{kind}, {drivers} x {hertz} Hz, SNR {snr:g}, {name}"
        row(case, f"median of {len(errors)} muscles", 100 * float(np.median(errors)), goals[0])
        row(case, "worst muscle", 100 * max(errors), goals[1])


def run_speed() -> None:
    """80 x 80 x 40 voxels, 3 directions, 8 offsets, 3 drivers, nine muscles, with intervals."""
    like = grid(np.zeros(3), (80, 80, 40), VOXEL_MM, np.eye(3))
    world = points(like) / 1000
    rng = np.random.default_rng(1)
    phase = np.empty((80, 80, 40, 3, 8, 3), np.float32)
    steps = np.exp(2j * np.pi * np.arange(8) / 8)
    for d, r in np.ndindex(3, 3):
        way = rng.standard_normal(3)
        wave = 2 * np.exp(-1j * 370 * world @ (way / np.linalg.norm(way)))
        phase[..., d, :, r] = (wave[..., None] * steps).real
    phase += rng.standard_normal(phase.shape, np.float32) / np.float32(SNR)
    images = WaveImages(
        np.angle(np.exp(1j * phase)).astype(np.float32), np.ones(like.shape, np.float32),
        like.affine, np.eye(3), 60.0, DENSITY,
    )  # fmt: skip
    del phase
    mask = np.ones(like.shape, bool)
    began, spent = time.perf_counter(), time.process_time()
    waves = harmonic_fields([frequency_field(images, None, mask)], mask)
    labels = np.zeros(like.shape, np.int16)
    for n, (a, b) in enumerate(np.ndindex(3, 3)):  # nine muscles and what lies between
        labels[5 + 25 * a : 25 + 25 * a, 5 + 25 * b : 25 + 25 * b] = 201 + n
    invert(waves, like, labels, None, list(METHODS), erode_mm=3.0)
    wall, cpu = time.perf_counter() - began, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"80 x 80 x 40, 3 drivers: {wall:.0f} s, {cpu:.0f} s of processor, peak {peak:.1f} GiB")


CASES: dict[str, Callable[[], None]] = {
    "box": run_box,
    "inclusions": run_inclusions,
    "one-driver": lambda: run_leg(1, (60.0,), SNR, (12.0, 12.0)),
    "one-driver-fibres": lambda: run_leg(1, (60.0,), SNR, (12.0, 12.0), fibres=True),
    "leg": lambda: run_leg(3, FREQUENCIES, SNR, (2.0, 6.0)),
    "leg-15": lambda: run_leg(3, FREQUENCIES, 15.0, (2.0, 6.0)),
    "box-5": lambda: run_box(5.0),
    "speed": run_speed,
}


if __name__ == "__main__":
    print(f"{'case':44s} {'figure':26s} {'error %':>8s}  {'goal':>6s}")
    for chosen in sys.argv[1:] or CASES:
        CASES[chosen]()
