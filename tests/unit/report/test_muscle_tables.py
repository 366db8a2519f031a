import pytest

from imaging.measures import Measure, not_measured
from imaging.musclemap.table import definitions
from imaging.muscles import label_of
from imaging.report import muscle_tables

SOL, TP = label_of("SOL", "right"), label_of("TP", "right")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234.4, "1234"), (58.04, "58.0"), (1.503, "1.50"), (0.2504, "0.250"),
     (-12.34, "-12.3"), (2.0e-5, "2e-05")],
)  # fmt: skip
def test_numbers_have_about_three_digits(value, text):
    assert muscle_tables.number(value) == text


def test_units_for_readers():
    kpa = muscle_tables.cell(Measure(SOL, "stiffness_mdev_magnitude", 903.0, "Pa", 12, 50.0))
    assert (kpa.text, kpa.spread, kpa.n) == ("0.903", "± 0.050", "n 12")
    assert muscle_tables.cell(Measure(SOL, "md", 1.53e-3, "mm2/s")).text == "1.53"


def test_missing_is_a_dash_with_its_reason():
    shown = muscle_tables.cell(not_measured(SOL, "fa", "1", "no dwi"))
    assert shown.text == "–"
    assert shown.why == "not measured: no dwi"
    assert muscle_tables.cell(None).text == "–"


def test_a_measured_zero_stays_a_zero():
    assert muscle_tables.cell(Measure(SOL, "extrapolated_fraction", 0.0, "1")).text == "0"


def test_intervals_are_shown_in_the_shown_unit():
    row = Measure(SOL, "stiffness_mdev_magnitude", 903.0, "Pa", 12, 50.0, 880.0, 925.0)
    assert muscle_tables.cell(row).interval == "[0.880, 0.925]"
    assert muscle_tables.cell(Measure(SOL, "fascicle_length", 40.0, "mm")).interval == ""


def test_definitions_of_other_tools_have_a_table_of_their_own():
    rows = [
        Measure(SOL, name, 20.0, unit)
        for name, unit in (("pennation_start", "deg"), ("chord_pennation_start", "deg"),
                           ("slope_pennation_end", "deg"), ("fascicle_length_cubic", "mm"))
    ]  # fmt: skip
    tables = {t.title: [head[0] for head in t.heads] for t in muscle_tables.muscle_tables(rows)}
    assert tables == {
        "Muscles and fascicles": ["pennation, distal end"],
        "Same definitions as other tools": [
            "chord pennation, distal end", "slope pennation, proximal end",
            "fascicle length of cubics",
        ],
    }  # fmt: skip


def test_status_is_marked():
    row = Measure(SOL, "fascicle_length", 40.0, "mm", status="extrapolated")
    assert muscle_tables.cell(row).mark == "e"


def test_counts_are_whole():
    assert muscle_tables.cell(Measure(SOL, "fascicles", 5.0, "1")).text == "5"


def test_tables_hold_muscles_with_figures_only():
    rows = [
        Measure(SOL, "volume", 400.0, "ml"),
        Measure(SOL, "fa", 0.2, "1"),
        not_measured(TP, "volume", "ml", "not in the label map"),
        Measure(0, "snr_b0", 30.0, "1"),
    ]
    tables = muscle_tables.muscle_tables(rows)
    assert [t.title for t in tables] == ["Muscles and fascicles", "Diffusion and EMG"]
    assert [(side, muscle) for side, muscle, _ in tables[0].rows] == [("right", "SOL")]
    assert muscle_tables.without_figures(rows) == ["right TP (not in the label map)"]


def test_an_undecided_side_is_not_called_both():
    (table,) = muscle_tables.muscle_tables(
        [Measure(label_of("SOL", "undecided"), "volume", 400.0, "ml")]
    )
    assert [row[:2] for row in table.rows] == [("undecided", "SOL")]


def test_pairs_are_a_table_of_muscles_with_reasons_for_what_is_missing():
    rows = [
        Measure(0, "emg_onset_right_minus_left_TA", 2.5, "percent"),
        not_measured(0, "emg_onset_right_minus_left_SOL", "percent", "no strides"),
        not_measured(0, "emg_asymmetry_amplitude_TA", "percent", "no MVC"),
        Measure(0, "snr_b0", 30.0, "1"),
        Measure(0, "stance_left", 60.0, "percent"),
    ]
    table, reasons = muscle_tables.pair_table(rows)
    assert table is not None
    assert [head[0] for head in table.heads] == ["onset, right minus left"]
    assert [(muscle, cells[0].text) for _, muscle, cells in table.rows] == [
        ("TA", "2.50"),
        ("SOL", "–"),
    ]
    assert reasons == ["asymmetry of amplitude: not measured, no MVC"]
    assert [line[0] for line in muscle_tables.quality(rows)] == ["SNR without diffusion weighting"]
    assert [
        (title, [r[0] for r in part]) for title, part in muscle_tables.whole_recording(rows)
    ] == [("Gait", ["Stance, left"])]


def test_stiffness_has_a_table_of_its_own_without_figures_about_figures():
    rows = [
        Measure(SOL, "stiffness_ti_mu_perp", 1000.0, "Pa", 100, 90.0),
        Measure(SOL, "stiffness_ti_e_par_muscle", 7000.0, "Pa", 100, None, 6000.0, 8000.0),
        Measure(SOL, "stiffness_ti_mu_perp_iqr", 120.0, "Pa", 100),
        Measure(SOL, "stiffness_ti_mu_perp_gradient_relative", 2.0, "percent/cm", 8),
        Measure(SOL, "stiffness_swe_shear", 6000.0, "Pa", 40),
    ]
    (table,) = muscle_tables.muscle_tables(rows)
    assert table.title == "Stiffness"
    assert "never to be averaged" in table.note
    heads = [head[:2] for head in table.heads]
    assert ("E∥, whole muscle", "kPa") in heads
    assert ("ρc² (ultrasound)", "kPa") in heads
    assert not any("quartile" in title for title, _ in heads)
    assert ("relative gradient along the muscle, μ⊥, voxels", "%/cm") in heads


def test_parts_of_a_wide_table_have_names_of_their_own():
    known = [d for d in definitions() if d.level == "muscle" and d.stage == "fibre"]
    rows = [Measure(label_of("SOL", "left"), d.name, 1.5, d.unit) for d in known]
    found = muscle_tables.muscle_tables(rows)
    titles = [t.title for t in found]
    assert titles[:2] == ["Muscles and fascicles, 1 of 2", "Muscles and fascicles, 2 of 2"]
    assert len(set(titles)) == len(titles)
