import numpy as np
import pandas as pd
import pytest

from imaging.measures import Measure
from imaging.musclemap.cross_section import cross_sections, end_shares
from imaging.musclemap.fascicles import force_of_fascicles

TA, SOL = 201, 209


def rows(label, pcsa=20.0, line=60.0, functional=None, whole=1.0):
    out = [
        Measure(label, "pcsa_anatomical", pcsa, "cm2", 9, None, 0.9 * pcsa, 1.1 * pcsa),
        Measure(label, "pennation_line", line, "deg", 9, None, line - 1, line + 1),
        Measure(label, "coverage", whole, "1"),
    ]
    if functional is not None:
        out.append(Measure(label, "pcsa_functional", functional, "cm2", status="assumed"))
    return out


def test_the_cosine_counts_once():
    scan, _ = cross_sections(rows(TA), [TA], {})
    assert scan[TA].effective_cm2 == pytest.approx(10.0)
    functional, _ = cross_sections(rows(TA, functional=12.0), [TA], {})
    assert functional[TA].effective_cm2 == pytest.approx(12.0)


def test_areas_of_two_kinds_are_not_mixed():
    areas, _ = cross_sections(rows(TA, functional=12.0) + rows(SOL), [TA, SOL], {})
    assert areas[TA].effective_cm2 == pytest.approx(10.0)


@pytest.mark.parametrize(("end", "known"), [(0.05, True), (0.5, False)])
def test_a_muscle_cut_where_it_is_thick_has_no_area(end, known):
    areas, unknown = cross_sections(rows(TA, whole=0.0), [TA], {TA: end})
    assert (TA in areas) == known
    if known:
        assert "tip" in areas[TA].note
    else:
        assert "edge of the image" in unknown[TA]


def test_share_of_the_end_next_to_the_edge():
    labels = np.zeros((10, 10, 20), np.int16)
    for k, width in zip(range(2, 20), [6, *[10] * 12, 8, 6, 4, 2, 1], strict=True):
        labels[:width, 0, k] = TA
    assert end_shares(labels) == {TA: 0.1}


def test_draws_spread_as_the_interval_says():
    areas, _ = cross_sections(rows(TA, line=0.0), [TA], {})
    drawn = areas[TA].draws_of_pcsa(np.random.default_rng(1), 20000)
    np.testing.assert_allclose(np.percentile(drawn, [2.5, 97.5]), [18, 22], rtol=0.01)


def test_fascicles_share_the_force_by_their_pcsa_and_angle():
    table = pd.DataFrame({
        "label": [TA, TA, TA, SOL], "weight": [60.0, 60.0, 120.0, 50.0],
        "length_mm": [60.0, 30.0, 60.0, 50.0], "pennation_line_deg": [0.0, 60.0, 60.0, 20.0],
    })  # fmt: skip
    found = force_of_fascicles(table, {TA: 90.0})
    np.testing.assert_allclose(found["force_part"], [1 / 3, 1 / 3, 1 / 3, 1.0], rtol=1e-6)
    np.testing.assert_allclose(found["force_at_peak_N"], [30, 30, 30, np.nan], rtol=1e-6)
