"""How much of the leg a network should see: 3, 5 or 7 slices, or the whole leg coarsely.

``python -m benchmarks.context --seconds 120`` draws whole legs (male body and digital legs, bellies
of other lengths and widths), trains small networks on them for the same processor time, and prints
their Dice on the female body, which none has seen: along the whole leg, and in the slices around
the lower ends of GM and GL. Slices are 9 mm apart, 3 mm pixels for networks over slices; the one
over the whole leg sees 4.5 x 4.5 x 9 mm and answers at 3 mm; "both" multiplies its probabilities
with those of the network of three slices. Small networks in little time: they compare ways, and
are no measure of the network that is shipped. Needs PyTorch.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional

from benchmarks.network import linked
from imaging.segmentation.inputs import CLASSES
from imaging.training.acquire import acquire
from imaging.training.anatomy import vary
from imaging.training.appearance import cortex_at, draw_appearance, draw_fields
from imaging.training.choices import draw_choices
from imaging.training.legs import TrainingLeg
from imaging.training.loss import class_weights, loss
from imaging.training.network import LegNet
from imaging.training.render import draw_slices
from imaging.training.shape import SIZE, draw_frame, draw_warp
from imaging.training.sources import atlas_legs, digital_leg

APART_MM, COUNT = 9.0, 44
WAYS = {"3 slices": (-1, 0, 1), "5 slices": (-2, -1, 0, 1, 2), "7 slices": (-5, -2, -1, 0, 1, 2, 5)}
KEYS = ("TA", "EDL+PT", "GM", "GL", "SOL", "FHL", "TP")
COARSE = 40
HARD = 0.5


@dataclass
class Volume:
    """A drawn leg: image (K, 56, 56) at 3 mm and classes on it."""

    image: np.ndarray
    classes: np.ndarray


def draw_volume(rng: np.random.Generator, leg: TrainingLeg) -> Volume:
    """Draw a whole leg; what the slices' own warp says of the slope along it is taken in part."""
    appearance = draw_appearance(rng, draw_choices(rng, HARD), HARD)
    frame, warp = draw_frame(rng, leg, 0.5, HARD), draw_warp(rng, HARD)
    warp[3:] *= 0.3
    places = APART_MM * (np.arange(COUNT) - COUNT // 2) + rng.uniform(-4.5, 4.5)
    samples = (places[:, None] + np.array([0.0, -2.0, 2.0])).astype(np.float32)
    fields = draw_fields(rng, appearance, HARD)
    rest = (appearance.water, appearance.fats, cortex_at(appearance.widths, 0.5), appearance.fat_mm,
            appearance.muscles, appearance.sheet, np.zeros(2, np.float32))  # fmt: skip
    labels, signal, depth = [], None, None
    for k in range(COUNT):
        chosen = samples[[k]]
        wet, label, own = draw_slices(leg.packed, frame, warp, fields, chosen, 0, *rest)
        signal = wet if signal is None else np.concatenate([signal, wet], 1)
        depth = own if k == COUNT // 2 else depth
        labels.append(label)
    image = acquire(rng, signal, depth, appearance, HARD)
    stack = np.array(labels)
    image *= stack > 0
    muscle = image[(stack > 2) & (stack < CLASSES.index("TIB"))]
    image = np.clip(image / max(float(np.median(muscle)), 1e-3), 0, 4) - 1
    small = image.reshape(COUNT, SIZE // 2, 2, SIZE // 2, 2).mean((2, 4))
    return Volume(small.astype(np.float32), stack[:, ::2, ::2])


def stacked(volume: Volume, k: int, offsets: tuple[int, ...]) -> np.ndarray:
    """Return slices around one of a volume (S + 2, 56, 56), as the network sees them."""
    at = np.clip(k + np.array(offsets), 0, COUNT - 1)
    return np.concatenate([volume.image[at], np.zeros((2, *volume.image.shape[1:]))]).astype(
        np.float32
    )


class CoarseNet(nn.Module):
    """A small 3-D U-Net from (B, 1, K, N, M) to logits."""

    def __init__(self, widths: tuple[int, ...] = (8, 16, 32)) -> None:
        super().__init__()
        self.down = nn.ModuleList(_block3(a, b) for a, b in zip((1, *widths), widths, strict=False))
        self.up = nn.ModuleList(
            _block3(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv3d(widths[0], len(CLASSES), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        kept = []
        for n, block in enumerate(self.down):
            x = block(functional.max_pool3d(x, 2) if n else x)
            kept.append(x)
        for block, skip in zip(self.up, kept[-2::-1], strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0), skip], 1))
        return self.head(x)


def _block3(into: int, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (into, out):
        layers += [nn.Conv3d(width, out, 3, padding=1, bias=False), nn.BatchNorm3d(out)]
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def coarse(volume: np.ndarray, order: int) -> np.ndarray:
    """Bring slices (K, 56, 56) to 4.5 mm (K, 40, 40) by nearest or linear interpolation."""
    at = (np.arange(COARSE) - 0.5 * (COARSE - 1)) * 1.5 + 0.5 * (volume.shape[1] - 1)
    k, i, j = np.meshgrid(np.arange(COUNT), at, at, indexing="ij")
    return ndimage.map_coordinates(volume, [k, i, j], order=order, mode="nearest")


def fine(values: np.ndarray) -> np.ndarray:
    """Bring probabilities (C, K, 40, 40) back to 3 mm (C, K, 56, 56)."""
    at = torch.linspace(-1, 1, 56) * (27.5 / 1.5) / (0.5 * (COARSE - 1))
    grid = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1)[None].expand(COUNT, -1, -1, -1)
    moved = functional.grid_sample(
        torch.from_numpy(values).transpose(0, 1), grid, align_corners=True, padding_mode="border"
    )
    return moved.transpose(0, 1).numpy()


def train_slices(volumes: list[Volume], offsets: tuple[int, ...], seconds: float) -> nn.Module:
    torch.manual_seed(1)
    net, rng = LegNet(len(offsets), (8, 16, 32, 64)), np.random.default_rng(1)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        pairs = [(volumes[rng.integers(len(volumes))], int(rng.integers(COUNT))) for _ in range(16)]
        x = torch.from_numpy(np.stack([stacked(v, k, offsets) for v, k in pairs]))
        return x, torch.from_numpy(np.stack([v.classes[k] for v, k in pairs])).long()

    return _train(net, batch, seconds)


def train_coarse(volumes: list[Volume], seconds: float) -> nn.Module:
    torch.manual_seed(1)
    net, rng = CoarseNet(), np.random.default_rng(1)
    pairs = [(coarse(v.image, 1), coarse(v.classes, 0)) for v in volumes]

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        image, classes = pairs[rng.integers(len(pairs))]
        x = torch.from_numpy(image[None, None].astype(np.float32))
        return x, torch.from_numpy(classes[None].astype(np.int64))

    return _train(net, batch, seconds)


def _train(net: nn.Module, batch, seconds: float) -> nn.Module:  # type: ignore[no-untyped-def]
    """Train for so many seconds of the processor; the rate falls to nothing."""
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=1e-3)
    began, weights, steps = time.process_time(), class_weights(), 0
    net.train()
    while (spent := time.process_time() - began) < seconds:
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * 0.5 * (1 + np.cos(np.pi * spent / seconds))
        x, y = batch()
        with torch.autocast("cpu", torch.bfloat16):
            out = net(x)
        out = out.float()
        if out.ndim == 5:
            out, y = out.transpose(1, 2).flatten(0, 1), y.flatten(0, 1)
        value = loss(out, y, weights)
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        steps += 1
    print(f"# {steps} steps, {sum(p.numel() for p in net.parameters())} parameters", flush=True)
    return net.eval()


def by_slices(net: nn.Module, volume: Volume, offsets: tuple[int, ...]) -> np.ndarray:
    """Return probabilities (C, K, 56, 56)."""
    x = np.stack([stacked(volume, k, offsets) for k in range(COUNT)])
    with torch.inference_mode():
        return torch.softmax(net(torch.from_numpy(x)), 1).transpose(0, 1).numpy()


def by_whole(net: nn.Module, volume: Volume) -> np.ndarray:
    """Return probabilities (C, K, 56, 56)."""
    x = torch.from_numpy(coarse(volume.image, 1)[None, None].astype(np.float32))
    with torch.inference_mode():
        return fine(torch.softmax(net(x), 1)[0].numpy())


def dice(found: list[np.ndarray], volumes: list[Volume], slices: list[np.ndarray]) -> list[float]:
    """Return Dice per muscle over chosen slices of all volumes."""
    out = []
    for key in KEYS:
        c, shared, both = CLASSES.index(key), 0, 0
        for f, v, chosen in zip(found, volumes, slices, strict=True):
            a, b = f[chosen] == c, v.classes[chosen] == c
            shared, both = shared + int((a & b).sum()), both + int(a.sum() + b.sum())
        out.append(2 * shared / max(both, 1))
    return out


def around_ends(volume: Volume) -> np.ndarray:
    """Return the slices within 27 mm of the lower ends of GM and GL."""
    chosen = np.zeros(COUNT, bool)
    for key in ("GM", "GL"):
        seen = np.flatnonzero((volume.classes == CLASSES.index(key)).any((1, 2)))
        if seen.size:
            chosen[max(seen[0] - 3, 0) : seen[0] + 4] = True
    return np.flatnonzero(chosen)


def cast(legs: list[TrainingLeg], variants: int, seed: int) -> list[TrainingLeg]:
    return [
        vary(np.random.default_rng([seed, n, v]), leg, 0.9) if v else leg
        for n, leg in enumerate(legs)
        for v in range(variants if not leg.body.startswith("digital") else 2)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="Processor time per network.")
    parser.add_argument("--volumes", type=int, default=120)
    parser.add_argument("--digital", type=int, default=4)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    real = atlas_legs(linked(None))
    legs = [leg for leg in real if leg.body == "vhm"]
    legs = cast([*legs, *(digital_leg(1001 + n) for n in range(chosen.digital))], 8, 1)
    weights = np.array([1.0 if leg.body.startswith("digital") else 2.0 for leg in legs])
    rng = np.random.default_rng(5)
    drawn = rng.choice(len(legs), chosen.volumes, p=weights / weights.sum())
    volumes = [draw_volume(rng, legs[n]) for n in drawn]
    apart = cast([leg for leg in real if leg.body == "vhf"], 4, 2)
    tests = [draw_volume(np.random.default_rng([9, n]), leg) for n, leg in enumerate(apart * 2)]
    print(f"# {len(volumes)} legs drawn to train on, {len(tests)} of the body apart", flush=True)
    found = {}
    for way, offsets in WAYS.items():
        net = train_slices(volumes, offsets, chosen.seconds)
        found[way] = [by_slices(net, v, offsets) for v in tests]
    net = train_coarse(volumes, chosen.seconds)
    found["whole leg, coarse"] = [by_whole(net, v) for v in tests]
    pairs = zip(found["3 slices"], found["whole leg, coarse"], strict=True)
    found["both (3 slices)"] = [a * np.maximum(b, 1e-3) ** 0.5 for a, b in pairs]
    pairs = zip(found["7 slices"], found["whole leg, coarse"], strict=True)
    found["both (7 slices)"] = [a * np.maximum(b, 1e-3) ** 0.5 for a, b in pairs]
    everywhere = [np.arange(COUNT)] * len(tests)
    for words, slices in (("whole", everywhere), ("ends", [around_ends(v) for v in tests])):
        print(f"\n{words:18s} " + " ".join(f"{k:>6s}" for k in KEYS) + "   mean")
        for way, values in found.items():
            row = dice([v.argmax(0) for v in values], tests, slices)
            print(f"{way:18s} " + " ".join(f"{d:6.2f}" for d in row) + f" {np.mean(row):6.2f}")


if __name__ == "__main__":
    main()
