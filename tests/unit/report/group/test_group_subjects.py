import pandas as pd
import pytest
from group_of_maps import rows_of, write_tables

from imaging.cli.app import main
from imaging.errors import ConfigError, MissingFileError
from imaging.report.files import read_norms, write_group
from imaging.report.group.controls import norms_of_group
from imaging.report.group.headline import columns
from imaging.report.group.page import group_page
from imaging.report.group.subjects import files_of, read_group, without_map
from imaging.report.group.tables import long_table, muscle_dictionary, muscle_table


def page_of(subjects, problems=(), **more):
    return group_page(subjects, columns(subjects), problems, **more)


def test_two_visits_are_two_rows_of_one_participant(tmp_path):
    for prefix, volume in (("sub-01_ses-a", 400), ("sub-01_ses-b", 410), ("sub-02_ses-a", 390)):
        write_tables(tmp_path, prefix, rows_of(volume))
    subjects, problems = read_group(tmp_path)
    assert not problems
    table = muscle_table(subjects)
    assert len(table) == 3 * 2
    assert table["session_id"].tolist() == ["ses-a"] * 2 + ["ses-b"] * 2 + ["ses-a"] * 2
    assert table["participant_id"].nunique() == 2
    assert table.loc[table["muscle"] == "TA", "volume_ml"].isna().all()
    assert list(table.columns) == list(muscle_dictionary(subjects, table)["Columns"])
    every = long_table(subjects)
    assert len(every) == 3 * 4
    assert every.loc[every["measure"] == "snr_b0", "muscle"].tolist() == ["n/a"] * 3
    assert "3 sessions of 2 participants" in page_of(subjects)


def test_a_broken_table_is_left_out_and_named(tmp_path):
    write_tables(tmp_path, "sub-01", rows_of(400.0))
    bad = tmp_path / "sub-02" / "map"
    bad.mkdir(parents=True)
    (bad / "sub-02_measures.tsv").write_text("nothing\n")
    subjects, problems = read_group(tmp_path)
    assert [s.prefix for s in subjects] == ["sub-01"]
    assert "sub-02 is left out" in problems[0]
    assert "sub-02 is left out" in page_of(subjects, problems)


def test_who_was_planned_and_has_nothing_is_named_with_what_stopped_it(tmp_path):
    write_tables(tmp_path, "sub-01", rows_of(400.0))
    (tmp_path / "inputs.tsv").write_text(
        "subject\tsession\tinput\tstate\tfiles\tmessage\n"
        "01\t\tanat\tfound\ta\t\n02\t\tanat\tfound\tb\t\n03\tx\tanat\tfound\tc\t\n"
    )
    logs = tmp_path / "logs" / "sub-02"
    logs.mkdir(parents=True)
    (logs / "sub-02_diffusion.log").write_text(
        "warning: one\npennate diffusion: 42 volumes and 41 b-values. Give the right file\n"
    )
    subjects, problems = read_group(tmp_path)
    assert [s.prefix for s in subjects] == ["sub-01"]
    assert len(problems) == 2
    assert problems[0].startswith("sub-02 is left out")
    assert "The stage diffusion stopped: 42 volumes and 41 b-values." in problems[0]
    assert problems[1].startswith("sub-03_ses-x is left out")


def test_the_table_of_participants_tells_who_is_missing_on_either_side(tmp_path):
    write_tables(tmp_path, "sub-01", rows_of(400.0))
    write_tables(tmp_path, "sub-04", rows_of(400.0))
    subjects, _ = read_group(tmp_path)
    listed = pd.DataFrame({"participant_id": ["sub-01", "02"], "group": ["a", "b"], "age": "n/a"})
    said = without_map(listed, subjects)
    assert said == [
        "In participants.tsv, without a muscle map: sub-02.",
        "With a muscle map, not in participants.tsv: sub-04.",
    ]
    page = page_of(subjects, participants=listed)
    assert '<td class="text">a</td>' in page
    assert '<td class="text">–</td>' in page


