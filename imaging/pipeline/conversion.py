"""From a folder of DICOM files to a session of a BIDS folder."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from imaging.dataset.names import stem
from imaging.disk import replaced
from imaging.errors import ComputationError, DatasetError, InputError, OutputError
from imaging.formats.json import read_json
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.io.scanner.dcm2niix import Converted, convert
from imaging.io.scanner.deidentify import deidentified, without_names, without_texts
from imaging.io.scanner.frames import write_frames
from imaging.io.scanner.series import read_folder
from imaging.io.scanner.sorting import Rule, Sorted, sort_series
from imaging.io.scanner.ultrasound import write_ultrasound
from imaging.io.waves.dicom import read_folder as read_waves
from imaging.provenance import write_json

# What the JSON of wave images must declare, as DICOM does not say it.
WAVE_KEYS = ("MechanicalFrequency", "EncodingDirections", "EncodingDirectionsFrame",
             "OffsetsPerPeriod", "Drivers")  # fmt: skip


@dataclass(frozen=True)
class Examination:
    """The series of one examination of one person, sorted.

    Attributes
    ----------
    series : tuple of Sorted
    foreign : int
        Files that are no DICOM.
    """

    series: tuple[Sorted, ...]
    foreign: int

    @property
    def taken(self) -> tuple[Sorted, ...]:
        """Return what becomes files."""
        return tuple(s for s in self.series if s.taken)


def read_examination(folder: Path, rules: Sequence[Rule] = ()) -> Examination:
    """Read and sort the series of a folder.

    Raises
    ------
    DatasetError
        Images of several persons or of several examinations.
    """
    series, foreign = read_folder(folder)
    people = {person for s in series for person in s.patients}
    if len(people) > 1:
        raise DatasetError(
            f"holds images of {len(people)} persons, by their names and IDs", folder,
            "Give the folder of one person",
        )  # fmt: skip
    if len(studies := {s.study for s in series}) > 1:
        raise DatasetError(
            f"holds {len(studies)} examinations", folder,
            "Give the folder of one, and the others with a --session of their own",
        )  # fmt: skip
    return Examination(tuple(sort_series(series, rules)), foreign)


def table_of(found: Sequence[Sorted], prefix: str) -> pd.DataFrame:
    """Return one row for each image: what it is called, what it becomes, and why."""
    rows = []
    for one in found:
        s = one.series
        called = without_names(s.description or s.protocol, s.patients)
        becomes = one.name(prefix) if one.taken else "n/a"
        rows.append((s.number, called, s.n_frames, becomes, one.why))
    return pd.DataFrame(rows, columns=["series", "description", "images", "becomes", "why"])


def convert_all(
    exam: Examination, scratch: Path, folder: Path, prefix: str
) -> tuple[list[Sorted], list[str]]:
    """Convert what was sorted into a scratch folder of the session.

    Parameters
    ----------
    scratch
        For DICOM and what dcm2niix makes of them.
    folder
        To write into, as the folder of the session.

    Returns
    -------
    list of Sorted
        As they were written; what could not be converted says why.
    list of str
        Names of the elements of the headers that were left behind.
    """
    done: list[Sorted] = []
    removed: set[str] = set()
    for number, group in enumerate(_together(exam.series)):
        place = scratch / str(number)
        try:
            done += _convert(group, place, folder, prefix, removed)
        except (InputError, ComputationError) as error:
            why = error.what if isinstance(error, InputError) else str(error)
            done += [replace(one, folder="", why=f"not converted: {why}") for one in group]
        shutil.rmtree(place, ignore_errors=True)
    _point_at_diffusion(done, folder, prefix)
    return sorted(done, key=lambda one: one.series.number), sorted(removed)


def _together(found: Sequence[Sorted]) -> Iterator[list[Sorted]]:
    """Yield series one by one; phase and magnitude of declared wave images together."""
    waves: dict[str, list[Sorted]] = {}
    for one in found:
        if one.folder == "mre" and one.suffix == "mre" and set(WAVE_KEYS) <= set(one.declare):
            pairs = {k: v for k, v in one.entities.items() if k != "part"}
            waves.setdefault(str(sorted(pairs.items())), []).append(one)
        else:
            yield [one]
    yield from waves.values()


def _convert(
    group: list[Sorted], place: Path, folder: Path, prefix: str, removed: set[str]
) -> list[Sorted]:
    one = group[0]
    if not one.taken:
        return group
    target = folder / one.name(prefix)
    target.parent.mkdir(parents=True, exist_ok=True)
    if one.folder == "us":
        removed |= set(write_ultrasound(one.series, target))
        return [one]
    if one.folder == "mre" and set(WAVE_KEYS) <= set(one.declare):
        return _waves(group, place, folder, prefix)
    made = convert(_files(one, place), place)
    if len(made.images) != 1:
        raise ComputationError(
            f"dcm2niix makes {len(made.images)} images of it: its files do not belong together"
        )
    if (
        one.folder == "dwi"
        and not made.images[0].with_name(f"{stem(made.images[0])}.bval").is_file()
    ):
        raise ComputationError("dcm2niix finds no b-values and directions in it")
    kept, gone = deidentified(made.sidecar)
    removed |= set(gone)
    _write(made, {**kept, **one.declare}, target)
    if one.folder == "mre":
        lacking = ", ".join(k for k in WAVE_KEYS if k not in one.declare)
        one = replace(one, why=f"{one.why}; add {lacking} to its JSON (docs/elastography.md)")
    return [one]


def _files(one: Sorted, place: Path) -> Sequence[Path]:
    """Return the files of an image; of an enhanced file of several images a file of its own."""
    if not one.series.frames:
        return one.series.files
    place.mkdir(parents=True, exist_ok=True)
    own = place / "frames.dcm"
    write_frames(one.series.files[0], one.series.frames, own)
    return [own]


def _write(made: Converted, sidecar: dict[str, Any], target: Path) -> None:
    image = made.images[0]
    packed = gzip.compress(without_texts(image.read_bytes()), compresslevel=6, mtime=0)
    target.with_name(f"{target.name}.nii.gz").write_bytes(packed)
    for ending in (".bval", ".bvec"):
        beside = image.with_name(stem(image) + ending)
        if beside.is_file():
            beside.replace(target.with_name(target.name + ending))
    write_json(target.with_name(f"{target.name}.json"), sidecar)


def _waves(group: list[Sorted], place: Path, folder: Path, prefix: str) -> list[Sorted]:
    """Write wave images in the order of their directions and offsets, as their comments say."""
    linked = place / "waves"
    linked.mkdir(parents=True)
    # Phase and magnitude may be frames of one file.
    files = list(dict.fromkeys(file for one in group for file in one.series.files))
    for number, file in enumerate(files):
        (linked / f"{number:06d}.dcm").symlink_to(file.resolve())
    declared = dict(group[0].declare)
    write_json(place / "waves.json", declared)
    read = read_waves(linked)
    content = {k: v for k, v in declared.items() if k not in ("PhaseRange", "VolumeOrder")}
    content["PhaseUnits"] = "rad"
    parts: dict[str, Any] = {"phase": read.images.phase, "mag": read.magnitude}
    done = []
    for one in group:
        values = parts[one.entities.get("part", "phase")]
        if values is None:
            done.append(replace(one, folder="", why="no magnitude for every phase image"))
            continue
        target = folder / one.name(prefix)
        target.parent.mkdir(parents=True, exist_ok=True)
        image = Image(np.asarray(values, np.float32).squeeze(), read.images.affine)
        save_image(image, target.with_name(f"{target.name}.nii.gz"))
        write_json(target.with_name(f"{target.name}.json"), content)
        done.append(one)
    return done


def _point_at_diffusion(done: Sequence[Sorted], folder: Path, prefix: str) -> None:
    """Tell the scans of reversed phase encoding which diffusion series they are for."""
    series = [one for one in done if one.folder == "dwi"]
    at = f"bids::{prefix.replace('_', '/')}"
    for one in done:
        if one.folder != "fmap" or not series:
            continue
        path = folder / f"{one.name(prefix)}.json"
        content = read_json(path)
        content["IntendedFor"] = [f"{at}/{s.name(prefix)}.nii.gz" for s in series]
        write_json(path, content)


def refuse_existing(target: Path, found: Sequence[Sorted], prefix: str) -> None:
    """Raise where a file of the session is there already.

    Raises
    ------
    OutputError
        Nothing is overwritten.
    """
    for one in found:
        if one.taken and list(target.glob(f"{one.name(prefix)}.*")):
            raise OutputError(
                f"holds {one.name(prefix)} already", target, "Choose another session, or remove it"
            )


def describe_dataset(bids: Path, subject: str) -> None:
    """Write what a BIDS folder needs at its top, and name the subject among its participants."""
    bids.mkdir(parents=True, exist_ok=True)
    if not (bids / "dataset_description.json").exists():
        described = {"Name": "Lower legs", "BIDSVersion": "1.11.0", "DatasetType": "raw"}
        write_json(bids / "dataset_description.json", described)
    if not (bids / "README").exists() and not (bids / "README.md").exists():
        (bids / "README").write_text(
            "Converted from DICOM by pennate convert. Say here who was scanned, how and why.\n",
            encoding="utf-8",
        )
    if not (bids / ".bidsignore").exists():
        (bids / ".bidsignore").write_text("**/mre\n**/us\n*.c3d\n", encoding="utf-8")
    people = bids / "participants.tsv"
    lines = (
        people.read_text(encoding="utf-8").splitlines() if people.exists() else ["participant_id"]
    )
    if not any(line.split("\t")[0] == f"sub-{subject}" for line in lines[1:]):
        width = len(lines[0].split("\t"))
        lines.append("\t".join([f"sub-{subject}", *["n/a"] * (width - 1)]))
        with replaced(people) as whole:
            whole.write_text("\n".join(lines) + "\n", encoding="utf-8")
