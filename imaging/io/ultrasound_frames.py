"""Files that ``pennate ultrasound`` reads: DICOM, pictures, video and tracked sequences."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from imageio.v3 import improps
from numpy.typing import NDArray

from imaging.errors import ImageError, InputError, MissingToolError
from imaging.formats.itk_files import read_itk
from imaging.formats.json import read_sidecar
from imaging.io.dicom_size import pixels_of, read_dicom
from imaging.memory import ensure_fits
from imaging.provenance import sidecar_path
from imaging.ultrasound.declaration import FrameDeclaration, check_boxes, frame_declaration
from imaging.ultrasound.overlay import corner_box
from imaging.ultrasound.regions import Region

_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_VIDEOS = (".mp4", ".avi", ".mov")
_SEQUENCES = (".mha", ".mhd", ".nrrd", ".nhdr")


@dataclass(frozen=True)
class FrameFile:
    """Frames of one file and what is known of them.

    Attributes
    ----------
    paths : tuple of Path
        The file and its JSON.
    declared : FrameDeclaration
    frames : (F, H, W, 3) uint8 array
    regions : tuple of Region
        Of a DICOM file.
    fields : mapping of str to str
        Header of a tracked sequence.
    """

    paths: tuple[Path, Path]
    declared: FrameDeclaration
    frames: NDArray[np.uint8]
    regions: tuple[Region, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)


def read_frames(path: Path) -> FrameFile:
    """Read shear-wave frames and the JSON beside them.

    Raises
    ------
    MissingFileError, UnitError, ImageError
        The file or its JSON is missing, wrong, or holds no colour frames.
    MissingToolError
        DICOM or video without the package that reads it.
    """
    content, json_path = read_sidecar(path)
    declared = frame_declaration(content, json_path)
    ending = path.suffix.lower()
    regions: tuple[Region, ...] = ()
    fields: dict[str, str] = {}
    if ending in _SEQUENCES:
        frames, fields = _sequence(path)
    elif ending in _PICTURES:
        frames = np.asarray(_opened(_picture, path))[None]
    elif ending in _VIDEOS:
        frames = _video(path)
    else:
        frames, regions = _dicom(path)
    if frames.ndim != 4 or frames.shape[3] not in (3, 4) or frames.dtype != np.uint8:
        raise ImageError(
            f"holds {frames.dtype} frames of shape {frames.shape[1:]}, not 8-bit colour",
            path,
            "Export the frame as the scanner shows it, with its colours",
        )
    check_boxes(declared, frames.shape[1:], json_path)
    _check_overlay(declared, frames[0, ..., :3], json_path)
    return FrameFile((path, json_path), declared, frames[..., :3], regions, fields)


def read_frame_files(paths: Sequence[Path]) -> list[FrameFile]:
    """Read the frames of one examination.

    Raises
    ------
    MissingFileError, UnitError, ImageError, MissingToolError
        As :func:`read_frames`; or two files share one JSON, and so are one picture twice.
    """
    owner: dict[Path, Path] = {}
    for path in paths:
        first = owner.setdefault(sidecar_path(path), path)
        if first is not path:
            raise ImageError(
                f"has the same JSON as {first.name}, so that one picture would count twice", path,
                "Keep one of the two, or give each its own name and JSON",
            )  # fmt: skip
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


def _dicom(path: Path) -> tuple[NDArray[Any], tuple[Region, ...]]:
    """Read colour frames and calibrated regions of a DICOM file."""
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
    return pixels, tuple(_opened(lambda _: _regions(dataset), path))


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


def _video(path: Path) -> NDArray[Any]:
    """Read every frame of a video, where a package that can is installed."""
    if importlib.util.find_spec("imageio_ffmpeg"):
        reader = importlib.import_module("imageio.v3")
        return np.asarray(_opened(lambda p: reader.imread(p, plugin="FFMPEG"), path))
    raise MissingToolError(
        "is a video, which needs imageio-ffmpeg",
        path,
        "Run pip install imageio-ffmpeg, or export the frames as PNG",
    )
