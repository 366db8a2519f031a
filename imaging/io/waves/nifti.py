"""Wave images from NIfTI files: one of all volumes, or several that follow each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.elastography.declaration import (
    AXES,
    WaveDeclaration,
    arrange,
    check_shape,
    wave_declaration,
)
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError
from imaging.formats.nifti import load_image
from imaging.image import Image, same_grid
from imaging.io.waves.series import WaveSeries, check_range, units_told, units_warning
from imaging.io.waves.undistorted import echo_planar


def read_nifti(
    files: Sequence[Path],
    content: dict[str, Any],
    json_path: Path,
    magnitudes: Sequence[Path] | None = None,
    *,
    maker: str = "",
    ordered: bool = True,
) -> WaveSeries:
    """Read phase images, and the magnitudes beside them where there are any.

    Parameters
    ----------
    files
        One file of all volumes, or several, each of one volume or more, in order.
    content, json_path
        What is declared of them, and where.
    magnitudes
        In the order of `files`; None: those beside them with ``part-mag`` for ``part-phase``.
    maker
        Of the scanner, where a sidecar other than `content` names it.
    ordered
        Whether the order of volumes is known without VolumeOrder.

    Raises
    ------
    MissingFileError, ImageError, UnitError
        Something is missing, contradicts the JSON, or is not declared.
    """
    parts = _read(files)
    warnings: list[str] = []
    if content.get("PhaseUnits") is None:
        told = units_told(parts[0].data, maker or str(content.get("Manufacturer") or ""))
        content = {**content, **told}
        warnings += [units_warning(told, parts[0].data)] if told else []
    declared = wave_declaration(content, json_path, ordered=ordered)
    phase, affine = _arranged(parts, files, declared, json_path)
    check_range(phase, content, declared, files[0])
    inputs = [*files, json_path] if json_path.is_file() else [*files]
    weight, frames = np.ones(phase.shape[:3], np.float32), None
    if magnitudes is None:
        magnitudes = [f.with_name(f.name.replace("part-phase", "part-mag")) for f in files]
    if all(m != f and m.is_file() for m, f in zip(magnitudes, files, strict=True)):
        parts = _read(magnitudes)
        if not same_grid(parts[0], Image(phase, affine)):
            raise ImageError("is not on the grid of the phase", magnitudes[0], "Export it again")
        # One volume beside a phase of several: a single magnitude of all of them.
        if parts[0].data.ndim == 3 and _volumes(parts) < math.prod(phase.shape[3:]):
            weight = parts[0].data
        else:
            frames = _arranged(parts, magnitudes, declared, json_path)[0]
            weight = frames.reshape(*phase.shape[:3], -1).mean(-1)
        inputs += magnitudes
    rotation = Image(phase, affine).rotation
    images = WaveImages(
        declared.radians(phase), weight, affine, declared.world_directions(rotation),
        declared.frequency_hz, declared.density,
    )  # fmt: skip
    told_of = (*warnings, *declared.assumed)
    return WaveSeries(
        images, frames, inputs, declared.gain, declared.driver_names, told_of,
        echo_planar(content, Image(weight, affine)),
    )  # fmt: skip


def _read(files: Sequence[Path]) -> list[Image]:
    """Read files of one grid with orthogonal axes."""
    parts = [load_image(f, ndim=(3, 4, 5, 6), thinnest=1) for f in files]
    for part, path in zip(parts, files, strict=True):
        if not same_grid(parts[0], part):
            raise ImageError(f"is not on the grid of {files[0].name}", path, "Export it again")
        rotation = part.rotation
        if np.abs(rotation.T @ rotation - np.eye(3)).max() > 1e-3:
            raise ImageError("has axes that are not orthogonal", path, "Export it without shear")
    return parts


def _volumes(parts: Sequence[Image]) -> int:
    return sum(math.prod(p.data.shape[3:]) for p in parts)


def _arranged(
    parts: Sequence[Image], files: Sequence[Path], declared: WaveDeclaration, json_path: Path
) -> tuple[FloatArray, FloatArray]:
    """Bring files into x, y, z, direction, offset, driver; several follow each other."""
    first = parts[0]
    if len(parts) == 1 and first.data.ndim == 3:
        sizes = (len(declared.directions), declared.offsets, declared.drivers)
        text = " x ".join(f"{n} {name}s" for n, name in zip(sizes, AXES, strict=True))
        raise ImageError(
            f"holds one volume, but its JSON says {text} = {math.prod(sizes)}", files[0],
            "Join the files of all volumes into one along a fourth axis; or list them, in order, "
            'in one JSON as "Files": [["a.nii.gz", "b.nii.gz"]] with VolumeOrder, and give that '
            "JSON to pennate elastography --waves",
        )  # fmt: skip
    if len(parts) > 1 or first.data.ndim == 4:
        volumes = np.concatenate([p.data.reshape(*p.shape, -1) for p in parts], axis=3)
        source = files[0] if len(files) == 1 else json_path
        return arrange(volumes, declared, source), first.affine
    data = first.data.reshape(*first.data.shape, *[1] * (6 - first.data.ndim))
    check_shape(declared, data.shape, files[0])
    return data, first.affine
