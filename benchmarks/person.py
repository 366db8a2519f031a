"""A real person's calves: verdicts on the gradient table, DTI and fascicles of both legs.

    python -m benchmarks.person [--pictures FOLDER] [--as-given] [--verdicts]

Reads ``../shared/data/person`` (42 volumes, b 0 to 600, 3 x 3 x 6 mm, seven drawn muscles a leg).
Nobody knows the truth; what can be seen is whether the two legs agree, how much of each muscle has
fascicles, and why the rest has none. `--as-given` takes the gradient table as it stands in the
file. `--verdicts` judges the table also when it is flipped or permuted, and with left and right
labels exchanged. `--pictures` draws every muscle's fascicles from two sides.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np

from benchmarks.gradients import turned
from benchmarks.segmentation import ANATOMY
from imaging.architecture.muscle import MuscleArchitecture, reconstruct_muscle
from imaging.config import DiffusionSettings, FibreSettings
from imaging.diffusion.gradient_check import check_gradients
from imaging.diffusion.pipeline import DiffusionResult, process
from imaging.diffusion.table_candidates import all_candidates
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.io.diffusion_series import read_series
from imaging.muscles import label_of, side_and_key

PERSON = ANATOMY.parent / "person"
MUSCLES = {13: "GM", 15: "GL", 17: "SOL", 19: "TA", 21: "PL+PB", 23: "EDL", 25: "TP"}
REASONS = ("turned too sharply", "cut by the image", "length out of limits", "no direction")
VIEWS = ((1, "from the side"), (0, "from the front"))


def series() -> tuple[Image, object]:
    """Return the diffusion series and its table as the file has it."""
    stem = PERSON / "both-lower-legs_dwi"
    found = read_series(*(stem.with_name(stem.name + e) for e in (".nii.gz", ".bval", ".bvec")))
    return found.image, found.table


def drawn_labels(grid: Image) -> Image:
    """Return the drawn labels as labels of the catalogue; they lie on the series when reversed."""
    drawn = load_image(PERSON / "both-lower-legs_labels_3mm.nii.gz").data[::-1]
    labels = np.zeros(drawn.shape, np.int16)
    for number, key in MUSCLES.items():
        labels[drawn == number] = label_of(key, "right")
        labels[drawn == number + 1] = label_of(key, "left")
    return Image(labels, grid.affine)


def exchanged(labels: Image) -> Image:
    """Return labels with left and right exchanged."""
    data = labels.data
    return labels.with_data(np.where(data == 0, 0, (3 - data // 100) * 100 + data % 100))


def print_verdicts(found: DiffusionResult, labels: Image) -> None:
    """Print what is said of the table, of flips and permutations of it, and of other labels."""
    grid = found.dwi.with_data(found.mask)
    print("\ntable given        labels      verdict     best                  log odds misfit  t")
    fit = replace(found.fit, tensor=found.noisy_tensor)
    tables = all_candidates(grid.rotation)
    cases = [(t, "as drawn", labels) for t in tables if t.common or t.name in ("y x z", "z x y")]
    cases += [(t, "exchanged", exchanged(labels)) for t in tables[:4]]
    cases += [(tables[0], "none", None)]
    for table, how, given in cases:
        change = grid.rotation.T @ table.turn @ grid.rotation
        check = check_gradients(turned(fit, grid, change), found.mask, grid, given)
        print(
            f"{table.name:18s} {how:11s} {check.status:11s} {check.best:21s} {check.log_odds:8.1f} "
            f"{check.misfit:6.2f} {check.t:5.1f}  {check.contradiction}",
            flush=True,
        )


def print_muscle(r: MuscleArchitecture, found: DiffusionResult, labels: Image) -> None:
    """Print one row."""
    rows = {m.measure: m for m in r.measures}
    inside = (labels.data == r.label) & found.mask

    def median(values: np.ndarray) -> float:
        return float(np.median(values[inside]))

    def figure(name: str) -> str:
        value = rows[name].value
        return "-" if value is None else f"{value:.1f}"

    seeds = max(r.facts.get("seeds", 0), 1)
    shares = " ".join(f"{100 * r.facts.get(why, 0) / seeds:6.0f}" for why in REASONS)
    length = rows["fascicle_length"]
    spread = "-" if length.sd is None else f"{length.sd:.0f}"
    table = r.fascicles.table
    middle = f"{table.length_mm.median():.0f}" if len(table) else "-"
    kernel = f"{r.facts.get('smoothing_mm', 0):g}/{r.facts.get('polynomial_order', 0)}"
    unfilled = rows["unfilled_fraction"].value
    print(
        f"{side_and_key(r.label):12s} {1000 * median(found.md):5.2f} {median(found.fa):5.2f} "
        f"{1000 * median(found.ad):5.2f} {median(found.snr):4.0f} {kernel:>6s} "
        f"{100 * len(table) / seeds:5.0f} {shares} "
        f"{'-' if unfilled is None else f'{100 * unfilled:.0f}':>8s} "
        f"{figure('fascicle_length'):>6s} {spread:>3s} {middle:>6s} "
        f"{figure('pennation_start'):>6s} {figure('pennation_end'):>6s}  "
        f"{'sheet found' if r.sheets_found else ''} {length.status}",
        flush=True,
    )


def draw(results: list[MuscleArchitecture], folder: Path) -> None:
    """Draw the fascicles of every muscle in its outline from two sides, coloured by length."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.collections import LineCollection

    folder.mkdir(parents=True, exist_ok=True)
    pairs = sorted({r.label % 100 for r in results})
    figure, axes = plt.subplots(4, len(pairs), figsize=(1.9 * len(pairs), 10))
    for r in results:
        column, first = pairs.index(r.label % 100), 2 * (r.label // 100 - 1)
        for view, (axis, name) in enumerate(VIEWS):
            place = axes[first + view, column]
            place.scatter(r.points[:, axis], r.points[:, 2], s=0.2, c="0.8", rasterized=True)
            chosen = range(0, len(r.fascicles), max(1, len(r.fascicles) // 250))
            lines = [r.fascicles.line(f)[:, [axis, 2]] for f in chosen]
            drawn = LineCollection(lines, cmap="turbo", linewidths=0.5)
            drawn.set_array(r.fascicles.table.length_mm.to_numpy()[list(chosen)])
            drawn.set_clim(0, 120)
            place.add_collection(drawn)
            place.set_aspect("equal")
            place.axis("off")
            place.set_title(f"{side_and_key(r.label)}\n{name}", fontsize=7)
    figure.colorbar(drawn, ax=axes, shrink=0.4, label="length, mm")
    figure.savefig(folder / "person-fascicles.png", dpi=75)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--as-given", action="store_true")
    parser.add_argument("--verdicts", action="store_true")
    parser.add_argument("--muscles", nargs="+", default=list(MUSCLES.values()))
    given = parser.parse_args()
    dwi, table = series()
    labels = drawn_labels(dwi)
    cleaning = DiffusionSettings(gradient_check=not given.as_given)
    found = process(dwi, table, None, cleaning, labels=labels)
    facts = found.facts
    print(f"gradient table: {facts['gradient_check']} {facts.get('gradient_check_detail', '')}")
    print(
        f"b0 SNR {facts['snr_b0']}; motion at most {max(facts['motion_displacement_mm']):.1f} mm, "
        f"{len(facts['motion_corrected_volumes'])} volumes resampled; "
        f"{len(facts['outlier_slices'])} slices lost signal"
    )
    if found.perfusion is not None:
        share = found.perfusion[(labels.data > 0) & found.mask]
        print(f"perfusion fraction in muscle: median {np.median(share):.3f}")
    print(
        "\nmuscle          MD    FA    AD  SNR kernel kept%  turn%   cut% length%  none% unfilled%"
        "  mean  SD median distal prox. deg"
    )
    tensor = Image(found.noisy_tensor, found.dwi.affine)
    results = []
    for key in given.muscles:
        for side in ("left", "right"):
            label = label_of(key, side)
            mask = labels.with_data(labels.data == label)
            r = reconstruct_muscle(label, mask, tensor, FibreSettings(bootstrap=0, model=False))
            print_muscle(r, found, labels)
            results.append(r)
    if given.pictures:
        draw(results, given.pictures)
    if given.verdicts:
        print_verdicts(found, labels)


if __name__ == "__main__":
    main()
