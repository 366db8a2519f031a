import numpy as np
import pandas as pd
import pytest

from imaging.errors import UnitError
from imaging.image import Image
from imaging.musclemap import series
from imaging.musclemap.activation import (
    in_percent,
    of_two_scales,
    paint,
    painted_cycle,
    peak_per_label,
    recorded_parts,
    unit_of,
    with_groups,
)
from imaging.muscles import label_of


def curve(label, values, unit="%"):
    return pd.DataFrame({
        "label": label, "percent": np.linspace(0, 100, len(values)), "mean": values,
        "sd": 0.1, "n": 3, "unit": unit})  # fmt: skip


def test_missing_muscle_is_minus_one_never_zero():
    labels = np.array([0, 201, 209, 221])
    assert paint(labels, {201: 0.0}).tolist() == [-1, 0, -1, -1]


def test_a_muscle_that_is_not_in_view_does_no_harm():
    assert paint(np.array([101]), {101: 5.0, 214: 7.0}).tolist() == [5.0]


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("%", 1), ("1", 100), ("% MVC", 1), ("MVC", 100), ("peak of mean cycle", 100)],
)
def test_units_become_percent(unit, factor):
    out = in_percent(curve(201, [0.1, 0.5], unit))
    np.testing.assert_allclose(out["mean"], np.array([0.1, 0.5]) * factor)
    assert all(u.startswith("%") for u in out["unit"])


def test_muscles_on_two_scales_are_named():
    own, mvc = curve(101, [0.1, 1.0], "peak of mean cycle"), curve(201, [0.1, 0.4], "MVC")
    (said,) = of_two_scales(in_percent(pd.concat([own, mvc])))
    assert "left TA" in said and "right TA" not in said
    for same in (own, mvc):
        assert not of_two_scales(in_percent(same))


def test_amplitudes_in_volts_are_refused():
    with pytest.raises(UnitError, match="mV"):
        in_percent(curve(201, [0.1, 0.5], "mV"))


def test_cycle_follows_the_curve_and_keeps_the_world():
    affine = np.diag([-1.0, 1.0, 3.0, 1.0])
    affine[:3, 3] = (40, -5, 100)
    data = np.zeros((12, 12, 6), np.int16)
    data[2:6] = 201
    data[8:10] = 209
    image = painted_cycle(Image(data, affine), curve(201, [0.0, 100.0, 0.0]), frames=5)
    assert image.data.shape[3] == 5
    np.testing.assert_allclose(image.spacing, [2, 2, 3])
    assert set(np.unique(image.data[..., 2])) == {-1.0, 100.0}
    assert set(np.unique(image.data[..., 1])) == {-1.0, 50.0}
    place = image.to_voxels([40 - 4, 0, 103]).round().astype(int)
    assert image.data[(*place, 2)] == 100.0


def test_peak_is_that_of_the_mean_cycle():
    curves = pd.concat([curve(101, [1, 9, 3]), curve(201, [4, 2, 1])], ignore_index=True)
    assert peak_per_label(curves) == {101: 9.0, 201: 4.0}


def test_a_group_that_labels_do_not_part_is_painted_with_its_recorded_part():
    group, own = label_of("PL+PB", "left"), label_of("PL", "left")
    curves, said = with_groups(curve(own, [2.0, 8.0, 4.0]), [group, label_of("TA", "left")])
    assert peak_per_label(curves) == {own: 8.0, group: 8.0}
    assert len(said) == 1 and "left PL is painted on the whole of PL+PB" in said[0]


def test_of_two_recorded_parts_a_group_gets_the_mean():
    parts = [label_of("PL", "right"), label_of("PB", "right")]
    group = label_of("PL+PB", "right")
    both = pd.concat([curve(parts[0], [0.0, 8.0]), curve(parts[1], [4.0, 4.0])], ignore_index=True)
    curves, _ = with_groups(both, [group])
    np.testing.assert_allclose(curves[curves["label"] == group]["mean"], [2.0, 6.0])


def test_parts_relative_to_two_references_have_no_mean():
    parts = [label_of("PL", "right"), label_of("PB", "right")]
    both = pd.concat([curve(parts[0], [0.0, 8.0], "% of peak of mean cycle"),
                      curve(parts[1], [4.0, 4.0], "% of MVC")], ignore_index=True)  # fmt: skip
    group = label_of("PL+PB", "right")
    curves, _ = with_groups(both, [group])
    own = curves[curves["label"] == group]
    np.testing.assert_allclose(own["mean"], [4.0, 4.0])
    assert set(own["unit"]) == {"% of MVC"}
    assert unit_of(both) == "% of MVC or % of peak of mean cycle"


def test_no_group_is_painted_from_the_other_side_or_where_its_part_has_a_label():
    group, own = label_of("PL+PB", "left"), label_of("PL", "left")
    assert recorded_parts(curve(label_of("PL", "right"), [1.0, 2.0]), [group]) == {}
    assert recorded_parts(curve(own, [1.0, 2.0]), [group, own]) == {}
    assert recorded_parts(curve(group, [1.0, 2.0]), [own]) == {}


def test_another_recording_never_stands_for_the_person():
    frame = pd.DataFrame({"trial": ["task-run", "task-run"], "label": [101, 101]})
    assert series.of_reference(frame, "task-walk").empty
    assert len(series.of_reference(frame, "task-run")) == 2
    assert len(series.of_reference(frame)) == 2
