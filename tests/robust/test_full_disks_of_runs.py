"""A whole run on disks that fill up: one sentence that names the disk, then it goes on."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest
from results_of_runs import ended, results

pytestmark = [pytest.mark.slow, pytest.mark.robust]
# Shares of what all results take; the last leaves room for everything but the engine's own state.
SHARES = (0.02, 0.1, 0.3, 0.6, 0.9, 1.0)


@contextmanager
def small_disk(folder, size):
    """Mount a disk of some bytes; yield what makes it larger."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    folder.mkdir(parents=True, exist_ok=True)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True
    ).returncode:
        pytest.skip("this machine mounts no tmpfs")
    try:
        yield lambda more: subprocess.run(
            ["mount", "-o", f"remount,size={more}", folder], check=True
        )
    finally:
        subprocess.run(["umount", folder], check=True)


def told(errors):
    """Return the sentences of the command itself."""
    return [line for line in errors.splitlines() if line.startswith("pennate ")]


def test_the_disk_of_the_results_fills_up_and_is_made_larger(pennate_run, undisturbed, tmp_path):
    whole, _ = undisturbed
    expected = results(whole)
    size = sum(p.stat().st_size for p in whole.rglob("*") if p.is_file())
    disk = tmp_path / "disk"
    with small_disk(disk, 64 * 1024) as enlarge:
        stopped = set()
        for share in SHARES:
            enlarge(max(64 * 1024, int(share * size)))
            code, said, errors = ended(pennate_run(disk / "out"))
            assert "Traceback" not in errors, errors
            if code == 0:
                break
            assert code == 1, (share, said, errors)
            full = [line for line in errors.splitlines() if "the disk is full" in line]
            assert full and all(str(disk / "out") in line for line in full), errors
            here = {n: d for n, d in results(disk / "out").items() if n.startswith("sub-01")}
            assert here.items() <= expected.items(), share
            stopped |= {line.split(" of ")[0] for line in said.splitlines()
                        if line.endswith(": failed")}  # fmt: skip
        enlarge(4 * size)
        code, said, errors = ended(pennate_run(disk / "out"))
        assert code == 0, said + errors
        assert results(disk / "out") == expected
        assert not [p for p in (disk / "out").rglob("*") if ".partial-" in p.name]
    assert len(stopped) >= 4, stopped


def test_the_disk_of_the_engines_state_is_full(pennate_run, undisturbed_light, study, tmp_path):
    whole, _ = undisturbed_light
    with small_disk(tmp_path / "state", 16 * 1024) as enlarge:
        code, _, errors = ended(
            pennate_run(tmp_path / "out", "--work-dir", tmp_path / "state", bids=study / "light")
        )
        assert code == 1
        assert "Traceback" not in errors
        (sentence,) = told(errors)
        assert sentence.startswith(f"pennate run failed: {tmp_path / 'state'}"), errors
        enlarge(64 * 1024 * 1024)
        code, said, errors = ended(
            pennate_run(tmp_path / "out", "--work-dir", tmp_path / "state", bids=study / "light")
        )
        assert code == 0, said + errors
        assert results(tmp_path / "out") == results(whole)


def test_scratch_folders_that_are_full_or_not_there(
    pennate_run, undisturbed_light, study, tmp_path
):
    """Results are never moved from there, so that another disk does not matter."""
    whole, _ = undisturbed_light
    with small_disk(tmp_path / "scratch", 8 * 1024):
        (tmp_path / "scratch" / "rest").write_bytes(bytes(4 * 1024))
        code, said, errors = ended(
            pennate_run(tmp_path / "a", bids=study / "light", TMPDIR=str(tmp_path / "scratch"))
        )
    assert "Traceback" not in errors
    assert code == 0 or "the disk is full" in errors, said + errors
    code, said, errors = ended(
        pennate_run(tmp_path / "b", bids=study / "light", TMPDIR=str(tmp_path / "nowhere"))
    )
    assert code == 0, said + errors
    assert results(tmp_path / "b") == results(whole)


def test_a_read_only_disk_is_one_sentence(pennate_run, study, tmp_path):
    with small_disk(tmp_path / "disk", 1024 * 1024):
        (tmp_path / "disk" / "out").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "disk"], check=True)
        code, _, errors = ended(pennate_run(tmp_path / "disk" / "out", bids=study / "light"))
    assert code == 2
    assert told(errors) == [
        f"pennate run: {tmp_path / 'disk' / 'out'}: cannot be written (Read-only file system). "
        "Choose another output folder."
    ]
