import numpy as np
import pandas as pd
import pytest
from synthetic_map import columns_of

from imaging.errors import ConfigError, MissingFileError
from imaging.measures import Measure, not_measured, write_measures
from imaging.musclemap.headline import headline
from imaging.musclemap.read.tables import in_view
from imaging.musclemap.table import wide
from imaging.muscles import label_of
from imaging.provenance import write_sidecar
from imaging.report import group
from imaging.report.files import read_norms, write_group
from imaging.stage_files import write_tsv

SOL, TA, LEFT_TA = label_of("SOL", "right"), label_of("TA", "right"), label_of("TA", "left")


def write(out, prefix, volume, folder=None):
    path = out / (folder or prefix.replace("_", "/")) / "map"
    path.mkdir(parents=True)
    rows = [
        Measure(SOL, "volume", volume, "ml"),
        not_measured(TA, "volume", "ml", "not in the label map"),
        Measure(LEFT_TA, "emg_onset", 95.0, "percent"),
        Measure(0, "snr_b0", 30.0, "1"),
    ]
    write_measures(rows, path / f"{prefix}_measures.tsv")
    rows = in_view(rows)
    write_tsv(headline(wide(rows)), path / f"{prefix}_muscles.tsv")
    write_sidecar(path / f"{prefix}_measures.tsv", verb="map")
    write_sidecar(path / f"{prefix}_muscles.tsv", verb="map", Columns=columns_of(rows))


def test_scores_find_the_far_value_and_leave_few_values_alone():
    scores = group.robust_scores(np.array([10, 11, 9, 10.5, 9.5, 30.0]))
    assert np.flatnonzero(np.abs(scores) > group.OUTLIER_SCORE).tolist() == [5]
    assert np.isnan(group.robust_scores(np.array([1, 2, 90.0]))).all()
    assert np.isnan(group.robust_scores(np.full(8, 3.0))).all()


def test_group_of_subjects_and_sessions(tmp_path):
    for number, volume in enumerate((400, 410, 390, 405, 395, 900)):
        write(tmp_path, f"sub-{number:02d}_ses-a", float(volume))
    subjects, problems = group.read_group(tmp_path)
    assert not problems
    table = group.group_table(subjects)
    assert len(table) == 6 * 2
    assert table["session_id"].unique().tolist() == ["ses-a"]
    assert table["participant_id"].iloc[0] == "sub-00"
    assert table.loc[table["muscle"] == "TA", "volume_ml"].isna().all()
    assert set(table.columns) <= set(group.group_dictionary(subjects)["Columns"])
    outliers = group.find_outliers(group.long_values(subjects))
    assert outliers["subject"].tolist() == ["sub-05_ses-a"]
    page = group.group_page(subjects, [])
    assert "sub-05_ses-a" in page
    assert page == group.group_page(subjects, [])


def test_a_broken_subject_is_left_out_and_named(tmp_path):
    write(tmp_path, "sub-01", 400.0)
    bad = tmp_path / "sub-02" / "map"
    bad.mkdir(parents=True)
    (bad / "sub-02_measures.tsv").write_text("nothing\n")
    subjects, problems = group.read_group(tmp_path)
    assert [s.prefix for s in subjects] == ["sub-01"]
    assert "sub-02 is left out" in problems[0]
    assert "sub-02 is left out" in group.group_page(subjects, problems)


def test_no_subject_is_an_error(tmp_path):
    with pytest.raises(MissingFileError, match="pennate map"):
        group.read_group(tmp_path)


def test_dots_mark_both_sides():
    rows = pd.DataFrame({
        "subject": ["a", "b", "a"], "label": [SOL, SOL, LEFT_TA], "measure": "volume",
        "unit": "ml", "value": [1.0, 2.0, 3.0]})  # fmt: skip
    assert group.dots(rows, rows.iloc[:1], "volume (ml)", 1.0).startswith("data:image/svg+xml")


def test_norms_of_controls_and_persons_against_them(tmp_path):
    for number, volume in enumerate((400, 410, 390, 405, 395, 900)):
        write(tmp_path, f"sub-{number:02d}", float(volume))
    subjects, _ = group.read_group(tmp_path)
    controls = {f"sub-{number:02d}" for number in range(5)}
    known = group.norms_of_group(subjects, controls)
    page = group.group_page(subjects, [], known)
    assert "larger than in controls" in page and "Persons against controls" in page
    write_group(tmp_path, page, subjects, known)
    again = read_norms(tmp_path / "group_norms.tsv")
    assert again.values == known.values
    with pytest.raises(ConfigError, match="4 of them have a muscle map"):
        group.norms_of_group(subjects, controls - {"sub-00"})
