"""Time and size of the page of a group: tables of many made-up persons, no images.

Every muscle of both legs has every measure of the dictionary that has one name; values are normal
about a made-up mean of each measure and muscle. Each fifth person came twice.

    python -m benchmarks.group_page [--persons 200] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from imaging.cli.app import main as pennate
from imaging.measures import Measure, write_measures
from imaging.musclemap.headline import headline, headline_dictionary
from imaging.musclemap.table import Definition, definitions, dictionary, wide
from imaging.muscles import label_of, muscle_keys
from imaging.provenance import write_sidecar
from imaging.stage_files import write_tsv

# Measures whose size a reader knows; the others are about 1 in the unit of the file.
SIZES = {
    "volume": 120.0, "fascicle_length": 50.0, "pennation_start": 20.0, "pennation_end": 15.0,
    "fat_fraction": 4.0, "stiffness_mdev_magnitude": 1500.0, "snr_b0": 35.0, "motion_max": 0.8,
    "fa": 0.25, "md": 0.0016, "coverage": 1.0, "t2": 35.0, "outlier_slices": 0.01,
}  # fmt: skip


def main() -> None:
    """Print persons, sessions, seconds of the clock and of the processor, MB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=200)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = given.keep or Path(temporary)
        sessions = sum(write_session(out, prefix, seed) for prefix, seed in who(given.persons))
        begun, worked = time.perf_counter(), time.process_time()
        code = pennate(["report", "--group", str(out)])
        seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
        size = (out / "group.html").stat().st_size / 1e6
        print("persons\tsessions\texit\tseconds\tCPU seconds\tMB of group.html")
        print(f"{given.persons}\t{sessions}\t{code}\t{seconds:.1f}\t{cpu:.1f}\t{size:.2f}")


def who(persons: int) -> Iterator[tuple[str, int]]:
    """Yield prefix and seed of every session."""
    for k in range(persons):
        for session in ("01", "02") if k % 5 == 0 else ("01",):
            yield f"sub-{k:03d}_ses-{session}", k


def write_session(out: Path, prefix: str, seed: int) -> int:
    """Write the tables of one session; return 1."""
    person = np.random.default_rng(seed).normal(1, 0.15)
    rng = np.random.default_rng([seed, int(prefix[-2:])])
    rows = [_measure(0, d, rng, 1.0) for d in definitions() if d.level == "subject" and _single(d)]
    for side in ("left", "right"):
        for key in muscle_keys():
            label = label_of(key, side)
            rows += [
                _measure(label, d, rng, person)
                for d in definitions()
                if d.level == "muscle" and _single(d)
            ]
    folder = out.joinpath(*prefix.split("_")) / "map"
    folder.mkdir(parents=True, exist_ok=True)
    write_measures(rows, folder / f"{prefix}_measures.tsv")
    muscles = [m for m in rows if m.label]
    readable = headline(wide(muscles))
    write_tsv(readable, folder / f"{prefix}_muscles.tsv")
    write_sidecar(folder / f"{prefix}_measures.tsv", verb="map")
    write_sidecar(
        folder / f"{prefix}_muscles.tsv",
        verb="map",
        Columns=headline_dictionary(dictionary(muscles), readable),
    )
    return 1


def _single(definition: Definition) -> bool:
    return "*" not in definition.name


def _measure(label: int, d: Definition, rng: np.random.Generator, person: float) -> Measure:
    size = SIZES.get(d.name, 1.0) * (1 + (label % 100) / 20) * person
    spread = 0.05 * size
    value = 1.0 if d.name == "coverage" else float(rng.normal(size, spread))
    return Measure(label, d.name, value, d.unit, 100, spread, value - spread, value + spread)


if __name__ == "__main__":
    main()
