"""Segmentations of 3D Slicer (``.seg.nrrd``) and plain NRRD label maps, through SimpleITK.

A segmentation holds one or more layers on one grid; in each a voxel has one value. A segment is
one value in one layer, and its name stands in the header (``Segment0_Name``, ``_LabelValue``,
``_Layer``). Segments of different layers may overlap. NRRD counts in LPS, RAS or another space that
it names; images here are RAS+ mm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imaging.errors import ImageError, LabelError, MissingFileError
from imaging.formats.file_kind import file_kind_of
from imaging.formats.nifti_place import right_angled
from imaging.image import Image

if TYPE_CHECKING:
    import SimpleITK as sitk

_SPACE = "NRRD_space"
# Slicer makes surfaces of the labels as soon as it has read them.
_SHOWN = "Binary labelmap|Closed surface|"
_NAME = re.compile(r"Segment(\d+)_Name$")


@dataclass(frozen=True)
class Segments:
    """What a segmentation holds.

    Attributes
    ----------
    layers : tuple of Image
        (I, J, K) whole numbers each, on one grid; 0 is no segment. A number means the same segment
        in every layer.
    names : dict or None
        Number to name, in the order of the file; None: a label map without names.
    """

    layers: tuple[Image, ...]
    names: Mapping[int, str] | None


@dataclass(frozen=True)
class Segment:
    """What Slicer shows of one label.

    Attributes
    ----------
    value : int
        Of its voxels.
    name : str
        In words; spaces and line breaks in it count as one space.
    colour : (int, int, int)
        Red, green, blue, 0..255.
    terminology : str
        Slicer's ``TerminologyEntry``: context, category, type and their modifiers, each as
        scheme^code^meaning.
    """

    value: int
    name: str
    colour: tuple[int, int, int]
    terminology: str

    @property
    def id(self) -> str:
        """Its name in the files of Slicer, which holds no character that they escape."""
        return f"label-{self.value}"


def is_nrrd(path: str | Path) -> bool:
    """Tell whether a file is named as NRRD."""
    return Path(path).suffix.lower() == ".nrrd"


def load_segments(path: str | Path) -> Segments:
    """Read a segmentation of 3D Slicer, or a label map in NRRD.

    Raises
    ------
    MissingFileError
        No such file.
    ImageError
        It cannot be read, is not a volume, or does not say in which space it lies.
    LabelError
        Its header explains segments in layers that it does not have.
    """
    import SimpleITK as sitk  # 90 MiB, which readers of NIfTI need not hold

    path = Path(path)
    if not path.is_file():
        raise MissingFileError("no such segmentation", path, "Check the path")
    try:
        read = sitk.ReadImage(str(path))
        header = {key: read.GetMetaData(key) for key in read.GetMetaDataKeys()}
    except (RuntimeError, UnicodeDecodeError) as error:
        found = file_kind_of(path)
        why = "it is truncated or damaged" if "NRRD" in found.kind else f"it is {found.kind}"
        raise ImageError(
            f"cannot be read as NRRD: {why}", path, "Save it again from 3D Slicer"
        ) from error
    if read.GetDimension() != 3 or min(read.GetSize()) < 2:
        raise ImageError("is not a volume", path, "Give a segmentation of a whole volume")
    if _SPACE not in header:
        raise ImageError(
            "does not say in which space it lies (field space): left and right would be a guess",
            path,
            "Save it again from 3D Slicer",
        )
    layers = _layers(read, path)
    segments = [_segment(header, n, path) for n in sorted(_numbers(header))]
    if not segments:
        return Segments(layers, None)
    return _numbered(layers, segments, path)


def flat(segments: Segments, path: str | Path) -> Image:
    """Return all layers as one label map.

    Raises
    ------
    LabelError
        Two segments overlap; names both.
    """
    first, *others = segments.layers
    out = first.data.copy()
    for layer in others:
        both = (out > 0) & (layer.data > 0)
        if both.any():
            a, b = int(out[both][0]), int(layer.data[both][0])
            names = segments.names or {}
            raise LabelError(
                f"the segments {names.get(a, a)!r} and {names.get(b, b)!r} overlap in "
                f"{int((both & (out == a) & (layer.data == b)).sum())} voxels",
                path,
                "Take the overlap out of one of them in 3D Slicer, or leave one out",
            )
        out = np.where(layer.data > 0, layer.data, out)
    return first.with_data(out)


def save_segments(labels: Image, segments: Sequence[Segment], path: str | Path) -> None:
    """Write a segmentation of 3D Slicer of one layer; the same labels give the same bytes.

    Parameters
    ----------
    labels : Image
        (I, J, K) whole numbers, 0 is no segment; axes at right angles.
    segments
        Of every number.
    path
        ``.seg.nrrd``.

    Raises
    ------
    ImageError
        The axes are not at right angles.
    LabelError
        A number has no segment.
    """
    import SimpleITK as sitk

    from imaging.formats.itk import to_sitk

    unnamed = set(np.unique(labels.data).tolist()) - {0} - {s.value for s in segments}
    if unnamed:
        raise LabelError(f"labels {sorted(unnamed)} have no name", None, "Name every label")
    kind = np.uint8 if labels.data.max() < 256 else np.uint16
    image = to_sitk(labels.with_data(labels.data.astype(kind)))
    facts = {
        "Segmentation_ContainedRepresentationNames": _SHOWN,
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    # The first segment of a layer sets the box of all voxels that Slicer reads of it.
    box = " ".join(f"0 {n - 1}" for n in labels.shape)
    for n, segment in enumerate(segments):
        colour = " ".join(f"{c / 255:.6f}" for c in segment.colour)
        about = {
            "ID": segment.id, "Name": " ".join(segment.name.split()),
            "NameAutoGenerated": "0", "Color": colour, "ColorAutoGenerated": "0",
            "LabelValue": str(segment.value), "Layer": "0", "Extent": box,
            "Tags": f"Segmentation.Status:completed|TerminologyEntry:{segment.terminology}|",
        }  # fmt: skip
        facts |= {f"Segment{n}_{key}": text for key, text in about.items()}
    for key, text in facts.items():
        image.SetMetaData(key, text)
    sitk.WriteImage(image, str(path), useCompression=True)


def _layers(read: sitk.Image, path: Path) -> tuple[Image, ...]:
    """Return one image per layer; ITK makes the list axis of NRRD the components of a voxel."""
    import SimpleITK as sitk

    from imaging.formats.itk import from_sitk

    count = read.GetNumberOfComponentsPerPixel()
    parts = [sitk.VectorIndexSelectionCast(read, c) for c in range(count)] if count > 1 else [read]
    images = [from_sitk(part) for part in parts]
    affine, _ = right_angled(images[0].affine, images[0].shape, path)
    if any(image.data.dtype.kind not in "buif" for image in images):
        raise ImageError("does not hold whole numbers", path, "Give a segmentation")
    return tuple(Image(image.data, affine) for image in images)


def _numbers(header: Mapping[str, str]) -> list[int]:
    return [int(found[1]) for key in header if (found := _NAME.match(key))]


def _segment(header: Mapping[str, str], n: int, path: Path) -> tuple[str, int, int]:
    """Return name, value and layer of a segment; before Slicer 4.11 each had a layer, value 1."""
    name = " ".join(header[f"Segment{n}_Name"].split())
    try:
        value = int(header.get(f"Segment{n}_LabelValue", "1"))
        layer = int(header.get(f"Segment{n}_Layer", str(n)))
    except ValueError as error:
        raise LabelError(
            f"the value or layer of the segment {name!r} is not a whole number",
            path,
            "Save it again from 3D Slicer",
        ) from error
    return name, value, layer


def _numbered(
    layers: tuple[Image, ...], segments: list[tuple[str, int, int]], path: Path
) -> Segments:
    """Return layers in which a number means one segment; values are kept where they differ."""
    values = [value for _, value, _ in segments]
    own = len(set(values)) == len(values) and min(values) > 0
    out = [np.zeros(layer.shape, np.int32) for layer in layers]
    names: dict[int, str] = {}
    for n, (name, value, place) in enumerate(segments, 1):
        if not 0 <= place < len(layers):
            raise LabelError(
                f"the segment {name!r} is in layer {place}, which does not exist",
                path,
                "Save it again from 3D Slicer",
            )
        number = value if own else n
        names[number] = name
        out[place][layers[place].data == value] = number
    unnamed = sum(int(np.count_nonzero(a.data)) for a in layers) - sum(map(np.count_nonzero, out))
    if unnamed:
        raise LabelError(
            f"{unnamed} voxels belong to no segment of its header", path, "Save it from 3D Slicer"
        )
    return Segments(tuple(a.with_data(b) for a, b in zip(layers, out, strict=True)), names)
