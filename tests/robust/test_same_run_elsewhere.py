"""The whole workflow gives the same bytes in another place, time, language and with other cores."""

import os
import shutil
import stat
import subprocess

import pytest
from results_of_runs import ended, results

pytestmark = [pytest.mark.slow, pytest.mark.robust]


def reversed_copy(source, target):
    """Copy a folder file by file in the reverse order of names, so that listings differ."""
    for path in sorted(source.rglob("*"), reverse=True):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)


def same(out, whole):
    """Compare results; what names the folder of the study may differ."""
    named = ("dataset_description.json",)
    first, second = results(out), results(whole)
    return {n for n in first.keys() | second.keys() if first.get(n) != second.get(n)} - {*named}


def languages():
    found = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.split()
    return [n for n in ("tr_TR.utf8", "de_DE.utf8", "en_US.utf8") if n in found] or ["C"]


def test_elsewhere_with_one_core(pennate_run, undisturbed, study, tmp_path):
    whole, _ = undisturbed
    reversed_copy(study / "bids", tmp_path / "other" / "stüdy")
    home = tmp_path / "home"
    home.mkdir()
    process = pennate_run(
        tmp_path / "out", cores=1, bids=tmp_path / "other" / "stüdy", TZ="Pacific/Kiritimati",
        LC_ALL=languages()[0], LANG="tr_TR.UTF-8", LC_NUMERIC="de_DE.UTF-8", HOME=str(home),
        PYTHONHASHSEED="7", NUMBA_NUM_THREADS="1", MPLCONFIGDIR=str(home / "mpl"),
        XDG_CACHE_HOME=str(home / "cache"),
    )  # fmt: skip
    code, said, errors = ended(process)
    assert code == 0, said + errors
    assert not same(tmp_path / "out", whole)


@pytest.mark.parametrize("mask", [0o077, 0o027])
def test_with_narrow_rights_the_same_bytes_and_no_wider_rights(
    mask, pennate_run, undisturbed_light, study, tmp_path
):  # fmt: skip
    whole, _ = undisturbed_light
    shell = ["sh", "-c", f'umask {mask:03o}; exec "$@"', "sh"]
    code, said, errors = ended(pennate_run(tmp_path / "out", bids=study / "light", before=shell))
    assert code == 0, said + errors
    assert not same(tmp_path / "out", whole)
    wide = [p for p in (tmp_path / "out").rglob("*") if stat.S_IMODE(p.lstat().st_mode) & mask]
    # Snakemake gives what it remembers of itself to the group, whatever the mask.
    assert not [p for p in wide if ".snakemake" not in p.parts]


def test_inputs_of_the_future_are_named_before_anything_runs(pennate_run, study, tmp_path):
    shutil.copytree(study / "light", tmp_path / "bids")
    ahead = tmp_path / "bids" / "sub-01" / "mre" / "sub-01_acq-60Hz_part-mag_mre.nii.gz"
    os.utime(ahead, (4e9, 4e9))
    code, _, errors = ended(pennate_run(tmp_path / "out", bids=tmp_path / "bids"))
    assert code == 2
    assert "sub-01/mre/sub-01_acq-60Hz_part-mag_mre.nii.gz was changed on 2096-10-02" in errors
    assert not (tmp_path / "out").exists()


def test_a_clock_that_is_set_back_between_two_runs(pennate_run, undisturbed_light, study, tmp_path):
    whole, _ = undisturbed_light
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    for path in out.rglob("*"):
        if path.is_file() and path.relative_to(out).parts[0] != ".pennate":
            os.utime(path, (4e9, 4e9))
    (out / "sub-01.html").unlink()
    code, said, errors = ended(pennate_run(out, bids=study / "light"))
    assert code == 0, said + errors
    assert not same(out, whole)
    assert max(p.stat().st_mtime for p in out.rglob("*.nii.gz")) < 4e9
