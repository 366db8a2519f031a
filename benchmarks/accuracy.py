"""Every figure of a finished map of the phantom against the phantom's truth.

``python -m benchmarks.accuracy BIDS OUT`` prints the table; without arguments it makes the demo
data set and its map first, in a temporary folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from imaging.formats.nifti import load_image, load_labels
from imaging.image import resample
from imaging.measures import Measure, read_measures
from imaging.muscles import label_of, muscle_labels, side_of, single_keys, structure_of

# Measures compared as they are: name in the map, name in the truth.
COMPARED = {
    "fascicle_length": "fascicle_length",
    "pennation_start": "pennation_start",
    "pennation_end": "pennation_end",
    "fa": "fa",
    "md": "md",
    "stiffness_mdev_magnitude": "stiffness_magnitude",
    "stiffness_ti_mu_perp": "stiffness_mu_perp",
    "stiffness_ti_mu_par": "stiffness_mu_par",
    "stiffness_ti_e_par": "stiffness_e_par",
    "stiffness_ti_mu_perp_muscle": "stiffness_mu_perp",
    "stiffness_ti_mu_par_muscle": "stiffness_mu_par",
    "stiffness_ti_e_par_muscle": "stiffness_e_par",
}
HELD = ("fascicle_length", "pennation_start", "pennation_end", "pennation_line", "curvature")


def values(path: Path) -> dict[tuple[int, str], Measure]:
    """Return the measures of a long table by label and name, without those not measured."""
    if not path.is_file():
        return {}
    return {(m.label, m.measure): m for m in read_measures(path) if m.value is not None}


def dice(found: np.ndarray, true: np.ndarray, label: int) -> float:
    """Return the Dice overlap of one label in two label maps on one grid."""
    a, b = found == label, true == label
    return float(2 * (a & b).sum() / max(a.sum() + b.sum(), 1))


def direction_error(out: Path, truth: Path, prefix: str, label: int) -> float:
    """Return the median angle in degrees between found and true direction inside both labels."""
    path = out / prefix / "fibre" / f"{prefix}_desc-smooth_direction.nii.gz"
    if not path.is_file():
        return np.nan
    found = load_image(path, ndim=4)
    true = resample(
        load_image(truth / f"{prefix}_desc-truth_direction.nii.gz", ndim=4), found, order=0
    )
    labels = resample(load_labels(truth / f"{prefix}_dseg.nii.gz"), found, order=0).data
    both = (labels == label) & (np.linalg.norm(found.data, axis=-1) > 0.5)
    if not both.any():
        return np.nan
    cosine = np.abs((found.data[both] * true.data[both]).sum(axis=-1))
    return float(np.degrees(np.median(np.arccos(np.clip(cosine, 0, 1)))))


def table(bids: Path, out: Path, prefix: str = "sub-01") -> pd.DataFrame:
    """Return one row per muscle: Dice, and found value, truth and error of every measure."""
    truth = bids / "derivatives" / "truth" / prefix
    true = values(truth / f"{prefix}_desc-truth_measures.tsv")
    true |= values(truth / f"{prefix}_desc-truthmre_measures.tsv")
    found = values(out / prefix / "map" / f"{prefix}_measures.tsv")
    labels = load_labels(truth / f"{prefix}_dseg.nii.gz")
    segmented = load_labels(out / prefix / "anat" / f"{prefix}_seg-muscles_dseg.nii.gz")
    segmented = resample(segmented, labels, order=0)
    rows = []
    true |= _merge(labels.data, muscle_labels(segmented.data), true)
    for label in muscle_labels(labels.data):
        row: dict[str, object] = {"muscle": structure_of(label).key, "side": side_of(label)}
        row["dice"] = dice(segmented.data, labels.data, label)
        row["direction_error_deg"] = direction_error(out, truth, prefix, label)
        for name in ("volume", *COMPARED):
            mine, theirs = found.get((label, name)), true.get((label, COMPARED.get(name, name)))
            row[name] = np.nan if mine is None else mine.value
            row[f"{name}_true"] = np.nan if theirs is None else theirs.value
        rows.append(row)
    return pd.DataFrame(rows)


def _merge(
    labels: np.ndarray, found: list[int], true: dict[tuple[int, str], Measure]
) -> dict[tuple[int, str], Measure]:
    """Give muscles of the truth that were labelled as a group its label; return its volume."""
    volumes = {}
    for group in found:
        if structure_of(group).tissue == "group":
            own = [label_of(key, side_of(group)) for key in single_keys(structure_of(group).key)]
            total = sum(true[v, "volume"].value or 0.0 for v in own if (v, "volume") in true)
            volumes[group, "volume"] = Measure(group, "volume", total, "ml")
            labels[np.isin(labels, own)] = group
    return volumes


def onset_errors(bids: Path, out: Path, prefix: str = "sub-01") -> np.ndarray:
    """Return the distance in ms from every true onset to the nearest one found in its muscle."""
    truth = bids / "derivatives" / "truth" / prefix / f"{prefix}_desc-truth_onsets.tsv"
    path = out / prefix / "func" / f"{prefix}_onsets.tsv"
    if not truth.is_file() or not path.is_file():
        return np.empty(0)
    true, found = pd.read_csv(truth, sep="\t"), pd.read_csv(path, sep="\t", na_values="n/a")
    if "trial" in found:  # earlier builds read one recording and did not name it
        found = found[found["trial"] == "task-walk"]
    errors = []
    for (muscle, side), own in found.dropna(subset="onset_s").groupby(["muscle", "side"]):
        theirs = true[(true["muscle"] == muscle) & (true["side"] == side)]["onset_s"].to_numpy()
        if len(theirs):
            gaps = np.abs(own["onset_s"].to_numpy()[:, None] - theirs[None]).min(axis=1)
            errors.extend(1000.0 * gaps)
    return np.array(errors)


def summary(frame: pd.DataFrame, onsets: np.ndarray) -> pd.DataFrame:
    """Return the error of every figure over muscles: median, worst, and in how many."""
    rows = [("dice", "1", frame["dice"], False)]
    rows.append(("direction_error", "deg", frame["direction_error_deg"], True))
    for name in ("volume", *COMPARED):
        difference = (frame[name] - frame[f"{name}_true"]).abs()
        if name.startswith("pennation"):
            rows.append((name, "deg", difference, True))
        else:
            rows.append((name, "%", 100 * difference / frame[f"{name}_true"], True))
    if len(onsets):
        rows.append(("onset", "ms", pd.Series(onsets), True))
    out = []
    for name, unit, column, is_error in rows:
        column = column.dropna()
        worst = column.max() if is_error else column.min()
        out.append((name, unit, column.median(), worst, len(column)))
    return pd.DataFrame(out, columns=["figure", "unit", "median", "worst", "n"])


def intervals(bids: Path, out: Path, prefix: str = "sub-01") -> pd.DataFrame:
    """Return how many of the 95 % intervals of each figure of fascicles hold the truth."""
    truth = bids / "derivatives" / "truth" / prefix / f"{prefix}_desc-truth_measures.tsv"
    true, found = values(truth), values(out / prefix / "map" / f"{prefix}_measures.tsv")
    rows = []
    for (label, name), mine in found.items():
        theirs = true.get((label, name))
        known = name in HELD and theirs is not None and mine.status in ("measured", "extrapolated")
        if known and mine.ci_low is not None and mine.ci_high is not None:
            rows.append((name, mine.ci_low <= theirs.value <= mine.ci_high))  # type: ignore[union-attr,operator]
    held = pd.DataFrame(rows, columns=["figure", "hold"]).groupby("figure")["hold"]
    return held.agg(["sum", "count"]).reset_index()


def main() -> None:
    """Print the table of a finished map, or of the demo made for it."""
    with tempfile.TemporaryDirectory() as scratch:
        if len(sys.argv) > 2:
            bids, out = Path(sys.argv[1]), Path(sys.argv[2])
        else:
            bids, out = Path(scratch, "bids"), Path(scratch, "out")
            pennate = [sys.executable, "-m", "imaging"]
            subprocess.run([*pennate, "phantom", bids, "--preset", "demo"], check=True)
            subprocess.run([*pennate, "run", bids, out, "participant"], check=True)
        frame = table(bids, out)
        with pd.option_context("display.width", 250, "display.max_columns", 30):
            print(frame.round(4).to_string(index=False))
            print("\nerror over muscles (Dice itself)")
            print(summary(frame, onset_errors(bids, out)).round(3).to_string(index=False))
            print("\n95 % intervals that hold the truth")
            print(intervals(bids, out).to_string(index=False))


if __name__ == "__main__":
    main()
