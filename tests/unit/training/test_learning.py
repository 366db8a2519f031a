"""The learning itself: needs PyTorch (extra ``train``)."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra train)")

from imaging.errors import ConfigError, MissingFileError  # noqa: E402
from imaging.image import Image  # noqa: E402
from imaging.io.networks import load_network  # noqa: E402
from imaging.segmentation.inputs import CLASSES, THREE_MM  # noqa: E402
from imaging.segmentation.network import LegSlices, run  # noqa: E402
from imaging.training.checkpoint import Recipe, Training  # noqa: E402
from imaging.training.export import export, profile  # noqa: E402
from imaging.training.loop import difficulty, leg_weights, rate, train  # noqa: E402
from imaging.training.loss import class_weights, loss  # noqa: E402

RECIPE = Recipe(seed=3, steps=8, batch=2, widen=4)


def test_a_killed_run_goes_on_to_the_same_weights(tube, tmp_path):
    torch.set_num_threads(1)
    whole = Training(RECIPE)
    train(whole, [tube], 4)
    train(part := Training(RECIPE), [tube], 2, checkpoint=tmp_path / "c.pt")
    again = Training.load(tmp_path / "c.pt")
    assert again.step == part.step == 2
    train(again, [tube], 4)
    for key, value in whole.mean.items():
        torch.testing.assert_close(again.mean[key], value, rtol=1e-5, atol=1e-6)


def test_going_on_with_few_slices_leaves_the_normalisation_as_it_was(tube):
    training = Training(replace(RECIPE, hold_norms=True))
    before = {k: v.clone() for k, v in training.net.state_dict().items()}
    train(training, [tube], 2)
    after = training.net.state_dict()
    assert all(torch.equal(after[k], before[k]) for k in before if "running" in k)
    assert not all(torch.equal(after[k], before[k]) for k in before if "running" not in k)


def test_a_compact_checkpoint_is_small_and_goes_on(tmp_path):
    training = Training(RECIPE)
    training.step = 7
    training.save_compact(tmp_path / "c.pt")
    assert (tmp_path / "c.pt").stat().st_size < 6e6
    again = Training.load(tmp_path / "c.pt")
    assert again.step == 7
    for key, value in training.mean.items():
        torch.testing.assert_close(again.mean[key].float(), value.float(), rtol=2e-3, atol=1e-3)


def test_another_file_is_no_checkpoint(tmp_path):
    with pytest.raises(MissingFileError):
        Training.load(tmp_path / "none.pt")
    torch.save({"step": 1}, tmp_path / "other.pt")
    with pytest.raises(ConfigError, match="is not a checkpoint"):
        Training.load(tmp_path / "other.pt")


def test_an_exported_network_answers_as_the_trained_one_and_can_be_trained_on(tube, tmp_path):
    training = Training(RECIPE)
    train(training, [tube], 1)
    net = training.averaged()
    export(net, tmp_path, {"name": "t", "version": "1", "profile": profile([tube])})
    assert (tmp_path / "network.onnx").stat().st_size < 3.5e6
    network = load_network(tmp_path)
    x = np.random.default_rng(0).standard_normal((2, 9, 48, 64)).astype(np.float32)
    with torch.inference_mode():
        wanted = net(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(network.session.run(None, {"input": x})[0], wanted, atol=2e-3)
    again = Training.from_network(tmp_path, RECIPE)
    with torch.inference_mode():
        same = again.averaged()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(same, wanted, atol=2e-3)


def test_a_left_leg_is_labelled_as_the_mirrored_right_one(tube, tmp_path):
    training = Training(RECIPE)
    export(training.averaged(), tmp_path, {"name": "t", "version": "1", "profile": profile([tube])})
    network = load_network(tmp_path)
    data = np.random.default_rng(1).random((33, 40, 3)).astype(np.float32)
    grid = Image(np.zeros(data.shape, np.uint8), np.diag([1.5, 1.5, 6.0, 1.0]))
    right = run(network, LegSlices(data, np.ones(3), grid), mirror=False)
    left = run(network, LegSlices(data[::-1].copy(), np.ones(3), grid), mirror=True)
    np.testing.assert_allclose(left.values[:, ::-1], right.values, atol=2e-2)
    np.testing.assert_allclose(right.values.sum(0), 1, atol=1e-4)


def test_a_perfect_answer_costs_least():
    target = torch.zeros(1, 8, 8, dtype=torch.int64)
    target[0, :4] = CLASSES.index("SOL")
    right = 20.0 * torch.nn.functional.one_hot(target, len(CLASSES)).permute(0, 3, 1, 2).float()
    weights = class_weights()
    assert float(loss(right, target, weights)) < 0.01
    assert float(loss(torch.zeros_like(right), target, weights)) > 1.0


def test_images_widen_and_the_rate_falls_only_at_the_end():
    recipe = Recipe(steps=1000, widen=100)
    assert difficulty(recipe, 0) < difficulty(recipe, 50) < difficulty(recipe, 100) == 1.0
    assert rate(recipe, 500, 500) < 0.01 * recipe.rate == 0.01 * rate(recipe, 800, 500)
    assert rate(recipe, 500) == recipe.rate and rate(recipe, 999) < 0.01 * recipe.rate


def test_label_maps_weigh_more_than_digital_legs(tube):
    drawn, digital = replace(tube, body="p1"), replace(tube, body="digital-1")
    assert leg_weights([digital, digital, drawn], 0.65) == pytest.approx([0.175, 0.175, 0.65])


def test_a_network_of_three_slices_goes_on_with_more(tube, tmp_path):
    train(training := Training(replace(RECIPE, slices_mm=THREE_MM)), [tube], 1)
    card = {"name": "t", "version": "1", "profile": profile([tube]), "slices_mm": THREE_MM}
    export(training.averaged(), tmp_path, card)
    assert load_network(tmp_path).slices_mm == THREE_MM
    wider = Training.from_network(tmp_path, RECIPE).averaged()
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 9, 48, 64), np.float32))
    middle = torch.cat([x[:, 2:5], x[:, -2:]], 1)
    with torch.inference_mode():
        torch.testing.assert_close(wider(x), training.averaged()(middle), atol=3e-3, rtol=1e-2)


def test_a_checkpoint_goes_on_with_its_own_slices(tmp_path):
    Training(replace(RECIPE, slices_mm=THREE_MM)).save_compact(tmp_path / "c.pt")
    assert Training.load(tmp_path / "c.pt", RECIPE).recipe.slices_mm == THREE_MM


def test_training_goes_on_from_a_compact_checkpoint(tube, tmp_path):
    torch.set_num_threads(1)
    train(first := Training(RECIPE), [tube], 2)
    first.save_compact(tmp_path / "c.pt")
    again = Training.load(tmp_path / "c.pt")
    assert (first.since, again.since) == (0, 2)
    train(again, [tube], 4)
    assert again.step == 4
    assert all(torch.isfinite(v).all() for v in again.mean.values())
