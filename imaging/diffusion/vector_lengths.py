"""What the length of b-vectors means: nothing, or the b-value.

Schemes with several b-values, and schemes on a cube in q-space, are often written with one b-value
for all volumes and vectors of length sqrt(b / largest b), as some Siemens sequences do; MRtrix
scales b by the squared length for that reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import B0_MAX
from imaging.errors import GradientTableError

_SILENT, _SLIGHT = 0.01, 0.1  # off unit length
_SAME_SHELL, _WIDTH = 0.02, 0.03  # lengths of one shell: steps, and the whole of it
_LONGEST = 1.1
_FEWEST = 2  # volumes in a shell
_FOLLOWS = 0.1  # relative spread of b / length^2 when b-values hold the shells already
_NOTHING = 0.1  # length of vectors that are meant as none


@dataclass(frozen=True)
class Lengths:
    """b-values and unit vectors as the table is read, and how else it could be read.

    Attributes
    ----------
    bvals : (N,) array
        s/mm2.
    vectors : (N, 3) array
        Unit, 0 for b = 0; in the frame of the file.
    other_bvals : (N,) array or None
        b-values if lengths mean what they were not taken for.
    warnings : list of str
    scaled : bool
        `bvals` were scaled by the squared length.
    shells : bool
        Lengths come in shells: one reading is wrong by far, and images have to tell which.
    """

    bvals: FloatArray
    vectors: FloatArray
    other_bvals: FloatArray | None = None
    warnings: list[str] = field(default_factory=list)
    scaled: bool = False
    shells: bool = False


def read_lengths(bvals: FloatArray, vectors: FloatArray, path: Path) -> Lengths:
    """Return unit vectors and the b-values that their lengths ask for.

    Parameters
    ----------
    bvals : (N,) array
        s/mm2, as written.
    vectors : (N, 3) array
        As written.
    path
        Of the vectors.

    Raises
    ------
    GradientTableError
        Lengths that are neither 1 nor those of shells.
    """
    weighted = bvals > B0_MAX
    norm = np.linalg.norm(vectors, axis=1)
    unit = np.zeros_like(vectors)
    good = weighted & (norm > _NOTHING) & np.isfinite(norm)
    unit[good] = vectors[good] / norm[good, None]
    off = np.abs(norm - 1)
    if not weighted.any() or (off[weighted] <= _SILENT).all():
        return Lengths(bvals, unit)
    scaled = np.where(good, bvals * np.square(np.where(good, norm, 1)), bvals)
    if good[weighted].all() and _in_shells(norm[weighted]):
        return _of_shells(bvals, scaled, unit, norm, path)
    if not (off[weighted] <= _SLIGHT).all():  # also catches NaN
        raise _not_unit(bvals, norm, weighted, path)
    many = weighted & (off > _SILENT)
    text = (
        f"{path.name}: {int(many.sum())} vectors were scaled to unit length "
        f"(off by at most {off[many].max():.1%})."
    )
    alike = np.ptp(norm[weighted]) <= _SILENT
    if alike:
        lost = float(np.square(norm[weighted]).mean() - 1)
        text += f" If their length stands for b, all b-values are {abs(lost):.0%} too "
        text += "high and diffusivities too low." if lost < 0 else "low and diffusivities too high."
    return Lengths(bvals, unit, None if alike else scaled, [text])


def _in_shells(lengths: FloatArray) -> bool:
    """Tell whether lengths come as few values, each several times, up to about 1."""
    ordered = np.sort(lengths)
    shells = np.split(ordered, np.flatnonzero(np.diff(ordered) > _SAME_SHELL) + 1)
    return bool(
        len(shells) > 1
        and all(len(s) >= _FEWEST and np.ptp(s) <= _WIDTH for s in shells)
        and abs(ordered[-1] - 1) <= _LONGEST - 1
    )


def _of_shells(
    bvals: FloatArray, scaled: FloatArray, unit: FloatArray, norm: FloatArray, path: Path
) -> Lengths:
    """Scale b by the squared length unless the b-values hold the shells already."""
    weighted = bvals > B0_MAX
    ratio = bvals[weighted] / np.square(norm[weighted])
    low, high = norm[weighted].min(), norm[weighted].max()
    said = f"{path.name}: vectors have lengths from {low:.3f} to {high:.3f}"
    if np.ptp(ratio) <= _FOLLOWS * ratio.mean():
        text = f"{said}, in step with the b-values, which were taken as written."
        return Lengths(bvals, unit, scaled, [text], shells=True)
    kept = np.where(scaled[:, None] > B0_MAX, unit, 0)
    text = (
        f"{said}: b-values were scaled by the squared length, to "
        f"{scaled[weighted].min():.0f} to {scaled[weighted].max():.0f} s/mm2."
    )
    return Lengths(scaled, kept, bvals, [text], scaled=True, shells=True)


def _not_unit(
    bvals: FloatArray, norm: FloatArray, weighted: NDArray[np.bool_], path: Path
) -> GradientTableError:
    """Return the error of lengths that mean nothing, with advice that fits."""
    wrong = weighted & ~(np.abs(norm - 1) <= _SLIGHT)
    first = int(np.flatnonzero(wrong)[0])
    what = (
        f"{int(wrong.sum())} of {int(weighted.sum())} vectors with b > {B0_MAX:g} are not of "
        f"unit length, first volume {first} (length {norm[first]:.3g}, b {bvals[first]:g})"
    )
    fix = "Take out trace or averaged volumes, or convert the series again"
    absent = ~(norm > _NOTHING)
    step = _step(absent, ~weighted)
    if step:
        what += f"; the vectors of length 0 stand {abs(step)} volume(s) beside the volumes of b = 0"
        fix = "The rows of the two files do not belong together: convert the series again"
    elif not absent[weighted].any():
        fix = (
            "Scale the vectors to length 1 and write the b-values that were used (where lengths "
            "stand for them: b times the squared length)"
        )
    return GradientTableError(what, path, fix)


def _step(absent: NDArray[np.bool_], b0: NDArray[np.bool_]) -> int:
    """Return by how many volumes the vectors of length 0 are off the b = 0 volumes, else 0."""
    if absent.sum() != b0.sum():
        return 0
    steps = [s for s in range(1, len(b0)) if np.array_equal(np.roll(b0, s), absent)]
    signed = [s if s <= len(b0) // 2 else s - len(b0) for s in steps]
    return min(signed, key=abs, default=0)
