"""``pennate train``: train the segmentation network, or fine-tune it on a site's own labels."""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from imaging import __version__
from imaging.errors import ConfigError, MissingToolError, OutputError
from imaging.formats.json import read_json
from imaging.threads import threads

EPILOG = "Needs the extra `train`: pip install 'pennate[train]'. Research use only."
_DIGITAL_FROM = 1001
_STEPS, _FINE_STEPS = 50_000, 600
_JUDGED = 1_000


def command(
    out: Annotated[Path, typer.Argument(help="Folder of the run; a run in it goes on.")],
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of label maps with atlas.json, or of images with drawings."),
    ] = None,
    scheme: Annotated[str | None, typer.Option(help="Label scheme of the maps.")] = None,
    digital: Annotated[int, typer.Option(min=0, help="Number of digital legs.")] = 24,
    hold_out: Annotated[str, typer.Option(help="Body held out for testing.")] = "",
    start: Annotated[
        Path | None, typer.Option("--from", help="Checkpoint or network folder to start from.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps in all.")] = None,
    until: Annotated[int | None, typer.Option(min=1, help="Stop at this step for now.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=1e-6, max=1e-1, help="Learning rate.  [2e-3; --from: 1e-4]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same network.")] = 1,
    leave_one_out: Annotated[
        bool, typer.Option(help="Fine-tune once without each body and print Dice.")
    ] = False,
    name: Annotated[str, typer.Option(help="Name in the network's card.")] = "Pennate lower leg",
    version: Annotated[str, typer.Option(help="Version in the network's card.")] = "0",
) -> None:
    """Train the segmentation network from label maps and digital legs.

    A run that was killed goes on from its checkpoint.pt, or from its checkpoint-compact.pt (under
    6 MB, to carry elsewhere) where that alone is in the folder. With --until at a step that was
    reached, the network is written as it stands.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingToolError(
            "training needs PyTorch", None, "Install it: pip install 'pennate[train]'"
        ) from error
    from imaging.training.checkpoint import Recipe
    from imaging.training.legs import TrainingLeg
    from imaging.training.scans import ScannedLeg

    if not labels and not digital:
        raise ConfigError("no legs to train on", None, "Give --labels or --digital")
    torch.set_num_threads(threads())
    fine = start is not None
    recipe = Recipe(
        seed=seed, steps=steps or (_FINE_STEPS if fine else _STEPS), hold_out=hold_out,
        rate=rate or (1e-4 if fine else 2e-3), widen=1 if fine else 12_000,
    )  # fmt: skip
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("cannot be written", out, "Choose another folder") from error
    legs = _gather(out, labels or [], scheme, digital)
    recipe = replace(recipe, hold_norms=fine and any(isinstance(x, ScannedLeg) for x in legs))
    if start is None and not any(isinstance(leg, TrainingLeg) for leg in legs):
        raise ConfigError(
            "a few drawn slices make no network", None,
            "Give --from a network to go on with, --digital or label maps of whole legs",
        )  # fmt: skip
    bodies = sorted({leg.body for leg in legs})
    if hold_out and hold_out not in bodies:
        raise ConfigError(f"no body {hold_out!r} to hold out", None, f"Use one of {bodies}")
    if leave_one_out:
        _leave_one_out(recipe, legs, start)
    _train(out, recipe, legs, start, until or recipe.steps, {"name": name, "version": version})


def _gather(out: Path, folders: list[Path], scheme: str | None, digital: int) -> list[Any]:
    """Return training legs; digital ones and label maps are kept in the run's folder."""
    from tqdm import tqdm

    from imaging.training.legs import TrainingLeg
    from imaging.training.sources import atlas_legs, digital_leg, scanned_legs

    held = out / "legs"
    held.mkdir(exist_ok=True)
    legs: list[Any] = []
    for folder in folders:
        scans = scanned_legs(folder, scheme)
        if scans and not (folder / "atlas.json").is_file():
            legs += scans
            continue
        digest = _digest(folder, scheme)
        names = sorted(p.name.removesuffix("_dseg.nii.gz") for p in folder.glob("*_dseg.nii.gz"))
        kept, done = [held / f"{name}-{digest}.npz" for name in names], held / f"{digest}.done"
        if not done.is_file():
            for leg in atlas_legs(folder, scheme):
                leg.save(held / f"{leg.name}-{digest}.npz")
            done.touch()
        legs += [TrainingLeg.load(p) for p in kept if p.is_file()]
        legs += scans
    for leg_seed in tqdm(
        range(_DIGITAL_FROM, _DIGITAL_FROM + digital), desc="digital legs", disable=None
    ):
        path = held / f"digital-{leg_seed}-{__version__}.npz"
        if not path.is_file():
            digital_leg(leg_seed).save(path)
        legs.append(TrainingLeg.load(path))
    return legs


def _digest(folder: Path, scheme: str | None) -> str:
    """Return what tells whether kept legs are still those of a folder of label maps."""
    told = hashlib.sha256(f"{__version__} {scheme}".encode())
    for path in sorted([*folder.glob("*_dseg.nii.gz"), *folder.glob("atlas.json")]):
        told.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return told.hexdigest()[:12]


def _start(recipe: Any, start: Path | None) -> Any:
    from imaging.training.checkpoint import Training

    if start is None:
        return Training(recipe)
    if start.is_dir():
        return Training.from_network(start, recipe)
    training = Training.load(start, recipe)
    training.step = training.since = 0
    return training


def _taught(recipe: Any, legs: Sequence[Any], start: Path | None) -> list[Any]:
    """Return what is learnt from: of partly drawn legs also the fat that a network is sure of."""
    from imaging.training.scans import ScannedLeg, with_fat

    if start is None or not any(isinstance(leg, ScannedLeg) for leg in legs):
        return list(legs)
    known = _start(recipe, start)
    seen = known.recipe.slices_mm
    return [
        with_fat(leg, known.predict(), seen) if isinstance(leg, ScannedLeg) else leg
        for leg in legs
    ]  # fmt: skip


def _train(
    out: Path, recipe: Any, legs: Sequence[Any], start: Path | None, until: int,
    card: dict[str, str],
) -> None:  # fmt: skip
    """Train, with a table of figures, checkpoints, and the network written at the end."""
    from imaging.training.checkpoint import Training
    from imaging.training.dice import FULL, MILD, class_dice, summary
    from imaging.training.export import dice_correction, export, profile, temperature
    from imaging.training.legs import TrainingLeg
    from imaging.training.loop import train

    checkpoint, table = out / "checkpoint.pt", out / "figures.tsv"
    compact = out / "checkpoint-compact.pt"
    held = [path for path in (checkpoint, compact) if path.is_file()]
    training = Training.load(held[0], recipe) if held else _start(recipe, start)
    drawn = [leg for leg in legs if isinstance(leg, TrainingLeg)]
    apart = [leg for leg in drawn if leg.body == recipe.hold_out]
    began, first = time.monotonic(), training.step

    def report(now: Any, mean_loss: float) -> None:
        now.save_compact(compact)
        row = {"step": now.step, "loss": round(mean_loss, 4)}
        if apart and (now.step % _JUDGED == 0 or now.step == until):
            for name, hard in (("mild", MILD), ("full", FULL)):
                large, single = summary(
                    class_dice(now.predict(), apart, hard, slices_mm=now.recipe.slices_mm)
                )
                row |= {f"{name}_large": round(large, 3), f"{name}_single": round(single, 3)}
        row["s_per_step"] = round((time.monotonic() - began) / max(now.step - first, 1), 3)
        _add_row(table, row)

    use = _taught(recipe, [leg for leg in legs if leg.body != recipe.hold_out], start)
    train(training, use, until, checkpoint=checkpoint, report=report)
    net = training.averaged()
    judged = (apart or drawn)[:4]
    seen = training.recipe.slices_mm
    about: dict[str, Any] = _inherited(start) | {
        **card, "licence": "BSD-3-Clause", "bodies": sorted({leg.body for leg in use}),
        "steps": training.step, "seed": recipe.seed, "slices_mm": seen,
    }  # fmt: skip
    if judged:
        warmth = temperature(net, judged, slices_mm=seen)
        correction = dice_correction(net, judged, warmth, slices_mm=seen)
        about |= {"temperature": warmth, "dice_correction": correction}
    # A site's few slices do not tell where along a leg its structures lie.
    if "profile" not in about or any(not leg.body.startswith("digital") for leg in drawn):
        about["profile"] = profile(drawn)
    export(net, out, about)
    print(f"network written to {out}", flush=True)


def _inherited(start: Path | None) -> dict[str, Any]:
    """Return what a network that was started from knows of whole legs."""
    path = start / "network.json" if start is not None and start.is_dir() else None
    card = read_json(path, "Give a folder of a network") if path and path.is_file() else {}
    return {k: card[k] for k in ("temperature", "dice_correction", "profile") if k in card}


_COLUMNS = ("step", "loss", "mild_large", "mild_single", "full_large", "full_single", "s_per_step")


def _add_row(path: Path, row: dict[str, Any]) -> None:
    new = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, restval="n/a", delimiter="\t")
        if new:
            writer.writeheader()
        writer.writerow(row)


