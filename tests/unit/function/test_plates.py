"""Force on the body from the channels of a plate, by its type."""

import numpy as np
import pytest

from imaging.function.plates import (
    PlateGeometry,
    is_unloaded,
    load,
    subtract_baseline,
    upright,
)

# x of the plate points to -x of the room, y to +y, z into the floor.
CORNERS = np.array([[0.0, 400, 0], [600, 400, 0], [600, 0, 0], [0, 0, 0]])
TURN = np.diag([-1.0, 1.0, -1.0])
FORCE = np.array([30.0, -20.0, 700.0])  # on the body, in the room
SPOT = np.array([250.0, 120.0, 0.0])
DEPTH = 40.0


def of_kind(kind):
    """Channels that a plate of this type gives for FORCE at SPOT."""
    force = TURN @ FORCE
    local = TURN @ (SPOT - CORNERS.mean(axis=0))
    if kind == 1:
        return np.array([*force, local[0], local[1], 0.0]), np.array([0, 0, DEPTH])
    lever = local + [0, 0, -DEPTH]  # from the sensor, below the surface, to the spot
    moment = np.cross(lever, force)
    if kind in (2, 4):
        return np.array([*force, *moment]), np.array([0, 0, -DEPTH])
    a, b = 200.0, 120.0
    z = force[2] / 4
    along_x, along_y = moment[0] / (4 * b), moment[1] / (4 * a)
    # Sensors at (a, b), (-a, b), (-a, -b), (a, -b).
    vertical = [z + along_x - along_y, z + along_x + along_y, z - along_x + along_y]
    vertical.append(z - along_x - along_y)
    shear = [force[0] / 2, force[0] / 2, force[1] / 2, force[1] / 2]
    return np.array([*shear, *vertical]), np.array([a, b, -DEPTH])


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_force_and_point_of_application(kind):
    rows, origin = of_kind(kind)
    geometry = PlateGeometry(kind, CORNERS, origin)
    force, centre = load(rows[:, None], geometry)
    np.testing.assert_allclose(force[:, 0], FORCE, atol=1e-9)
    np.testing.assert_allclose(centre[:, 0], SPOT, atol=1e-6)


def test_an_empty_plate_has_no_point_of_application_but_its_centre():
    force, centre = load(np.zeros((6, 3)), PlateGeometry(2, CORNERS, np.zeros(3)))
    assert not force.any()
    np.testing.assert_allclose(centre, np.repeat([[300], [200], [0]], 3, axis=1))


def test_force_on_the_plate_becomes_that_on_the_body():
    force = np.array([[0.0, 10], [0, 5], [0, -700]])
    plate = upright(force, np.zeros((3, 2)), CORNERS, np.eye(3))
    np.testing.assert_array_equal(plate.force[:, 1], [-10, -5, 700])


def step(level):
    vertical = np.zeros(1000)
    vertical[400:700] = 700.0
    return vertical + level + np.random.default_rng(0).normal(size=1000)


@pytest.mark.parametrize("sign", [1, -1])
def test_zero_is_where_the_plate_was_empty(sign):
    rows = sign * np.stack([step(35.0)] * 6)
    assert is_unloaded(rows[2], slice(0, 100))
    assert not is_unloaded(rows[2], slice(450, 550))  # somebody stood on it
    assert not is_unloaded(rows[2], slice(350, 450))  # somebody stepped on it
    zeroed = subtract_baseline(rows, slice(0, 100))
    assert np.abs(zeroed[:, :400].mean(axis=1)).max() < 0.3


def test_corners_in_one_line_span_nothing():
    line = CORNERS * [1, 0, 0]
    assert not PlateGeometry(2, line, np.zeros(3)).is_flat
    assert PlateGeometry(2, CORNERS, np.zeros(3)).is_flat
