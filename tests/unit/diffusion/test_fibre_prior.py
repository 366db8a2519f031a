import numpy as np
import pytest
from calf_for_tests import leg, turned
from scipy.spatial.transform import Rotation

from imaging.anatomy import leg_axes
from imaging.diffusion.fibre_prior import compare_with_anatomy
from imaging.diffusion.gradient_check import candidates, check_gradients
from imaging.image import Image
from imaging.muscles import label_of


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