def test_only_what_is_there_is_linked(tmp_path):
    write_tables(tmp_path, "sub-01_ses-a", rows_of(400.0))
    subjects, _ = read_group(tmp_path)
    assert files_of(tmp_path, "sub-01_ses-a") == {}
    (tmp_path / "sub-01_ses-a.html").touch()
    links = {"sub-01_ses-a": files_of(tmp_path, "sub-01_ses-a")}
    assert links["sub-01_ses-a"] == {"page": "sub-01_ses-a.html"}
    assert 'href="sub-01_ses-a.html"' in page_of(subjects, links=links)


def test_no_map_is_an_error(tmp_path):
    with pytest.raises(MissingFileError, match="pennate map"):
        read_group(tmp_path)


def test_norms_of_controls_and_persons_against_them(tmp_path):
    for number, volume in enumerate((400, 410, 390, 405, 395, 900)):
        write_tables(tmp_path, f"sub-{number:02d}", rows_of(float(volume)))
    subjects, _ = read_group(tmp_path)
    controls = {f"sub-{number:02d}" for number in range(5)}
    known = norms_of_group(subjects, controls)
    page = page_of(subjects, norms=known)
    assert "larger than in controls" in page
    assert "Persons against controls" in page
    write_group(tmp_path, page, subjects, columns(subjects), known)
    again = read_norms(tmp_path / "group_norms.tsv")
    assert again.values == known.values
    with pytest.raises(ConfigError, match="4 of them have a muscle map"):
        norms_of_group(subjects, controls - {"sub-00"})


def test_an_older_map_of_the_same_name_is_no_second_session(tmp_path):
    for folder, volume in ((tmp_path, 400.0), (tmp_path / "old", 100.0)):
        write_tables(folder, "sub-01", rows_of(volume))
    subjects, problems = read_group(tmp_path)
    assert [s.path.parent for s in subjects] == [tmp_path / "sub-01" / "map"]
    assert "sub-01 is left out as it lies in" in problems[0]
    assert str(tmp_path / "old") in problems[0]


def test_who_was_refused_before_anything_ran_is_named_with_the_reason(tmp_path):
    write_tables(tmp_path, "sub-01_ses-1", rows_of(400.0))
    (tmp_path / "summary.tsv").write_text(
        "participant_id\tsession_id\tstatus\treason\n"
        "sub-01\tses-1\tfinished\tn/a\nsub-02\tn/a\trefused\tThere is no image.\n"
    )
    subjects, problems = read_group(tmp_path)
    assert [s.prefix for s in subjects] == ["sub-01_ses-1"]
    assert len(problems) == 1
    assert problems[0].startswith("sub-02 is left out")
    assert problems[0].endswith("There is no image.")


def test_effects_of_conditions_of_an_earlier_run_do_not_stay(tmp_path):
    write_tables(tmp_path, "sub-01", rows_of(400.0))
    for name in ("group_conditions.tsv", "group_norms.tsv"):
        (tmp_path / name).write_text("old\n")
    assert main(["report", "--group", str(tmp_path)]) == 0
    assert not (tmp_path / "group_conditions.tsv").exists()
    assert (tmp_path / "group_norms.tsv").exists()


def test_a_group_of_some_participants_shows_no_others(tmp_path, capsys):
    for prefix in ("sub-01_ses-a", "sub-01_ses-b", "sub-02_ses-a", "sub-03_ses-a"):
        write_tables(tmp_path, prefix, rows_of(400.0))
    people = tmp_path / "people.tsv"
    people.write_text("participant_id\tsex\nsub-01\tf\nsub-02\tm\nsub-03\tf\nsub-04\tf\n")
    options = ["--participant-label", "sub-01", "--participant-label", "02", "--session-id", "a"]
    assert main(["report", "--group", str(tmp_path), "--participants", str(people), *options]) == 0
    table = pd.read_csv(tmp_path / "group_sessions.tsv", sep="\t")
    assert table["participant_id"].tolist() == ["sub-01", "sub-02"]
    assert set(table["session_id"]) == {"ses-a"}
    page = (tmp_path / "group.html").read_text()
    assert "Only some were asked for: 2 more of this folder are not shown." in page
    assert "sub-03" not in page and "sub-04" not in page
    assert "2 more" in capsys.readouterr().err
    assert main(["report", "--group", str(tmp_path), "--participant-label", "09"]) == 2
    assert main(["report", "--map-dir", "x", "--out", "y.html", "--session-id", "a"]) == 2
