"""Muscles whose diffusion data say too little are modelled, and say so."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.architecture.modelled import expected_directions
from imaging.architecture.muscle import reconstruct_muscle
from imaging.config import FibreSettings
from imaging.geometry import sheet_from_mesh
from imaging.image import Image
from imaging.muscles import label_of

LEAN = np.radians(20.0)
UP = np.array([np.sin(LEAN), 0.0, np.cos(LEAN)])


def plate(label: int) -> Image:
    """Return a plate 16 mm thick across x: straight fascicles at 20 degrees are 47 mm long."""
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[:3, 3] = [-14.5, -25.5, -61.0]
    grid = Image(np.zeros((30, 52, 62), np.uint8), affine)
    points = grid.to_world(np.argwhere(np.ones(grid.shape, bool)))
    inside = (np.abs(points) < [8, 20, 55]).all(axis=1)
    return grid.with_data(inside.reshape(grid.shape))


def noise(mask: Image, seed: int = 3) -> Image:
    """Return tensors whose direction means nothing."""
    rng = np.random.default_rng(seed)
    full = rng.normal(0, 1, (*mask.shape, 3, 3))
    _, vectors = np.linalg.eigh(full + np.swapaxes(full, -1, -2))
    tensor = np.einsum("...ij,j,...kj->...ik", vectors, [1.2e-3, 1.4e-3, 2.0e-3], vectors)
    return mask.with_data(tensor[..., [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]].astype(np.float32))


def nothing(mask: Image) -> Image:
    return mask.with_data(np.zeros((*mask.shape, 6), np.float32))


@pytest.mark.parametrize("data", [noise, nothing])
def test_without_directions_fascicles_are_modelled(data):
    label = label_of("GM", "left")
    mask = plate(label)
    result = reconstruct_muscle(
        label, mask, data(mask), FibreSettings(), expected=lambda offset: UP
    )
    assert result.modelled
    assert set(result.fascicles.table["status"]) == {"modelled"}
    figures = {m.measure: m for m in result.measures}
    length = figures["fascicle_length"]
    assert length.status == "modelled" and "modelled" in length.note and length.ci_low is None
    assert length.value == pytest.approx(40.8, rel=0.06)  # 47 but for those cut by the ends
    assert np.median(result.fascicles.table["pennation_start_deg"]) == pytest.approx(20, abs=3)
    assert not any(m.status in ("measured", "extrapolated") for m in result.measures)


@pytest.mark.parametrize("settings", [FibreSettings(), FibreSettings(model=False)])
def test_noise_alone_is_never_measured(settings):
    label = label_of("GM", "left")
    mask = plate(label)
    expected = None if settings.model else (lambda offset: UP)
    result = reconstruct_muscle(label, mask, noise(mask), settings, expected=expected)
    assert not len(result.fascicles)
    assert {m.status for m in result.measures} == {"not_measured"}
    assert "noise" in result.measures[0].note


def test_a_bipennate_muscle_is_modelled_only_with_its_sheet():
    label = label_of("TA", "left")
    mask = plate(label)

    def away(offset):
        return np.array([np.sign(offset[0]) * np.sin(LEAN), 0.0, np.cos(LEAN)])

    result = reconstruct_muscle(label, mask, nothing(mask), FibreSettings(), expected=away)
    assert {m.status for m in result.measures} == {"not_measured"}
    corners = np.array([[0.0, y, z] for y in (-22, 0, 22) for z in (-58, 0, 58)])
    faces = [[a, a + 1, a + 4] for a in (0, 1, 3, 4)] + [[a, a + 4, a + 3] for a in (0, 1, 3, 4)]
    sheet = sheet_from_mesh(corners, np.array(faces))
    result = reconstruct_muscle(label, mask, nothing(mask), FibreSettings(), [sheet], expected=away)
    length = next(m for m in result.measures if m.measure == "fascicle_length")
    assert result.modelled
    assert length.value == pytest.approx(8 / np.sin(LEAN), rel=0.15)


@pytest.mark.parametrize("side", ["left", "right"])
def test_anatomy_expects_the_mirror_image_on_the_other_side(side):
    lateral = 1.0 if side == "right" else -1.0
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    affine[:3, 3] = [-60, -60, -100]
    grid = Image(np.zeros((60, 60, 40), bool), affine)
    points = grid.to_world(np.argwhere(np.ones(grid.shape, bool)))
    places = {"TA": (25, 12), "GM": (-32, -20), "GL": (-30, 22), "SOL": (-14, 2), "TP": (4, 4)}
    masks = {
        label_of(key, side): grid.with_data(
            (np.hypot(points[:, 1] - y, points[:, 0] - lateral * x) < 8).reshape(grid.shape)
        )
        for key, (y, x) in places.items()
    }
    gm = expected_directions(masks)[label_of("GM", side)](np.zeros(3))
    assert gm is not None
    assert gm[1] < -0.15 and gm[2] > 0.9  # up and back
    assert abs(gm[0]) < 0.2
    fhl = expected_directions(masks).get(label_of("FHL", side))
    assert fhl is None
