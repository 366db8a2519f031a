"""Histograms of fascicles within muscles."""

import base64

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.measures import Measure
from imaging.report.distributions import LENGTH, PENNATION, distributions, shares


def fascicles(labels, nan=False):
    rng = np.random.default_rng(3)
    rows = []
    for label in labels:
        length = rng.normal(50, 8, 40)
        rows.append(pd.DataFrame({
            "label": label, "weight": 64.0, "length_mm": np.nan if nan else length,
            "pennation_start_deg": length / 3, "pennation_end_deg": np.nan,
        }))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def drawn(table, columns=LENGTH, measures=(), names=None):
    source = distributions(table, measures, columns, "mm", names or {})
    kind, _, content = (source or ",").partition(",")
    assert kind in ("", "data:image/svg+xml;base64")
    return base64.b64decode(content).decode()


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0.1, 100)), min_size=1, max_size=30))
def test_every_part_of_the_volume_counts_once(rows):
    values, weights = np.array(rows).T
    found = shares(values, weights, np.linspace(0, 100, 11))
    assert found.sum() == pytest.approx(100)
    assert found[-1] == pytest.approx(100 * weights[values >= 90].sum() / weights.sum(), abs=1e-6)


def test_nothing_is_drawn_of_nothing():
    assert distributions(None, [], LENGTH, "mm") is None
    assert distributions(fascicles([107], nan=True), [], LENGTH, "mm") is None


@pytest.mark.parametrize("labels", [[107], [107, 1001], [101, 107, 109, 201, 207, 209]])
def test_one_panel_for_each_muscle_the_same_bytes_each_time(labels):
    table = fascicles(labels)
    picture = drawn(table, names={1001: "vastus"})
    assert picture.count('<g id="axes_') >= len(labels)
    assert picture == drawn(table, names={1001: "vastus"})


def test_means_that_are_not_measured_are_hollow_and_missing_ones_not_drawn():
    table = fascicles([107])
    bare = drawn(table)
    missing = Measure(107, "fascicle_length", None, "mm", status="not_measured", note="noise")
    assert bare == drawn(table, measures=[missing])
    measured = Measure(107, "fascicle_length", 50.0, "mm", ci_low=48, ci_high=52)
    modelled = Measure(107, "fascicle_length", 50.0, "mm", status="modelled")
    pictures = {bare, drawn(table, measures=[measured]), drawn(table, measures=[modelled])}
    assert len(pictures) == 3
    assert "fill: #ffffff; stroke: #4477aa" in drawn(table, measures=[modelled])


def test_an_end_without_figures_leaves_the_other():
    assert "svg" in drawn(fascicles([107]), PENNATION)
