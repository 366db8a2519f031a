import base64
import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
import pyvista as pv
from PIL import Image as PillowImage
from synthetic_map import SHAPES, SOL, TA, write_map

from imaging.measures import Measure
from imaging.musclemap.read.muscle_map import read_muscle_map
from imaging.report.depth_view import depth_views
from imaging.report.phase_strip import front_and_back, phase_strip, phases, stances, why_none

STANCE = Measure(0, "stance_right", 60.0, "percent")


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    found = read_muscle_map(write_map(tmp_path_factory.mktemp("map")), "sub-01")
    load = pd.DataFrame({"label": TA, "percent": np.arange(101), "share": 100.0, "of_peak": 1.0})
    return dataclasses.replace(found, measures=[*found.measures, STANCE], load=load)


def strip(content, value):
    return phase_strip(content, value, lambda side: front_and_back(content, side))


def test_the_nearest_surface_is_seen_from_each_side_at_its_place():
    near, far = (pv.Sphere(radius=r, center=(10, y, 5)) for r, y in ((10, 30), (20, -30)))
    front, back = depth_views({TA: near, SOL: far}, pixel_mm=1.0)
    assert front.labels[20, 20] == TA
    assert set(np.unique(back.labels)) == {0, SOL}
    area = np.count_nonzero(back.labels)
    assert area == pytest.approx(np.pi * 20**2, rel=0.08)
    assert front.shade[20, 20] == pytest.approx(1.0, abs=0.05)


def test_no_pixel_of_a_coarse_triangle_is_missed():
    corners = np.array([[0.0, 0, 0], [100, 0, 0], [0, 0, 100]])
    _, view = depth_views({TA: pv.PolyData.from_regular_faces(corners, [[0, 1, 2]])}, 1.0)
    assert np.count_nonzero(view.labels) == pytest.approx(5000, rel=0.03)


def test_right_is_on_the_left_seen_from_the_front():
    right, middle = (pv.Sphere(radius=2, center=(x, 0, 0)) for x in (50, 0))
    front, _ = depth_views({TA: right, SOL: middle}, 0.5)
    columns = {label: np.argwhere(front.labels == label)[:, 1].mean() for label in (TA, SOL)}
    assert columns[TA] < columns[SOL]


def test_swing_is_halfway_from_toe_off_to_strike():
    assert phases(70.0)["swing"] == 85.0
    assert stances([STANCE, Measure(0, "stance_left", 55.0, "percent")]) == {
        "right": 60.0, "left": 55.0,
    }  # fmt: skip


def size_of(source: str) -> tuple[int, int]:
    """Width and height of a picture in pixels."""
    return PillowImage.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).size


@pytest.mark.parametrize("value", ["activation", "share"])
def test_a_strip_is_drawn_the_same_each_time(content, value):
    one = strip(content, value)
    assert one is not None and one == strip(content, value)
    assert size_of(one)[0] == 1100


def test_without_stance_or_emg_there_is_none(content):
    assert strip(dataclasses.replace(content, measures=[]), "activation") is None
    assert strip(dataclasses.replace(content, activation=None), "activation") is None
    assert strip(dataclasses.replace(content, load=None), "share") is None
    assert "No phases" in why_none(content)


def test_two_legs_are_two_rows(content):
    mirrored = {label - 100: content.surfaces[label].scale((-1, 1, 1)) for label in SHAPES}
    other = content.activation.assign(label=TA - 100)
    both = dataclasses.replace(
        content, surfaces={**content.surfaces, **mirrored},
        activation=pd.concat([content.activation, other]),
        measures=[STANCE, Measure(0, "stance_left", 55.0, "percent")],
    )  # fmt: skip
    one, two = (size_of(strip(c, "activation")) for c in (content, both))
    assert two[1] > 1.7 * one[1]
