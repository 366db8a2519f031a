"""Whole muscles with analytic fascicles: length and pennation are known exactly."""

import numpy as np
import pytest

from imaging.architecture.muscle import reconstruct_muscle
from imaging.config import FibreSettings
from imaging.geometry import sheet_from_mask
from imaging.image import Image, apply_affine

SETTINGS = FibreSettings(seed_spacing_mm=4.0)


def turned(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.array(
        [[1, 0, 0], [0, c, -s], [0, s, c]]
    )


def grid(spacing, half_mm=(22.0, 24.0, 62.0), mirrored=False, tilt_deg=0.0) -> Image:
    """Return an empty grid about the world origin."""
    axes = turned(tilt_deg) * np.asarray(spacing)
    if mirrored:
        axes[:, 0] *= -1
    margin = 1.0 + 0.6 * abs(np.sin(np.radians(tilt_deg)))
    shape = np.ceil(2 * margin * np.asarray(half_mm) / spacing).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = -axes @ ((shape - 1) / 2)
    return Image(np.zeros(shape, np.uint8), affine)


def places(image: Image) -> np.ndarray:
    return apply_affine(image.affine, np.moveaxis(np.indices(image.shape), 0, -1))


def tensor_image(image: Image, directions: np.ndarray) -> Image:
    full = 1.3e-3 * np.eye(3) + 0.6e-3 * directions[..., :, None] * directions[..., None, :]
    six = full[..., [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]]
    return image.with_data(six.astype(np.float32))


def plate(image: Image, thickness=16.0) -> Image:
    p = np.abs(places(image))
    return image.with_data((p[..., 0] < thickness / 2) & (p[..., 1] < 15) & (p[..., 2] < 56))


def slanted(image: Image, degrees: float) -> Image:
    angle = np.radians(degrees)
    field = np.broadcast_to([np.sin(angle), 0, np.cos(angle)], (*image.shape, 3))
    return tensor_image(image, field)


GRIDS = [
    {"spacing": (1.5, 1.5, 5.0)},
    {"spacing": (1.5, 1.5, 5.0), "mirrored": True},
    {"spacing": (2.0, 2.0, 4.0), "tilt_deg": 15.0},
    {"spacing": (2.0, 1.5, 4.0), "tilt_deg": -10.0, "mirrored": True},
]


@pytest.mark.parametrize("tensor_grid", GRIDS)
def test_tilted_plate(tensor_grid):
    degrees, thickness = 20.0, 16.0
    mask = plate(grid((1.0, 1.0, 2.0), mirrored=True), thickness)
    result = reconstruct_muscle(107, mask, slanted(grid(**tensor_grid), degrees), SETTINGS)
    t = result.fascicles.table
    inner = t[(t.start_z.abs() < 48) & (t.end_z.abs() < 48) & (t.start_y.abs() < 11)]
    assert len(inner) > 150
    wanted = thickness / np.sin(np.radians(degrees))
    assert inner.length_mm.median() == pytest.approx(wanted, rel=0.012)
    assert inner.length_mm.std() < 0.5
    assert inner.pennation_start_deg.median() == pytest.approx(degrees, abs=0.3)
    assert inner.pennation_end_deg.median() == pytest.approx(degrees, abs=0.3)
    assert inner.pennation_line_deg.median() == pytest.approx(degrees, abs=0.3)
    assert inner.curvature_per_m.median() < 0.5
    assert (t.start_z <= t.end_z).all()  # the first point is the distal end
    assert result.facts["seeds"] - len(t) < 0.05 * result.facts["seeds"]


def test_arcs_keep_length_and_curvature():
    radius, thickness = 60.0, 14.0
    mask = plate(grid((1.0, 1.0, 2.0)), thickness)
    image = grid((1.5, 1.5, 3.0))
    p = places(image)
    # Circles about points (x0, z): direction depends on x only, so every fascicle is one arc.
    sine = np.clip((p[..., 0] + 26.0) / radius, -0.99, 0.99)
    field = np.stack([np.sqrt(1 - sine**2), 0 * sine, sine], -1)
    result = reconstruct_muscle(107, mask, tensor_image(image, field), SETTINGS)
    t = result.fascicles.table
    inner = t[(t.start_z.abs() < 45) & (t.end_z.abs() < 45) & (t.start_y.abs() < 11)]
    ends = np.arcsin((np.array([-7.0, 7.0]) + 26.0) / radius)
    assert inner.length_mm.median() == pytest.approx(radius * np.ptp(ends), rel=0.015)
    assert inner.curvature_per_m.median() == pytest.approx(1000 / radius, rel=0.05)
    found = [inner.pennation_start_deg.median(), inner.pennation_end_deg.median()]
    np.testing.assert_allclose(found, 90 - np.degrees(ends), atol=0.5)


@pytest.fixture(scope="module")
def feather() -> tuple[Image, Image, Image]:
    """Bipennate: fibres rise from the sheet at x = 0 to both sides."""
    mask = plate(grid((1.0, 1.0, 2.0)), 24.0)
    image = grid((1.5, 1.5, 4.0))
    angle = np.radians(25.0) * np.sign(places(image)[..., 0])
    field = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1)
    drawn = plate(grid((1.0, 1.0, 2.0), half_mm=(22.5, 24.0, 62.0)), 1.6)  # one voxel, at x = 0
    return mask, tensor_image(image, field), drawn