def _leave_one_out(recipe: Any, legs: Sequence[Any], start: Path | None) -> None:
    """Fine-tune without each body in turn and print Dice per label on it."""
    from imaging.training.dice import MILD, class_dice, scan_dice
    from imaging.training.loop import train
    from imaging.training.scans import ScannedLeg

    bodies = sorted({leg.body for leg in legs if not leg.body.startswith("digital")})
    if len(bodies) < 2:
        raise ConfigError(
            "leave-one-out needs labels of two bodies", None, "Add legs, or leave the option out"
        )
    rows: dict[str, dict[str, float]] = {}
    for body in bodies:
        training = _start(recipe, start)
        rest = _taught(recipe, [leg for leg in legs if leg.body != body], start)
        train(training, rest, recipe.steps)
        apart = [leg for leg in legs if leg.body == body]
        scans = [leg for leg in apart if isinstance(leg, ScannedLeg)]
        own, seen = training.predict(), training.recipe.slices_mm
        rows[body] = (
            scan_dice(own, scans, seen) if scans else class_dice(own, apart, MILD, slices_mm=seen)
        )
    keys = [k for k in next(iter(rows.values())) if k not in ("outside", "rest")]
    print("body\t" + "\t".join(keys))
    for body, dice in rows.items():
        print(f"{body}\t" + "\t".join(f"{dice[k]:.2f}" for k in keys))
