"""A study with broken sessions says what became of each; planning it writes nothing."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from synthetic_map import write_map

from imaging.provenance import sha256


def content(root: Path) -> dict[str, str]:
    """Digest and time of every file, and every folder."""
    paths = sorted(root.rglob("*"))
    return {str(p): f"{sha256(p)} {p.stat().st_mtime_ns}" if p.is_file() else "" for p in paths}


def noise(bids: Path, *subjects: str) -> Path:
    values = np.random.default_rng(1).uniform(0, 100, (9, 8, 7)).astype(np.float32)
    for subject in subjects:
        path = bids / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz"
        path.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(values, np.diag([2.0, 2.0, 2.0, 1.0])), path)
    return bids


@pytest.fixture(scope="module")
def failed(tmp_path_factory, pennate):
    """Two images of noise, one cut off, into a folder whose name is odd."""
    root = tmp_path_factory.mktemp("study")
    bids = noise(root / "bids", "01", "02", "03")
    path = bids / "sub-03/anat/sub-03_T1w.nii.gz"
    path.write_bytes(path.read_bytes()[:-200])
    before = content(bids)
    result = pennate("run", bids, root / "{o} t", "participant", "--work-dir", root / "work")
    assert content(bids) == before
    return result, root / "{o} t"


def test_each_broken_session_is_told_in_one_line(failed):
    result, out = failed
    assert result.returncode == 2, result.stdout + result.stderr
    lines = result.stderr.splitlines()
    (line,) = [line for line in lines if line.startswith("sub-01 ")]
    assert line.startswith("sub-01 refused by segment: sub-01/anat/sub-01_T1w.nii.gz: shows no leg")
    assert line.endswith(f"Log: {out}/logs/sub-01/sub-01_segment.log")
    assert Path(line.partition("Log: ")[2]).is_file()
    assert "Traceback" not in result.stderr and "Error in rule" not in result.stderr
    first, *_, last = result.stdout.splitlines()
    assert first.endswith(f"3 sessions in {out.parent / 'bids'}, into {out}")
    assert last == f"0 of 3 sessions finished, in {out}; why 3 are not: {out / 'summary.tsv'}"


def test_the_summary_keeps_what_was_told(failed):
    out = failed[1]
    table = pd.read_csv(out / "summary.tsv", sep="\t", keep_default_na=False)
    assert table["status"].tolist() == ["refused"] * 3
    assert table["stage"].tolist() == ["segment", "segment", "inputs"]
    assert table["reason"].str.startswith(("sub-0", "the anatomical")).all()
    assert (out / "logs" / "resources.tsv").is_file()
    assert not (out / ".pennate" / "snakemake.log").exists(), "the state is in the work folder"


def test_the_group_takes_who_is_finished_and_names_who_is_missing(tmp_path, pennate):
    bids, out = noise(tmp_path / "bids", "01", "02", "03"), tmp_path / "out"
    for prefix in ("sub-01", "sub-03"):
        write_map(out / prefix / "map", prefix)
    write_map(out / "sub-09" / "map", "sub-09")
    result = pennate("run", bids, out, "group")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "holds their maps: sub-09. Move" in result.stderr
    assert "missing: sub-02 not run: It has no map yet." in result.stderr
    assert "2 sessions with a map, 1 without" in result.stdout
    assert (out / "group.html").is_file()
    table = pd.read_csv(out / "summary.tsv", sep="\t", keep_default_na=False)
    assert table["status"].tolist() == ["finished", "not_run", "finished"]


def test_a_page_that_fails_does_not_stop_the_page_of_the_group(tmp_path, pennate):
    bids, out = noise(tmp_path / "bids", "01", "02"), tmp_path / "out"
    for prefix in ("sub-01", "sub-02"):
        write_map(out / prefix / "map", prefix)
    cut = out / "sub-02/map/sub-02_map.vti"
    cut.write_bytes(cut.read_bytes()[:2000])
    result = pennate("run", bids, out, "group")
    assert result.returncode == 2, result.stdout + result.stderr
    assert "sub-02 refused by report" in result.stderr
    assert f"The page of the group: {out / 'group.html'}" in result.stdout
    assert (out / "group.html").is_file()


def test_a_dry_run_writes_nothing(tmp_path, pennate):
    bids, out = noise(tmp_path / "bids", "01"), tmp_path / "out"
    for _ in range(2):
        before = content(tmp_path)
        call = ("run", bids, out, "participant", "--dry-run", "--work-dir", tmp_path / "work")
        result = pennate(*call)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "sub-01: segment, map, " in result.stdout
        assert content(tmp_path) == before
        (out / ".pennate").mkdir(parents=True, exist_ok=True)
        (out / "notes.txt").write_text("of someone")


def test_a_group_of_some_participants_shows_no_others(tmp_path, pennate):
    bids, out = noise(tmp_path / "bids", "01", "02", "03"), tmp_path / "out"
    for prefix in ("sub-01", "sub-02", "sub-03"):
        write_map(out / prefix / "map", prefix)
    result = pennate("run", bids, out, "group", "--participant-label", "01", "03")
    assert result.returncode == 0, result.stdout + result.stderr
    table = pd.read_csv(out / "group_sessions.tsv", sep="\t")
    assert table["participant_id"].tolist() == ["sub-01", "sub-03"]
    page = (out / "group.html").read_text()
    assert "1 more of this folder are not shown" in page and "sub-02" not in page


def test_a_run_of_one_keeps_the_inputs_of_the_others(failed, pennate):
    out = failed[1]
    before = pd.read_csv(out / "inputs.tsv", sep="\t", dtype=str)
    bids, work = out.parent / "bids", out.parent / "work"
    result = pennate(
        "run", bids, out, "participant", "--participant-label", "01", "--work-dir", work
    )
    assert result.returncode == 2, result.stdout + result.stderr
    after = pd.read_csv(out / "inputs.tsv", sep="\t", dtype=str)
    assert set(before["subject"]) == set(after["subject"]) == {"01", "02"}
    pd.testing.assert_frame_equal(before, after)
