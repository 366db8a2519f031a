"""The internal aponeurosis: found where directions jump, and nowhere else."""

import numpy as np
import pytest

from imaging.architecture.aponeurosis import find_sheet
from imaging.architecture.muscle import reconstruct_muscle
from imaging.config import FibreSettings
from imaging.image import Image

SPACING = np.array([2.0, 2.0, 4.0])
SHAPE = (18, 16, 34)
AXIS = np.array([0.0, 0.0, 1.0])


def affine() -> np.ndarray:
    out = np.diag([*SPACING, 1.0])
    out[:3, 3] = -SPACING * (np.array(SHAPE) - 1) / 2
    return out


def height(p: np.ndarray) -> np.ndarray:
    """Height above a curved sheet."""
    return p[..., 0] - 2.0 - 0.02 * (p[..., 1] ** 2 - 40) + 2.0 * np.sin(p[..., 2] / 30.0)


def places() -> np.ndarray:
    return np.moveaxis(np.indices(SHAPE), 0, -1) * SPACING + affine()[:3, 3]


def tensors(angle: np.ndarray, noise: float) -> np.ndarray:
    d = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1)
    full = 1.3e-3 * np.eye(3) + 0.6e-3 * d[..., :, None] * d[..., None, :]
    six = full[..., [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]]
    return (six + np.random.default_rng(4).normal(0, noise, six.shape)).astype(np.float32)


def share() -> np.ndarray:
    p = np.abs(places())
    return ((p[..., 0] < 14) & (p[..., 1] < 12) & (p[..., 2] < 58)).astype(np.float32)


@pytest.mark.parametrize("lean", [1.0, -1.0])
@pytest.mark.parametrize("noise", [1e-6, 1.2e-4])
def test_a_curved_sheet_is_found(lean, noise):
    angle = lean * np.radians(14.0) * np.sign(height(places()))
    found = find_sheet(tensors(angle, noise), share(), affine(), AXIS)
    assert found is not None
    assert found.jump_deg == pytest.approx(28, abs=5)
    inner = found.sheet.points[(np.abs(found.sheet.points) < [14, 11, 55]).all(axis=1)]
    assert len(inner) > 200
    assert np.median(np.abs(height(inner))) < 0.6
    assert np.percentile(np.abs(height(inner)), 90) < 1.5


def test_no_sheet_where_directions_turn_smoothly():
    for angle in (0.02 * places()[..., 0], np.radians(20.0) + 0 * places()[..., 0]):
        assert find_sheet(tensors(angle, 1.2e-4), share(), affine(), AXIS) is None


def test_a_bipennate_muscle_without_a_sheet_is_not_measured():
    mask = Image(share() > 0, affine())
    settings = FibreSettings(smoothing_mm=5.0)
    one = mask.with_data(tensors(np.radians(20.0) + 0 * places()[..., 0], 1e-5))
    result = reconstruct_muscle(101, mask, one, settings)
    assert {m.measure for m in result.measures if m.status == "measured"} == {
        "fascicles", "extrapolated_fraction", "unfilled_fraction",
    }  # fmt: skip
    assert "aponeurosis" in result.ends_unknown
    two = mask.with_data(tensors(np.radians(14.0) * np.sign(height(places())), 1e-4))
    result = reconstruct_muscle(101, mask, two, settings)
    assert result.sheets_found
    unknown = {m.measure for m in result.measures if m.status != "measured"}
    assert unknown == {"pcsa_functional"}  # sarcomere length was not given
