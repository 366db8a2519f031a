"""Files that ``pennate elastography`` reads: wave images, their JSON, labels and masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.elastography.declaration import (
    WaveDeclaration,
    arrange,
    check_shape,
    wave_declaration,
)
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError
from imaging.formats.nifti import load_image
from imaging.image import Image, same_grid
from imaging.io.waves.series import Recording, check_range


def read_nifti(files: Sequence[Path], content: dict[str, Any], json_path: Path) -> Recording:
    """Read phase images, and the magnitudes beside them where there are any."""
    declared = wave_declaration(content, json_path)
    phase, affine = _stack(files, declared)
    check_range(phase, content, declared, files[0])
    inputs, weight, frames = [*files, json_path], np.ones(phase.shape[:3], np.float32), None
    magnitudes = [f.with_name(f.name.replace("part-phase", "part-mag")) for f in files]
    if all(m != f and m.is_file() for m, f in zip(magnitudes, files, strict=True)):
        first = load_image(magnitudes[0], ndim=(3, 4, 5, 6), thinnest=1)
        if not same_grid(first, Image(phase, affine)):
            raise ImageError("is not on the grid of the phase", magnitudes[0], "Export it again")
        if first.data.ndim > 3:
            frames = _stack(magnitudes, declared)[0]
            weight = frames.reshape(*first.shape, -1).mean(-1)
        else:
            weight = first.data
        inputs += magnitudes
    rotation = Image(phase, affine).rotation
    images = WaveImages(
        declared.radians(phase), weight, affine, declared.world_directions(rotation),
        declared.frequency_hz, declared.density,
    )  # fmt: skip
    return Recording(images, frames, inputs, declared.gain)


def _stack(files: Sequence[Path], declared: WaveDeclaration) -> tuple[FloatArray, FloatArray]:
    """Read files as x, y, z, direction, offset, driver; several follow each other."""
    parts = [load_image(f, ndim=(4, 5, 6), thinnest=1) for f in files]
    first = parts[0]
    for part, path in zip(parts, files, strict=True):
        if not same_grid(first, part):
            raise ImageError(f"is not on the grid of {files[0].name}", path, "Export it again")
        rotation = part.rotation
        if np.abs(rotation.T @ rotation - np.eye(3)).max() > 1e-3:
            raise ImageError("has axes that are not orthogonal", path, "Export it without shear")
    if len(parts) > 1 or first.data.ndim == 4:
        volumes = np.concatenate([p.data.reshape(*p.shape, -1) for p in parts], axis=3)
        return arrange(volumes, declared, files[0]), first.affine
    data = first.data.reshape(*first.data.shape, *[1] * (6 - first.data.ndim))
    check_shape(declared, data.shape, files[0])
    return data, first.affine
