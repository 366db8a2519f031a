import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.measures import Measure, not_measured
from imaging.musclemap.load import COLUMNS, share_load
from imaging.muscles import label_of

TA, GM, SOL, FHL, PL = (label_of(k, "right") for k in ("TA", "GM", "SOL", "FHL", "PL"))
GROUP = label_of("PL+PB", "right")
PERCENT = np.arange(0.0, 101.0, 10.0)


def curve(label, values, unit="% of MVC", sd=0.0, n=8):
    return pd.DataFrame({
        "label": label, "percent": PERCENT, "mean": values, "sd": sd, "n": n, "unit": unit,
    })  # fmt: skip


def architecture(label, pcsa, line, *, error=0.0, whole=1.0):
    half = 1.96 * error * pcsa
    return [
        Measure(label, "pcsa_anatomical", pcsa, "cm2", 9, None, pcsa - half, pcsa + half),
        Measure(label, "pennation_line", line, "deg", 9, None, line, line),
        Measure(label, "coverage", whole, "1"),
    ]


def of(found, label, name):
    return next(m for m in found.measures if (m.label, m.measure) == (label, name))


def test_force_is_activation_times_pcsa_times_tension_times_cosine():
    measures = architecture(TA, 20.0, 60.0) + architecture(SOL, 30.0, 0.0)
    rise = np.linspace(0, 100, 11)
    curves = pd.concat([curve(TA, rise), curve(SOL, np.full(11, 50.0))])
    found = share_load(measures, curves, [TA, SOL], ends={}, tension_n_cm2=30.0)
    table = found.cycle.set_index(["label", "percent"])
    assert list(found.cycle.columns) == list(COLUMNS)
    assert table.loc[(TA, 100), "force_n"] == pytest.approx(20 * 0.5 * 30)
    assert table.loc[(SOL, 0), "force_n"] == pytest.approx(30 * 0.5 * 30)
    assert table.loc[(TA, 100), "share"] == pytest.approx(100 * 10 / 25)
    assert table.loc[(TA, 0), "share"] == 0
    assert of(found, TA, "force_share_peak").value == pytest.approx(40.0)
    assert of(found, TA, "force_share_mean").value == pytest.approx(25.0)
    assert of(found, SOL, "force_peak").value == pytest.approx(450.0)
    assert set(found.cycle["status"]) == {"modelled"}


@given(
    st.lists(st.tuples(st.floats(0.5, 200), st.floats(0, 60), st.floats(0, 150)),
             min_size=3, max_size=3),
    st.integers(0, 5),
)  # fmt: skip
@settings(max_examples=20, deadline=None)
def test_shares_sum_to_one_over_measured_muscles_and_lie_in_their_intervals(muscles, seed):
    measures, frames = architecture(FHL, 10.0, 10.0, error=0.1), []
    rng = np.random.default_rng(seed)
    for label, (pcsa, line, size) in zip((TA, GM, SOL), muscles, strict=True):
        measures += architecture(label, pcsa, line, error=0.05)
        frames.append(curve(label, 0.01 + size * rng.random(11), sd=0.02))
    table = share_load(measures, pd.concat(frames), [TA, GM, SOL, FHL], ends={}).cycle
    np.testing.assert_allclose(table.groupby("percent")["share"].sum(), 100, atol=1e-9)
    assert (table["share_low"] <= table["share"]).all()
    assert (table["share"] <= table["share_high"]).all()
    assert FHL not in set(table["label"])


def test_a_muscle_without_a_channel_is_not_measured_and_its_pcsa_is_told():
    measures = architecture(TA, 20.0, 0.0) + architecture(SOL, 60.0, 0.0)
    measures += architecture(FHL, 20.0, 0.0)
    curves = pd.concat([curve(TA, np.full(11, 10.0)), curve(SOL, np.full(11, 10.0))])
    found = share_load(measures, curves, [TA, SOL, FHL], ends={})
    missing = of(found, FHL, "force_share_peak")
    assert (missing.value, missing.status) == (None, "not_measured")
    assert of(found, 0, "pcsa_without_emg_leg_right").value == pytest.approx(20.0)
    assert of(found, 0, "pcsa_without_emg_calf_right").value == pytest.approx(25.0)
    assert "FHL" in found.warnings[0] and "25 % of that of the calf" in found.warnings[0]
    assert of(found, SOL, "force_share_mean").value == pytest.approx(75.0)


def test_without_mvc_only_the_course_within_a_muscle_is_given():
    measures = architecture(TA, 20.0, 0.0) + architecture(SOL, 60.0, 0.0)
    unit = "% of peak of mean cycle"
    curves = pd.concat([curve(TA, np.linspace(0, 100, 11), unit),
                        curve(SOL, np.linspace(100, 50, 11), unit)])  # fmt: skip
    found = share_load(measures, curves, [TA, SOL], ends={})
    assert found.cycle[["share", "force_n"]].isna().all(axis=None)
    assert set(found.cycle["status"]) == {"not_measured"}
    course = found.cycle.loc[found.cycle["label"] == SOL, "of_peak"]
    np.testing.assert_allclose(course, np.linspace(1, 0.5, 11))
    assert "no MVC" in of(found, TA, "force_peak").note
    assert any("without MVC" in w for w in found.warnings)
    assert found.peak_n() == {}


