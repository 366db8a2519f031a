"""Checkpoints: everything to go on after a kill, and a compact one to carry elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imaging.errors import ConfigError, MissingFileError
from imaging.segmentation.inputs import PLACE_CHANNELS, SLICES_MM, THREE_MM
from imaging.training.network import LegNet
from imaging.training.scans import Predict

State = dict[str, Tensor]
KEEP = 0.999
_FIRST = "down.0.0.weight"


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    seed : int
        Everything random follows from it.
    steps : int
        Number of steps in all; the learning rate falls in the last fifth.
    batch : int
        Images per step.
    rate : float
        Learning rate.
    widen : int
        Steps until images are as hard as they get.
    drawn_share : float
        Share of images from label maps of real legs, the rest is from digital legs.
    hold_out : str
        Body that is kept apart, or nothing.
    slices_mm : tuple of float
        Slices that the network sees, mm along the leg.
    hold_norms : bool
        Whether means and variances of the normalisation stay: those of a few slices of one person
        are no measure of other images.
    """

    seed: int = 1
    steps: int = 50_000
    batch: int = 8
    rate: float = 2e-3
    widen: int = 12_000
    drawn_share: float = 0.65
    hold_out: str = ""
    slices_mm: tuple[float, ...] = SLICES_MM
    hold_norms: bool = False


class Training:
    """A network in training: weights, their running mean, optimiser, and how far it is.

    It is trained on an accelerator where PyTorch finds one.
    """

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.step = 0
        self.since = 0  # step at which the optimiser began to gather its moments
        # The first weights are drawn on the processor: the same wherever they are trained.
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        net = LegNet(len(recipe.slices_mm)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.net: nn.Module = net.to(self.device)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), recipe.rate, weight_decay=1e-3, betas=(0.9, 0.99), fused=True
        )
        self.mean: State = {k: v.clone() for k, v in self.net.state_dict().items()}

    def follow(self) -> None:
        """Let the mean of the weights follow the weights."""
        keep = min(KEEP, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for key, value in self.net.state_dict().items():
                if value.dtype.is_floating_point:
                    self.mean[key].lerp_(value, 1 - keep)
                else:
                    self.mean[key].copy_(value)

    def averaged(self) -> LegNet:
        """Return a network with the mean weights, for use."""
        net = LegNet(len(self.recipe.slices_mm))
        net.load_state_dict(self.mean)
        return net.eval()

    def predict(self) -> Predict:
        """Return the network with the mean weights as a function of one slice."""
        net = self.averaged()

        def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return np.asarray(net(torch.from_numpy(x[None]))[0].numpy())

        return run

    def save(self, path: Path) -> None:
        """Write everything; the file is replaced at once, so that a kill leaves the old one."""
        held = {
            "recipe": asdict(self.recipe), "step": self.step, "since": self.since,
            "net": self.net.state_dict(),
            "mean": self.mean, "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip
        _write(held, path)

    def save_compact(self, path: Path) -> None:
        """Write weights and their mean in half precision, without the optimiser."""
        half = {"recipe": asdict(self.recipe), "step": self.step}
        _write(half | {"net": _half(self.net.state_dict()), "mean": _half(self.mean)}, path)

    @classmethod
    def from_network(cls, folder: Path, recipe: Recipe) -> Training:
        """Start from a network that was exported (``network.onnx``).

        Raises
        ------
        MissingFileError, ConfigError
            No network there; not one of these shapes.
        """
        path = folder / "network.onnx"
        if not path.is_file():
            raise MissingFileError("has no network.onnx", folder, "Give a folder of a network")
        out = cls(recipe)
        state = _from_onnx(path)
        if _FIRST in state:
            state[_FIRST] = _widened(state[_FIRST], _slices_of(folder), recipe.slices_mm)
        missing, _ = out.net.load_state_dict(state, strict=False)
        if any(not name.endswith("num_batches_tracked") for name in missing):
            raise ConfigError("is not a network of this kind", path, "Give one of `pennate train`")
        out.mean = {k: v.clone() for k, v in out.net.state_dict().items()}
        return out

    @classmethod
    def load(cls, path: Path, recipe: Recipe | None = None) -> Training:
        """Go on from a checkpoint, whole or compact.

        Parameters
        ----------
        path
            Checkpoint.
        recipe
            Recipe to go on with, with the slices of the checkpoint; none: the one in it.

        Raises
        ------
        MissingFileError, ConfigError
            No such file; not a checkpoint of this network.
        """
        if not path.is_file():
            raise MissingFileError("no such checkpoint", path, "Give a file that exists")
        try:
            held = torch.load(path, map_location="cpu", weights_only=True)
            own = {"slices_mm": THREE_MM, **held["recipe"]}
            own["slices_mm"] = tuple(own["slices_mm"])
            out = cls(replace(recipe, slices_mm=own["slices_mm"]) if recipe else Recipe(**own))
            out.net.load_state_dict(_whole(held["net"]))
            out.mean = {k: v.to(out.device) for k, v in _whole(held["mean"]).items()}
            out.step = out.since = int(held["step"])
            if "optimiser" in held:
                out.since = int(held.get("since", 0))
                out.optimiser.load_state_dict(held["optimiser"])
                for group in out.optimiser.param_groups:
                    group["fused"] = True
        except (KeyError, RuntimeError, TypeError, ValueError, EOFError, OSError) as error:
            raise ConfigError(
                f"is not a checkpoint of this network ({type(error).__name__})", path,
                "Give one written by `pennate train` of the same version",
            ) from error  # fmt: skip
        return out


def _from_onnx(path: Path) -> State:
    """Return the weights that an exported network carries by name."""
    import onnx

    held = onnx.load(path).graph.initializer
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in held}
    return _whole({name: torch.tensor(values) for name, values in arrays.items()})


def _slices_of(folder: Path) -> tuple[float, ...]:
    """Return the slices that an exported network sees."""
    card = folder / "network.json"
    held = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    return tuple(held.get("slices_mm", THREE_MM))


def _widened(kernel: Tensor, had: tuple[float, ...], wanted: tuple[float, ...]) -> Tensor:
    """Return a first kernel that sees other slices; a slice that is new counts nothing at first."""
    out = torch.zeros((len(kernel), len(wanted) + PLACE_CHANNELS, *kernel.shape[2:]))
    for n, at in enumerate(had):
        if at in wanted:
            out[:, wanted.index(at)] = kernel[:, n]
    out[:, -PLACE_CHANNELS:] = kernel[:, -PLACE_CHANNELS:]
    return out


def _half(state: State) -> State:
    return {k: v.half() if v.dtype.is_floating_point else v for k, v in state.items()}


def _whole(state: State) -> State:
    return {k: v.float() if v.dtype.is_floating_point else v for k, v in state.items()}


def _write(held: dict[str, Any], path: Path) -> None:
    beside = path.with_suffix(".writing")
    torch.save(held, beside)
    beside.replace(path)
