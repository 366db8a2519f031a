"""|G*| of every muscle in noise and thin slabs: legs of two bodies, 3 to 40 slices, noisy waves.

    python -m benchmarks.stiffness_slabs [--bodies 1 3] [--slices 40 10 5 3] [--snr 30 15]
        [--first 1 3] [--drivers 3] [--muscles] [--published]

Waves are solved on 2 mm (kept in ``scratch/``, not in git; some ten minutes once) and acquired on
2.5 mm voxels of a grid tilted against it: wrapped phase, 3 directions, 8 offsets, 40, 50 and 60 Hz.
`--first F` adds noise to the first harmonic alone, as pulsation and table motion do, until it holds
F times the amplitude of noise in the other bins. Per method: median and worst error of |G*| among
muscles that the product calls measured, how many it flags or withholds, silent failures (error
above 20 %, no flag, interval excludes the truth), and the share of intervals that hold the truth.
`--jumps J` takes slices up to J rad apart in the vibration.
`--published` adds the formulas of the papers as their authors apply them, without intervals.
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from benchmarks._published_mre import PUBLISHED
from imaging.elastography.fields import HarmonicFields, frequency_field, harmonic_fields
from imaging.elastography.intervals import with_intervals
from imaging.elastography.inversion import Inversion
from imaging.elastography.methods import invert
from imaging.elastography.muscles import FEW_VOXELS, muscle_measures
from imaging.elastography.notes import UNSURE_HALF_WIDTH
from imaging.elastography.waves import WaveImages
from imaging.erosion import erode
from imaging.image import Image
from imaging.muscles import muscle_labels, structure_of
from imaging.phantom.leg import Leg, make_leg
from imaging.phantom.moduli import paint
from imaging.phantom.mre import (
    DENSITY,
    OFFSETS,
    Preset,
    displacement,
    encode,
    points_of,
    slab_box,
    turned_grid,
)

CACHE = Path(__file__).parent.parent / "scratch" / "elastography"
FREQUENCIES = (40.0, 50.0, 60.0)
VOXEL_MM, TALL, ERODE_MM = 2.5, 40, 3.0
ISOTROPIC = ("mdev", "curl", "kmdev", "vfm")
SOLVER = Preset(2.0, 16.0, 136.0, 18.0, (VOXEL_MM,) * 3, TALL, 30.0)
TILT = Rotation.from_euler("xyz", [3, -4, 6], degrees=True).as_matrix()


@dataclass(frozen=True)
class Scene:
    """Waves of a leg with the truth on their grid."""

    images: list[WaveImages]
    tissue: NDArray[np.bool_]
    labels: NDArray[np.integer[Any]]
    modulus: NDArray[np.complexfloating[Any, Any]]
    affine: NDArray[Any]

    def waves(self) -> HarmonicFields:
        """Return the harmonic fields."""
        found = [frequency_field(one, None, self.tissue) for one in self.images]
        return harmonic_fields(found, self.tissue)


def solved(leg: Leg, body: int, frequency: float, drivers: int) -> Image:
    """Return the displacement of the drivers, solved once."""
    path = CACHE / f"slab-{body}-{frequency:g}.npz"
    if not path.is_file():
        waves = displacement(leg, preset=SOLVER, drivers=3, frequency_hz=frequency)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, data=waves.data, affine=waves.affine)
    kept = np.load(path)
    return Image(kept["data"][..., :drivers], kept["affine"])


def scene(
    body: int, slices: int, snr: float, first: float, drivers: int = 3,
    frequencies: tuple[float, ...] = FREQUENCIES, jumps: float = 0.0,
) -> Scene:  # fmt: skip
    """Return the waves of a leg as acquired; `jumps` of phase between slices, rad."""
    leg, rng = make_leg(body), np.random.default_rng([body, slices, int(snr), int(10 * first)])
    low, high = slab_box(leg, TALL * VOXEL_MM)
    across = np.ceil(((high - low)[:2] + 8) / VOXEL_MM).astype(int)
    shape = (int(across[0]), int(across[1]), slices)
    affine = turned_grid((low + high) / 2, shape, VOXEL_MM, TILT)
    labels = leg.labels(points_of(shape, affine)).reshape(shape)
    modulus, signal = paint(labels)
    like = Image(np.zeros(shape, np.uint8), affine)
    out = []
    for frequency in frequencies:
        waves = solved(leg, body, frequency, drivers)
        phase, magnitude = encode(waves, like, signal, TILT.T, snr=snr, rng=rng)
        if first > 1:
            phase = _shaken(phase, signal, snr, first, rng)
        if jumps:
            phase = _jumping(phase, jumps, rng)
        weight = magnitude.reshape(*shape, -1).mean(-1) * (signal > 0)
        out.append(WaveImages(phase, weight, affine, TILT.T, frequency, DENSITY))
    muscles = np.where((labels > 0) & (labels % 100 <= 14), labels, 0)
    return Scene(out, signal > 0.3, muscles, modulus, affine)


def _shaken(
    phase: NDArray[Any], signal: NDArray[Any], snr: float, first: float, rng: np.random.Generator
) -> NDArray[Any]:
    """Add noise to the first harmonic (I, J, K, D, n, R) until its amplitude is `first` times."""
    # An offset's phase has SD 1 / (snr signal); an amplitude of a bin sqrt(2 / n) of it per part.
    sd = np.sqrt((first**2 - 1) * 2 / OFFSETS) / (snr * np.maximum(signal, 0.05))
    steps = np.exp(2j * np.pi * np.arange(OFFSETS) / OFFSETS)
    shape = (*phase.shape[:4], phase.shape[5])
    noise = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    noise *= sd[..., None, None]
    more = (noise[..., None, :] * steps[:, None]).real
    return np.angle(np.exp(1j * (phase + more))).astype(np.float32)


def _jumping(phase: NDArray[Any], size: float, rng: np.random.Generator) -> NDArray[Any]:
    """Let every slice be taken up to `size` rad earlier or later in the vibration."""
    series = np.fft.fft(np.unwrap(phase, axis=4), axis=4)
    late = rng.uniform(-size, size, (1, 1, phase.shape[2], phase.shape[3], phase.shape[5]))
    series[..., 1, :] *= np.exp(1j * late)
    series[..., OFFSETS - 1, :] *= np.exp(-1j * late)
    return np.angle(np.exp(1j * np.fft.ifft(series, axis=4).real)).astype(np.float32)


@dataclass(frozen=True)
class Row:
    """One figure of one muscle: off the truth by `error` percent; None where it is none."""

    method: str
    quantity: str
    muscle: str
    error: float | None
    half: float
    few: bool

    @property
    def flagged(self) -> bool:
        """Whether the product itself calls it unsure."""
        return self.few or self.half > 100 * UNSURE_HALF_WIDTH

    @property
    def holds(self) -> bool:
        """Whether the interval holds the truth."""
        assert self.error is not None
        # In percent of the truth: the interval is a share of the value.
        return abs(self.error) <= self.half * (1 + self.error / 100)

    @property
    def silent(self) -> bool:
        """Whether a figure is far off without a word."""
        return self.error is not None and abs(self.error) > 20 and not (self.flagged or self.holds)


def truth(s: Scene, label: int, quantity: str) -> float:
    """Return a quantity of a muscle, Pa or rad."""
    g = complex(s.modulus[s.labels == label].mean())
    return {
        "magnitude": abs(g), "storage_modulus": g.real, "loss_modulus": g.imag,
        "shear_stiffness": 2 * abs(g) ** 2 / (g.real + abs(g)), "loss_angle": float(np.angle(g)),
    }[quantity]  # fmt: skip


def judged(s: Scene, found: Inversion) -> list[Row]:
    """Return every figure of every muscle of one method."""
    maps = {q.quantity: (q.values, q.unit) for q in found.maps.values() if q.unit in ("Pa", "rad")}
    spacing = np.full(3, VOXEL_MM)
    wanted = muscle_labels(s.labels)
    rows, _ = muscle_measures(
        maps, s.labels, wanted, found.mask, spacing, erode_mm=ERODE_MM, note=""
    )
    rows, _ = with_intervals(rows, found.errors, {q: q for q in maps})
    out = []
    for row in (r for r in rows if r.measure in maps):
        key = structure_of(row.label).key
        if row.value is None:
            out.append(Row(found.method, row.measure, key, None, 0.0, False))
            continue
        half = float("nan")
        if row.ci_low is not None and row.ci_high is not None:
            half = 50 * (row.ci_high - row.ci_low) / row.value
        off = 100 * (row.value / truth(s, row.label, row.measure) - 1)
        few = (row.n or 0) < FEW_VOXELS
        out.append(Row(found.method, row.measure, key, off, half, few))
    return out


def published(s: Scene) -> list[Row]:
    """Return the medians of every muscle by the formulas of the papers."""
    out = []
    for name, (quantity, method) in PUBLISHED.items():
        values = method(s.images)
        for label in muscle_labels(s.labels):
            core = erode(s.labels == label, np.full(3, VOXEL_MM), ERODE_MM) & s.tissue
            key = structure_of(label).key
            if not core.any():
                out.append(Row(name, quantity, key, None, 0.0, False))
                continue
            off = 100 * (float(np.median(values[core])) / truth(s, label, quantity) - 1)
            out.append(Row(name, quantity, key, off, float("nan"), bool(core.sum() < FEW_VOXELS)))
    return out


def print_case(name: str, rows: list[Row], each: bool) -> None:
    """Print one line per method and quantity."""
    kinds = dict.fromkeys((r.method, r.quantity) for r in rows)
    for method, quantity in kinds:
        own = [r for r in rows if (r.method, r.quantity) == (method, quantity)]
        held = [r for r in own if r.error is not None]
        sure = [abs(r.error) for r in held if not r.flagged and r.error is not None]
        share = f"{np.mean([r.holds for r in held]):4.0%}" if held else "   -"
        middle = f"{np.median(sure):6.1f} {max(sure):6.1f}" if sure else "     -      -"
        print(f"{name:26s} {method:19s} {quantity:16s} {middle} {len(sure):5d} "
              f"{len(held) - len(sure):5d} {len(own) - len(held):5d} "
              f"{sum(r.silent for r in own):6d} {share}", flush=True)  # fmt: skip
        if each:
            cells = (f"{r.muscle} {r.error:+.0f}±{r.half:.0f}{'?' * r.flagged}" for r in held
                     if r.error is not None)  # fmt: skip
            print("    " + ", ".join(cells))


def print_voxels(s: Scene, found: list[Inversion]) -> None:
    """Print how far voxels of muscles are off, and whether their spread by noise tells it."""
    for one in found:
        if "spread" not in one.maps:
            continue
        own = one.mask & (s.labels > 0)
        spread = one.maps["spread"].values[own]
        error = np.abs(one.maps["stiffness"].values[own] / np.abs(s.modulus[own]) - 1)
        least, most = (np.median(error[part]) for part in (
            spread <= np.quantile(spread, 0.25), spread >= np.quantile(spread, 0.75)
        ))  # fmt: skip
        shares = [float((error < k * spread).mean()) for k in (1, 2)]
        print(f"    voxels by {one.method}: off by {100 * np.median(error):.1f} % (median), "
              f"{100 * least:.1f} and {100 * most:.1f} where the spread is least and most; within "
              f"one spread {shares[0]:.0%}, within two {shares[1]:.0%}")  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", nargs="+", type=int, default=[1, 3])
    parser.add_argument("--slices", nargs="+", type=int, default=[40, 10, 8, 5, 3])
    parser.add_argument("--snr", nargs="+", type=float, default=[30.0, 15.0])
    parser.add_argument("--first", nargs="+", type=float, default=[1.0, 3.0])
    parser.add_argument("--drivers", nargs="+", type=int, default=[3])
    parser.add_argument("--hertz", nargs="+", type=float, default=list(FREQUENCIES))
    parser.add_argument("--methods", nargs="+", default=list(ISOTROPIC))
    parser.add_argument("--jumps", type=float, default=0.0, help="between slices, rad")
    parser.add_argument("--published", action="store_true", help="formulas of the papers, too")
    parser.add_argument("--muscles", action="store_true", help="print every muscle")
    given = parser.parse_args()
    print(f"{'case':26s} {'method':19s} {'quantity':16s} {'median':>6s} {'worst':>6s} {'sure':>5s} "
          f"{'flag':>5s} {'none':>5s} {'silent':>6s} holds")  # fmt: skip
    every: list[Row] = []
    for body, slices, snr, first, drivers in itertools.product(
        given.bodies, given.slices, given.snr, given.first, given.drivers
    ):
        s = scene(body, slices, snr, first, drivers, tuple(given.hertz), given.jumps)
        began = time.perf_counter()
        grid = Image(np.zeros(s.labels.shape, np.uint8), s.affine)
        found, failed = invert(s.waves(), grid, s.labels, None, given.methods, erode_mm=ERODE_MM)
        took = time.perf_counter() - began
        rows = [r for one in found for r in judged(s, one)]
        rows += published(s) if given.published else []
        name = f"leg {body}, {slices} sl, {snr:g}, x{first:g}, {drivers} dr"
        print_case(name, rows, given.muscles)
        print(f"    {took:.0f} s" + "".join(f"; {text}" for text in failed))
        print_voxels(s, found)
        every += rows
    print_case("all cases", every, each=False)


if __name__ == "__main__":
    main()
