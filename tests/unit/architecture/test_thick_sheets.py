"""A tendon drawn with its thickness: as a mask or a surface, fascicles end on it all the same."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imaging.architecture.compartments import divide, off_sheets
from imaging.architecture.muscle import reconstruct_muscle
from imaging.config import FibreSettings
from imaging.errors import LabelError
from imaging.geometry import mesh_volume, sheet_from_mask, sheet_from_mesh
from imaging.image import Image

HALF = np.array([12.0, 14.0, 50.0])  # of the muscle
LEAN_DEG = 15.0
GRIDS = [((1, 1, 1), (0, 0, 0)), ((1, 1, 3), (0, 0, 0)), ((1, 1, 3), (6, -9, 25))]


def grid(spacing, turn=(0, 0, 0), half=HALF + 6) -> Image:
    """Return an empty grid about the origin."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * spacing
    shape = np.ceil(2.5 * half / spacing).astype(int)
    affine[:3, 3] = -affine[:3, :3] @ ((shape - 1) / 2) + 0.17
    return Image(np.zeros(shape, np.uint8), affine)


def places(image: Image) -> np.ndarray:
    return image.to_world(np.argwhere(np.ones(image.shape, bool)))


def half_mm(z) -> np.ndarray:
    """Return half the thickness of the tendon: 3 mm below, .8 mm above."""
    return np.interp(z, [-20, 30], [1.5, 0.4])


def drawn(image: Image) -> Image:
    p = places(image)
    inside = (np.abs(p[:, 0]) < half_mm(p[:, 2])) & (np.abs(p) < HALF).all(axis=1)
    return image.with_data(inside.reshape(image.shape))


def box_mesh(cut: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the tendon's exact surface; cut: without its lower end."""
    y, z = np.arange(-14, 14.1, 2.0), np.arange(-50, 50.1, 2.0)
    v, w = np.meshgrid(y, z, indexing="ij")
    layer = [np.stack([s * half_mm(w), v, w], -1).reshape(-1, 3) for s in (1, -1)]
    n = np.arange(v.size).reshape(v.shape)
    a, b, c, d = (q.ravel() for q in (n[:-1, :-1], n[1:, :-1], n[1:, 1:], n[:-1, 1:]))
    top = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    rim = [n[0], n[:, -1], n[-1][::-1]] + ([] if cut else [n[::-1, 0]])
    walls = []
    for line in rim:
        p, q = line[:-1], line[1:]
        walls += [np.stack([p, q, q + n.size], 1), np.stack([p, q + n.size, p + n.size], 1)]
    return np.concatenate(layer), np.concatenate([top, top[:, ::-1] + n.size, *walls])


@pytest.fixture(scope="module")
def muscle() -> tuple[Image, Image]:
    fine = grid((1, 1, 2), (3, 5, 20))
    mask = fine.with_data((np.abs(places(fine)) < HALF).all(axis=1).reshape(fine.shape))
    scan = grid((1.5, 1.5, 4))
    p = places(scan)
    angle = np.radians(LEAN_DEG) * np.sign(p[:, 0])
    d = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], 1)
    full = 1.3e-3 * np.eye(3) + 0.6e-3 * d[:, :, None] * d[:, None, :]
    six = full[:, [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]]
    # Tendon gives a tenth of the signal; its tensor would turn everything if it were believed.
    shifts = [scan.affine[:3, :3] @ [a, 0, 0] for a in np.linspace(-0.4, 0.4, 5)]
    held = np.mean([np.abs((p + s)[:, 0]) < half_mm(p[:, 2]) for s in shifts], axis=0)
    tendon = (0.1 * held / (1 - 0.9 * held))[:, None]
    six = (1 - tendon) * six + tendon * np.array([2e-3, 0, 1e-3, 0, 0, 1e-3])
    six = six + np.random.default_rng(2).normal(0, 1.5e-5, six.shape)
    return mask, scan.with_data(six.reshape(*scan.shape, 6).astype(np.float32))


