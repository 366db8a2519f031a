import numpy as np
import pytest
from diffusion_for_tests import affine_of
from scipy.spatial.transform import Rotation

from imaging.anatomy import layout, leans, leg_axes
from imaging.diffusion.fibre_prior import compare_with_anatomy
from imaging.diffusion.gradient_check import candidates, check_gradients
from imaging.diffusion.tensor import TensorFit
from imaging.image import Image
from imaging.muscles import label_of

SHAPE, SPACING = (44, 44, 30), (2.5, 2.5, 8.0)
ROW, COLUMN = [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]


def leg(side, rotation=None, scatter_deg=0.0, seed=0):
    """Return tensors and labels of a calf of columns laid out and leaning as the tables say."""
    rng = np.random.default_rng(seed)
    grid = Image(np.zeros(SHAPE, np.int16), affine_of(SHAPE, SPACING, rotation))
    turn = Rotation.from_euler("z", 15 if side == "right" else -15, degrees=True).as_matrix()
    lateral = 1.0 if side == "right" else -1.0
    axes = np.stack([turn[:, 1], lateral * turn[:, 0], turn[:, 2]])
    place = grid.to_world(np.argwhere(np.ones(SHAPE, bool))) @ axes.T
    labels = np.zeros(len(place), np.int16)
    direction = np.zeros((len(place), 3))
    for row in layout():
        offset = place[:, :2] - (row.anterior_mm, row.lateral_mm)
        own = (np.hypot(*offset.T) < 10) & (labels == 0) & (np.abs(place[:, 2]) < 110)
        labels[own] = label_of(row.structure, side)
        for prior in leans():
            if prior.muscle != row.structure:
                continue
            lean = rng.normal([prior.anterior_deg, prior.lateral_deg], scatter_deg)
            part = own.copy()
            for axis, (less, more) in enumerate((("posterior", "anterior"), ("medial", "lateral"))):
                names = prior.region.split("-")
                if less in names or more in names:
                    part &= (offset[:, axis] > 0) == (more in names)
            direction[part] = [*np.tan(np.radians(lean)), 1.0]
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    e1 = direction @ axes
    tensor = 1.3e-3 * np.eye(3) + 0.7e-3 * e1[:, :, None] * e1[:, None, :]
    known = np.linalg.norm(direction, axis=1) > 0
    return (
        grid.with_data(labels.reshape(SHAPE)),
        (tensor[:, ROW, COLUMN] * known[:, None]).reshape(*SHAPE, 6),
        known.reshape(SHAPE),
        axes,
    )


def turned(tensor, known, grid, change):
    """Return the fit under a wrong table."""
    turn = grid.rotation @ change @ grid.rotation.T
    full = np.zeros((*tensor.shape[:3], 3, 3))
    full[..., ROW, COLUMN] = full[..., COLUMN, ROW] = tensor
    full = turn @ full @ turn.T
    values, vectors = np.linalg.eigh(full)
    return TensorFit(
        full[..., ROW, COLUMN].astype(np.float32), values[..., ::-1].astype(np.float32),
        vectors[..., 2].astype(np.float32), *[known.astype(np.float32)] * 3,
    )  # fmt: skip


@pytest.mark.parametrize("side", ["left", "right"])
def test_anterior_and_lateral_come_from_the_labels(side):
    labels, _, _, axes = leg(
        side, Rotation.from_euler("xyz", [8, -6, 20], degrees=True).as_matrix()
    )
    voxels = np.argwhere(labels.data > 0)
    found = leg_axes(labels.data[labels.data > 0].astype(int), labels.to_world(voxels))
    assert np.degrees(np.arccos(np.clip((found * axes).sum(1), -1, 1))).max() < 5
    few = labels.data == label_of("GM", side)
    assert leg_axes(labels.data[few].astype(int), labels.to_world(np.argwhere(few))) is None


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("oblique", [False, True])
def test_a_flipped_or_permuted_table_is_corrected_or_left_undecided(side, oblique):
    rotation = Rotation.from_euler("xyz", [10, -12, 25], degrees=True).as_matrix()
    labels, tensor, known, _ = leg(side, rotation if oblique else None, scatter_deg=5.0)
    # Labels of a mediocre registration: 5 mm away.
    affine = labels.affine.copy()
    affine[:3, 3] += [3.0, -3.0, 2.6]
    corrected = 0
    for number in (0, 1, 2, 3, 7, 12, 18, 23):
        change = candidates()[number]
        fit = turned(tensor, known, labels, change)
        check = check_gradients(fit, known, labels, Image(labels.data, affine))
        left = np.abs(np.trace(check.change @ change))
        if number == 0:
            assert check.status == "ok"
        else:
            assert check.status != "ok"
        if check.status == "corrected":
            corrected += 1
            assert left == pytest.approx(3), number
    assert corrected >= 5


def test_a_leg_unlike_anatomy_never_has_its_table_changed():
    labels, tensor, known, _ = leg("right", scatter_deg=25.0, seed=3)
    for change in candidates()[::8]:
        fit = turned(tensor, known, labels, change)
        assert check_gradients(fit, known, labels, labels).status == "undecided"


def test_a_single_muscle_does_not_decide():
    labels, tensor, known, _ = leg("left")
    alone = np.where(labels.data == label_of("GM", "left"), labels.data, 0)
    found = compare_with_anatomy(tensor, known, labels, labels.with_data(alone), candidates())
    assert found.regions == 0
    fit = turned(tensor, known, labels, np.eye(3))
    plain = check_gradients(fit, known, labels)
    few = check_gradients(fit, known, labels, labels.with_data(alone))
    assert (few.status, few.best, few.regions) == (plain.status, plain.best, 0)
