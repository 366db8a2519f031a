"""The network: a small U-Net over slices (Ronneberger et al., MICCAI 2015)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from imaging.segmentation.inputs import CLASSES, PLACE_CHANNELS, SLICES_MM

WIDTHS = (16, 32, 64, 128, 160)


def _block(into: int, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (into, out):
        layers += [nn.Conv2d(width, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)]
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class LegNet(nn.Module):
    """U-Net from (B, S + 2, N, M) to logits (B, C, N, M); N and M multiples of 16.

    Parameters
    ----------
    slices
        Number of slices it sees.
    widths
        Channels per level, finest first.
    """

    def __init__(self, slices: int = len(SLICES_MM), widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        into = slices + PLACE_CHANNELS
        self.down = nn.ModuleList(
            _block(a, b) for a, b in zip((into, *widths[:-1]), widths, strict=True)
        )
        self.up = nn.ModuleList(
            _block(below + own, own)
            for below, own in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], len(CLASSES), 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        kept = []
        for n, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if n else x)
            kept.append(x)
        for block, skip in zip(self.up, kept[-2::-1], strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, skip], dim=1))
        return self.head(x)
