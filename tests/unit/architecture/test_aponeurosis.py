"""The internal aponeurosis: found where directions jump, and nowhere else."""

import numpy as np
import pytest

from imaging.architecture.aponeurosis import find_sheet
from imaging.architecture.found_sheet import FoundSheet, NoSheet
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
    assert isinstance(found, FoundSheet)
    assert found.reach > 0.95
    assert found.jump_deg == pytest.approx(28, abs=5)
    inner = found.sheet.points[(np.abs(found.sheet.points) < [14, 11, 55]).all(axis=1)]
    assert len(inner) > 200
    assert np.median(np.abs(height(inner))) < 0.6
    assert np.percentile(np.abs(height(inner)), 90) < 1.5


def test_no_sheet_where_directions_turn_smoothly():
    for angle in (0.02 * places()[..., 0], np.radians(20.0) + 0 * places()[..., 0]):
        found = find_sheet(tensors(angle, 1.2e-4), share(), affine(), AXIS)
        assert isinstance(found, NoSheet)
        assert "<" in found.why
        assert set(found.facts()) >= {"aponeurosis_jump_deg", "aponeurosis_evidence"}


def test_a_sheet_reaches_as_far_as_fascicles_end_on_it():
    p = places()
    past = np.clip((p[..., 2] + 5.0) / 15.0, 0.0, 1.0)  # its rim lies at z = -5
    angle = np.radians(14.0) * (1 - past) * np.sign(height(p))
    found = find_sheet(tensors(angle, 1e-4), share(), affine(), AXIS)
    assert isinstance(found, FoundSheet)
    inner = found.sheet.points[(np.abs(found.sheet.points) < [14, 11, 55]).all(axis=1)]
    assert np.median(np.abs(height(inner[inner[:, 2] < -5]))) < 0.6
    assert inner[:, 2].min() < -50
    assert -8 < inner[:, 2].max() < 12
    assert 0.4 < found.reach < 0.65


def test_no_sheet_where_fascicles_of_both_sides_lean_the_same_way():
    angle = np.radians(22.0 + 14.0 * np.sign(height(places())))
    found = find_sheet(tensors(angle, 1e-4), share(), affine(), AXIS)
    assert isinstance(found, NoSheet)
    assert found.evidence > 10
    assert found.jump_deg == pytest.approx(28, abs=5)
    assert "both sides" in found.why


def test_a_few_voxels_have_no_sheet():
    few = np.zeros(SHAPE, np.float32)
    few[8:10, 8:10, 16:18] = 1.0
    found = find_sheet(tensors(0 * places()[..., 0], 1e-4), few, affine(), AXIS)
    assert isinstance(found, NoSheet)
    assert "voxels" in found.why
    assert found.facts() == {"aponeurosis_not_found": found.why, "aponeurosis_reach": 0.0}


def test_outliers_hide_no_sheet():
    tensor = tensors(np.radians(14.0) * np.sign(height(places())), 1.2e-4)
    rng = np.random.default_rng(8)
    tensor[rng.random(SHAPE) < 0.03] *= 4.0
    found = find_sheet(tensor, share(), affine(), AXIS)
    assert isinstance(found, FoundSheet)
    assert found.evidence > 10


def test_a_bipennate_muscle_without_a_sheet_is_not_measured():
    mask = Image(share() > 0, affine())
    settings = FibreSettings(smoothing_mm=5.0)
    one = mask.with_data(tensors(np.radians(20.0) + 0 * places()[..., 0], 1e-5))
    result = reconstruct_muscle(101, mask, one, settings)
    assert {m.measure for m in result.measures if m.status == "measured"} == {
        "fascicles", "extrapolated_fraction", "unfilled_fraction",
    }  # fmt: skip
    assert "aponeurosis" in result.ends_unknown
    assert result.facts["aponeurosis_not_found"] in result.ends_unknown
    two = mask.with_data(tensors(np.radians(14.0) * np.sign(height(places())), 1e-4))
    result = reconstruct_muscle(101, mask, two, settings)
    assert result.sheets_found
    unknown = {m.measure for m in result.measures if m.status != "measured"}
    assert unknown == {"pcsa_functional"}  # sarcomere length was not given
