"""The training loop: batches drawn ahead by another process, steps, checkpoints, figures."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from imaging.threads import threads
from imaging.training.batches import Batch, draw_batch
from imaging.training.cast import Cast
from imaging.training.checkpoint import Recipe, Training
from imaging.training.legs import TrainingLeg
from imaging.training.loss import class_weights, loss
from imaging.training.scans import ScannedLeg

Source = TrainingLeg | ScannedLeg
_AHEAD = 6
_LEAST = 0.35
_ANNEAL = 0.2
_held: dict[str, object] = {}


def difficulty(recipe: Recipe, step: int) -> float:
    """Return how hard images are at a step: mild first, then wider."""
    return min(1.0, _LEAST + (1.0 - _LEAST) * step / max(recipe.widen, 1))


def rate(recipe: Recipe, step: int, since: int = 0) -> float:
    """Return the learning rate at a step: a short rise, level, and a fall in the last fifth.

    It rises again where a run goes on without the optimiser's moments, from the step `since`.
    """
    rise = min(1.0, (step - since + 1) / 300)
    left = (recipe.steps - step) / max(_ANNEAL * recipe.steps, 1)
    return recipe.rate * rise * (1.0 if left >= 1 else 0.5 - 0.5 * math.cos(math.pi * max(left, 0)))


def leg_weights(legs: Sequence[Source], drawn_share: float) -> np.ndarray:
    """Return the chance (L,) of each leg: label maps together `drawn_share`, digital the rest.

    Real images come three times as often as images drawn from label maps.
    """
    digital = np.array([leg.body.startswith("digital") for leg in legs])
    scanned = np.array([isinstance(leg, ScannedLeg) for leg in legs])
    weights = np.zeros(len(legs))
    kinds = [(scanned, 3 * drawn_share), (~digital & ~scanned, drawn_share)]
    for chosen, share in [*kinds, (digital, 1 - drawn_share)]:
        if chosen.any():
            weights[chosen] = share / chosen.sum()
    return weights / weights.sum()


def train(
    training: Training, legs: Sequence[Source], until: int, *,
    checkpoint: Path | None = None, every: int = 500,
    report: Callable[[Training, float], None] | None = None,
) -> None:  # fmt: skip
    """Train until a step.

    Parameters
    ----------
    training
        Where it stands; changed in place.
    legs
        Legs to draw images of, without the body that is held out.
    until
        Step to stop at.
    checkpoint
        File that is replaced every `every` steps.
    every
        Steps between checkpoints and reports.
    report
        Called with the training and the mean loss since the last report.
    """
    recipe = training.recipe
    weights = class_weights().to(training.device)
    losses: list[float] = []
    training.net.train()
    if recipe.hold_norms:
        hold_norms(training.net)
    steps = range(training.step, until)
    batches = tqdm(
        _batches(recipe, legs, steps, _workers(training.device)),
        total=len(steps), desc="training", disable=None,
    )  # fmt: skip
    for batch in batches:
        for group in training.optimiser.param_groups:
            group["lr"] = rate(recipe, training.step, training.since)
        losses.append(_step(training, batch, weights))
        training.step += 1
        training.follow()
        if training.step % every == 0 or training.step == until:
            if checkpoint is not None:
                training.save(checkpoint)
            if report is not None:
                report(training, float(np.mean(losses)))
            losses = []


def hold_norms(net: nn.Module) -> None:
    """Let a network in training normalise by the means and variances that it has."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _step(training: Training, batch: Batch, weights: torch.Tensor) -> float:
    on = training.device
    x = torch.from_numpy(batch.x).to(memory_format=torch.channels_last).to(on)
    target = torch.from_numpy(batch.y).to(on).long()
    # bfloat16 takes half the time on processors that have it, at the same figures.
    with torch.autocast(on.type, torch.bfloat16):
        logits = training.net(x)
    value = loss(logits.float(), target, weights)
    training.optimiser.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(training.net.parameters(), 5.0)
    training.optimiser.step()
    return float(value.detach())


def _workers(device: torch.device) -> int:
    """Return how many processes draw: beside a processor that trains one, else all it has."""
    return 1 if device.type == "cpu" else max(threads() - 1, 1)


def _batches(recipe: Recipe, legs: Sequence[Source], steps: range, workers: int) -> Iterator[Batch]:
    """Draw batches ahead in other processes, in the order of the steps."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _hold, (list(legs), recipe))
    waiting: deque[Future[Batch]] = deque()
    try:
        for step in steps:
            waiting.append(pool.submit(_draw, step))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _hold(legs: list[Source], recipe: Recipe) -> None:
    # A worker that outlives a killed run would hold its legs in memory for good.
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    weights = leg_weights(legs, recipe.drawn_share)
    _held.update(recipe=recipe, cast=Cast(recipe.seed, legs, weights, recipe.batch))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


def _draw(step: int) -> Batch:
    recipe: Recipe = _held["recipe"]  # type: ignore[assignment]
    cast: Cast = _held["cast"]  # type: ignore[assignment]
    hard = difficulty(recipe, step)
    legs = cast.at(step)
    return draw_batch(recipe.seed, step, legs, cast.weights, recipe.batch, hard, recipe.slices_mm)
