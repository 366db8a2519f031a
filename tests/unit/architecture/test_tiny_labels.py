"""A label of a few voxels is no muscle: its figures are not measured, and nothing overflows."""

import itertools

import numpy as np
import pytest

from imaging.architecture.muscle import reconstruct_muscle
from imaging.architecture.seeds import spread_seeds
from imaging.config import FibreSettings
from imaging.errors import InputError
from imaging.geometry import mask_surface, mesh_volume
from imaging.image import Image

SPACINGS = [(1, 1, 5), (1.5, 1.5, 6), (0.5, 0.5, 5), (2, 2, 2), (0.3, 0.3, 3)]
SHAPES = [(1, 1, 1), (2, 1, 1), (1, 1, 2), (2, 2, 1), (2, 2, 2), (3, 3, 3), (5, 3, 2)]


def block(spacing, shape) -> Image:
    mask = np.zeros((12, 12, 12), bool)
    mask[tuple(slice(3, 3 + n) for n in shape)] = True
    return Image(mask, np.diag([*spacing, 1.0]))


@pytest.mark.parametrize(("spacing", "shape"), list(itertools.product(SPACINGS, SHAPES)))
def test_the_surface_of_a_few_voxels_stays_about_them(spacing, shape):
    mask = block(spacing, shape)
    points, faces = mask_surface(mask.data, mask.affine)
    inside = mask.to_voxels(points)
    margin = 1.0 + 2.0 / np.array(spacing)
    assert (inside > 3 - margin).all() and (inside < 2 + np.array(shape) + margin).all()
    volume = 1000 * mask.voxel_ml * mask.data.sum()
    assert 0 < mesh_volume(points, faces) < 1.5 * volume


def test_a_label_of_two_voxels_is_not_measured():
    mask = block((1.0, 1.0, 5.0), (2, 1, 1))
    tensor = Image(np.full((12, 12, 12, 6), 1e-3, np.float32), mask.affine)
    along = np.array([0.0, 0.0, 1.0])
    result = reconstruct_muscle(101, mask, tensor, FibreSettings(), expected=lambda _: along)
    assert len(result.fascicles) == 0
    assert {m.status for m in result.measures if m.value is None} == {"not_measured"}
    (why,) = {m.note for m in result.measures if m.value is None}
    assert why == "its label has 2 voxels (0.01 ml): too few for a muscle"


def test_seeds_that_fill_the_memory_are_a_named_error():
    points, faces = mask_surface(np.ones((20, 20, 20), bool), np.eye(4))
    with pytest.raises(InputError, match=r"points that start fascicles would need .* GiB"):
        spread_seeds(points, faces, 1e-4, np.random.default_rng(0))
