"""``pennate fibres``: reconstruct fascicles and their architecture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from tqdm import tqdm

from imaging.architecture.given_tracts import measure_tracts
from imaging.architecture.modelled import expected_directions
from imaging.architecture.muscle import MuscleArchitecture, reconstruct_muscle
from imaging.architecture.notes import (
    fibre_notes,
    table_warning,
    tract_notes,
    warned_notes,
    with_warning,
)
from imaging.architecture.summary import summary
from imaging.config import DiffusionSettings, FibreSettings, load_settings
from imaging.diffusion.tensor_order import TensorOrder
from imaging.errors import InputError
from imaging.formats.json import optional_sidecar
from imaging.formats.nifti import load_image
from imaging.formats.nifti_place import place_warnings
from imaging.formats.nrrd import is_nrrd
from imaging.formats.tracts import Tracts, files_of, load_tracts
from imaging.geometry import AponeurosisSurface
from imaging.image import Image
from imaging.io.aponeuroses import read_sheets
from imaging.io.label_maps import lookup_beside
from imaging.io.muscles import (
    DrawnMuscle,
    check_on_grid,
    check_tracts,
    names_of,
    read_labels,
    read_masks,
    voxel_centres,
)
from imaging.io.tensor import TensorFrame, load_tensor
from imaging.io.writers.fibres import FibreOutput, TractFormat, write_fibres
from imaging.lookup import label_of_name
from imaging.muscles import is_known
from imaging.outputs import stale
from imaging.provenance import default_prefix, staged
from imaging.threads import in_threads

VERB = "fibres"
EPILOG = """
One muscle from a diffusion series and a mask, nothing else:

  pennate fibres --dwi dwi.nii.gz --mask gm.nii.gz --muscle "left GM" --out gm

With its central aponeurosis, and tracts for MRtrix and TrackVis:

  pennate fibres --dwi dwi.nii.gz --mask ta.nii.gz --muscle "right TA"
    --aponeurosis sheet.stl --format tck --format trk --out ta

Tracts of another program:

  pennate fibres --tracts tracks.tck --mask gm.nii.gz --out gm
