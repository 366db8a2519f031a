"""|G*| of every muscle when the phase jumps between slices or time steps are corrupted.

    python -m benchmarks.wave_repair [--body 1] [--slices 40] [--frequency 60] [--snr 30]

Waves of the simulated leg of `benchmarks.stiffness_slabs` (solved once, kept in ``scratch/``),
three drivers, eight time steps. Disturbed by: a phase offset of every slice that is another at
every time step (echo-planar series have one excitation per slice), rms .05 to 1 rad; one volume of
one direction and driver replaced by noise; one slice of it; one slice in every tenth volume. Per
case: median and worst error of |G*| among muscles, without and with the repair, and what was told.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.stiffness_slabs import Scene, judged, scene
from imaging.elastography.fields import FrequencyField, frequency_field, harmonic_fields
from imaging.elastography.methods import invert
from imaging.elastography.phase_repair import PhaseRepair
from imaging.elastography.waves import WaveImages, harmonic_field
from imaging.image import Image

METHODS = ("mdev", "vfm")
JUMPS = (0.05, 0.2, 0.5, 1.0)
ERODE_MM = 3.0


def disturbed(images: WaveImages) -> Iterator[tuple[str, WaveImages]]:
    """Yield what happens to wave images, in words, and the images."""
    yield "nothing", images
    slices, directions, offsets, drivers = images.phase.shape[2:]
    for rms in JUMPS:
        jumps = np.random.default_rng(7).normal(0, rms, (slices, directions, offsets, drivers))
        yield f"jumps of {rms:g} rad", _wrapped(images, images.phase + jumps)
    rng = np.random.default_rng(8)
    noise = rng.uniform(-np.pi, np.pi, images.phase.shape)
    lost = np.zeros((slices, directions, offsets, drivers), bool)
    lost[:, 1, 3, 0] = True
    yield "one volume is noise", _wrapped(images, np.where(lost, noise, images.phase))
    lost[:] = False
    lost[slices // 2, 1, 3, 0] = True
    yield "one slice of it is noise", _wrapped(images, np.where(lost, noise, images.phase))
    lost[:] = False
    for d, n, r in np.ndindex(directions, offsets, drivers):
        if rng.random() < 0.1:
            lost[rng.integers(slices), d, n, r] = True
    yield "a slice in each tenth volume", _wrapped(images, np.where(lost, noise, images.phase))


def _wrapped(images: WaveImages, phase: np.ndarray) -> WaveImages:
    return replace(images, phase=np.angle(np.exp(1j * phase)).astype(np.float32))


def _unrepaired(images: WaveImages, tissue: np.ndarray) -> FrequencyField:
    """Return the field as it would be without repair."""
    field = harmonic_field(replace(images, weight=images.weight * tissue))
    assert field.share is not None
    none = PhaseRepair(None, np.zeros((0, 0, 0, 0), bool))
    return FrequencyField(field, images.phase.shape[4], field.share, None, None, none)


def errors(s: Scene, found: FrequencyField) -> dict[str, np.ndarray]:
    """Return the errors of |G*| of all muscles by method, percent."""
    waves = harmonic_fields([found], s.tissue)
    grid = Image(np.zeros(s.labels.shape, np.uint8), s.affine)
    inversions, _ = invert(waves, grid, s.labels, None, METHODS, erode_mm=ERODE_MM)
    return {
        one.method: np.array([
            r.error for r in judged(s, one) if r.quantity == "magnitude" and r.error is not None
        ]) for one in inversions
    }  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--body", type=int, default=1)
    parser.add_argument("--slices", type=int, default=40)
    parser.add_argument("--frequency", type=float, default=60.0)
    parser.add_argument("--snr", type=float, default=30.0)
    args = parser.parse_args()
    s = scene(args.body, args.slices, args.snr, 1.0, frequencies=(args.frequency,))
    (images,) = s.images
    for what, bad in disturbed(images):
        before = errors(s, _unrepaired(bad, s.tissue))
        found = frequency_field(bad, None, s.tissue)
        after = errors(s, found)
        print(f"\n{what}: {'; '.join(found.repair.warnings) or 'nothing said'}")
        for method in METHODS:
            texts = []
            for one in (before, after):
                e = np.abs(one.get(method, np.zeros(0)))
                texts.append(
                    f"{np.median(e):6.1f} {e.max():6.1f} ({e.size})" if e.size else "no result"
                )
            print(f"  {method:5s} |error| of |G*| median and worst, %: without {texts[0]}"
                  f"   with {texts[1]}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
