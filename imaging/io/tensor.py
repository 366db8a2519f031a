"""Tensor images, of Pennate and of other programs."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import file_to_world
from imaging.diffusion.tensor_order import (
    ELEMENTS,
    OrderFigures,
    TensorOrder,
    in_lower_order,
    rotated_tensors,
    weigh_orders,
)
from imaging.errors import ImageError
from imaging.formats.nifti import load_image
from imaging.image import Image

_MUSCLE = (3e-4, 6e-3)  # mm2/s: mean diffusivities that muscle may have
# Numbers of muscle in these units are apart by far: 1.5e-3, 1.5, 1500, 1.5e-9.
_UNITS = {"mm2/s": 1.0, "um2/ms": 1e-3, "um2/s": 1e-6, "m2/s": 1e6}
_ORDER_SHARE = 0.5  # of the voxels, above which an order is the one
_POSITIVE_SHARE = 0.8  # of tensors that have to be possible


class TensorFrame(StrEnum):
    """Axes of the tensors: world RAS+, or those of the image as of b-vectors of FSL."""

    WORLD = "world"
    IMAGE = "image"


def load_tensor(
    path: Path,
    order: TensorOrder = TensorOrder.LOWER,
    frame: TensorFrame | None = None,
    inside: FloatArray | None = None,
) -> tuple[Image, list[str]]:
    """Read a tensor image.

    Parameters
    ----------
    path
        NIfTI (I, J, K, 6) or (I, J, K, 1, 6).
    order
        Order of the six numbers in the file.
    frame
        Axes that the tensors refer to; none: world, but image for the order of FSL.
    inside : (N, 3) array or None
        World RAS+ mm, where there is muscle; none: wherever there is a tensor.

    Returns
    -------
    tensor : Image
        (I, J, K, 6) xx xy yy xz yz zz, mm2/s, world RAS+.
    notes : list of str
        How it was read, where that is not how Pennate writes it.

    Raises
    ------
    ImageError
        Another number of components, zero everywhere, another order, tensors that are not
        positive definite, or a mean diffusivity that is none of muscle.
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
    unit = _must_be_tissue(_tissue(data, image, inside), order, path)
    frame = frame or (TensorFrame.IMAGE if order is TensorOrder.FSL else TensorFrame.WORLD)
    data = in_lower_order(data, order) if order is not TensorOrder.LOWER else data
    data = data * np.float32(_UNITS[unit]) if unit != "mm2/s" else data
    if frame is TensorFrame.IMAGE:
        data = rotated_tensors(data, file_to_world(image.affine))
    return replace(image, data=data), _notes(path, order, frame, unit)


def _tissue(data: FloatArray, image: Image, inside: FloatArray | None) -> FloatArray:
    """Return tensors (V, 6) of muscle; of all voxels that have one where muscle has none."""
    if inside is not None:
        voxels = np.unique(np.rint(image.to_voxels(inside)).astype(int), axis=0)
        voxels = voxels[((voxels >= 0) & (voxels < image.shape)).all(axis=1)]
        found = data[tuple(voxels.T)]
        if found.any():
            return found[found.any(axis=1)]
    return data[data.any(axis=3)]


def _must_be_tissue(components: FloatArray, order: TensorOrder, path: Path) -> str:
    """Return the unit of tensors (V, 6); raise where they are none of muscle in that order."""
    found = weigh_orders(components.astype(float))
    own = found[order]
    rival = max(found, key=lambda o: found[o].least_anisotropic)
    likely = found[rival].least_anisotropic > _ORDER_SHARE and found[rival].positive > own.positive
    if rival is not order and likely:
        raise ImageError(
            f"does not hold tensors in the order {_named(order)}: so {own.positive:.0%} of them "
            f"are possible (all three diffusivities positive), in the order {_named(rival)} "
            f"{found[rival].positive:.0%}",
            path,
            f"Give --tensor-order {rival} if that is the program they come from",
        )
    if own.positive < _POSITIVE_SHARE:
        raise ImageError(
            f"holds tensors of which {1 - own.positive:.0%} are impossible (a diffusivity of 0 or "
            "less)",
            path,
            "Check the tensor fit, or give the series by --dwi",
        )
    return _unit(own, path)


def _unit(figures: OrderFigures, path: Path) -> str:
    """Return the unit in which the mean diffusivity is that of muscle."""
    for unit, factor in _UNITS.items():
        if _MUSCLE[0] <= figures.mean_diffusivity * factor <= _MUSCLE[1]:
            return unit
    raise ImageError(
        f"has a mean diffusivity of {figures.mean_diffusivity:.3g} (median), muscle has about "
        "0.0015 mm2/s",
        path,
        "Write tensors in mm2/s",
    )


def _notes(path: Path, order: TensorOrder, frame: TensorFrame, unit: str) -> list[str]:
    """Say how the file was read, where it is not as Pennate writes it."""
    notes = []
    if order is not TensorOrder.LOWER or frame is not TensorFrame.WORLD:
        axes = {"world": "world axes", "image": "the axes of the image, turned to world axes"}
        notes.append(f"{path.name}: tensors were read as {_named(order)}, in {axes[frame]}.")
    if unit != "mm2/s":
        notes.append(f"{path.name}: tensors were taken to be in {unit}, as their size tells.")
    return notes


def _named(order: TensorOrder) -> str:
    return f"{order} ({' '.join(ELEMENTS[order])})"
