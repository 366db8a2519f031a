"""Which scans in ``fmap/`` undo the distortion of a series, as their sidecars tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imaging.errors import InputError
from imaging.formats.json import optional_sidecar


def reversed_scans(candidates: Sequence[Path], series: Path) -> list[Path]:
    """Return the scans that may serve a series.

    Those that name the series (``IntendedFor``, or ``B0FieldIdentifier`` shared with it) go
    before those that name nothing; those that name only others are left out, and so are those
    whose phase encoding runs the same way.

    Parameters
    ----------
    candidates
        Images ``*_epi`` of the session.
    series
        Diffusion-weighted image.
    """
    own = _sidecar(series)
    sidecars = {path: _sidecar(path) for path in candidates}
    named = {path: _names(sidecar, series, own) for path, sidecar in sidecars.items()}
    meant = [p for p in candidates if named[p]] or [p for p in candidates if named[p] is None]
    return [p for p in meant if _may_oppose(sidecars[p], own)]


def scans_named_for(candidates: Sequence[Path], series: Sequence[Path]) -> list[Path]:
    """Return the scans that name one of several images and may run against all of them.

    Parameters
    ----------
    candidates
        Images ``*_epi`` of the session.
    series
        Wave images, phase and magnitude.
    """
    sidecars = {path: _sidecar(path) for path in candidates}
    own = {path: _sidecar(path) for path in series}
    return [
        p for p, sidecar in sidecars.items()
        if any(_names(sidecar, one, about) for one, about in own.items())
        and all(_may_oppose(sidecar, about) for about in own.values())
    ]  # fmt: skip


def _names(sidecar: dict[str, Any], series: Path, own: dict[str, Any]) -> bool | None:
    """Tell whether a scan is meant for a series; None when it says nothing."""
    intended, group = _list(sidecar, "IntendedFor"), _list(sidecar, "B0FieldIdentifier")
    if not intended and not group:
        return None
    files = {Path(name.removeprefix("bids::")).name for name in intended}
    ours = {*_list(own, "B0FieldSource"), *_list(own, "B0FieldIdentifier")}
    return series.name in files or bool(ours & set(group))


def _may_oppose(sidecar: dict[str, Any], own: dict[str, Any]) -> bool:
    """Tell whether a scan may run against a series; unknown directions are judged later."""
    one, other = (s.get("PhaseEncodingDirection") for s in (sidecar, own))
    return not (isinstance(one, str) and isinstance(other, str) and one == other)


def _list(sidecar: dict[str, Any], key: str) -> list[str]:
    value = sidecar.get(key, [])
    return [str(v) for v in (value if isinstance(value, list) else [value])]


def _sidecar(path: Path) -> dict[str, Any]:
    """Return a sidecar; nothing when it is absent or unreadable (the check of images tells)."""
    try:
        return optional_sidecar(path)
    except InputError:
        return {}
