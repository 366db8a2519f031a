"""What the engine remembers of results."""

import shutil

from imaging.pipeline.engine import Engine


def engine(out, work_dir=None):
    made = Engine(out, 1, work_dir=work_dir)
    made.prepare()
    return made


def with_results(out):
    folder = out / "sub-01" / "anat"
    folder.mkdir(parents=True)
    (folder / "sub-01_seg-muscles_dseg.nii.gz").touch()
    return out


def test_results_that_were_moved_are_told(tmp_path):
    out = tmp_path / "a"
    assert engine(out).forgotten() == ""  # nothing is there yet
    with_results(out)
    assert engine(out).forgotten() == ""
    moved = shutil.move(out, tmp_path / "b")
    said = engine(moved).forgotten()
    assert "remembered" in said and f"(they were written as {out})" in said
    assert engine(moved).forgotten() == ""


def test_another_work_folder_knows_nothing(tmp_path):
    out = with_results(tmp_path / "a")
    assert "nothing is remembered here: they stay" in engine(out, tmp_path / "w").forgotten()


def test_a_folder_of_an_earlier_build_is_known(tmp_path):
    out = with_results(tmp_path / "a")
    (out / ".pennate" / ".snakemake" / "metadata").mkdir(parents=True)
    assert engine(out).forgotten() == ""
