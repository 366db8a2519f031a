"""Muscles of realistic size whose surface, aponeurosis and fibres are formulas.

Lengths in mm. A muscle stands about the z axis; `room` is positive inside and about the distance
to the surface, `sheet` the height above the internal aponeurosis. Directions point upwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Muscle:
    """One muscle as formulas of points (P, 3)."""

    name: str
    half: tuple[float, float, float]  # half extent of a box that holds it
    room: Callable[[Array], Array]
    direction: Callable[[Array, Array], Array]  # points, side (-1 or 1) -> not normalised
    sheet: Callable[[Array], Array] | None = None

    def side(self, p: Array) -> Array:
        """Return the side (P,) of the internal aponeurosis, 1 or -1; 1 where there is none."""
        return np.ones(len(p)) if self.sheet is None else np.where(self.sheet(p) >= 0, 1.0, -1.0)

    def unit(self, p: Array, side: Array) -> Array:
        """Return unit directions (P, 3)."""
        d = self.direction(p, side)
        return d / np.linalg.norm(d, axis=1, keepdims=True)

    def space(self, p: Array, side: Array) -> Array:
        """Return how far (P,) points are from any surface that ends a fascicle."""
        room = self.room(p)
        return room if self.sheet is None else np.minimum(room, side * self.sheet(p))


def trace(muscle: Muscle, points: Array, step: float = 0.2) -> tuple[Array, Array, Array]:
    """Return figures of the fascicle of each point.

    Length (P,) mm, pennation at lower and upper end (P, 2) degrees, mean curvature (P,) 1/m.
    """
    length, ends, curvature = trace_ends(muscle, points, step)
    side = muscle.side(points)
    pennation = np.stack([_pennation(muscle, ends[:, end], side) for end in range(2)], axis=1)
    return length, pennation, curvature


def trace_ends(muscle: Muscle, points: Array, step: float = 0.2) -> tuple[Array, Array, Array]:
    """Return length (P,), lower and upper end (P, 2, 3) and curvature (P,) of fascicles."""
    side = muscle.side(points)
    length, ends = np.zeros(len(points)), np.zeros((len(points), 2, 3))
    turned = np.zeros(len(points))
    for end, h in enumerate((-step, step)):
        p, run, gap = points.copy(), np.arange(len(points)), muscle.space(points, side)
        for _ in range(int(400 / step)):
            q, s = p[run], side[run]
            a = muscle.unit(q, s)
            b = muscle.unit(q + h / 2 * a, s)
            c = muscle.unit(q + h / 2 * b, s)
            d = muscle.unit(q + h * c, s)
            move = h / 6 * (a + 2 * b + 2 * c + d)
            ahead = muscle.space(q + move, s)
            out = ahead <= 0
            share = np.where(out, gap[run] / np.maximum(gap[run] - ahead, 1e-12), 1.0)
            p[run] = q + share[:, None] * move
            length[run] += share * step
            turned[run] += 2 * np.arcsin(np.linalg.norm(muscle.unit(p[run], s) - a, axis=1) / 2)
            gap[run] = ahead
            run = run[~out]
            if not len(run):
                break
        ends[:, end] = p
    return length, ends, 1000 * turned / length


def _pennation(muscle: Muscle, p: Array, side: Array) -> Array:
    e = 0.01 * np.eye(3)
    slope = [muscle.space(p + a, side) - muscle.space(p - a, side) for a in e]
    normal = np.stack(slope, axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    sine = np.abs(np.sum(normal * muscle.unit(p, side), axis=1))
    return np.degrees(np.arcsin(np.clip(sine, 0, 1)))


def _barrel(half: tuple[float, float, float], power: float, centre: Callable) -> Callable:
    """Return the room of a body with superelliptic sections that taper to both ends."""

    def room(p: Array) -> Array:
        ends = np.clip(np.abs(p[:, 2]) / half[2], 0, 1)
        taper = np.sqrt(np.maximum(1 - ends**4, 1e-4))
        u = np.abs(p[:, 0] - centre(p[:, 2])[0]) / (half[0] * taper)
        v = np.abs(p[:, 1]) / (half[1] * taper)
        inside = (1 - (u**power + v**power) ** (1 / power)) * half[0] * taper
        return np.minimum(inside, half[2] - np.abs(p[:, 2]))

    return room


def _bow(height: float, half_length: float) -> Callable:
    """Return a bowed centre line x(z) and its slope."""

    def centre(z: Array) -> tuple[Array, Array]:
        k = np.pi / (2 * half_length)
        return height * np.cos(k * z), -height * k * np.sin(k * z)

    return centre


def unipennate() -> Muscle:
    """Return one like gastrocnemius medialis: 190 ml, pennation 15 to 45 deg, curvature 8 /m."""
    half, centre = (10.0, 30.0, 104.0), _bow(8.0, 104.0)

    def direction(p: Array, side: Array) -> Array:
        middle, slope = centre(p[:, 2])
        depth = np.clip(p[:, 0] - middle, -15, 15)
        angle = np.radians(30 - 6 * p[:, 2] / half[2] + 0.9 * depth) + np.arctan(slope)
        splay = np.tan(np.radians(8.0)) * p[:, 1] / half[1]
        return np.stack([np.sin(angle), splay * np.cos(angle), np.cos(angle)], axis=1)

    return Muscle("unipennate", (24, 36, 112), _barrel(half, 4.0, centre), direction)


def bipennate() -> Muscle:
    """Return one like tibialis anterior: 125 ml, fascicles rise from a sheet to both sides."""
    half, centre = (14.5, 12.5, 130.0), _bow(5.0, 130.0)

    def sheet(p: Array) -> Array:
        return p[:, 0] - centre(p[:, 2])[0] - 0.012 * (p[:, 1] ** 2 - 50.0)

    def direction(p: Array, side: Array) -> Array:
        _, slope = centre(p[:, 2])
        away = np.clip(side * sheet(p), -3, 18)
        angle = np.radians(15 - 3 * side - 3 * p[:, 2] / half[2] + 0.6 * away)
        angle = side * angle + np.arctan(slope)
        splay = np.tan(np.radians(6.0)) * p[:, 1] / half[1]
        return np.stack([np.sin(angle), splay * np.cos(angle), np.cos(angle)], axis=1)

    return Muscle("bipennate", (26, 18, 138), _barrel(half, 2.5, centre), direction, sheet)


def _box(half: tuple[float, float, float]) -> Callable:
    return lambda p: (np.array(half) - np.abs(p)).min(axis=1)


def plate() -> Muscle:
    """Return a plate 16 mm thick with straight fascicles at 20 degrees: 47 mm long."""
    d = np.array([np.sin(np.radians(20)), 0.0, np.cos(np.radians(20))])
    shape = _box((8.0, 25.0, 70.0))
    return Muscle("plate", (14, 31, 76), shape, lambda p, side: np.broadcast_to(d, p.shape))


def arc() -> Muscle:
    """Return a plate whose fascicles are arcs of 80 mm radius."""

    def direction(p: Array, side: Array) -> Array:
        cosine = np.clip((p[:, 0] + 66.0) / 80.0, -0.999, 0.999)
        return np.stack([np.sqrt(1 - cosine**2), 0 * cosine, cosine], axis=1)

    return Muscle("arc", (14, 31, 76), _box((8.0, 25.0, 70.0)), direction)


def spindle() -> Muscle:
    """Return a spindle: fascicles converge from end to end."""

    def radius(z: Array) -> tuple[Array, Array]:
        k = np.pi / 160.0
        return 8.0 + 12.0 * np.cos(k * z), -12.0 * k * np.sin(k * z)

    def room(p: Array) -> Array:
        return np.minimum(radius(p[:, 2])[0] - np.hypot(p[:, 0], p[:, 1]), 60.0 - np.abs(p[:, 2]))

    def direction(p: Array, side: Array) -> Array:
        r, slope = radius(p[:, 2])
        return np.stack([p[:, 0] * slope / r, p[:, 1] * slope / r, np.ones(len(p))], axis=1)

    return Muscle("spindle", (26, 26, 66), room, direction)


MUSCLES = {m().name: m for m in (unipennate, bipennate, plate, arc, spindle)}
