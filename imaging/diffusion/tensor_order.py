"""Which order the six numbers of a tensor stand in, judged by the numbers themselves.

The elements on the diagonal are diffusivities along the axes: of tissue they are alike, and larger
than those beside the diagonal. Read in a wrong order, large numbers stand beside the diagonal and
small ones, of either sign, on it: the tensor looks far more anisotropic than it is, and as a rule
no longer has three positive eigenvalues.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from imaging.arrays import FloatArray
from imaging.diffusion.tensor import to_matrix


class TensorOrder(StrEnum):
    """Order of the six numbers: of NIfTI, DTI-TK and dipy; of MRtrix; of FSL and Camino."""

    LOWER = "lower"
    MRTRIX = "mrtrix"
    FSL = "fsl"


ELEMENTS: Mapping[TensorOrder, tuple[str, ...]] = {
    TensorOrder.LOWER: ("xx", "xy", "yy", "xz", "yz", "zz"),
    TensorOrder.MRTRIX: ("xx", "yy", "zz", "xy", "xz", "yz"),
    TensorOrder.FSL: ("xx", "xy", "xz", "yy", "yz", "zz"),
}
_WEIGHTS = np.array([1.0, 2.0, 1.0, 2.0, 2.0, 1.0])  # elements beside the diagonal count twice
_DIAGONAL = np.array([0, 2, 5])


@dataclass(frozen=True)
class OrderFigures:
    """What tensors are like when read in one order.

    Attributes
    ----------
    least_anisotropic : float
        Share of the voxels in which no other order gives less anisotropy.
    positive : float
        Share of the voxels with three positive eigenvalues.
    mean_diffusivity : float
        Median, in the unit of the numbers.
    """

    least_anisotropic: float
    positive: float
    mean_diffusivity: float


def in_lower_order(components: FloatArray, order: TensorOrder) -> FloatArray:
    """Return tensors (..., 6) as xx xy yy xz yz zz.

    Examples
    --------
    A fibre along x, as MRtrix writes it (xx yy zz xy xz yz):

    >>> in_lower_order(np.array([1.7, 0.3, 0.4, 0.0, 0.0, 0.1]), TensorOrder.MRTRIX).tolist()
    [1.7, 0.0, 0.3, 0.0, 0.1, 0.4]
    """
    place = [ELEMENTS[order].index(name) for name in ELEMENTS[TensorOrder.LOWER]]
    return components[..., place]


def weigh_orders(components: FloatArray) -> dict[TensorOrder, OrderFigures]:
    """Judge every order by tensors (V, 6) of tissue, as they stand in the file."""
    read = {order: in_lower_order(components, order) for order in TensorOrder}
    anisotropy = np.array([_anisotropy(tensors) for tensors in read.values()])
    least = anisotropy.argmin(axis=0)
    return {
        order: OrderFigures(
            float((least == number).mean()),
            float((np.linalg.eigvalsh(to_matrix(tensors))[:, 0] > 0).mean()),
            float(np.median(tensors[:, _DIAGONAL].mean(axis=1))),
        )
        for number, (order, tensors) in enumerate(read.items())
    }


def rotated_tensors(tensors: FloatArray, rotation: FloatArray) -> FloatArray:
    """Return tensors (..., 6) turned by an orthogonal matrix (3, 3).

    Examples
    --------
    Tensors xx xy yy xz yz zz; a quarter turn about z brings x to y:

    >>> quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    >>> rotated_tensors(np.array([1.7, 0, 0.3, 0, 0, 0.4]), quarter).tolist()
    [0.3, 0.0, 1.7, 0.0, 0.0, 0.4]
    """
    turned = rotation @ to_matrix(tensors.astype(float)) @ rotation.T
    row, column = np.array([0, 0, 1, 0, 1, 2]), np.array([0, 1, 1, 2, 2, 2])
    return turned[..., row, column].astype(tensors.dtype)


def _anisotropy(tensors: FloatArray) -> FloatArray:
    """Return a measure (V,) that rises with fractional anisotropy, largest for no tissue at all."""
    trace = tensors[:, _DIAGONAL].sum(axis=1)
    norm = np.square(tensors) @ _WEIGHTS
    return -np.sign(trace) * np.square(trace) / np.where(norm > 0, norm, 1)
