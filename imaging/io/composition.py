"""Images that tell what muscle is made of: Dixon parts, gradient echoes, trains of spin echoes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imaging.composition.analysis import Echoes
from imaging.dataset.names import entities
from imaging.errors import ImageError, UnitError
from imaging.formats.json import optional_sidecar
from imaging.formats.nifti import load_image
from imaging.image import Image

_FEWEST_GRADIENT, _FEWEST_SPIN = 3, 4
_LONGEST_S = 0.5
_GRID_MM = 0.01
_TURN = 2 * np.pi
# Of the brightest voxels: an offset of the scaling, not a phase or a difference.
_FAINT = 0.01
# Of the pairs of spin echoes, how many may rise, and by how much of the largest mean.
_MOST_RISES, _RISE = 0.1, 0.02


def read_pair(first: Path, second: Path) -> tuple[Image, Image]:
    """Read two magnitudes on one grid.

    Raises
    ------
    ImageError
        Negative values, or another grid.
    """
    found = [load_image(path) for path in (first, second)]
    images = [
        i.with_data(_magnitudes(i.data, p)[0]) for i, p in zip(found, (first, second), strict=True)
    ]
    _same_grid(images[0], images[1], second)
    return images[0], images[1]


def read_gradient_echoes(paths: Sequence[Path]) -> tuple[Echoes, list[str]]:
    """Read gradient echoes, with their phase where each has one beside it.

    Parameters
    ----------
    paths
        Magnitudes, ``…_echo-1[_part-mag]_MEGRE``; the phase is of the same name with
        ``part-phase``.

    Returns
    -------
    Echoes, and what a reader must know.

    Raises
    ------
    ImageError, UnitError
        Too few, other grids, no field strength, or echo times that are no seconds.
    """
    image, echo_s, order, faint = _train(paths, _FEWEST_GRADIENT)
    sidecar = optional_sidecar(paths[0])
    field = sidecar.get("MagneticFieldStrength")
    if not isinstance(field, int | float) or not 0.1 < field < 15:
        raise UnitError(
            "has no MagneticFieldStrength in its JSON, by which fat is told from water", paths[0],
            "Write it, in tesla",
        )  # fmt: skip
    phases, told = _phases([paths[i] for i in order], image)
    return Echoes(image, echo_s, float(field), phases), [*faint, *told]


def read_spin_echoes(paths: Sequence[Path]) -> tuple[Echoes, list[str]]:
    """Read a train of spin echoes: one file each, or one 4-D file with a list of EchoTime.

    Returns
    -------
    Echoes, and what a reader must know.

    Raises
    ------
    ImageError, UnitError
        Too few, other grids, echo times that are no seconds, or a signal that does not fall with
        them.
    """
    image, echo_s, _, told = _train(paths, _FEWEST_SPIN)
    _must_fall(image.data, paths[0])
    return Echoes(image, echo_s), told


def _must_fall(data: np.ndarray, path: Path) -> None:
    """Check that the mean of the leg falls from echo to echo, as T2 demands."""
    mean = data.mean(axis=-1)
    inside = mean > 0.1 * np.percentile(mean, 99)
    if not inside.any():
        raise ImageError("holds no signal", path, "Give the magnitudes of the spin echoes")
    # The first is lower than it should be: it holds no stimulated echo.
    signal = data[inside].mean(axis=0)[1:]
    earlier, later = np.triu_indices(len(signal), 1)
    rises = float((signal[later] > signal[earlier] + _RISE * signal.max()).mean())
    if rises > _MOST_RISES:
        raise ImageError(
            f"does not fall from echo to echo: in {rises:.0%} of the pairs of echoes the later one "
            "is brighter", path,
            "Check EchoTime and the order of the images: a 4-D file may hold slices and echoes in "
            "turn, or a map behind its echoes",
        )  # fmt: skip


def _magnitudes(data: np.ndarray, path: Path) -> tuple[np.ndarray, list[str]]:
    """Return magnitudes; faint negative values, which some scanners' scaling gives, are 0.

    Raises
    ------
    ImageError
        Negative values that are no offset.
    """
    least = float(data.min())
    if least >= 0:
        return data, []
    if least < -_FAINT * float(np.percentile(data, 99)):
        raise ImageError(
            f"holds negative values (down to {least:g})", path, "Give the magnitudes"
        )  # fmt: skip
    told = f"{path.name} holds values down to {least:.3g}, an offset of its scaling: taken as 0."
    return np.maximum(data, 0), [told]


def _train(paths: Sequence[Path], fewest: int) -> tuple[Image, np.ndarray, list[int], list[str]]:
    """Return magnitudes (I, J, K, N), echo times (s), the order of the files, what to know."""
    if len(paths) == 1:
        image = load_image(paths[0], ndim=4)
        times = optional_sidecar(paths[0]).get("EchoTime")
        listed = times if isinstance(times, list) else []
        if len(listed) != image.data.shape[-1]:
            raise ImageError(
                f"holds {image.data.shape[-1]} echoes, its JSON lists {len(listed)} echo times",
                paths[0], "Write EchoTime as a list, in seconds",
            )  # fmt: skip
        stacked = [image.data[..., k] for k in range(len(listed))]
    else:
        images = [load_image(p) for p in paths]
        for other, path in zip(images[1:], paths[1:], strict=True):
            _same_grid(images[0], other, path)
        image, stacked = images[0], [i.data for i in images]
        listed = [optional_sidecar(p).get("EchoTime") for p in paths]
    where = paths[0]
    if not all(isinstance(t, int | float) and t > 0 for t in listed):
        raise UnitError("has no EchoTime in the JSON of every echo", where, "Write it, in seconds")
    seconds = np.array(listed, float)
    if seconds.max() > _LONGEST_S:
        raise UnitError(
            f"has an EchoTime of {seconds.max():g} s, which is no echo time", where,
            "Write it in seconds, as BIDS has it",
        )  # fmt: skip
    if len(np.unique(seconds)) < max(fewest, len(seconds)):
        raise ImageError(
            f"has {len(np.unique(seconds))} different echo times for {len(seconds)} images; "
            f"{fewest} or more are needed", where, "Give every echo once",
        )  # fmt: skip
    order = [int(i) for i in np.argsort(seconds)]
    data = np.stack([stacked[i] for i in order], axis=-1).astype(np.float32)
    data, told = _magnitudes(data, where)
    return image.with_data(data), seconds[order], order, told


def _phases(paths: Sequence[Path], image: Image) -> tuple[np.ndarray | None, list[str]]:
    """Return phases (I, J, K, N), rad, or None with the reason."""
    beside = [_phase_beside(p) for p in paths]
    if not all(beside):
        return None, ["No phase beside every echo: fat fraction rests on magnitudes."]
    found = []
    for path in (p for p in beside if p is not None):
        phase = load_image(path)
        _same_grid(image, phase, path)
        if np.abs(phase.data).max() > _TURN + 0.01 or np.ptp(phase.data) < 1.0:
            why = f"{path.name} is not in radians: fat fraction rests on magnitudes."
            return None, [why]
        found.append(phase.data)
    return np.stack(found, axis=-1), []


def _phase_beside(path: Path) -> Path | None:
    part = entities(path).get("part")
    name = path.name.replace("_part-mag", "_part-phase")
    if part is None:
        start, _, suffix = path.name.rpartition("_")
        name = f"{start}_part-phase_{suffix}"
    found = path.with_name(name)
    return found if found.is_file() and found != path else None


def _same_grid(first: Image, other: Image, path: Path) -> None:
    if first.shape[:3] != other.shape[:3] or np.abs(first.affine - other.affine).max() > _GRID_MM:
        raise ImageError(
            "lies on another grid than the image it goes with", path, "Give images of one scan"
        )
