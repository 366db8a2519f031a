"""The worked examples of the manual: each block is run as it stands, in the order of the page."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from group_of_maps import SOL, TA, write_tables
from scanner_series import write_classic
from synthetic_map import write_map

from imaging.cli.app import main
from imaging.measures import Measure

PAGE = Path(__file__).parents[2] / "docs" / "examples.md"
BLOCK = re.compile(r"^```(bash|python)( slow)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
FACILITY, RESEARCHER, SCENE = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]


def run(section: str, slow: bool) -> int:
    """Run the blocks of a section, the slow ones where they are asked for; return how many."""
    count = 0
    for kind, marked, text in BLOCK.findall(section):
        if marked and not slow:
            continue
        count += 1
        if kind == "python":
            exec(compile(text, str(PAGE), "exec"), {})
            continue
        for line in text.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "pennate"
            assert main(arguments) == 0, line
    return count


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_core_facility(place, capsys):
    pytest.importorskip("dcm2niix")
    write_classic(place / "dicom", 2, "t1_tse_tra")
    for number in range(1, 4):
        write_map(place / "maps" / f"sub-0{number}" / "map", f"sub-0{number}")
    (place / "group_ratings.tsv").write_text(
        "participant_id\tsession_id\trating\tnote\trater\trated_at\tmap\n"
        "sub-02\tn/a\texclude\tmoved\tR\t2026-01-01T00:00:00Z\tabc\n"
    )
    assert run(FACILITY, slow=False) == 3
    assert (place / "study" / "sub-01" / "anat" / "sub-01_T1w.nii.gz").is_file()
    # Three of a kind, one of them excluded.
    assert re.search(r"count +2\.0", capsys.readouterr().out)


def test_researcher(place, capsys):
    pytest.importorskip("dcm2niix")
    write_classic(place / "dicom", 2, "t1_tse_tra")
    write_classic(place / "dicom2", 3, "t1_tse_tra")
    for session, volume in (("pre", 35.2), ("post", 37.7)):
        prefix = f"sub-01_ses-{session}"
        write_map(place / "maps" / "sub-01" / f"ses-{session}" / "map", prefix)
        rows = [Measure(TA, "volume", volume, "ml"), Measure(SOL, "volume", 88.0, "ml")]
        write_tables(place / "maps", prefix, rows)
    assert run(RESEARCHER, slow=False) == 4
    assert re.search(r"right +SOL +0\.0\n +TA +2\.5", capsys.readouterr().out)


def test_scene(place, capsys):
    write_map(place / "maps" / "sub-01" / "map")
    assert run(SCENE, slow=False) == 2
    named = re.findall(r"`(maps/[^`]+)`", SCENE)
    assert len(named) >= 5
    assert [n for n in named if not (place / n).exists()] == []
    assert "tibialis anterior" in capsys.readouterr().out


def test_every_block_of_the_page_belongs_to_an_example():
    everything = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(everything) == sum(len(BLOCK.findall(s)) for s in (FACILITY, RESEARCHER, SCENE))
    assert np.sum([bool(slow) for _, slow, _ in everything]) == 2


@pytest.mark.slow
def test_runs_of_the_core_facility(place):
    assert main(["phantom", "study", "--preset", "small", "--no-mre", "--no-emg"]) == 0
    for line in "".join(t for _, slow, t in BLOCK.findall(FACILITY) if slow).splitlines():
        assert main(shlex.split(line)[1:]) == 0, line
    assert "sub-01.html" in (place / "maps" / "group.html").read_text(encoding="utf-8")
