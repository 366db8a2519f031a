"""Files that ``pennate elastography`` writes: maps, mask, measures and notes of one method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.config import ElastographySettings
from imaging.elastography.inversion import Inversion
from imaging.elastography.muscles import muscle_measures
from imaging.formats.nifti import save_image
from imaging.formats.parametric_map import write_parametric_map
from imaging.image import Image
from imaging.io.region import Region
from imaging.measures import Measure, Notes, not_measured, write_measures, write_notes
from imaging.muscles import muscle_labels, side_and_key, side_and_name
from imaging.provenance import write_sidecar

VERB = "elastography"

_NOT_DICOM = {".json", ".gz", ".nii", ".mat", ".tsv"}

# Files that are not always written: those of an earlier run go.
OPTIONAL = tuple(f"desc-{m}_*" for m in ("mdev", "curl", "lfe", "vfm", "ti", "waves"))
OPTIONAL_READY = ("desc-ready_*.dcm",)

# How a quantity is called at the end of a measure's name, where not as it is.
_SHORT = {
    "storage_modulus": "storage",
    "loss_modulus": "loss",
    "shear_stiffness": "shear",
    "loss_angle": "lossangle",
}


@dataclass(frozen=True)
class Source:
    """What the maps of one run have in common.

    Attributes
    ----------
    grid : Image
        Any image on the grid of the maps.
    labels : (I, J, K) int array
        On that grid; zeros where none were given.
    wanted : sequence of int
        Labels to report, also those without a voxel here; [0] for the whole mask.
    inputs : sequence of Path
    options : ElastographySettings
    frequency_hz : sequence of float
    density : float
        kg/m3.
    dicom : bool
        Write maps as DICOM parametric maps, too.
    """

    grid: Image
    labels: NDArray[np.integer[Any]]
    wanted: Sequence[int]
    inputs: Sequence[Path]
    options: ElastographySettings
    frequency_hz: Sequence[float]
    density: float
    dicom: bool = False

    @property
    def named(self) -> str:
        """Frequencies in words."""
        return "+".join(f"{f:g}" for f in self.frequency_hz) + " Hz"

    @property
    def keys(self) -> dict[str, Any]:
        """What every sidecar says."""
        hertz = list(self.frequency_hz)
        return {
            "FrequencyHz": hertz[0] if len(hertz) == 1 else hertz,
            "DensityKgPerM3": self.density,
        }


def labels_on(grid: Image, labels: Region | None) -> tuple[NDArray[np.integer[Any]], Sequence[int]]:
    """Return muscle labels on a grid, and those to report.

    Raises
    ------
    ImageError
        The labels lie elsewhere.
    """
    if labels is None:
        return np.zeros(grid.shape, np.int16), [0]
    return labels.on(grid).data, muscle_labels(labels.image.data)


@dataclass(frozen=True)
class Wording:
    """What is said of a method beside its figures.

    Attributes
    ----------
    sentence : str
        For the methods section.
    note : str
        Put into every row of the measures.
    warnings : sequence of str
        Beside those of the inversion.
    stiffness_keys : mapping
        Further keys in the sidecar of the map named ``stiffness``.
    names : mapping
        Name of a map's quantity in its measure, where not the usual one.
    """

    sentence: str
    note: str
    warnings: Sequence[str] = ()
    stiffness_keys: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def write_inversion(
    folder: Path, prefix: str, found: Inversion, source: Source, wording: Wording
) -> tuple[list[Measure], list[str]]:
    """Write maps, mask, measures and notes of one method; return the measures and warnings.

    Parameters
    ----------
    folder
        Staged folder.
    prefix
        Start of file names, such as ``sub-01``.
    found, source, wording
        The maps, what they were made from, and the words for them.
    """
    names = {**_SHORT, **wording.names}
    maps = {
        f"stiffness_{found.method}_{names.get(m.quantity, m.quantity)}": (m.values, m.unit)
        for m in found.maps.values()
    }
    rows, odd = muscle_measures(
        maps, source.labels, source.wanted, found.mask, source.grid.spacing,
        erode_mm=source.options.erode_mm, note=wording.note, method=found.method,
        affine=source.grid.affine,
    )  # fmt: skip
    rows += found.muscles
    for name in dict.fromkeys(m.measure for m in found.muscles):
        told = {m.label for m in found.muscles if m.measure == name}
        why = f"no voxel of the muscle lies where waves were inverted; {wording.note}"
        rows += [not_measured(v, name, "Pa", why) for v in source.wanted if v not in told]
    stem = f"{prefix}_desc-{found.method}"
    common: dict[str, Any] = {
        "verb": VERB, "inputs": source.inputs, "settings": source.options.model_dump(mode="json"),
    }  # fmt: skip
    for suffix, part in found.maps.items():
        path = folder / f"{stem}_{suffix}.nii.gz"
        save_image(source.grid.with_data(part.values.astype(np.float32)), path)
        more = wording.stiffness_keys if suffix == "stiffness" else {}
        write_sidecar(
            path, **common, Quantity=part.quantity, Units=part.unit, Method=found.text,
            **source.keys, **more,
        )  # fmt: skip
    if source.dicom:
        _write_dicom(folder, prefix, found, source)
    path = folder / f"{stem}_mask.nii.gz"
    save_image(source.grid.with_data(found.mask), path)
    write_sidecar(path, **common, Description="Where the maps hold data")
    path = folder / f"{stem}_measures.tsv"
    write_measures(rows, path)
    write_sidecar(path, **common)
    facts = {"frequency_hz": list(source.frequency_hz), **found.facts}
    warnings = [*found.warnings, *wording.warnings, *odd]
    notes = Notes("elastography", wording.sentence, found.citations, warnings, facts)
    write_notes(notes, folder / f"{stem}_notes.json")
    return rows, warnings


def _write_dicom(folder: Path, prefix: str, found: Inversion, source: Source) -> None:
    """Write every map as a DICOM parametric map."""
    headers = [p for p in source.inputs if p.suffix.lower() not in _NOT_DICOM]
    for number, (suffix, part) in enumerate(found.maps.items(), start=1):
        write_parametric_map(
            folder / f"{prefix}_desc-{found.method}_{suffix}.dcm",
            source.grid.with_data(part.values),
            quantity=part.quantity,
            description=f"{part.quantity} ({found.method}, {source.named})",
            unit=part.unit,
            patient=prefix,
            sources=headers,
            series_number=9000 + number,
        )


def summary(rows: Sequence[Measure]) -> str:
    """Return a short table of moduli per muscle for the terminal."""
    moduli = [r for r in rows if r.unit == "Pa" and not r.measure.endswith("_iqr")]
    names = list(dict.fromkeys(r.measure.removeprefix("stiffness_") for r in moduli))
    lines, without = [f"{'kPa':36}" + "".join(f"{n:>18}" for n in names)], []
    for label in dict.fromkeys(r.label for r in moduli):
        values = {r.measure.removeprefix("stiffness_"): r.value for r in moduli if r.label == label}
        who = side_and_name(label) if label else "all tissue"
        cells = [values.get(n) for n in names]
        if label and all(v is None for v in cells):
            without.append(side_and_key(label))
            continue
        text = "".join(f"{'-' if v is None else format(v / 1000, '.3g'):>18}" for v in cells)
        lines.append(f"{who:36}{text}")
    if without:
        lines.append(f"not measured: {', '.join(without)}")
    return "\n".join(lines)