def lengths(muscle, sheet):
    result = reconstruct_muscle(101, *muscle, FibreSettings(bootstrap=0), [sheet])
    table = result.fascicles.table
    ends = table[["start_y", "end_y"]].abs().max(axis=1) < 11
    inner = table[(table.start_z > -45) & (table.end_z < 44) & ends]
    return result, inner


def too_long(inner):
    """Return by how much each fascicle is longer than the true one, mm."""
    return inner.length_mm - (HALF[0] - half_mm(inner.start_z)) / np.sin(np.radians(LEAN_DEG))


@pytest.fixture(scope="module")
def by_surface(muscle):
    found = too_long(lengths(muscle, sheet_from_mesh(*box_mesh()))[1])
    assert found.mean() == pytest.approx(0, abs=0.6)  # of it .4 is the border of the muscle
    return found


@pytest.mark.parametrize("form", [*GRIDS, "cut"])
def test_fascicles_end_on_a_tendon_that_tapers(muscle, by_surface, form):
    if form == "cut":
        sheet = sheet_from_mesh(*box_mesh(cut=True))
    else:
        image = drawn(grid(*form))
        sheet = sheet_from_mask(image.data, image.affine)
    assert sheet.closed
    result, inner = lengths(muscle, sheet)
    assert len(inner) > 100
    assert too_long(inner).mean() == pytest.approx(by_surface.mean(), abs=0.3)
    assert too_long(inner).abs().median() < 0.8
    x = np.abs(result.seeds[:, 0])
    within = half_mm(result.seeds[:, 2]) - x
    assert within.max() < 0.6  # a mask is right to half a voxel
    assert (within > 0.3).mean() < 0.02
    total = result.fascicles.table.weight.sum()
    assert total == pytest.approx(muscle[0].data.sum() * 2.0, rel=0.03)  # the mask's, tendon too


def test_thickness_of_the_pencil_is_no_thickness():
    for spacing, turn in GRIDS:
        image = grid(spacing, turn)
        p = places(image)
        inside = (np.abs(p) < HALF).all(axis=1)
        for most, closed in ((0.55, False), (0.75, False), (1.5, True)):
            data = (np.abs(p[:, 0]) < most) & inside
            sheet = sheet_from_mask(data.reshape(image.shape), image.affine)
            if most == 0.75 and turn == (0, 0, 0):
                continue  # one or two voxels, as they happen to lie
            assert sheet.closed == closed, (spacing, turn, most)
            if closed:
                assert mesh_volume(sheet.points, sheet.faces) == pytest.approx(
                    data.sum() * np.prod(spacing), rel=0.12
                )


def test_what_lies_in_a_tendon_is_no_muscle():
    sheet = sheet_from_mesh(*box_mesh())
    inside = np.array([[1.2, 3, -40], [-1.2, 0, -30], [0.2, -9, 40]])
    outside = np.array([[1.8, 3, -40], [-1.8, 0, -30], [0.8, -9, 40], [0, 0, 55], [0, 20, 0]])
    assert sheet.holds(inside).all()
    assert not sheet.holds(outside).any()
    assert off_sheets(outside, [sheet]).all()
    assert np.allclose(np.abs(sheet.side_mm(inside)), np.abs(inside[:, 0]), atol=0.15)
    image = grid((1, 1, 2))
    parts = divide(np.ones(image.shape), image.affine, [sheet])
    p = places(image)
    deep = (np.abs(p[:, 0]) < half_mm(p[:, 2]) - 0.5) & (np.abs(p) < HALF - 1).all(axis=1)
    assert not parts.weights[:, deep.reshape(image.shape)].any()


def test_two_sheets_in_one_mask_are_refused():
    image = grid((1, 1, 2))
    p = places(image)
    two = (np.abs(np.abs(p[:, 0]) - 6) < 0.6) & (np.abs(p) < HALF).all(axis=1)
    with pytest.raises(LabelError, match="two layers"):
        sheet_from_mask(two.reshape(image.shape), image.affine)


def test_layers_that_do_not_fit_together_are_refused():
    points, faces = box_mesh()
    faces = np.concatenate([faces, faces[:40]])  # edges with three faces
    with pytest.raises(LabelError, match="enclose no body"):
        sheet_from_mesh(points, faces)
