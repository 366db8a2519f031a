import numpy as np
import pytest

from imaging.image import Image
from imaging.muscles import structure
from imaging.segmentation.atlas import AtlasLeg
from imaging.segmentation.multiatlas import fused, joint_weights
from imaging.segmentation.registered_leg import RegisteredLeg

SPACING = np.array([2.0, 2.0, 4.0])
SHAPE = (24, 20, 8)
GM, SOL, EHL = (structure(k).index for k in ("GM", "SOL", "EHL"))


def registered(shift=0, first=GM):
    indices = np.zeros(SHAPE, np.int16)
    indices[4 + shift : 12 + shift, 4:16] = first
    indices[12 + shift : 20 + shift, 4:16] = SOL
    leg = AtlasLeg("leg", indices, SPACING)
    return RegisteredLeg(leg, np.eye(4), np.zeros((3, *SHAPE), np.float32), 0.1)


def work():
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = [10.0, -20.0, 300.0]
    return Image(np.zeros(SHAPE, np.uint8), affine)


def test_the_leg_that_errs_loses_its_vote():
    errors = np.full((2, 1, *SHAPE), 0.02, np.float32)
    errors[1] = 0.4
    weights = joint_weights(errors, SPACING)
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-5)
    assert weights[0].min() > 0.9


def test_legs_that_err_alike_share_one_vote():
    rng = np.random.default_rng(0)
    a, b = (np.abs(rng.standard_normal((1, *SHAPE))).astype(np.float32) for _ in range(2))
    pattern = np.zeros((1, *SHAPE), np.float32)
    pattern[0, ::2] = 1
    errors = np.stack([a * pattern, a * pattern, b * (1 - pattern)])
    weights = joint_weights(errors, SPACING)[:, 8:16, 6:14, 2:6].mean((1, 2, 3))
    assert weights[2] > 0.4
    assert weights[0] == pytest.approx(weights[1], abs=0.02)


def test_weights_choose_between_legs_place_by_place():
    legs = [registered(0), registered(4)]
    weights = np.zeros((2, *SHAPE), np.float32)
    weights[0, ..., :4] = 1
    weights[1, ..., 4:] = 1
    found = fused(legs, weights, work(), ("", "GM", "SOL"), work(), 0.0).indices()
    np.testing.assert_array_equal(found[..., :4], legs[0].leg.indices[..., :4])
    np.testing.assert_array_equal(found[..., 4:], legs[1].leg.indices[..., 4:])


def test_fused_on_another_grid_lies_at_the_same_place():
    one = np.ones((1, *SHAPE), np.float32)
    fine = Image(np.zeros((48, 40, 16), np.uint8), work().affine.copy())
    fine.affine[:3, :3] *= 0.5
    fine.affine[:3, 3] = work().to_world([-0.25, -0.25, -0.25])
    shares = fused([registered()], one, work(), ("", "GM", "SOL"), fine)
    centre = fine.to_world(np.argwhere(shares.indices() == GM).mean(0))
    truth = work().to_world(np.argwhere(registered().leg.indices == GM).mean(0))
    assert np.abs(centre - truth).max() < 1.0
    np.testing.assert_allclose(shares.values.sum(0), 1, atol=1e-5)


def test_what_the_keys_do_not_tell_apart_becomes_its_group():
    one = np.ones((1, *SHAPE), np.float32)
    shares = fused([registered(first=EHL)], one, work(), ("", "EDL+EHL+PT", "SOL"), work(), 0.0)
    group = structure("EDL+EHL+PT").index
    assert (shares.indices()[5:11, 5:15, 2:6] == group).all()
