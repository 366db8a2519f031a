"""Page and viewer of drawn muscles, from a muscle map of the fibre stage alone.

The map is made as the workflow makes it, in a folder that goes away: report and viewer read it by
its one reader, as they read any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from imaging.config import ExportSettings, MapSettings
from imaging.export.mesh import for_screen
from imaging.export.payload import payload
from imaging.export.viewer import page as viewer_page
from imaging.formats.nifti import load_image
from imaging.image import Image, resample
from imaging.io.muscles import DrawnMuscle, names_of
from imaging.io.writers.musclemap import write_map
from imaging.measures import Measure, Notes
from imaging.musclemap.inputs import Stages
from imaging.musclemap.joined import join_stages
from imaging.musclemap.read.muscle_map import MuscleMap, read_muscle_map
from imaging.muscles import ANONYMOUS
from imaging.pipeline.drawn_labels import drawn_labels
from imaging.report.links import Link, Links
from imaging.report.subject import subject_page
from imaging.stage_files import StageFiles

_B0 = "desc-b0_dwiref.nii.gz"


@dataclass(frozen=True)
class PageInput:
    """What the page is of, beside the files of the fibre stage.

    Attributes
    ----------
    muscles : sequence of DrawnMuscle
        Those of the fibre stage.
    anatomy : Image or None
        That the muscles were drawn on; shown behind them.
    tensor : Image or None
        (I, J, K, 6) in world RAS+, xx xy yy xz yz zz; its trace is shown where there is no other
        image.
    has_series : bool
        Whether the folder holds the diffusion stage, too.
    sources : sequence of Path
        Files that everything was made from.
    """

    muscles: Sequence[DrawnMuscle]
    anatomy: Image | None
    tensor: Image | None
    has_series: bool
    sources: Sequence[Path]


def add_page(folder: Path, prefix: str, given: PageInput) -> list[str]:
    """Write page and viewer beside the files of the fibre stage; nothing that fails costs those.

    Parameters
    ----------
    folder
        Scratch folder with what the fibre stage wrote, and the diffusion stage if it ran.
    prefix
        Start of file names.
    given
        What the page is of.

    Returns
    -------
    list of str
        A warning for what could not be made, and why.
    """
    files = StageFiles("fibres", folder, prefix, list(given.sources))
    warnings = []
    with TemporaryDirectory() as scratch:
        try:
            muscle_map = _muscle_map(folder, Path(scratch), prefix, given)
        except Exception as error:  # the figures are written: a picture must not cost them
            return [f"Page and viewer could not be made {_why(error)}"]

        def page(found: MuscleMap) -> str:
            beside = files.path("viewer")
            link = Link("Open the 3-D viewer", quote(beside.name)) if beside.is_file() else None
            return subject_page(found, links=Links(link, []))

        makers: dict[str, Callable[[MuscleMap], str]] = {"viewer": _viewer, "page": page}
        for key, make in makers.items():
            try:
                text = make(muscle_map)
            except Exception as error:
                warnings.append(f"The {key} could not be made {_why(error)}")
                continue
            files.path(key).write_text(text, encoding="utf-8", newline="\n")
            files.describe(key)
    return warnings


def _why(error: Exception) -> str:
    return f"({type(error).__name__}: {error}); all other files are whole."


def _viewer(muscle_map: MuscleMap) -> str:
    light = for_screen(muscle_map, fascicles=ExportSettings().viewer_fascicles)
    count = 0 if muscle_map.fascicles is None else len(muscle_map.fascicles)
    return viewer_page(payload(light, all_fascicles=count))


def _muscle_map(folder: Path, scratch: Path, prefix: str, given: PageInput) -> MuscleMap:
    """Return the map of the drawn muscles, written to and read from a scratch folder."""
    anat, joined = scratch / "anat", scratch / "map"
    anat.mkdir()
    joined.mkdir()
    _write_drawing(anat, folder, prefix, given)
    folders = {"anat": anat, "fibre": folder}
    missing = {}
    if given.has_series:
        folders["dwi"] = folder
    else:
        missing["dwi"] = f"only {'tracts were' if given.tensor is None else 'a tensor was'} given"
    names = {k: v for k, v in names_of(given.muscles).items() if k > ANONYMOUS}
    stages = Stages(folders, prefix, missing, names=names, drawn=[m.label for m in given.muscles])
    settings = MapSettings()
    write_map(joined, prefix, join_stages(stages, settings), stages, settings)
    return read_muscle_map(joined, prefix)


def _write_drawing(anat: Path, folder: Path, prefix: str, given: PageInput) -> None:
    """Write what was drawn as the segmentation stage writes what it labels."""
    files = StageFiles("segmentation", anat, prefix, list(given.sources))
    labels, warnings = drawn_labels(given.muscles)
    image, words = _background(folder, prefix, given, labels)
    files.image("image", image)
    files.image("labels", labels)
    rows = []
    for muscle in given.muscles:
        count = int(muscle.mask.data.sum())
        rows.append(Measure(muscle.label, "volume", count * muscle.mask.voxel_ml, "ml", n=count))
    files.measures(rows)
    drawn = ", ".join(dict.fromkeys(m.path.name for m in given.muscles))
    told = f"The muscles were drawn before ({drawn}) and taken as they are. {words}"
    files.notes(Notes("segmentation", told, (), warnings))


def _background(folder: Path, prefix: str, given: PageInput, labels: Image) -> tuple[Image, str]:
    """Return the image shown behind the muscles on the grid of their labels, and what it is."""
    b0 = folder / f"{prefix}_{_B0}"
    if given.anatomy is not None:
        image, words = given.anatomy, "the anatomical image given"
    elif given.has_series and b0.is_file():
        image, words = load_image(b0), "the mean of the images without diffusion weighting"
    elif given.tensor is not None:
        trace = given.tensor.data[..., [0, 2, 5]].sum(axis=-1)
        image, words = given.tensor.with_data(trace / trace.max()), "the trace of the tensor"
    else:
        image, words = labels.with_data((labels.data > 0).astype("float32")), ""
    shown = f"Behind them the pictures show {words}." if words else "No image lies behind them."
    return resample(image, labels), shown
