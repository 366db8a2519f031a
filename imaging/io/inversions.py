"""Which inversions ``pennate elastography`` runs, and the words for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.config import ElastographySettings
from imaging.elastography.curl import curl_helmholtz
from imaging.elastography.directions import directions_on
from imaging.elastography.inversion import Inversion
from imaging.elastography.lfe import local_frequency
from imaging.elastography.mdev import mdev
from imaging.elastography.transverse import transverse_isotropic
from imaging.elastography.virtualfields import virtual_fields
from imaging.errors import ComputationError, InputError
from imaging.image import resample
from imaging.io.directions import Directions
from imaging.io.stiffness import Source, Wording
from imaging.io.waves.fields import Waves

# Directions that differ more between neighbouring voxels were not smoothed.
_ROUGH_DEG = 2.0
_ISOTROPIC = (
    "Waves were taken as those of an isotropic medium; in muscle, which is not, the value depends "
    "on how the waves run to the fibres."
)


def _mdev(waves: Waves, source: Source, directions: Directions | None) -> Inversion:
    return mdev(waves.fields, waves.tissue, labels=_labels(source))


def _curl(waves: Waves, source: Source, directions: Directions | None) -> Inversion:
    return curl_helmholtz(waves.fields, waves.tissue, labels=_labels(source))


def _lfe(waves: Waves, source: Source, directions: Directions | None) -> Inversion:
    return local_frequency(waves.fields, waves.tissue, labels=_labels(source))


def _vfm(waves: Waves, source: Source, directions: Directions | None) -> Inversion:
    return virtual_fields(waves.fields, waves.tissue, labels=_labels(source))


def _ti(waves: Waves, source: Source, directions: Directions | None) -> Inversion:
    assert directions is not None
    fibre, spread = directions_on(directions.image, waves.grid)
    if not fibre.any():
        raise ComputationError("fibre directions do not overlap with the wave images")
    dispersion = None
    if directions.dispersion is not None:
        dispersion = resample(directions.dispersion, waves.grid).data
    elif np.median(spread[fibre.any(3)]) > _ROUGH_DEG:
        dispersion = spread  # directions of single voxels: their scatter is their uncertainty
    return transverse_isotropic(
        waves.fields, waves.tissue, fibre, labels=_labels(source), dispersion_deg=dispersion
    )


def _labels(source: Source) -> NDArray[np.integer[Any]] | None:
    return None if list(source.wanted) == [0] else source.labels


@dataclass(frozen=True)
class _Method:
    run: Callable[[Waves, Source, Directions | None], Inversion]
    title: str
    what: str
    isotropic: bool = True


_METHODS = {
    "mdev": _Method(_mdev, "MDEV", "The magnitude of the complex shear modulus |G*|"),
    "curl": _Method(_curl, "curl", "Storage modulus G' and loss modulus G''"),
    "lfe": _Method(_lfe, "LFE", "The shear stiffness rho c^2"),
    "vfm": _Method(_vfm, "virtual fields", "The magnitude of the complex shear modulus |G*|"),
    "ti": _Method(_ti, "fibre-aware", "Moduli across and along the fibres", isotropic=False),
}


def invert(
    waves: Waves, source: Source, directions: Directions | None, options: ElastographySettings
) -> list[tuple[Inversion, Wording]]:
    """Run the inversions asked for, in their usual order.

    One that finds nothing is left out with a warning beside the others.

    Raises
    ------
    InputError
        Only inversions that need fibre directions, and none are given.
    ComputationError
        None of them found anything.
    """
    if directions is None and not any(_METHODS[name].isotropic for name in options.inversions):
        raise InputError(
            f"inversions {list(options.inversions)} need fibre directions", None,
            "Give --directions, or ask for mdev, curl, lfe or vfm",
        )  # fmt: skip
    out: list[tuple[Inversion, Wording]] = []
    failed: list[str] = []
    for name, method in _METHODS.items():
        if name not in options.inversions or (not method.isotropic and directions is None):
            continue
        try:
            found = method.run(waves, source, directions)
        except ComputationError as error:
            failed.append(f"{method.title} gave nothing: {error}")
            continue
        sentence = (
            f"{method.what} at {source.named} came from wave images by {found.text}, "
            f"inside {waves.origin}."
        )
        if method.isotropic:
            sentence += f" {_ISOTROPIC}"
        facts = {"drivers": waves.facts["drivers"], "mask": waves.origin, **found.facts}
        out.append(
            (replace(found, facts=facts), Wording(sentence, f"{method.title} at {source.named}"))
        )
    if not out:
        raise ComputationError(". ".join(failed))
    waves.warnings.extend(failed)
    return out
