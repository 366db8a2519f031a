"""Shear-wave frames against their truth: colours, place, muscles, and correction for the angle.

    python -m benchmarks.ultrasound [--frames 6] [--trials 2000]

Colours: maps that use the whole scale, with gaps, over speckle; `length` is the width of the
Gaussian by which the map is smooth, in pixels. Errors in per cent of full scale. Place: 8 or fewer
markers on the skin whose place in the scan is off by 0.7 mm (root mean square distance, or along
each axis); error at the medial gastrocnemius. Muscles: the digital leg through `pennate
ultrasound`, against the truth 2 mm and more from borders. Shares: maps of which a part lies beyond
the scale and a part has no colour; found minus true, in per cent of pixels. Intervals: of the
median of one frame, over maps that are alike within some mm. Slopes: 30 frames of a stretch whose
noise is alike from frame to frame (correlation of neighbours), against the true slope.
Declarations: how often a wrong opacity, and a bar box off by some pixels, is named.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from imaging.cli.app import main as pennate
from imaging.formats.nifti import save_image
from imaging.measures import read_measures, read_notes
from imaging.muscles import structure_of
from imaging.phantom.colour_frames import Layout, compressed, draw_screen
from imaging.phantom.images import direction_image, label_image
from imaging.phantom.leg import covering_grid, make_leg
from imaging.phantom.shear_speed import RATIO_ALONG, RATIO_TENSILE
from imaging.phantom.ultrasound import probe_place, skin_landmarks
from imaging.phantom.ultrasound_files import write_ultrasound
from imaging.ultrasound.alike import median_interval
from imaging.ultrasound.colour_bar import crop, ends_off, read_bar
from imaging.ultrasound.colour_box import box_cells, shares_of
from imaging.ultrasound.figures import Figure
from imaging.ultrasound.overlay import fitting_opacity, read_overlay
from imaging.ultrasound.placement import place
from imaging.ultrasound.samples import FramePlane
from imaging.ultrasound.series import line


def smooth_map(shape, length, rng):
    """Return a random map whose values fill 0 to 1 evenly."""
    field = ndimage.gaussian_filter(rng.standard_normal(shape), length)
    return (np.argsort(np.argsort(field.ravel())).reshape(shape) + 0.5) / field.size


def nearest_colour(part, bar):
    """Return what the nearest colour of the bar says: the reading that ignores the overlay."""
    apart = np.linalg.norm(part[:, :, None].astype(float) - bar.rgb[None, None, ::4], axis=-1)
    return bar.position[::4][np.argmin(apart, axis=-1)]


def colours(count):
    layout = Layout()
    x0, y0, x1, y1 = layout.overlay
    shape = (y1 - y0, x1 - x0)
    print("length  opacity  JPEG   median %   p95 %   worst %   read   nearest colour: p95 %")
    for length, opacity, quality in product((14, 20), (0.5, 0.3), (None, 85, 80)):
        errors, plain, read = [], [], []
        for seed in range(count):
            rng = np.random.default_rng(seed)
            true = smooth_map(shape, length, rng)
            patch = ndimage.gaussian_filter(rng.standard_normal(shape), 12)
            shown = patch > np.quantile(patch, 0.08)
            screen = draw_screen(true, shown, layout, opacity=opacity, rng=rng)
            if quality:
                screen = compressed(screen, quality)
            bar, part = read_bar(screen, layout.bar), crop(screen, layout.overlay)
            found = read_overlay(part, bar, opacity)
            good = found.valid & (found.confidence >= 0.5)
            errors.append(np.abs(found.position - true)[good])
            plain.append(np.abs(nearest_colour(part, bar) - true)[good])
            read.append(good.sum() / shown.sum())
        error, other = 100 * np.concatenate(errors), 100 * np.concatenate(plain)
        print(
            f"{length:6d} {opacity:8g} {quality or 'none':>5}"
            f" {np.median(error):10.2f} {np.quantile(error, 0.95):7.2f} {error.max():9.1f}"
            f" {np.mean(read):6.0%} {np.quantile(other, 0.95):21.1f}",
            flush=True,
        )


def placing(leg, trials):
    target = probe_place(leg, "GM", Layout())
    x0, y0, x1, y1 = Layout().overlay
    points = np.array([[x, y] for x in (x0, x1) for y in (y0, y1)]) @ target[:3, :2].T
    points += target[:3, 3]
    print("\nmarkers  error mm   per        at the frame: median mm   p95 mm")
    for count, (error, how) in product(
        (4, 6, 8, 12), ((0.7, "distance"), (0.7 * np.sqrt(3), "axis"))
    ):
        away = []
        for seed in range(trials):
            true, found = skin_landmarks(leg, count, error, np.random.default_rng(seed))
            matrix = place(true, found).matrix
            moved = points @ matrix[:3, :3].T + matrix[:3, 3]
            away.append(np.linalg.norm(moved - points, axis=1).mean())
        print(
            f"{count:7d} {0.7:9g}   {how:8s} {np.median(away):24.2f} {np.quantile(away, 0.95):8.2f}"
        )


def muscles(leg, folder):
    frames = write_ultrasound(leg, folder / "sub-01", folder / "truth", subject="01", seed=leg.seed)
    grid = covering_grid(leg.bounds_mm, (1.0, 1.0, 3.0), (8.0, 8.0, 0.0))
    labels = label_image([leg], grid)
    save_image(labels, folder / "labels.nii.gz")
    save_image(direction_image([leg], labels), folder / "directions.nii.gz")
    ratios = {"along_ratio": RATIO_ALONG, "tensile_ratio": RATIO_TENSILE,
              "direction_error_deg": 2.0, "ratio_source": "the phantom"}  # fmt: skip
    call = ["ultrasound", "--out", folder / "us", "--prefix", "sub-01", "--labels",
            folder / "labels.nii.gz", "--directions", folder / "directions.nii.gz",
            "--settings", json.dumps(ratios)]  # fmt: skip
    for path in frames:
        call += ["--frames", path]
    assert pennate([str(c) for c in call]) == 0
    truth = pd.read_csv(folder / "truth" / "sub-01_desc-truthswe_frames.tsv", sep="\t")
    places = json.loads((folder / "truth" / "sub-01_desc-truthswe_frames.json").read_text())
    samples = pd.read_parquet(folder / "us" / "sub-01_desc-swe_samples.parquet")
    skipped = {f"{f['file']} {s.split()[1].rstrip(':')}"
               for f in read_notes(folder / "us" / "sub-01_desc-swe_notes.json").facts["files"]
               for s in f["skipped"]}  # fmt: skip
    truth["source"] = truth["file"] + " " + truth["frame"].astype(str)
    truth = truth[~truth["source"].isin(skipped)]
    away = []
    for item in places["frames"]:
        own = samples[samples["source"] == f"{item['file']} {item['frame']}"]
        if len(own):
            matrix = np.array(item["pixel_to_world"])
            pixel = np.column_stack([own[["pixel_x", "pixel_y"]], np.zeros(len(own))])
            true = pixel @ matrix[:3, :3].T + matrix[:3, 3]
            away += list(np.linalg.norm(true - own[["x", "y", "z"]], axis=1))
    rows = {(r.label, r.measure): r for r in read_measures(
        folder / "us" / "sub-01_desc-swe_measures.tsv")}  # fmt: skip
    for label, own in truth.groupby("label"):
        found = rows.get((label, "stiffness_swe_shear"))
        if found is None or found.value is None:
            continue
        weights = own["pixels"] / own["pixels"].sum()
        shown, along = (float((own[c] * weights).sum()) for c in ("shear_pa", "mu_par_pa"))
        fixed = rows[label, "stiffness_swe_corrected"].value
        text = "-" if fixed is None else f"{100 * (fixed / along - 1):+.1f}"
        print(
            f"{leg.seed:4d}  {structure_of(label).key:4s} {shown:9.0f} {found.value:9.0f}"
            f" {100 * (found.value / shown - 1):+8.1f} {100 * (found.value / along - 1):+12.1f}"
            f" {text:>12s} {np.median(away):11.2f} {len(skipped):8d}",
            flush=True,
        )


def random_screen(rng, share=0.0, void=0.0, quality=85, opacity=0.5):
    """Return a screen with the true map and where it is shown; a share lies beyond the scale."""
    layout = Layout()
    x0, y0, x1, y1 = layout.overlay
    shape = (y1 - y0, x1 - x0)
    true = np.clip(smooth_map(shape, 14, rng) / (1 - share), 0, 1)
    patch = ndimage.gaussian_filter(rng.standard_normal(shape), 12)
    shown = patch > np.quantile(patch, void) if void else np.ones(shape, bool)
    screen = draw_screen(true, shown, layout, opacity=opacity, rng=rng)
    return (compressed(screen, quality) if quality else screen), true, shown


def shares(count):
    print(
        "\nJPEG  saturated  void    saturated: found - true %  worst   void: found - true %  worst"
    )
    plane = FramePlane.of(np.diag([0.15, 0.15, 1.0, 1.0]), np.eye(4))
    for quality, share, void in product((None, 85), (0.05, 0.3, 0.7), (0.0, 0.2)):
        high, gap = [], []
        for seed in range(count):
            screen, true, shown = random_screen(
                np.random.default_rng([seed, 7]), share, void, quality
            )
            part = crop(screen, Layout().overlay)
            found = read_overlay(part, read_bar(screen, Layout().bar), 0.5)
            cells = box_cells(found, Layout().overlay, plane, 0, 0.5)
            told = shares_of(cells, np.ones(len(cells.frame), bool))
            high.append(100 * (told.high - (true >= 1)[found.valid].mean()))
            gap.append(100 * (told.void - 1 + shown.mean()))
        print(
            f"{quality or 'none':>4} {share:10.0%} {void:5.0%} {np.mean(high):27.1f}"
            f" {np.abs(high).max():6.1f} {np.mean(gap):22.1f} {np.abs(gap).max():6.1f}", flush=True,
        )  # fmt: skip


def intervals(trials):
    print("\nregion mm   alike within mm   given   hold %   half width % of the median")
    for (height, width), alike in product(((12, 20), (20, 30)), (1.0, 2.0, 3.0, 4.0)):
        y, x = np.mgrid[: 2 * height, : 2 * width] * 0.5
        place, frame = np.column_stack([x.ravel(), y.ravel()]), np.zeros(x.size, int)
        hits, half = [], []
        for seed in range(trials):
            rng = np.random.default_rng([seed, 11])
            wide = ndimage.gaussian_filter(rng.standard_normal((2 * height + 60, 2 * width + 60)),
                                           alike)  # fmt: skip
            values = 5000 * (1 + 0.2 * (wide / wide.std())[30:-30, 30:-30].ravel())
            ends = median_interval(values, frame, place)
            if ends is not None:
                hits.append(ends[0] <= 5000 <= ends[1])
                half.append((ends[1] - ends[0]) / 100)
        print(f"{height:4d} x {width:2d} {2.35 * alike / 2:15.1f} {len(hits) / trials:9.0%}"
              f" {np.mean(hits):8.0%} {np.mean(half):24.1f}", flush=True)  # fmt: skip


def slopes(trials):
    print("\nalike  given   intervals that hold   bias %   (true slope 100 Pa/deg, noise 5 %)")
    x = np.linspace(-20, 20, 30)
    for alike in (0.0, 0.3, 0.6, 0.8):
        slope, hits = [], []
        for seed in range(trials):
            rng = np.random.default_rng([seed, 13])
            noise = np.zeros(30)
            for k in range(30):
                noise[k] = rng.normal(0, 300 * np.sqrt(1 - alike**2 if k else 1))
                noise[k] += alike * noise[k - 1] if k else 0
            own = [Figure(v, v, v, 100, "measured", "") for v in 6000 + 100 * x + noise]
            found = line(x, own, 0.0)
            if found.slope is not None:
                slope.append(found.slope)
                hits.append(found.low <= 100 <= found.high)
        print(f"{alike:5.1f} {len(slope) / trials:6.0%} {np.mean(hits):18.0%}"
              f" {np.mean(slope) - 100:13.1f}", flush=True)  # fmt: skip


def declarations(count):
    print("\nwrong declaration       JPEG   named   of")
    layout = Layout()
    for quality in (None, 85):
        told = {}
        for seed in range(count):
            rng = np.random.default_rng([seed, 17])
            screen, _, _ = random_screen(rng, quality=quality)
            bar, part = read_bar(screen, layout.bar), crop(screen, layout.overlay)
            _, low, high = fitting_opacity(part, bar)
            for wrong in (0.5, 0.44, 0.56, 0.4, 0.6, 0.7):
                named = not low - 0.03 <= wrong <= high + 0.03
                told.setdefault(f"opacity {wrong:g} for 0.5", []).append(named)
            for off in ((0, 0), (2, 0), (0, 2), (-2, 0), (0, -2), (2, 2)):
                x0, y0, x1, y1 = layout.bar
                ends = ends_off(screen, (x0, y0 + off[0], x1, y1 + off[1]))
                told.setdefault(f"bar box off by {off}", []).append(
                    np.nanmax(np.abs([0.0, *ends])) >= 2
                )
        for name, named in told.items():
            print(f"{name:23s} {quality or 'none':>4} {sum(named):6d} {len(named):5d}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--legs", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args()
    colours(given.frames)
    shares(given.frames)
    intervals(given.trials // 10)
    slopes(given.trials // 4)
    declarations(given.frames)
    legs = [make_leg(seed, "right") for seed in given.legs]
    placing(legs[0], given.trials)
    print(
        "\n leg  what  shown Pa  found Pa  error %  to mu_par %  corrected %    place mm  skipped"
    )
    for leg in legs:
        with tempfile.TemporaryDirectory() as folder:
            muscles(leg, Path(folder))


if __name__ == "__main__":
    main()
