"""A verdict on a gradient table has to be able to be wrong: other tables and labels change it."""

from functools import cache

import numpy as np
import pytest
from calf_for_tests import leg, turned

from imaging.anatomy import sides_contradicted
from imaging.diffusion.gradient_check import check_gradients
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.table_candidates import all_candidates, candidates
from imaging.diffusion.tensor import fit_tensor
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.io.diffusion_series import read_series
from imaging.muscles import label_of

PERSON = {13: "GM", 15: "GL", 17: "SOL", 19: "TA", 21: "PL+PB", 23: "EDL", 25: "TP"}
# The image of this series is tilted by 10 degrees. Two tables that differ by that much explain it
# almost equally well; with this one left and right agree best.
PERSON_TABLE = "world x -y z"


def exchanged(labels):
    """Return labels with left and right exchanged."""
    data = labels.data
    return labels.with_data(np.where(data == 0, 0, (3 - data // 100) * 100 + data % 100))


def test_the_scanners_axes_are_other_tables_only_for_an_oblique_image():
    assert len(all_candidates(np.eye(3))) == 24
    assert len(all_candidates(np.diag([-1.0, -1, 1])[[1, 0, 2]])) == 24
    tilt = np.radians(10)
    tilted = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    found = all_candidates(tilted)
    assert len(found) == 30  # to flip x commutes with a tilt about x
    assert found[0].name == "x y z"
    assert sum(c.common for c in found) == 10
    for c in found:
        np.testing.assert_allclose(c.turn @ c.turn.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("side", ["left", "right"])
def test_exchanged_sides_are_a_contradiction_and_never_ok(side):
    labels, tensor, known, _ = leg(side, scatter_deg=5.0)
    fit = turned(tensor, known, labels, np.eye(3))
    assert check_gradients(fit, known, labels, labels).status == "ok"
    check = check_gradients(fit, known, labels, exchanged(labels))
    assert check.status == "undecided"
    assert f"muscles called {'left' if side == 'right' else 'right'}" in check.contradiction


def test_sides_are_judged_by_place_and_by_shape():
    parts = []
    for side, shift in (("left", -100.0), ("right", 100.0)):
        labels = leg(side)[0]
        voxels = np.argwhere(labels.data > 0)
        parts.append((labels.data[labels.data > 0].astype(int), labels.to_world(voxels), shift))
    label = np.concatenate([p[0] for p in parts])
    points = np.concatenate([p[1] + [p[2], 0, 0] for p in parts])
    assert sides_contradicted(label, points) == ""
    other = (3 - label // 100) * 100 + label % 100
    assert "call the left leg right" in sides_contradicted(other, points)
    assert "lies to the left" in sides_contradicted(label, points * [-1, -1, 1])
    assert "call the left leg right" in sides_contradicted(label, points * [-1, 1, 1])
    mirrored = np.concatenate([p[1] * [-1, 1, 1] + [p[2], 0, 0] for p in parts])
    assert "left and right lie as in a leg of the other side" in sides_contradicted(label, mirrored)


@cache
def person(folder):
    """Return grid, labels and tensors of the person's calves, tensors without any cleaning."""
    stem = folder / "person" / "both-lower-legs_dwi"
    series = read_series(*(stem.with_name(stem.name + e) for e in (".nii.gz", ".bval", ".bvec")))
    drawn = load_image(folder / "person" / "both-lower-legs_labels_3mm.nii.gz").data[::-1]
    labels = np.zeros(drawn.shape, np.int16)
    for number, name in PERSON.items():
        labels[drawn == number] = label_of(name, "right")
        labels[drawn == number + 1] = label_of(name, "left")
    grid = Image(labels, series.image.affine)
    use = series.table.bvals >= 200
    table = GradientTable(series.table.bvals[use], series.table.vectors[use])
    fit = fit_tensor(series.image.data[..., use], table, labels > 0)
    return grid, fit


def judged(folder, turn, labels=None):
    """Return the verdict on the person's table after one more turn of world directions."""
    grid, fit = person(folder)
    known = fit.tensor.any(axis=-1)
    change = grid.rotation.T @ turn @ grid.rotation
    fit = turned(fit.tensor, fit.fa, grid, change)
    return check_gradients(fit, known, grid, grid if labels is None else labels(grid))


def right_turn(folder):
    """Return what puts the person's table right."""
    found = {c.name: c.turn for c in all_candidates(person(folder)[0].rotation)}
    return found[PERSON_TABLE]


def test_of_a_real_person_a_table_of_the_scanners_axes_is_found(shared_data):
    check = judged(shared_data, np.eye(3))
    assert (check.status, check.best) == ("corrected", PERSON_TABLE)
    assert judged(shared_data, right_turn(shared_data)).status == "ok"


@pytest.mark.parametrize("number", [1, 2, 3, 8, 17])
def test_of_a_real_person_a_flip_or_permutation_changes_the_verdict(shared_data, number):
    grid, _ = person(shared_data)
    wrong = grid.rotation @ candidates()[number] @ grid.rotation.T @ right_turn(shared_data)
    check = judged(shared_data, wrong)
    assert check.status != "ok"
    if check.status == "corrected":
        whole = grid.rotation @ check.change @ grid.rotation.T @ wrong
        assert abs(np.trace(whole @ right_turn(shared_data).T)) == pytest.approx(3, abs=1e-6)


def test_of_a_real_person_exchanged_labels_are_a_contradiction(shared_data):
    check = judged(shared_data, right_turn(shared_data), exchanged)
    assert check.status == "undecided"
    assert "call the left leg right" in check.contradiction
