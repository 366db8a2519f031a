"""Fat fraction and T2 of a real person's calves, by `pennate composition` as a user calls it.

    python -m benchmarks.composition_person [--person FOLDER] [--spacing-ms 7.7]

Reads ``../shared/data/person``: water, fat and a file of spin echoes, each with traps. First all is
given as it stands, with echo times beside it in the end, and what is said is printed. Then what a
user has to mend is mended: the origin of water and fat, whose sign is turned round; the spin
echoes, which are 17 and stand slice by slice, with 13 images of a map behind them; their times,
which no file holds (7.7 is what the header has in the place of the fourth spacing, taken as ms: T2
is in proportion to it); the labels, which lie on the spin echoes when reversed. Fat fraction is
compared with the ratio F/(W + F), computed here voxel by voxel.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.person import MUSCLES, PERSON, drawn_labels
from imaging.cli.app import main as pennate
from imaging.composition.muscles import core_of
from imaging.formats.nifti import load_image, save_image
from imaging.image import Image, resample
from imaging.measures import Measure, read_measures
from imaging.muscles import label_of, muscle_labels, side_and_key

MARGIN_MM = 3.0
STEM = "both-lower-legs_"
ECHOES = 17


def main() -> None:
    """Print what is said of the files as they are, and the figures of the mended ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--person", type=Path, default=PERSON)
    parser.add_argument("--spacing-ms", type=float, default=7.7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        water, fat, echoes = (
            folder / f"{STEM}{n}.nii.gz" for n in ("water", "fat", "t2_18echoes")
        )  # fmt: skip
        for path in (water, fat, echoes):
            shutil.copy(given.person / path.name, path)
        labels = folder / "labels_dseg.nii.gz"
        save_image(_labels(given.person), labels)
        print("As given:")
        _call(labels, folder / "out", "--water", str(water), "--fat", str(fat))
        _call(labels, folder / "out", "--spin-echo", str(echoes))
        _write_times(echoes, 18, given.spacing_ms)
        _call(labels, folder / "out", "--spin-echo", str(echoes))
        print("\nOrigin turned round:")
        ratio = _mend_origin(water, fat)
        rows = _call(labels, folder / "fat", "--water", str(water), "--fat", str(fat))
        used = load_image(folder / "fat" / "person_desc-dixon_mask.nii.gz")
        _print_fat(rows, ratio, used, load_image(labels))
        print(f"\nEchoes put in order, {given.spacing_ms:g} ms apart:")
        _mend_echoes(echoes)
        _write_times(echoes, ECHOES, given.spacing_ms)
        series = load_image(given.person / f"{STEM}dwi.nii.gz", ndim=4)
        save_image(drawn_labels(series.with_data(series.data[..., 0])), labels)
        _print_t2(_call(labels, folder / "t2", "--spin-echo", str(echoes)))


def _write_times(echoes: Path, n: int, spacing_ms: float) -> None:
    times = [spacing_ms * (k + 1) / 1000 for k in range(n)]
    name = echoes.name.replace(".nii.gz", ".json")
    echoes.with_name(name).write_text(json.dumps({"EchoTime": times}))


def _mend_echoes(path: Path) -> None:
    """Put the echoes, which stand slice by slice, behind each other; leave the map out."""
    image = load_image(path, ndim=4)
    slices = image.shape[2]
    frames = image.data.reshape((*image.shape[:2], -1), order="F")[..., : slices * ECHOES]
    own = frames.reshape((*image.shape[:2], ECHOES, slices), order="F")
    save_image(image.with_data(np.ascontiguousarray(own.swapaxes(2, 3))), path)


def _labels(person: Path) -> Image:
    """Return the drawn labels, by their own header, as labels of the catalogue."""
    drawn = load_image(person / f"{STEM}labels_3mm.nii.gz")
    labels = np.zeros(drawn.shape, np.int16)
    for number, key in MUSCLES.items():
        labels[drawn.data == number] = label_of(key, "right")
        labels[drawn.data == number + 1] = label_of(key, "left")
    return drawn.with_data(labels)


def _call(labels: Path, out: Path, *arguments: str) -> list[Measure]:
    """Run the verb; print what it says, return what it measured."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        code = pennate(["composition", "--labels", str(labels), "--out", str(out),
                        "--prefix", "person", *arguments])  # fmt: skip
    print(f"exit {code}: {said.getvalue().strip().replace(str(labels.parent), '')}")
    path = out / "person_desc-composition_measures.tsv"
    return read_measures(path) if code == 0 else []


def _mend_origin(*paths: Path) -> Image:
    """Turn the origin of both images round; return their ratio in percent."""
    images = []
    for path in paths:
        image = load_image(path)
        affine = image.affine.copy()
        affine[:3, 3] *= -1
        images.append(Image(image.data, affine))
        save_image(images[-1], path)
    water, fat = (i.data.astype(float) for i in images)
    with np.errstate(invalid="ignore"):
        return images[0].with_data(100 * fat / (water + fat))


def _print_fat(rows: list[Measure], ratio: Image, used: Image, labels: Image) -> None:
    """Print both, once over the voxels that the stage used, once over all that are not empty."""
    core = resample(
        labels.with_data(core_of(labels.data, labels.spacing, MARGIN_MM)), ratio, order=0
    )
    known = used.data > 0
    same, every = [], []
    print("muscle\tfat fraction, %\tSD\tn\tratio, same voxels\tall\tempty or dark voxels")
    for m in rows:
        if m.measure == "fat_fraction" and m.value is not None:
            own = (core.data == m.label) & np.isfinite(ratio.data)
            means = [ratio.data[own & known].mean(), ratio.data[own].mean()]
            same.append(abs(m.value - means[0]))
            every.append(abs(m.value - means[1]))
            print(f"{side_and_key(m.label)}\t{m.value:.2f}\t{m.sd:.2f}\t{m.n}\t{means[0]:.2f}\t"
                  f"{means[1]:.2f}\t{int((own & ~known).sum())}")  # fmt: skip
    print(f"largest difference {max(same):.4f} points, {max(every):.4f} with dark voxels; "
          f"{len(same)} of {len(muscle_labels(labels.data))} muscles")  # fmt: skip


def _print_t2(rows: list[Measure]) -> None:
    known = [m for m in rows if m.measure == "t2" and m.value is not None]
    print("muscle\tT2, ms\tSD\tvoxels")
    for m in known:
        print(f"{side_and_key(m.label)}\t{m.value:.1f}\t{m.sd:.1f}\t{m.n}")
    print(f"median {np.median([float(m.value or 0) for m in known]):.1f} ms")


if __name__ == "__main__":
    main()
