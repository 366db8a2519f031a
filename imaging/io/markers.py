"""Which markers are heels, forefeet, knees, ankles and the pelvis, by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from imaging.arrays import FloatArray
from imaging.function.recording import Foot, Tracks
from imaging.function.side_names import side_words, table

SIDES: tuple[Foot, ...] = ("left", "right")
_JOINTS = ("knee", "ankle")


@dataclass(frozen=True)
class Feet:
    """Markers of the legs, (3, F) each, by side; NaN where not seen."""

    heels: Mapping[Foot, FloatArray]
    toes: Mapping[Foot, FloatArray]
    landmarks: Mapping[str, FloatArray]

    @property
    def feet(self) -> list[FloatArray]:
        """Heels and forefeet."""
        return [*self.heels.values(), *self.toes.values()]

    def turned(self, turn: FloatArray) -> Feet:
        """Return the markers in another frame."""
        return Feet(
            {side: turn @ path for side, path in self.heels.items()},
            {side: turn @ path for side, path in self.toes.items()},
            {name: turn @ path for name, path in self.landmarks.items()},
        )

    def tracks(self, rate_hz: float, start_s: float) -> Tracks | None:
        """Return knees, ankles and pelvis on a clock; None without any."""
        return Tracks(rate_hz, start_s, self.landmarks) if self.landmarks else None


@cache
def _points() -> dict[str, list[str]]:
    """Return point → names from ``imaging/data/marker_names.tsv``, in the order of preference."""
    found: dict[str, list[str]] = {}
    for row in table("marker_names.tsv").to_dict("records"):
        found.setdefault(str(row["point"]), []).append(str(row["name"]))
    return found


def pick(names: Sequence[str], places: FloatArray) -> Feet:
    """Find the markers of the legs.

    Where a foot has no marker on its heel, that of its ankle stands for it.

    Parameters
    ----------
    names
        Of all markers, with or without a subject before a colon.
    places : (3, P, F) array
        Their paths.
    """
    parts = [_parts(name) for name in names]

    def first(side: str, point: str) -> FloatArray | None:
        for name in _points()[point]:
            if (side, name) in parts:
                return np.asarray(places[:, parts.index((side, name))])
        return None

    found = {(s, p): first(s, p) for s in SIDES for p in ("heel", "toe", *_JOINTS)}
    heels = {
        s: found[s, "heel"] if found[s, "heel"] is not None else found[s, "ankle"] for s in SIDES
    }
    landmarks = {f"{s} {p}": found[s, p] for s in SIDES for p in _JOINTS}
    hips = [
        places[:, i]
        for i, (side, name) in enumerate(parts)
        if name in _points()["pelvis"] and (side or name.startswith(("V", "SAC")))
    ]
    landmarks["pelvis"] = _middle(hips)
    return Feet(
        {s: path for s, path in heels.items() if path is not None},
        {s: path for s in SIDES if (path := found[s, "toe"]) is not None},
        {name: path for name, path in landmarks.items() if path is not None},
    )


def _parts(name: str) -> tuple[str, str]:
    """Return side and plain name: ``Jane:L.Heel`` is (left, HEEL)."""
    plain = name.split(":")[-1]
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain))
    sides = [w for w in words if w.lower() in side_words()]
    if len(sides) == 1:
        rest = "".join(w for w in words if w not in sides).upper()
        return side_words()[sides[0].lower()], rest
    text = "".join(words).upper()
    known = {n for names in _points().values() for n in names}
    if text not in known and text[1:] in known and text[0] in "LR":
        return ("left" if text[0] == "L" else "right"), text[1:]
    return "", text


def _middle(paths: list[FloatArray]) -> FloatArray | None:
    """Return the mean of paths; NaN where one of them was not seen, as it would jump there."""
    return np.mean(paths, axis=0) if paths else None


def z_up(markers: Feet) -> FloatArray | None:
    """Return the rotation after which the third axis points up; None where nothing tells it.

    Knees and pelvis are above heels and forefeet.
    """
    high = [p for name, p in markers.landmarks.items() if "ankle" not in name]
    if not high or not markers.feet:
        return None
    apart = _mean(high) - _mean(markers.feet)
    axis = int(np.argmax(np.abs(apart))) if np.isfinite(apart).all() else 2
    up = np.zeros(3)
    up[axis] = np.sign(apart[axis])
    return rotation_to(up)


def rotation_to(up: FloatArray) -> FloatArray:
    """Return the rotation (3, 3) that turns an axis of the frame to the third one, upwards."""
    axis = int(np.argmax(np.abs(up)))
    sign = float(np.sign(up[axis]))
    first, second = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
    rows = [first, sign * second, sign * np.eye(3)[axis]]
    return np.stack(rows)


def _mean(paths: list[FloatArray]) -> FloatArray:
    seen = np.concatenate(paths, axis=1)
    seen = seen[:, np.isfinite(seen).all(axis=0)]
    return seen.mean(axis=1) if seen.shape[1] else np.full(3, np.nan)
