"""Files dated in the future, as after a clock was set back."""

import os

from imaging.dataset import Finding, Session
from imaging.pipeline.clock import bring_back, dated_ahead

NOW = 1_700_000_000.0


def session(*files):
    return Session("01", findings=(Finding("01", "", "anat", "found", files),))


def test_an_input_of_the_future_is_named(tmp_path):
    for name, ahead in (("a.nii.gz", -5), ("a.json", 30), ("b.nii.gz", 0), ("b.json", 9e5)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (NOW, NOW + ahead))
    assert dated_ahead(session("a.nii.gz"), tmp_path, NOW) == ""
    said = dated_ahead(session("a.nii.gz", "b.nii.gz"), tmp_path, NOW)
    assert said.startswith("b.json was changed on 2023-11-2")
    assert said.endswith("correct the clock, or touch the file")


def test_results_of_the_future_are_of_now(tmp_path):
    (tmp_path / "sub").mkdir()
    for name, ahead in (("old", -100), ("sub/new", 5000)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (NOW, NOW + ahead))
    (tmp_path / "nowhere").symlink_to("gone")
    os.utime(tmp_path / "nowhere", (NOW, NOW), follow_symlinks=False)
    bring_back(tmp_path, NOW)
    times = {p.name: p.lstat().st_mtime for p in tmp_path.rglob("*") if not p.is_dir()}
    assert times == {"old": NOW - 100, "new": NOW, "nowhere": NOW}
