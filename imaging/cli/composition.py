"""``pennate composition``: fat fraction from Dixon images, T2 from spin echoes, per muscle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from imaging.composition import analysis
from imaging.composition.muscles import core_of, fatty, lying_on, measures, patchy
from imaging.composition.notes import notes
from imaging.errors import ConfigError, ImageError
from imaging.formats.nifti import load_labels
from imaging.image import Image, apply_affine, resample
from imaging.io.composition import read_gradient_echoes, read_pair, read_spin_echoes
from imaging.io.writers.composition import CompositionOutput, write_composition
from imaging.measures import Measure
from imaging.muscles import muscle_labels
from imaging.outputs import stale
from imaging.provenance import staged

VERB = "composition"
MARGIN_MM = 3.0
# Of labelled muscle that lies on signal: below, images and labels are of two places.
_LEAST_SHARE, _GOOD_SHARE = 0.5, 0.95


def command(
    labels: Annotated[Path, typer.Option(help="Label map of the muscles (catalogue's labels).")],
    out: Annotated[Path, typer.Option(help="Output folder, such as OUT/sub-01/comp.")],
    prefix: Annotated[str, typer.Option(help="Start of file names, such as sub-01.")],
    echo: Annotated[
        list[Path] | None, typer.Option(help="Gradient echo (magnitude), one for each.")
    ] = None,
    water: Annotated[Path | None, typer.Option(help="Water image, with --fat.")] = None,
    fat: Annotated[Path | None, typer.Option(help="Fat image.")] = None,
    in_phase: Annotated[Path | None, typer.Option(help="Image in phase, with the next.")] = None,
    out_of_phase: Annotated[Path | None, typer.Option(help="Image out of phase.")] = None,
    spin_echo: Annotated[
        list[Path] | None, typer.Option(help="Spin echo for T2, one for each, or one 4-D file.")
    ] = None,
) -> None:
    """Fat fraction and T2 of each muscle."""
    told: list[str] = []
    found = None
    ways = [bool(echo), water is not None or fat is not None,
            in_phase is not None or out_of_phase is not None]  # fmt: skip
    if sum(ways) > 1 or (sum(ways) == 0 and not spin_echo):
        raise ConfigError(
            f"fat fraction can come from one kind of images, {sum(ways)} were given", None,
            "Give --echo, or --water and --fat, or --in-phase and --out-of-phase",
        )  # fmt: skip
    if echo:
        echoes, told = read_gradient_echoes(echo)
        found = analysis.of_echoes(echoes)
    elif water is not None and fat is not None:
        found = analysis.of_water_and_fat(*read_pair(water, fat))
    elif in_phase is not None and out_of_phase is not None:
        found = analysis.of_in_and_out(*read_pair(in_phase, out_of_phase))
    elif sum(ways):
        raise ConfigError("half of a pair was given", None, "Give both images of the pair")
    train = None
    if spin_echo:
        train, faint = read_spin_echoes(spin_echo)
        told += faint
    t2 = analysis.t2_of(train) if train else None
    muscles = load_labels(labels)
    for image in (found.percent if found else None, t2):
        if image is not None:
            told += _place(image, muscles, labels)
    rows: list[Measure] = []
    if found is not None:
        core = _core(muscles, found.percent)
        rows += _rows("fat_fraction", "percent", found.percent, core, muscles, found.method)
        told += filter(None, [patchy(found.percent.data, core)])
    if t2 is not None:
        rows += _rows("t2", "ms", t2, _core(muscles, t2), muscles, "one exponential")
    if warning := fatty(rows):
        told.append(warning)
    said = notes(found, len(train.echo_s) if train else 0, MARGIN_MM, told)
    given = (water, fat, in_phase, out_of_phase)
    inputs = [labels, *(echo or []), *(p for p in given if p), *(spin_echo or [])]
    with staged(out, VERB, stale("composition", prefix)) as folder:
        percent = found.percent if found else None
        write_composition(folder, prefix, CompositionOutput(percent, t2, rows, said, inputs))
    for sentence in said.warnings:
        print(f"warning: {sentence}", file=sys.stderr)


def _place(image: Image, labels: Image, path: Path) -> list[str]:
    """Return a warning where labels reach beyond the leg of an image.

    Raises
    ------
    ImageError
        They hardly meet.
    """
    here = resample(labels, image, order=0).data
    known = np.isfinite(image.data)
    share = lying_on(np.where(np.isin(here, muscle_labels(labels.data)), here, 0), known)
    if share < _LEAST_SHARE:
        raise ImageError(
            f"has {share:.0%} of its muscles on what the Dixon or spin-echo images show: "
            f"{_where(labels, 'labels')}, {_where(image, 'these images')}", path,
            "They must lie in one space: if the origin in a header is wrong, correct it; if the "
            "person moved, register the images first",
        )  # fmt: skip
    if share < _GOOD_SHARE:
        return [
            f"{1 - share:.0%} of the labelled muscle lies where these images show no leg: check "
            "that images and labels lie in one space."
        ]
    return []


def _where(image: Image, what: str) -> str:
    """Return where the middle of an image lies, in words."""
    middle = apply_affine(image.affine, (np.array(image.shape[:3]) - 1) / 2)
    return f"the middle of {what} is at R {middle[0]:.0f}, A {middle[1]:.0f}, S {middle[2]:.0f} mm"


def _core(labels: Image, values: Image) -> NDArray[np.integer]:
    """Return the labels but for their margins, on the grid of an image."""
    core = core_of(labels.data, labels.spacing, MARGIN_MM)
    return resample(labels.with_data(core), values, order=0).data


def _rows(
    name: str, unit: str, values: Image, core: NDArray[np.integer], labels: Image, method: str
) -> list[Measure]:
    """Return the figures of every muscle that the label map holds."""
    note = f"mean and SD over voxels {MARGIN_MM:g} mm inside; {method}"
    return measures(name, unit, values.data, core, muscle_labels(labels.data), note)
