"""A trained network as ONNX with its card, as :mod:`imaging.segmentation.network` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imaging.segmentation.inputs import CLASSES, PIXEL_MM, PLACE_CHANNELS, REST, SLICES_MM
from imaging.segmentation.quality import expected_dice, fit_correction
from imaging.training.batches import draw_image
from imaging.training.legs import TrainingLeg

HEIGHTS = np.round(np.linspace(-0.15, 1.15, 53), 3)
_OPSET = 17


def export(net: nn.Module, folder: Path, card: Mapping[str, Any]) -> None:
    """Write ``network.onnx`` and ``network.json``.

    Parameters
    ----------
    net
        Network in evaluation mode.
    folder
        Folder to write to; it exists.
    card
        Name, version, data, licence, recipe, figures, slices_mm, temperature, dice_correction and
        profile.
    """
    card = {"slices_mm": SLICES_MM, "temperature": 1.0, "dice_correction": (1.0, 0.0), **card}
    example = torch.zeros(1, len(card["slices_mm"]) + PLACE_CHANNELS, 64, 64)
    names = {0: "slices", 2: "x", 3: "y"}
    torch.onnx.export(
        net, (example,), folder / "network.onnx", input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": names, "logits": names}, opset_version=_OPSET, dynamo=False,
        training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
    )  # fmt: skip
    _halve(folder / "network.onnx")
    fixed = {"classes": list(CLASSES), "pixel_mm": PIXEL_MM}
    text = json.dumps({**card, **fixed}, indent=1, ensure_ascii=False)
    (folder / "network.json").write_text(text + "\n", encoding="utf-8")


def _halve(path: Path) -> None:
    """Store the kernels in half precision, cast back when the network is loaded: half the size."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    casts, renamed = [], {}
    for kernel in graph.initializer:
        if len(kernel.dims) == 4:
            half = onnx.numpy_helper.to_array(kernel).astype(np.float16)
            kernel.CopyFrom(onnx.numpy_helper.from_array(half, kernel.name))
            renamed[kernel.name] = f"{kernel.name}.whole"
            casts.append(
                onnx.helper.make_node(
                    "Cast", [kernel.name], [renamed[kernel.name]], to=onnx.TensorProto.FLOAT
                )
            )
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def profile(legs: Sequence[TrainingLeg]) -> dict[str, Any]:
    """Return the mean share of each class under the fascia by height.

    Every real body has a voice, all digital legs together one: they are alike.

    Returns
    -------
    dict
        ``heights`` (H,) and ``shares`` (H, C), without outside and fat; ``reach`` (C, 2), the
        least and greatest height at which any leg has a class.
    """
    voices: dict[str, list[NDArray[np.floating]]] = {}
    for leg in legs:
        area = np.stack([(leg.classes == c).sum((0, 1)) for c in range(len(CLASSES))]).T
        area[:, :REST] = 0
        share = area / np.maximum(area.sum(1, keepdims=True), 1)
        at = np.stack([np.interp(HEIGHTS, leg.height, column) for column in share.T], -1)
        voices.setdefault("digital" if leg.body.startswith("digital") else leg.body, []).append(at)
    table = np.round(np.mean([np.mean(own, axis=0) for own in voices.values()], axis=0), 4)
    reach = [_reach(legs, c) for c in range(len(CLASSES))]
    # The spines above the joint are no more than a tip; femur lies around them.
    reach[CLASSES.index("TIB")][1] = 1.0
    return {"heights": HEIGHTS.tolist(), "shares": table.tolist(), "reach": reach}


def _reach(legs: Sequence[TrainingLeg], c: int) -> list[float]:
    """Return the heights between which any of the legs has a class."""
    found = [leg.height[leg.present[c]] for leg in legs if c > REST and leg.present[c].any()]
    if not found:
        return [float(HEIGHTS[0]), float(HEIGHTS[-1])]
    return [
        round(float(min(h.min() for h in found)), 3),
        round(float(max(h.max() for h in found)), 3),
    ]


def temperature(
    net: nn.Module, legs: Sequence[TrainingLeg], seed: int = 11,
    slices_mm: Sequence[float] = SLICES_MM,
) -> float:  # fmt: skip
    """Return the temperature that calibrates the probabilities on synthetic images.

    Found by search for the least cross-entropy. Source: Guo et al., ICML 2017.
    """
    logits, truth = [], []
    for n, leg in enumerate(legs):
        for s, height in enumerate(np.linspace(0.05, 0.95, 12)):
            rng = np.random.default_rng([seed, n, s])
            x, y = draw_image(rng, leg, 0.7, float(height), slices_mm=slices_mm)
            with torch.inference_mode():
                out = net(torch.from_numpy(x[None]))[0]
            inside = torch.from_numpy(y.astype(np.int64)) > 0
            logits.append(out[:, inside][:, ::7].T)
            truth.append(torch.from_numpy(y.astype(np.int64))[inside][::7])
    everything, target = torch.cat(logits), torch.cat(truth)
    tried = np.round(np.linspace(0.6, 3.0, 49), 2)
    cost = [float(nn.functional.cross_entropy(everything / t, target)) for t in tried]
    return float(tried[int(np.argmin(cost))])


def dice_correction(
    net: nn.Module, legs: Sequence[TrainingLeg], warmth: float, seed: int = 13,
    slices_mm: Sequence[float] = SLICES_MM,
) -> tuple[float, float]:  # fmt: skip
    """Return slope and offset that take expected Dice to seen Dice on synthetic images.

    Parameters
    ----------
    net
        Network in evaluation mode.
    legs
        Legs that it was not trained on, where there are any.
    warmth
        Temperature of its probabilities.
    seed
        Of the images.
    slices_mm
        Slices that it sees.
    """
    expected, seen = [], []
    for n, leg in enumerate(legs):
        for hard in (0.3, 0.6, 1.0):
            values, truth = [], []
            for s, height in enumerate(np.linspace(0.05, 0.95, 12)):
                rng = np.random.default_rng([seed, n, s])
                x, y = draw_image(rng, leg, hard, float(height), slices_mm=slices_mm)
                with torch.inference_mode():
                    logits = net(torch.from_numpy(x[None]))[0] / warmth
                values.append(torch.softmax(logits, 0).numpy())
                truth.append(y)
            found, drawn = np.stack(values, -1), np.stack(truth, -1)
            winner = found.argmax(0)
            for c in range(REST + 1, len(CLASSES)):
                size = float((winner == c).sum() + (drawn == c).sum())
                if size > 200:
                    expected.append(expected_dice(found, c))
                    seen.append(float(2 * ((winner == c) & (drawn == c)).sum()) / size)
    fit = fit_correction(expected, seen)
    return round(fit.slope, 3), round(fit.offset, 3)