"""


def command(
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    dwi: Annotated[
        Path | None,
        typer.Option(help="Diffusion series, NIfTI; cleaned first as by `pennate diffusion`."),
    ] = None,
    tensor: Annotated[
        Path | None,
        typer.Option(help="Instead: tensor of `pennate diffusion` (xx xy yy xz yz zz, RAS+)."),
    ] = None,
    tensor_order: Annotated[
        TensorOrder,
        typer.Option(
            help="Of another program's tensor: lower (NIfTI, DTI-TK, dipy) xx xy yy xz yz zz; "
            "mrtrix xx yy zz xy xz yz; fsl (dtifit, Camino) xx xy xz yy yz zz."
        ),
    ] = TensorOrder.LOWER,
    tensor_frame: Annotated[
        TensorFrame | None,
        typer.Option(
            help="Its axes: world (RAS+, as MRtrix), or image (those of the .bvec, as FSL, and "
            "dipy with such vectors); none: image for fsl, else world."
        ),
    ] = None,
    tracts: Annotated[
        Path | None,
        typer.Option(
            help="Instead: tracts of another program, .trx .trk .tck .vtp .vtk (VTK: by its SPACE, "
            "else world RAS+ mm); cut at the muscle's surface, extended to it, and measured."
        ),
    ] = None,
    mask: Annotated[
        list[Path] | None,
        typer.Option(help="Mask of one muscle on any grid; may be given several times."),
    ] = None,
    label: Annotated[
        list[int] | None,
        typer.Option(help="Label of the mask in the catalogue, such as 107; once per mask."),
    ] = None,
    muscle: Annotated[
        list[str] | None,
        typer.Option(help='Or its name, such as "left GM"; with neither the file names it.'),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Instead of masks: label map, labels of the catalogue or of --lookup."),
    ] = None,
    lookup: Annotated[
        Path | None,
        typer.Option(
            help="Table (index, name) of what the labels mean; none: NAME.tsv beside them, else "
            "they are those of the catalogue."
        ),
    ] = None,
    aponeurosis: Annotated[
        list[Path] | None,
        typer.Option(
            help="Internal aponeurosis: mask, or surface .vtp .vtk .stl .ply .obj in mm, by its "
            "SPACE, else world RAS+. Beside --labels named …label-<n>_aponeurosis. May be given "
            "several times."
        ),
    ] = None,
    bipennate: Annotated[
        bool,
        typer.Option(
            "--bipennate",
            help="Also look for an internal aponeurosis in muscles outside the catalogue.",
        ),
    ] = False,
    bval: Annotated[Path | None, typer.Option(help="b-values; none: beside the series.")] = None,
    bvec: Annotated[Path | None, typer.Option(help="Directions; none: beside the series.")] = None,
    anat: Annotated[
        Path | None,
        typer.Option(
            help="Image that masks were drawn on: a series is moved to where it lies, and internal "
            "aponeuroses are looked for in it."
        ),
    ] = None,
    fmap: Annotated[
        Path | None, typer.Option(help="b = 0 image of reversed phase encoding for --dwi.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(help="Start of file names; none: from the input's name.")
    ] = None,
    more: Annotated[
        list[TractFormat] | None,
        typer.Option(
            "--format", help="Also write fascicles in this format; may be given several times."
        ),
    ] = None,
    page: Annotated[
        bool, typer.Option(help="Also write a page and a viewer of these muscles.")
    ] = True,
    settings: Annotated[
        str | None, typer.Option(help="Settings `fibres`: JSON text or YAML file.")
    ] = None,
    dwi_settings: Annotated[
        str | None, typer.Option(help="Settings `diffusion` for --dwi: JSON text or YAML file.")
    ] = None,
) -> None:
    """Reconstruct fascicles and their architecture."""
    options = load_settings(FibreSettings, settings)
    cleaning = load_settings(DiffusionSettings, dwi_settings)
    source = _one({"--dwi": dwi, "--tensor": tensor, "--tracts": tracts})
    _only_for_dwi(dwi, {"--bval": bval, "--bvec": bvec, "--fmap": fmap})
    if tensor is None and (tensor_frame or tensor_order is not TensorOrder.LOWER):
        raise InputError(
            "--tensor-order and --tensor-frame apply to --tensor only", source, "Leave them out"
        )
    if tracts and anat:
        raise InputError("--anat does not apply to --tracts", anat, "Leave it out")
    if labels is not None:
        lookup = lookup or lookup_beside(labels)
    drawn = _read_muscles(labels, lookup, mask or [], _numbers(label or [], muscle or []))
    sheets = read_sheets(aponeurosis or [], drawn)
    start = prefix or default_prefix(source)
    work = _Work(drawn, sheets, bipennate, options, load_image(anat) if anat else None)
    given = [p for p in (labels, lookup, *(mask or []), *(aponeurosis or [])) if p is not None]
    if tracts:
        lines = load_tracts(source)
        check_tracts(drawn, lines.points, source)
    else:
        check_on_grid(drawn, load_image(source, ndim=(4, 5)), source)
    overlap = labels is not None and is_nrrd(labels)  # segments may, labels may not
    known = None if overlap or not all(is_known(m.label) for m in drawn) else labels
    said: list[str] = []
    if tensor:
        grid, said = load_tensor(
            source, tensor_order, tensor_frame, np.concatenate([voxel_centres(m) for m in drawn])
        )
    cleaned = None
    if dwi:
        # SimpleITK and the diffusion stage, which a tensor and tracts do without.
        from imaging.io.cleaned_series import clean_series
        from imaging.io.writers.diffusion import write_diffusion

        cleaned = clean_series(
            source, bval, bvec, anat, cleaning, fmap, known, lookup if known else None
        )
    names = names_of(drawn)
    old = stale("fibres", start) + (stale("diffusion", start) if dwi else [])
    with staged(out, VERB, old) as folder:
        if tracts:
            results, grid = work.measure(lines), drawn[0].mask
            notes = tract_notes(results, options, names)
        else:
            if cleaned is not None:
                source = write_diffusion(folder, start, cleaned)
                grid = load_image(source, ndim=4)
            sidecar = optional_sidecar(source)
            warning = table_warning(sidecar)
            results = with_warning(work.reconstruct(grid), warning)
            notes = warned_notes(fibre_notes(results, options, names), warning)
        images = [*given, *(p for p in (source, anat) if p and cleaned is None)]
        placed = [warning for p in images for warning in place_warnings(p)]
        notes = replace(notes, warnings=[*said, *placed, *notes.warnings])
        sources = [*(files_of(source) if tracts else [source]), *given]
        written = FibreOutput(results, names, grid, notes, sources, options, more or [])
        write_fibres(folder, start, written)
        told, unmade = summary(results, names), list[str]()
        del results, written  # the page is made from files
        if page:
            # 100 MiB, not held beside the reconstruction, where the peak of memory is.
            from imaging.pipeline.muscle_page import PageInput, add_page

            shown = PageInput(drawn, work.anatomy, grid if tensor else None, bool(dwi), sources)
            unmade = add_page(folder, start, shown)
    print(told)
    for warning in [*(cleaned.notes.warnings if cleaned else []), *notes.warnings, *unmade]:
        print(f"warning: {warning}", file=sys.stderr)


@dataclass(frozen=True)
class _Work:
    """What is asked for: muscles, their aponeuroses, settings."""

    muscles: Sequence[DrawnMuscle]
    sheets: Mapping[int, list[AponeurosisSurface]]
    bipennate: bool
    options: FibreSettings
    anatomy: Image | None

    def reconstruct(self, tensor: Image) -> list[MuscleArchitecture]:
        """Return the architecture of each muscle from its tensors."""
        expected = expected_directions({m.label: m.mask for m in self.muscles})

        def step(label: int, *given: Any, **options: Any) -> MuscleArchitecture:
            return reconstruct_muscle(
                label, *given, anatomy=self.anatomy, expected=expected.get(label), **options
            )

        return self._each(step, tensor)

    def measure(self, lines: Tracts) -> list[MuscleArchitecture]:
        """Return the architecture of each muscle from given tracts."""
        return self._each(measure_tracts, lines)

    def _each(self, step: Callable[..., MuscleArchitecture], data: Any) -> list[MuscleArchitecture]:
        def work(muscle: DrawnMuscle) -> MuscleArchitecture:
            return step(
                muscle.label, muscle.mask, data, self.options, self.sheets.get(muscle.label, ()),
                bipennate=self.bipennate and not is_known(muscle.label),
            )  # fmt: skip

        # The largest first, so that no thread is left alone with it.
        order = sorted(range(len(self.muscles)), key=lambda m: -self.muscles[m].mask.data.sum())
        done = in_threads(work, [self.muscles[m] for m in order])
        progress = tqdm(done, desc="fibres", total=len(order), disable=not sys.stderr.isatty())
        results = dict(zip(order, progress, strict=True))
        return [results[m] for m in range(len(order))]


def _one(sources: Mapping[str, Path | None]) -> Path:
    """Return the one source that is given."""
    given = [path for path in sources.values() if path is not None]
    if len(given) != 1:
        raise InputError(f"give exactly one of {', '.join(sources)}", None, "See --help")
    return given[0]


def _only_for_dwi(dwi: Path | None, given: Mapping[str, Path | None]) -> None:
    for name, path in given.items():
        if path is not None and dwi is None:
            raise InputError(f"{name} belongs to --dwi, which is not given", path, "Leave it out")


def _numbers(labels: list[int], names: list[str]) -> list[int]:
    if labels and names:
        raise InputError("give --label or --muscle, not both", None, "Leave one out")
    return labels or [label_of_name(name) for name in names]


def _read_muscles(
    labels: Path | None, lookup: Path | None, masks: list[Path], numbers: list[int]
) -> list[DrawnMuscle]:
    if (labels is None) == (not masks):
        raise InputError("give either --labels or --mask", None, "One of them, not both")
    if labels is None:
        if lookup is not None:
            raise InputError("--lookup applies to --labels only", lookup, "Name masks by --muscle")
        return read_masks(masks, numbers)
    if numbers:
        raise InputError(
            "--label and --muscle apply to --mask only", labels, "Give --lookup instead"
        )
    return read_labels(labels, lookup)