def test_a_muscle_with_another_reference_is_no_part_of_the_sum():
    measures = architecture(TA, 20.0, 0.0) + architecture(SOL, 60.0, 0.0)
    curves = pd.concat([curve(TA, np.full(11, 50.0)),
                        curve(SOL, np.full(11, 50.0), "% of peak of mean cycle")])  # fmt: skip
    found = share_load(measures, curves, [TA, SOL], ends={})
    assert of(found, SOL, "force_share_peak").value is None
    assert of(found, TA, "force_share_peak").value == 100
    assert any("without MVC: right SOL" in w for w in found.warnings)


def test_legs_are_summed_apart():
    left = label_of("SOL", "left")
    measures = architecture(SOL, 60.0, 0.0) + architecture(left, 20.0, 0.0)
    curves = pd.concat([curve(SOL, np.full(11, 50.0)), curve(left, np.full(11, 50.0))])
    found = share_load(measures, curves, [left, SOL], ends={})
    assert (found.cycle["share"] == 100).all()


def test_emg_of_a_part_makes_a_merged_muscle_assumed():
    measures = architecture(GROUP, 20.0, 0.0)
    found = share_load(
        measures, curve(GROUP, np.full(11, 5.0)), [GROUP], ends={}, of_parts={GROUP: [PL]}
    )
    assert of(found, GROUP, "force_peak").status == "assumed"
    assert "EMG of a part" in of(found, GROUP, "force_peak").note


def test_intervals_hold_the_errors_of_pcsa_and_emg():
    measures = architecture(TA, 20.0, 0.0, error=0.05) + architecture(SOL, 20.0, 0.0, error=0.05)
    curves = pd.concat([curve(TA, np.full(11, 50.0), sd=10.0, n=100),
                        curve(SOL, np.full(11, 50.0), sd=10.0, n=100)])  # fmt: skip
    found = share_load(measures, curves, [TA, SOL], ends={})
    share = of(found, TA, "force_share_peak")
    # Relative errors of .05 and .02 of both muscles: SD of the share .25 * sqrt(2) * .0539.
    assert share.ci_high - share.ci_low == pytest.approx(2 * 1.96 * 25 * 2**0.5 * 0.0539, rel=0.1)


@pytest.mark.parametrize("what", ["one stride", "no interval"])
def test_no_interval_where_an_error_is_not_known(what):
    measures = architecture(TA, 20.0, 0.0) + architecture(SOL, 60.0, 0.0)
    if what == "no interval":
        measures[0] = dataclasses.replace(measures[0], ci_low=None, ci_high=None)
    n = 1 if what == "one stride" else 8
    curves = pd.concat([curve(TA, np.full(11, 50.0), n=n), curve(SOL, np.full(11, 50.0))])
    found = share_load(measures, curves, [TA, SOL], ends={})
    share = of(found, SOL, "force_share_peak")
    assert share.value == pytest.approx(75) and share.ci_low is None
    assert found.cycle["share_low"].isna().all()


def test_a_cycle_with_a_gap_is_left_out():
    measures = architecture(TA, 20.0, 0.0) + architecture(SOL, 60.0, 0.0)
    holed = np.full(11, 50.0)
    holed[3] = np.nan
    curves = pd.concat([curve(TA, np.full(11, 50.0)), curve(SOL, holed)])
    found = share_load(measures, curves, [TA, SOL], ends={})
    assert of(found, SOL, "force_peak").value is None
    assert of(found, TA, "force_share_peak").value == 100


def test_silence_of_all_muscles_is_no_share():
    found = share_load(architecture(TA, 20.0, 0.0), curve(TA, np.zeros(11)), [TA], ends={})
    assert found.cycle["share"].isna().all()
    assert of(found, TA, "force_share_peak").value is None
    assert of(found, TA, "force_peak").value == 0


def test_factors_of_length_and_velocity_scale_the_force():
    measures = architecture(TA, 20.0, 0.0) + architecture(SOL, 20.0, 0.0)
    curves = pd.concat([curve(TA, np.full(11, 50.0)), curve(SOL, np.full(11, 50.0))])
    half = {TA: np.full(11, 0.5)}
    found = share_load(measures, curves, [TA, SOL], ends={}, factors=half)
    assert of(found, TA, "force_share_mean").value == pytest.approx(100 / 3)
    assert "given" in of(found, TA, "force_peak").note
    assert "taken as 1" in of(found, SOL, "force_peak").note


def test_emg_above_mvc_is_said():
    found = share_load(architecture(TA, 9.0, 0.0), curve(TA, np.full(11, 130.0)), [TA], ends={})
    assert any("exceeds MVC" in w for w in found.warnings)


def test_no_pcsa_no_force():
    measures = [not_measured(TA, "pcsa_anatomical", "cm2", "too few fascicles")]
    found = share_load(measures, curve(TA, np.full(11, 50.0)), [TA], ends={})
    assert len(found.cycle) == 0
    assert "too few fascicles" in of(found, TA, "force_peak").note
    assert of(found, 0, "pcsa_without_emg_leg_right").value is None


def test_same_seed_same_figures():
    measures = architecture(TA, 20.0, 5.0, error=0.1) + architecture(SOL, 60.0, 20.0, error=0.1)
    curves = pd.concat([curve(TA, np.full(11, 50.0), sd=9.0), curve(SOL, np.full(11, 9.0), sd=2.0)])
    one, two = (share_load(measures, curves, [TA, SOL], ends={}, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one.cycle, two.cycle)
