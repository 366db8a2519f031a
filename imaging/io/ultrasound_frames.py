"""Files that ``pennate ultrasound`` reads: DICOM, pictures, video and tracked sequences."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from imageio.v3 import improps
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.dataset.names import check_one_context
from imaging.errors import ImageError, InputError, MissingToolError
from imaging.formats.itk_files import read_itk
from imaging.formats.json import read_json, read_sidecar
from imaging.formats.nifti import load_image
from imaging.io.dicom_size import pixels_of, read_dicom
from imaging.io.ultrasound_times import (
    Timing,
    angle_table,
    dicom_timing,
    read_angles,
    sequence_timing,
    settled,
)
from imaging.memory import ensure_fits
from imaging.provenance import sidecar_path
from imaging.ultrasound.declaration import FrameDeclaration, check_boxes, frame_declaration
from imaging.ultrasound.overlay import corner_box
from imaging.ultrasound.regions import Region
from imaging.ultrasound.times import times_at_rate

_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_VIDEOS = (".mp4", ".avi", ".mov")
_LEAST_PX = 8
_SEQUENCES = (".mha", ".mhd", ".nrrd", ".nhdr")


@dataclass(frozen=True)
class FrameFile:
    """Frames of one file and what is known of them.

    Attributes
    ----------
    paths : tuple of Path
        The file and its JSON.
    declared : FrameDeclaration
    frames : (F, H, W, 3) uint8 array, or (F, H, W) array
        Colours, or the values of a raw export in the unit that is declared.
    regions : tuple of Region
        Of a DICOM file.
    fields : mapping of str to str
        Header of a tracked sequence.
    timing : Timing
    angles_deg : (F,) array or None
        Of a joint, from the table beside the file.
    more : tuple of Path
        Further files that were read: that table, the pictures of a folder.
    """

    paths: tuple[Path, Path]
    declared: FrameDeclaration
    frames: NDArray[Any]
    regions: tuple[Region, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    angles_deg: FloatArray | None = None
    more: tuple[Path, ...] = ()

    @property
    def holds_values(self) -> bool:
        """Whether the frames are values, not colours."""
        return self.frames.ndim == 3

    @property
    def inputs(self) -> list[Path]:
        """Every file that was read."""
        return [p for p in (*self.paths, *self.more) if p.is_file()]


def read_frames(path: Path) -> FrameFile:
    """Read shear-wave frames and the JSON beside them.

    Raises
    ------
    MissingFileError, UnitError, ImageError
        The file or its JSON is missing, wrong, or holds no colour frames.
    MissingToolError
        DICOM or video without the package that reads it.
    """
    content, json_path = _declared(path)
    if path.name.endswith((".nii", ".nii.gz")):
        return _map_file(path, content, json_path)
    declared = frame_declaration(content, json_path)
    ending = path.suffix.lower()
    regions: tuple[Region, ...] = ()
    fields: dict[str, str] = {}
    found, more = Timing(), []
    if path.is_dir():
        more = pictures_of(path)
        frames = np.stack(_same_size([np.asarray(_opened(_picture, p)) for p in more], path))
    elif ending in _SEQUENCES:
        frames, fields = _sequence(path)
        found = _named(path, lambda: sequence_timing(fields, len(frames)))
    elif ending in _PICTURES:
        frames = np.asarray(_opened(_picture, path))[None]
    elif ending in _VIDEOS:
        frames, found = _video(path)
    else:
        frames, regions, found = _dicom(path)
    if frames.ndim != 4 or frames.shape[3] not in (3, 4) or frames.dtype != np.uint8:
        raise ImageError(
            f"holds {frames.dtype} frames of shape {frames.shape[1:]}, not 8-bit colour",
            path,
            "Export the frame as the scanner shows it, with its colours",
        )
    check_boxes(declared, frames.shape[1:], json_path)
    _check_overlay(declared, frames[0, ..., :3], json_path)
    file = FrameFile((path, json_path), declared, frames[..., :3], regions, fields, more=(*more,))
    return _timed(file, found)


def _map_file(path: Path, content: dict[str, Any], json_path: Path) -> FrameFile:
    """Read the values of a raw export: NIfTI with axes across, down, one slice, and frames."""
    data = load_image(path, ndim=(3, 4), thinnest=1, gaps=True).data
    if data.shape[2] != 1 or min(data.shape[:2]) < _LEAST_PX:
        raise ImageError(
            f"is of {' x '.join(map(str, data.shape))} voxels, no series of maps of one slice",
            path, "Write its axes as across, down, 1, frame; a volume is for pennate elastography",
        )  # fmt: skip
    frames = np.moveaxis(data[:, :, 0].reshape(*data.shape[:2], -1), 2, 0).swapaxes(1, 2)
    if not (np.nan_to_num(frames) > 0).any():
        raise ImageError("has no positive value", path, "Export the map of stiffness")
    declared = frame_declaration(content, json_path, (data.shape[0], data.shape[1]))
    if np.nanmax(frames) > 1.001 * declared.high:
        raise ImageError(
            f"holds values up to {np.nanmax(frames):.4g}, above the end of Range", json_path,
            "Correct Range or Units, or leave Range out",
        )  # fmt: skip
    return _timed(FrameFile((path, json_path), declared, frames), Timing())


def _timed(file: FrameFile, found: Timing) -> FrameFile:
    """Return a file with the times of its frames and their angles, where they are known."""
    count = len(file.frames)
    timing = _named(file.paths[1], lambda: settled(found, file.declared, count))
    table = angle_table(file.paths[1])
    if table is None:
        return replace(file, timing=timing)
    angles = read_angles(table, timing, count)
    return replace(file, timing=timing, angles_deg=angles, more=(*file.more, table))


def _declared(path: Path) -> tuple[dict[str, Any], Path]:
    """Read the JSON beside a file, or beside a folder of pictures."""
    if not path.is_dir():
        return read_sidecar(path)
    beside = path.parent / f"{path.name}.json"
    return read_json(beside, "Write the JSON of the pictures beside their folder"), beside


def _named(path: Path, find: Callable[[], Timing]) -> Timing:
    """Return times, or raise what is wrong with them as of a file."""
    try:
        return find()
    except ImageError as error:
        raise ImageError(error.what, error.path or path, error.fix) from error


def pictures_of(folder: Path) -> list[Path]:
    """Return the pictures of a folder in the order of the last number in their names.

    Raises
    ------
    ImageError
        None, of several kinds, without a number, or with a number missing or double: frames would
        be at wrong times.
    """
    files = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in _PICTURES]
    if not files:
        raise ImageError("holds no pictures", folder, f"Put {', '.join(_PICTURES[:2])} into it")
    found = [re.findall(r"\d+", p.stem) for p in files]
    if not all(found) or len({p.suffix.lower() for p in files}) > 1:
        raise ImageError(
            "holds pictures of several kinds, or without a number in their names", folder,
            "Export the frames as frame_0001.png, frame_0002.png ...",
        )  # fmt: skip
    numbers = [int(n[-1]) for n in found]
    gone = sorted(set(range(min(numbers), max(numbers) + 1)) - set(numbers))
    if gone or len(set(numbers)) < len(numbers):
        what = f"picture {gone[0]} is missing" if gone else "one number stands twice"
        raise ImageError(f"{what}, so the others would be at wrong times", folder,
                         "Export every frame, numbered without a gap")  # fmt: skip
    return [files[k] for k in np.argsort(numbers)]


def _same_size(pictures: list[NDArray[Any]], folder: Path) -> list[NDArray[Any]]:
    if len({p.shape for p in pictures}) > 1:
        raise ImageError("holds pictures of several sizes", folder, "Export them alike")
    return pictures


def read_frame_files(paths: Sequence[Path]) -> list[FrameFile]:
    """Read the frames of one examination.

    Raises
    ------
    MissingFileError, UnitError, ImageError, MissingToolError
        As :func:`read_frames`; or two files share one JSON, and so are one picture twice.
    InputError
        Files of several contexts (``task-``, or ``acq-`` that tells one, in their names).
    """
    owner: dict[Path, Path] = {}
    for path in paths:
        first = owner.setdefault(sidecar_path(path), path)
        if first is not path:
            raise ImageError(
                f"has the same JSON as {first.name}, so that one picture would count twice", path,
                "Keep one of the two, or give each its own name and JSON",
            )  # fmt: skip
    check_one_context(paths, "pennate ultrasound")
    return [read_frames(path) for path in paths]


def _check_overlay(declared: FrameDeclaration, frame: NDArray[np.uint8], json_path: Path) -> None:
    """Refuse a ColorBox that was written as x, y, width, height."""
    meant = corner_box(frame, declared.overlay)
    if meant is not None:
        raise ImageError(
            f"ColorBox {list(declared.overlay)} cuts through the colours; read as x, y, width, "
            "height it holds them",
            json_path,
            f"Give x0, y0, x1, y1: {list(meant)}",
        )


def _opened(reader: Any, path: Path) -> Any:
    """Call a reader and turn whatever it raises into an error about the file."""
    try:
        return reader(path)
    except InputError:
        raise
    except Exception as error:  # picture libraries raise many unrelated kinds
        raise ImageError(
            f"cannot be read ({type(error).__name__}: {error})", path, "Export or copy it again"
        ) from error


def _sequence(path: Path) -> tuple[NDArray[Any], dict[str, str]]:
    """Read a MetaImage or NRRD sequence (PLUS, 3D Slicer) and the fields of its header."""

    def read(name: Path) -> tuple[NDArray[Any], dict[str, str]]:
        image = read_itk(name)
        fields = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
        return sitk.GetArrayFromImage(image), fields

    frames, fields = _opened(read, path)
    if fields.get("NRRD_kinds[pixel]") == "list":  # frames of one channel, frame by frame
        raise ImageError(
            "is a sequence of grey frames, without the colours of stiffness", path,
            "Record the screen of the scanner in colour (RGB)",
        )  # fmt: skip
    # A frame may be stored as a volume of one slice.
    if frames.ndim >= 3 and sum(n > 1 for n in frames.shape[:-3]) <= 1:
        frames = frames.reshape(-1, *frames.shape[-3:])
    return frames, fields


def _picture(path: Path) -> NDArray[Any]:
    told = improps(path)
    what = f"a picture of {'x'.join(map(str, told.shape))} values, as its header tells,"
    ensure_fits(told.shape, told.dtype.itemsize, what, path, "Export or copy it again")
    from skimage.io import imread  # looks for all its plugins

    return np.asarray(imread(path))


def _dicom(path: Path) -> tuple[NDArray[Any], tuple[Region, ...], Timing]:
    """Read colour frames, calibrated regions and times of a DICOM file."""
    try:
        importlib.import_module("pydicom")
    except ImportError as error:
        raise MissingToolError(
            "is read as DICOM, which needs pydicom", path, 'Run pip install "pennate[dicom]"'
        ) from error
    dataset = _opened(read_dicom, path)
    pixels = np.asarray(_opened(lambda p: pixels_of(dataset, p), path))
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        coloured = importlib.import_module("pydicom.pixels").apply_color_lut(pixels, dataset)
        pixels = (coloured >> 8 * (coloured.dtype.itemsize - 1)).astype(np.uint8)
    if pixels.ndim == 3:
        pixels = pixels[None]
    timing = _named(path, lambda: dicom_timing(dataset, len(pixels)))
    return pixels, tuple(_opened(lambda _: _regions(dataset), path)), timing


def _regions(dataset: Any) -> list[Region]:
    """Read the calibrated regions."""
    regions = []
    for item in dataset.get("SequenceOfUltrasoundRegions") or []:
        box = (
            int(item.RegionLocationMinX0), int(item.RegionLocationMinY0),
            int(item.RegionLocationMaxX1), int(item.RegionLocationMaxY1),
        )  # fmt: skip
        units = int(item.PhysicalUnitsXDirection), int(item.PhysicalUnitsYDirection)
        delta = float(item.PhysicalDeltaX), float(item.PhysicalDeltaY)
        regions.append(Region(box, int(item.RegionSpatialFormat), units, delta))
    return regions


def _video(path: Path) -> tuple[NDArray[Any], Timing]:
    """Read every frame of a video, where a package that can is installed."""
    if not importlib.util.find_spec("imageio_ffmpeg"):
        raise MissingToolError(
            "is a video, which needs imageio-ffmpeg", path,
            "Run pip install imageio-ffmpeg, or export the frames as PNG into a folder",
        )  # fmt: skip
    reader = importlib.import_module("imageio.v3")
    about = _opened(lambda p: reader.immeta(p, plugin="FFMPEG"), path)
    width, height = about["size"]
    count, rate = round(about["fps"] * about["duration"]), float(about["fps"])
    what = f"a video of about {count} frames of {width} x {height} pixels"
    ensure_fits((count, height, width, 3), 2, what, path, "Cut it to the frames of interest")
    frames = np.asarray(_opened(lambda p: reader.imread(p, plugin="FFMPEG"), path))
    return frames, Timing(times_at_rate(len(frames), rate) if rate > 0 else None)
