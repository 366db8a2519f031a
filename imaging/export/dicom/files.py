"""Writes the DICOM objects of an export, each with its sidecar."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imaging.errors import InputError
from imaging.export.dicom.choice import Source
from imaging.export.dicom.documents import file_key, page, surface
from imaging.export.dicom.objects import number_by_content
from imaging.export.dicom.placing import Placed
from imaging.export.dicom.quantities import layers, parametric_map
from imaging.export.dicom.segments import Method, segmentation
from imaging.export.dicom.tracks import tracks
from imaging.image import Image
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.musclemap.titles import shown
from imaging.muscles import side_and_name, side_of, structure_of
from imaging.stage_files import StageFiles

#: Numbers of the new series, above what scanners count to.
_SEGMENTS, _LABELMAP, _TRACTS, _SURFACES, _PAGE, _MAPS = 9001, 9002, 9003, 9004, 9005, 9011
_ENCLOSED = ("muscle", "group", "bone")
# The standard asks these for the side, and forbids it to some others.
_OF_A_SIDE = ("dicom_map", "dicom_tracts")
# Key, places of its name, files of the map that were read, and objects with places of their own.
_Series = tuple[str, dict[str, str], Sequence[str], list[tuple[dict[str, str], Any]]]
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")


def write_dicom(folder: Path, muscle_map: MuscleMap, source: Source, pdf: bytes | None) -> int:
    """Write segments, label map, voxel maps, fascicles, surfaces and page as DICOM objects.

    Parameters
    ----------
    folder
        Scratch folder of the export.
    muscle_map
        What is written.
    source
        Series it lies on.
    pdf
        The subject's page, None to leave it out.

    Returns
    -------
    int
        How many objects were written.

    Raises
    ------
    InputError
        The source lacks what every object must carry on.
    """
    placed = _checked(source)
    (folder / "dicom").mkdir()
    files = StageFiles("export", folder, muscle_map.prefix, [])
    about = {
        "SourceImages": len(source.volume.files),
        "SourceSHA256": _digest(source.volume.files),
        "Frame": "frame of reference of the source, LPS+ mm",
        "OnGridOfSource": source.on_grid,
        "Carries": "name and number of the person, as the source does",
    }
    side, count = _laterality(muscle_map), 0
    for key, places, inputs, series in _objects(placed, muscle_map, pdf):
        if key in _OF_A_SIDE:
            for _, made in series:
                made.Laterality = side
        number_by_content([made for _, made in series], placed.datasets[0])
        for own, made in series:
            filled = {**places, **own}
            made.save_as(files.path(key, **filled), enforce_file_format=True)
            read = [muscle_map.files[name] for name in inputs if name in muscle_map.files]
            files.describe(key, filled, read, **about)
            count += 1
    return count


def _objects(placed: Placed, muscle_map: MuscleMap, pdf: bytes | None) -> Iterator[_Series]:
    """Yield one series after the other."""
    labels, names, method = muscle_map.arrays["label"], muscle_map.names, _method(muscle_map)
    for key, labelmap, number in (("dicom_segments", False, _SEGMENTS),
                                  ("dicom_labelmap", True, _LABELMAP)):  # fmt: skip
        made = segmentation(placed, labels, names, method, labelmap=labelmap, series_number=number)
        yield key, {}, ["map.vti"], [({}, made)]
    for number, (name, quantity) in enumerate(layers(muscle_map), start=_MAPS):
        image = _without_background(muscle_map.arrays[name], labels)
        text = str(muscle_map.layers.get(name, {}).get("Description", name))
        made = parametric_map(placed, name, image, quantity, text, number)
        if made is not None:
            places = {"map": name, "called": shown(name).title}
            yield "dicom_map", places, ["map.vti"], [({}, made)]
    if muscle_map.fascicles is not None:
        made = tracks(placed, muscle_map.fascicles, names, _TRACTS)
        yield "dicom_tracts", {}, ["fascicles.vtp", "fascicles.parquet"], [({}, made)]
    enclosed = {v: mesh for v, mesh in muscle_map.surfaces.items()
                if structure_of(v, names).tissue in _ENCLOSED}  # fmt: skip
    series = []
    for number, (label, mesh) in enumerate(sorted(enclosed.items()), start=1):
        own = {"structure": file_key(label), "called": side_and_name(label, names)}
        series.append((own, surface(placed, label, mesh, names, _SURFACES, number)))
    yield "dicom_surface", {}, ["surfaces.vtp"], series
    if pdf is not None:
        yield "dicom_page", {}, [], [({}, page(placed, pdf, _PAGE))]


def _laterality(muscle_map: MuscleMap) -> str:
    """Return the side of the leg as DICOM has it, empty where both legs are in view."""
    sides = {side_of(int(v)) for v in np.unique(muscle_map.arrays["label"].data) if v > 0}
    return {"left": "L", "right": "R"}.get(sides.pop(), "") if len(sides) == 1 else ""


def _without_background(image: Image, labels: Image) -> Image:
    """Return a layer whose background, 0 where it was never masked, is not measured."""
    background = (image.data == 0) & (labels.data == 0)
    return image.with_data(np.where(background, np.nan, image.data).astype(np.float32))


def _method(muscle_map: MuscleMap) -> Method:
    """Return how the labels came to be, from the notes of the segmentation."""
    facts: Mapping[str, Any] = next(
        (n.facts for n in muscle_map.notes.stages if n.stage == "segmentation"), {}
    )
    told = " ".join(muscle_map.notes.sentences("segmentation"))
    automatic = [facts[key] for key in ("network", "atlas", "model") if key in facts]
    if not automatic and told.startswith("Labels drawn by a person"):
        return Method("MANUAL")
    first = automatic[0] if automatic else {}
    kind = "AUTOMATIC" if automatic and "drawn by a person" not in told else "SEMIAUTOMATIC"
    return Method(kind, str(first.get("name") or "pennate segment"), str(first.get("version", "")))


def _checked(source: Source) -> Placed:
    placed = Placed(source)
    first, path = placed.datasets[0], source.volume.files[0]
    if missing := [name for name in _NEEDED if not first.get(name)]:
        raise InputError(
            f"lacks {', '.join(missing)}, which ties objects to images", path,
            "Export the series again from the archive",
        )  # fmt: skip
    return placed


def _digest(paths: Sequence[Path]) -> str:
    """Return one SHA-256 of all images; their names may hold that of a person."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
