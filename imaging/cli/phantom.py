"""``pennate phantom``: write a digital leg with known truth as a BIDS data set."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from imaging.dataset.names import check_labels
from imaging.phantom.writer import Request, write_phantom


class Legs(StrEnum):
    """Legs in the field of view."""

    left = "left"
    right = "right"
    both = "both"


class Size(StrEnum):
    """Voxel sizes and numbers of volumes."""

    small = "small"
    demo = "demo"
    full = "full"


def command(
    out: Annotated[Path, typer.Argument(help="BIDS folder to write; a second subject is added.")],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 1,
    subject: Annotated[str, typer.Option(help="Label without sub-.")] = "01",
    session: Annotated[str | None, typer.Option(help="Label without ses-.")] = None,
    side: Annotated[Legs, typer.Option(help="Legs in the field of view.")] = Legs.right,
    preset: Annotated[Size, typer.Option(help="small: seconds, for tests.")] = Size.demo,
    variation: Annotated[float, typer.Option(min=0, max=2, help="0: the mean leg.")] = 1.0,
    snr: Annotated[float, typer.Option(min=1, help="Of muscle, b0 and T1w.")] = 40.0,
    motion: Annotated[float, typer.Option(min=0, help="Between volumes, mm and degrees.")] = 0.0,
    distortion: Annotated[float, typer.Option(min=0, help="Largest, along j, mm.")] = 0.0,
    fmap: Annotated[bool, typer.Option(help="Volumes of reversed phase encoding.")] = False,
    oblique: Annotated[float, typer.Option(help="Tilt of the diffusion slices, degrees.")] = 0.0,
    dixon: Annotated[bool, typer.Option(help="Gradient echoes.")] = True,
    dwi: Annotated[bool, typer.Option(help="Diffusion-weighted images.")] = True,
    mre: Annotated[bool, typer.Option(help="Wave images.")] = True,
    us: Annotated[bool, typer.Option(help="Shear-wave frames of ultrasound.")] = False,
    emg: Annotated[bool, typer.Option(help="Walking trial.")] = True,
    aponeuroses: Annotated[bool, typer.Option(help="Internal aponeuroses, as if drawn.")] = True,
) -> None:
    """Write a digital leg with known truth as a BIDS data set."""
    check_labels(subject=subject, session=session)
    request = Request(
        seed=seed, subject=subject, session=session, side=side.value, preset=preset.value,
        variation=variation, snr=snr, motion_mm=motion, distortion_mm=distortion,
        fmap=fmap, oblique_deg=oblique, dixon=dixon, dwi=dwi, mre=mre, us=us, emg=emg,
        aponeuroses=aponeuroses,
    )  # fmt: skip
    write_phantom(out, request)