def test_fascicles_end_on_an_internal_aponeurosis(feather):
    mask, tensor, drawn = feather
    sheet = sheet_from_mask(drawn.data, drawn.affine)
    result = reconstruct_muscle(101, mask, tensor, SETTINGS, [sheet])
    t = result.fascicles.table
    inner = t[(t.start_z.abs() < 40) & (t.end_z.abs() < 40) & (t.start_y.abs() < 11)]
    assert inner.length_mm.median() == pytest.approx(12 / np.sin(np.radians(25)), rel=0.02)
    assert inner.start_x.abs().max() < 0.5
    assert inner.pennation_start_deg.median() == pytest.approx(25, abs=0.5)
    assert np.percentile(np.abs(inner.length_mm - 28.4), 90) < 1.0


def test_a_sheet_is_not_crossed(feather):
    mask, tensor, drawn = feather
    sheet = sheet_from_mask(drawn.data, drawn.affine)
    result = reconstruct_muscle(101, mask, tensor, SETTINGS, [sheet])
    for f in range(0, len(result.fascicles), 7):
        x = result.fascicles.line(f)[:, 0]
        assert x.min() > -0.6 or x.max() < 0.6


def test_same_settings_same_fascicles():
    mask = plate(grid((1.5, 1.5, 3.0)))
    tensor = slanted(grid((2.0, 2.0, 5.0)), 20.0)
    a, b = (reconstruct_muscle(107, mask, tensor, SETTINGS) for _ in range(2))
    assert a.fascicles.points.tobytes() == b.fascicles.points.tobytes()
    assert a.measures == b.measures


def test_volume_mean_and_fascicle_mean():
    mask = plate(grid((1.0, 1.0, 2.0)))
    result = reconstruct_muscle(107, mask, slanted(grid((2.0, 2.0, 4.0)), 20.0), SETTINGS)
    found = {m.measure: m for m in result.measures}
    length = found["fascicle_length"]
    assert found["fascicle_length_per_fascicle"].value < length.value
    assert length.ci_low < length.value < length.ci_high
    # Volume mean of a slanted plate, corners included: every point with its own fascicle.
    t, theta, height = 16.0, np.radians(20.0), 112.0
    full, rise = t / np.sin(theta), t / np.tan(theta)
    cut = full * 2 / 3  # mean over the two triangles whose fascicles end on the short sides
    wanted = (full * (height - rise) + cut * rise) / height
    assert length.value == pytest.approx(wanted, rel=0.03)
    volume = mask.data.sum() * mask.voxel_ml
    assert found["pcsa_anatomical"].value == pytest.approx(10 * volume / length.value)
    assert found["unfilled_fraction"].value < 0.02
    missing = {m.measure for m in result.measures if m.status != "measured"}
    assert missing == {"pcsa_functional"}


def test_a_muscle_without_diffusion_is_not_measured():
    mask = plate(grid((1.5, 1.5, 3.0)))
    tensor = slanted(grid((2.0, 2.0, 5.0)), 20.0)
    far = Image(tensor.data, tensor.affine + np.array([[0, 0, 0, 500.0]] * 3 + [[0] * 4]))
    result = reconstruct_muscle(107, mask, far, SETTINGS)
    assert not len(result.fascicles)
    assert {m.status for m in result.measures} == {"not_measured"}
    assert "does not cover" in result.measures[0].note
    part = tensor.with_data(np.where(places(tensor)[..., 2:] > 40, tensor.data, 0))
    result = reconstruct_muscle(107, mask, part, SETTINGS)
    assert {m.status for m in result.measures} == {"not_measured"}


def test_fascicles_cut_by_the_image_are_left_out():
    mask = plate(grid((1.0, 1.0, 2.0)))
    half = mask.shape[2] // 2
    upper = Image(mask.data[:, :, half:], mask.affine.copy())
    upper.affine[:3, 3] = mask.to_world([0, 0, half])
    result = reconstruct_muscle(107, upper, slanted(grid((2.0, 2.0, 4.0)), 20.0), SETTINGS)
    assert result.facts["cut by the image"] > 50
    assert result.fascicles.table.start_z.min() > -0.5
    inner = result.fascicles.table.query("end_z < 48 and abs(start_y) < 11")
    assert inner.length_mm.quantile(0.1) > 40
