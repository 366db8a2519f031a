import re
from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imaging.report.group.boxes import Point, Strip, _swarm, box_of, box_plot, muscle_plot


def points(values, **more):
    return [Point(float(v), f"sub-{k}: {v} ml", k, **more) for k, v in enumerate(values)]


def titles(svg):
    tree = ElementTree.fromstring(svg)
    return [t.text for t in tree.iter() if t.tag.endswith("title")]


def test_box_is_that_of_tukey():
    # Quartiles 2 and 4, so whiskers reach to 7 at most.
    assert box_of(np.array([1, 2, 3, 4, 100.0])) == (1, 2, 3, 4, 4)
    assert box_of(np.array([1, 2, 3, 4.0])) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=40))
def test_whiskers_hold_the_box(values):
    low, first, middle, third, high = box_of(np.array(values))
    assert low <= middle <= high
    assert first <= middle <= third


def test_every_point_has_its_name_and_link():
    own = [*points([1, 2, 3]), Point(9, "a <b> & c", 3, "sub-3.html", far=True)]
    svg = box_plot([Strip("", own)], "Volume", "ml")
    assert titles(svg) == ["sub-0: 1 ml", "sub-1: 2 ml", "sub-2: 3 ml", "a <b> & c"]
    assert 'href="sub-3.html"' in svg
    assert svg.count('class="p far"') == 1
    assert box_plot([Strip("", own)], "Volume", "ml") == svg


def test_lines_join_points_that_are_there():
    strips = [Strip("ses-a", points([1, 2])), Strip("ses-b", [Point(3, "x", 7)])]
    svg = box_plot(strips, "Volume", "ml", [(0, 7), (1, 9)])
    assert svg.count('class="visits"') == 1


def test_equal_values_and_single_ones_are_drawn():
    for values in ([5.0], [0.0, 0.0], [3.0] * 6):
        svg = box_plot([Strip("", points(values))], "Volume", "ml")
        assert "nan" not in svg
        assert len(titles(svg)) == len(values)


def test_of_muscles_with_a_box_only_outliers_are_drawn():
    many = [*points(range(20)), Point(90.0, "far away", 20, far=True)]
    svg = muscle_plot([Strip("right SOL", many), Strip("right TA", points([1, 2]))], "Volume", "ml")
    assert titles(svg) == ["far away", "sub-0: 1 ml", "sub-1: 2 ml"]


@given(st.lists(st.floats(0, 50), min_size=1, max_size=40))
def test_points_of_a_swarm_do_not_cover_each_other_while_there_is_room(x):
    x = np.array(x)
    y = _swarm(x)
    apart = np.abs(x[:, None] - x[None, :]) + np.abs(y[:, None] - y[None, :]) * 1e3
    np.fill_diagonal(apart, np.inf)
    if len(x) <= 7:
        assert apart.min() >= 6 - 1e-9
    assert np.abs(y).max() <= 18


def test_axis_stays_in_the_picture():
    svg = box_plot([Strip("", points([100, 200, 300]))], "Volume", "ml")
    places = [float(v) for v in re.findall(r'class="tick" x="([\d.]+)"', svg)]
    assert places
    assert 0 <= min(places) <= max(places) <= 340
