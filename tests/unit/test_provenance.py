import json

import pytest

from imaging.errors import OutputError
from imaging.provenance import sha256, sidecar_path, staged, write_sidecar


def test_nothing_half_written_stays(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(RuntimeError), staged(out, "verb") as scratch:
        (scratch / "a.txt").write_text("half")
        raise RuntimeError
    assert list(out.iterdir()) == []


def test_files_and_folders_move_into_place(tmp_path):
    with staged(tmp_path / "out", "verb") as scratch:
        (scratch / "sub").mkdir()
        (scratch / "sub" / "a.txt").write_text("whole")
    assert (tmp_path / "out" / "sub" / "a.txt").read_text() == "whole"
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["sub"]


def test_what_a_killed_run_left_is_removed(tmp_path):
    left = tmp_path / ".partial-verb"
    left.mkdir()
    (left / "old.txt").write_text("old")
    with staged(tmp_path, "verb") as scratch:
        (scratch / "new.txt").write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["new.txt"]


def test_optional_files_of_an_earlier_run_do_not_stay(tmp_path):
    (tmp_path / "sub-01_fascicles.vtp").write_text("of other inputs")
    (tmp_path / "sub-02_fascicles.vtp").write_text("of another subject")
    with pytest.raises(RuntimeError), staged(tmp_path, "verb", ["sub-01_fascicles.*"]):
        raise RuntimeError
    assert (tmp_path / "sub-01_fascicles.vtp").exists()
    with staged(tmp_path, "verb", ["sub-01_fascicles.*"]) as scratch:
        (scratch / "sub-01_map.vti").write_text("new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sub-01_map.vti", "sub-02_fascicles.vtp"]


def test_output_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(OutputError, match="cannot be written"),
        staged(tmp_path / "file" / "out", "verb"),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sub-01_T1w.nii.gz", "sub-01_T1w.json"),
        ("sub-01_map.vti", "sub-01_map.json"),
        ("a.igs.mha", "a.json"),
    ],
)
def test_sidecar_name(name, expected):
    assert sidecar_path(name).name == expected


def test_sidecar_tells_inputs_without_their_folders(tmp_path):
    source = tmp_path / "deep" / "in.txt"
    source.parent.mkdir()
    source.write_text("x")
    path = write_sidecar(
        tmp_path / "out.nii.gz", verb="segment", inputs=[source], settings={"a": 1}, Units="ml"
    )
    content = json.loads(path.read_text())
    assert content["SourceFiles"] == [{"name": "in.txt", "sha256": sha256(source)}]
    assert content["Units"] == "ml"
    assert str(tmp_path) not in path.read_text()
