"""Tensor images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from imaging.errors import ImageError
from imaging.formats.nifti import load_image
from imaging.image import Image


def load_tensor(path: Path) -> Image:
    """Read a tensor image (I, J, K, 6), world frame.

    Raises
    ------
    ImageError
        Another number of components, or zero everywhere.
    """
    image = load_image(path, ndim=(4, 5))
    data = image.data[:, :, :, 0] if image.data.ndim == 5 else image.data
    if data.ndim != 4 or data.shape[3] != 6:
        raise ImageError(
            f"has shape {'x'.join(map(str, image.data.shape))}, six tensor components are needed",
            path,
            "Give the desc-noisy_tensor file of `pennate diffusion`",
        )
    if not data.any():
        raise ImageError("is zero everywhere", path, "Check the tensor fit")
    return replace(image, data=data)
