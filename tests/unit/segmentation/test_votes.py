from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.image import Image
from imaging.muscles import label_of
from imaging.segmentation.differences import agreements, range_warning, volume_ranges
from imaging.segmentation.domain import Cues
from imaging.segmentation.quality import Quality
from imaging.segmentation.shares import Shares, soft_labels
from imaging.segmentation.votes import Ballot, Poll, Voter, open_poll, vote

KEYS = ("", "SAT", "GM", "SOL")
GOOD = Quality({}, [], 0.9, Cues(0.2, 0.9, 0.0, 0.1, 0.2, 0.9, 0.1))


def halves(border: int) -> Shares:
    """Return GM before and SOL behind a border along x, 20 slices of 2 mm by 2 mm by 5 mm."""
    indices = np.zeros((30, 20, 20), np.int16)
    indices[4:border, 4:16] = label_of("GM", "undecided")
    indices[border:26, 4:16] = label_of("SOL", "undecided")
    grid = Image(indices, np.diag([2.0, 2.0, 5.0, 1.0]))
    return soft_labels(indices, KEYS, grid, 2.0)


def poll_of(shares: Shares) -> Poll:
    return open_poll(np.ones(shares.grid.shape, bool), "left", shares, GOOD)


def ballot(shares: Shares, seen=None, weight: float = 0.5, name: str = "T2w") -> Ballot:
    seen = np.ones(shares.grid.shape, bool) if seen is None else seen
    return Ballot(name, shares.winner, seen, weight)


def test_an_image_says_nothing_where_it_sees_nothing():
    own, other = halves(12), halves(18)
    seen = np.zeros(own.grid.shape, bool)
    seen[:, :, :7] = True
    poll = poll_of(own)
    poll.count(other.values, ballot(other, seen))
    joint = poll.joint()
    np.testing.assert_allclose(joint.values[..., 7:], own.values[..., 7:], atol=1e-6)
    assert (joint.winner[..., :7] != own.winner[..., :7]).any()


def test_without_other_images_the_reference_speaks_unchanged():
    own = halves(12)
    np.testing.assert_allclose(poll_of(own).joint().values, own.values, atol=1e-6)


@given(st.floats(0.01, 5.0), st.integers(10, 20))
def test_joint_shares_add_up_and_agreement_makes_nobody_surer(weight, border):
    own = halves(border)
    poll = poll_of(own)
    poll.count(own.values, ballot(own, weight=weight))
    joint = poll.joint()
    np.testing.assert_allclose(joint.values.sum(0), 1.0, atol=1e-5)
    np.testing.assert_allclose(joint.values, own.values, atol=1e-5)


def test_disagreement_leaves_little_certainty():
    own, other = halves(12), halves(18)
    poll = poll_of(own)
    poll.count(other.values, ballot(other, weight=0.81))
    joint = poll.joint()
    between = np.zeros(own.grid.shape, bool)
    between[14:16, 6:14] = True
    assert joint.confidence()[between].mean() < 0.7
    assert min(s.confidence()[between].mean() for s in (own, other)) > 0.8
    outside = np.zeros(own.grid.shape, bool)
    outside[6:8, 6:14] = True
    assert joint.confidence()[outside].mean() > 0.9


def test_the_heavier_image_wins_where_both_are_sure():
    own, other = halves(12), halves(18)
    for weight, border in ((0.1, 12), (5.0, 18)):
        poll = poll_of(own)
        poll.count(other.values, ballot(other, weight=weight))
        assert poll.joint().winner[border - 2, 10, 10] == KEYS.index("GM")
        assert poll.joint().winner[border + 1, 10, 10] == KEYS.index("SOL")


def test_the_order_of_the_images_does_not_matter():
    own, others = halves(12), [halves(14), halves(18)]
    joint = []
    for order in (others, others[::-1]):
        poll = poll_of(own)
        for other in order:
            poll.count(other.values, ballot(other))
        joint.append(poll.joint().values)
    np.testing.assert_allclose(*joint, atol=1e-5)


def test_thick_slices_and_unsure_labels_weigh_less():
    own = halves(12)
    thick = Shares(KEYS, own.values, Image(own.grid.data, np.diag([2.0, 2.0, 20.0, 1.0])))
    leg = np.ones(own.grid.shape, bool)
    assert GOOD.cues is not None
    unsure = replace(GOOD, cues=replace(GOOD.cues, entropy=0.5))
    weights = [
        open_poll(leg, "left", shares, quality).ballots[0].weight
        for shares, quality in ((own, GOOD), (thick, GOOD), (own, unsure))
    ]
    assert weights[1] == pytest.approx(weights[0] / 4)
    assert weights[2] < 0.6 * weights[0]


def test_an_image_whose_header_puts_it_elsewhere_is_left_out_and_named():
    own = halves(12)
    far = own.grid.affine.copy()
    far[2, 3] += 480.0
    voter = Voter("water.nii.gz", Image(own.grid.data, far), np.ones(own.grid.shape, bool))
    poll = poll_of(own)
    facts, said = vote(voter, own.grid, [poll], None)  # type: ignore[arg-type]
    assert len(poll.ballots) == 1
    assert "lies elsewhere" in facts["leg_1"]["left_out"]
    (sentence,) = said
    assert sentence.startswith("water.nii.gz was not used for the labels: by its header it lies")


def test_volumes_that_differ_between_images_are_measured_and_told():
    own, other = halves(12), halves(18)
    poll = poll_of(own)
    poll.count(other.values, ballot(other, weight=0.72))
    joint = poll.joint()
    rows = {row.label: row for row in volume_ranges(poll, joint)}
    gm = rows[label_of("GM", "left")]
    volumes = [(s.winner == KEYS.index("GM")).sum() for s in (own, other, joint)]
    assert gm.value == pytest.approx(100 * (volumes[1] - volumes[0]) / volumes[2])
    assert (gm.n, gm.unit, gm.status) == (2, "%", "modelled")
    said = range_warning(poll, list(rows.values()))
    assert said is not None
    assert said.startswith("Left leg: labels of single images differ by more than 15 %")
    assert "GM (" in said
    dice = agreements(poll, joint)
    assert set(dice) == {"reference", "T2w"}
    assert 0.5 < min(dice.values()) <= max(dice.values()) < 1.0


def test_images_that_agree_differ_by_nothing_and_are_not_warned_of():
    own = halves(12)
    poll = poll_of(own)
    poll.count(own.values, ballot(own))
    rows = volume_ranges(poll, poll.joint())
    assert [row.value for row in rows] == [0.0, 0.0]
    assert range_warning(poll, rows) is None
    assert agreements(poll, poll.joint()) == {"reference": 1.0, "T2w": 1.0}


def test_an_image_of_a_few_slices_is_no_measure_of_a_whole_muscle():
    own, other = halves(12), halves(18)
    seen = np.zeros(own.grid.shape, bool)
    seen[:, :, :4] = True
    poll = poll_of(own)
    poll.count(other.values, ballot(other, seen))
    assert volume_ranges(poll, poll.joint()) == []
