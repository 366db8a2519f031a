"""Definitions of other tools against plain implementations written from their descriptions."""

import numpy as np
import pytest
import pyvista as pv

from imaging.architecture.curves import PLACES
from imaging.architecture.definitions import chord_pennation_deg, cubic_figures
from imaging.architecture.packed import even_places, lengths
from imaging.geometry import TriangleIndex


@pytest.fixture(scope="module")
def body():
    """Return the mesh of an ellipsoid of 30 x 24 x 60 mm half axes."""
    ball = pv.Icosphere(radius=1.0, nsub=6)  # as fine as faces near an end ask for
    return np.asarray(ball.points, float) * [30, 24, 60], ball.regular_faces


@pytest.fixture(scope="module")
def fascicles():
    """Return 40 random curved fascicles, cut a little short of the surface or exactly at it."""
    rng = np.random.default_rng(2)
    parts = []
    while len(parts) < 40:
        start = rng.uniform([-12, -10, -30], [12, 10, 30])
        along, across = rng.normal(size=(2, 3))
        along /= np.linalg.norm(along)
        across -= (across @ along) * along
        across /= np.linalg.norm(across)
        t = np.arange(-80, 80, 0.5)
        bend = rng.uniform(0, 0.006)
        line = start + t[:, None] * along + (bend * t**2 + 2e-5 * t**3)[:, None] * across
        inside = np.square(line / [30, 24, 60]).sum(1) < rng.choice([0.85, 0.995])
        middle = len(t) // 2
        first = middle - np.argmin(inside[:middle][::-1])
        last = middle + np.argmin(inside[middle:]) - 1
        if last - first > 30:
            parts.append(line[first : last + 1].astype(np.float32))
    return np.concatenate(parts), np.cumsum([0, *(len(p) for p in parts)])


def plain_chord(line, normal, first):
    """Mean angle of the chords from one end, point by point."""
    end = line[0] if first else line[-1]
    angles = []
    for p in line[1:] if first else line[:-1]:
        r = (p - end) / np.sqrt(((p - end) ** 2).sum())
        angles.append(np.degrees(np.arcsin(r @ normal)))
    return abs(sum(angles) / len(angles))


def test_chord_pennation(fascicles):
    points, offsets = fascicles
    normals = np.random.default_rng(4).normal(size=(len(offsets) - 1, 2, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    found = np.stack(chord_pennation_deg(points, offsets, normals), axis=1)
    for f in range(len(offsets) - 1):
        line = points[offsets[f] : offsets[f + 1]].astype(float)
        wanted = [plain_chord(line, normals[f, 0], True), plain_chord(line, normals[f, 1], False)]
        np.testing.assert_allclose(found[f], wanted, atol=0.1)


def test_chord_pennation_of_an_arc_is_half_of_the_change_of_slope():
    radius, theta = 50.0, np.radians(np.linspace(10, 50, 400))
    line = radius * np.stack([1 - np.cos(theta), 0 * theta, np.sin(theta)], axis=1)
    normals = np.broadcast_to([1.0, 0.0, 0.0], (1, 2, 3))
    start, end = chord_pennation_deg(line.astype(np.float32), np.array([0, 400]), normals)
    # The chord between angles a and b rises at their mean: from 10 to 30, and from 30 to 50 deg.
    assert start[0] == pytest.approx(20, abs=0.1)
    assert end[0] == pytest.approx(40, abs=0.1)


def plain_line_and_triangle(p, d, a, b, c):
    """Distance along a line to a triangle by Cramer's rule, or None."""
    matrix = np.stack([-d, b - a, c - a], axis=1)
    if abs(np.linalg.det(matrix)) < 1e-12:
        return None
    t, u, v = np.linalg.solve(matrix, p - a)
    return t if u >= 0 and v >= 0 and u + v <= 1 else None


def plain_cubic(line, points, faces):
    """Length, extension and both pennations of the straightly extended cubic, step by step."""
    s = np.concatenate([[0], np.cumsum(np.sqrt((np.diff(line, axis=0) ** 2).sum(1)))])
    s = s / s[-1]
    even = np.linspace(0, 1, 200)
    cubics = [np.polyfit(even, np.interp(even, s, line[:, a]), 3) for a in range(3)]
    fine = np.stack([np.polyval(c, np.linspace(0, 1, 2001)) for c in cubics], axis=1)
    length = np.sqrt((np.diff(fine, axis=0) ** 2).sum(1)).sum()
    triangles = points[faces]
    extension, pennation = [], []
    for place, sign in ((0.0, -1.0), (1.0, 1.0)):
        end = np.array([np.polyval(c, place) for c in cubics])
        slope = sign * np.array([np.polyval(np.polyder(c), place) for c in cubics])
        slope /= np.sqrt(slope @ slope)
        near = np.sqrt(((triangles.mean(axis=1) - end) ** 2).sum(1)) < 33.0
        met = [plain_line_and_triangle(end, slope, *t) for t in triangles[near]]
        met = [t for t in met if t is not None and abs(t) <= 30.0]
        if not met:
            return None
        extension.append(min(met, key=abs))
        tip = end + extension[-1] * slope
        angles = []
        for a, b, c in triangles[near]:
            if np.sqrt((((a + b + c) / 3 - tip) ** 2).sum()) <= 1.5:
                n = np.cross(b - a, c - a)
                angles.append(np.degrees(np.arcsin(abs(n @ slope) / np.sqrt(n @ n))))
        pennation.append(np.median(angles))
    total = length + sum(extension)
    return total, sum(abs(e) for e in extension) / total, pennation


def test_extended_cubics(body, fascicles):
    points, offsets = fascicles
    places = even_places(points, offsets, lengths(points, offsets), PLACES)
    found = cubic_figures(places, TriangleIndex.build(*body))
    agreed = 0
    for f in range(len(offsets) - 1):
        wanted = plain_cubic(points[offsets[f] : offsets[f + 1]].astype(float), *body)
        if wanted is None:
            assert np.isnan(found.length_mm[f])
            continue
        assert found.length_mm[f] == pytest.approx(wanted[0], abs=0.1)
        assert found.extended_fraction[f] == pytest.approx(wanted[1], abs=0.002)
        # Ends that differ by .05 mm lie on faces that differ by .3 deg where the body curves most.
        np.testing.assert_allclose(found.pennation_deg[f], wanted[2], atol=0.3)
        agreed += 1
    assert agreed > 30
    assert np.nanmax(found.extended_fraction) > 0.02


def test_without_a_wall_nearby_there_is_no_figure(body):
    points, faces = body
    places = np.linspace([[-200, 0, 0]], [[-150, 0, 0]], PLACES).transpose(1, 0, 2)
    found = cubic_figures(places.astype(float), TriangleIndex.build(points, faces))
    assert np.isnan(found.length_mm).all()
    assert np.isnan(found.pennation_deg).all()
