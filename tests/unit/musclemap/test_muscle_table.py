import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imaging.errors import InputError
from imaging.formats.tsv import read_tsv
from imaging.measures import Measure
from imaging.musclemap import table
from imaging.muscles import label_of
from imaging.stage_files import write_tsv

SOL = label_of("SOL", "right")


def test_column_names_carry_the_unit():
    assert table.column_name("volume", "ml") == "volume_ml"
    assert table.column_name("curvature", "1/m") == "curvature_per_m"
    assert table.column_name("md", "mm2/s") == "md_mm2_per_s"
    assert table.column_name("fa", "1") == "fa"
    assert table.column_name("activation_peak", "%") == "activation_peak_percent"


def test_dictionary_of_measures_is_well_formed():
    names = [d.name for d in table.definitions()]
    assert len(names) == len(set(names))
    for d in table.definitions():
        assert re.fullmatch(r"[a-z0-9_*]+", d.name)
        assert d.level in ("muscle", "pair", "subject")
        assert d.stage in ("anat", "dwi", "fibre", "comp", "mre", "us", "func", "map")
        assert d.title
        assert "*" in d.title or "*" not in d.name or d.level == "pair"
        assert d.definition
        assert d.formula


def test_a_star_stands_for_a_quantity():
    found = table.definition_of("stiffness_ready_storage_modulus")
    assert found is not None
    assert found.unit == "Pa"
    assert table.definition_of("no_such_measure") is None


def test_rows_are_every_muscle_of_the_sides_in_view_and_merged_ones():
    rows = table.rows_of_map(np.array([0, 201, 242, 221]))
    assert len(rows) == 14 + 1
    assert all(200 < v < 300 for v in rows)


def test_missing_measures_say_why():
    given = [Measure(SOL, "volume", 400.0, "ml")]
    rows = table.rows_of_map(np.array([SOL, 242]))
    out = table.complete(given, rows, [SOL, 242], {"dwi": "no dwi", "fibre": "no dwi"})
    found = {(m.label, m.measure): m for m in out}
    assert found[SOL, "volume"].value == 400.0
    assert found[SOL, "fa"].note == "no dwi"
    assert found[label_of("TP", "right"), "volume"].note == "not in the label map"
    assert found[label_of("PL", "right"), "volume"].note == "labelled together as PL+PB"
    assert found[SOL, "emg_onset"].note == "no channel for this muscle"
    assert all(m.value is None for m in out if m.status == "not_measured")


def test_stiffness_that_was_given_takes_the_place_of_the_expected_one():
    given = [Measure(SOL, "stiffness_ready_storage_modulus", 900.0, "Pa")]
    out = table.complete(given, [SOL], [SOL], {})
    assert "stiffness_mdev_magnitude" not in {m.measure for m in out}


def test_wide_table_keeps_value_spread_count_and_status(tmp_path):
    given = [
        Measure(SOL, "volume", 400.0, "ml"),
        Measure(SOL, "fascicle_length", 40.0, "mm", 7, 2.0, 39.0, 41.0, "extrapolated"),
        Measure(0, "snr_b0", 30.0, "1"),
    ]
    frame = table.wide(table.complete(given, [SOL], [SOL], {}))
    write_tsv(frame, tmp_path / "t.tsv")
    again = read_tsv(tmp_path / "t.tsv", {"label": "whole"}, "")
    row = again.iloc[0]
    assert len(again) == 1
    assert row["fascicle_length_mm"] == 40
    assert row["fascicle_length_mm_n"] == 7
    assert row["fascicle_length_mm_ci_high"] == 41
    assert row["fascicle_length_mm_status"] == "extrapolated"
    assert pd.isna(row["fa"])
    assert not any("snr" in c for c in again.columns)
    described = table.dictionary(table.complete(given, [SOL], [SOL], {}))
    assert set(again.columns) == set(described)


def test_wide_table_leaves_out_columns_that_no_muscle_fills():
    given = [Measure(SOL, "fascicle_length", 40.0, "mm", n=7), Measure(SOL, "volume", 4.0, "ml")]
    columns = set(table.wide(table.complete(given, [SOL], [SOL], {})).columns)
    assert {"fascicle_length_mm", "fascicle_length_mm_n", "fascicle_length_mm_status"} <= columns
    assert {"fa", "fa_status"} <= columns
    assert not {"fascicle_length_mm_sd", "volume_ml_n", "volume_ml_ci_low", "fa_sd"} & columns


def test_a_measure_is_named_for_readers():
    assert table.title_of("pennation_start") == "pennation, distal end"
    assert table.title_of("fascicle_stiffness_mdev_middle").endswith("(MDEV)")
    assert table.title_of("stiffness_mdev_magnitude") == "stiffness |G*| (MDEV)"
    assert table.title_of("stiffness_ti_mu_par_iqr") == "interquartile range, μ∥, voxels"
    assert table.title_of("stiffness_mdev_stable_share") == "stable share, MDEV"
    assert table.title_of("fascicle_stiffness_ti_muperp_end_ratio").endswith("across fibres")
    assert table.quantity_of("emg_onset_right_minus_left_SOL") == "SOL"
    assert table.title_of("no_such_measure") == "no such measure"


@pytest.mark.parametrize(
    "measure",
    ["volume", "stiffness_mdev_confidence", "stiffness_length_correlation_mdev",
     "emg_burst_duration", "curvature", "fascicle_stiffness_mdev_ends"],
)  # fmt: skip
def test_a_column_leads_back_to_its_measure_and_unit(measure):
    unit = table.definition_of(measure).unit
    assert table.measure_of_column(table.column_name(measure, unit)) == (measure, unit)
    assert table.measure_of_column("label") is None


def test_the_same_figure_twice_is_refused():
    with pytest.raises(InputError, match="twice"):
        table.wide([Measure(SOL, "volume", 1.0, "ml"), Measure(SOL, "volume", 2.0, "ml")])


def test_rank_correlation_needs_enough_pairs():
    a = np.arange(20.0)
    assert table.rank_correlation(a, a**3) == pytest.approx(1)
    assert table.rank_correlation(a, -a) == pytest.approx(-1)
    assert np.isnan(table.rank_correlation(a[:5], a[:5]))
    assert np.isnan(table.rank_correlation(a, np.ones(20)))
    b = np.where(a < 15, np.nan, a)
    assert np.isnan(table.rank_correlation(a, b))


def test_every_measure_that_a_stage_names_is_in_the_dictionary():
    """Names given to `Measure(...)` or `not_measured(...)` as text in the stages' code."""
    root = Path(table.__file__).parents[1]
    pattern = re.compile(r'(?:Measure|not_measured)\(\s*[\w.]+,\s*"([a-z0-9_]+)"')
    stages = ("segmentation", "diffusion", "architecture", "elastography", "function", "cli")
    unknown = {
        name
        for stage in stages
        for path in (root / stage).rglob("*.py")
        for name in pattern.findall(path.read_text(encoding="utf-8"))
        if table.definition_of(name) is None
    }
    assert not unknown
