"""Same bytes in another time zone, language, folder, and with another count of threads; faults."""

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from results_of_runs import SMALL, digests

pytestmark = [pytest.mark.slow, pytest.mark.robust]
VERBS = (*SMALL, "segment", "diffusion", "fibres", "elastography", "ultrasound")
ELSEWHERE = {
    "TZ": "Pacific/Kiritimati", "LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8",
    "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2",
}  # fmt: skip
HERE = {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("verb", VERBS)
def test_same_bytes_elsewhere(verb, arguments, call, tmp_path):
    """Two folders of one depth: the page tells the way to the map from where it is."""
    for name, environment in (("a/near", HERE), ("b/deep er", ELSEWHERE)):
        done = call(verb, arguments(verb), tmp_path / name, **environment)
        assert done.returncode == 0, done.stderr
    first, second = digests(tmp_path / "a" / "near"), digests(tmp_path / "b" / "deep er")
    assert first and first == second


@pytest.mark.parametrize("verb", [v for v in VERBS if v != "report"])
def test_same_bytes_years_ago(verb, arguments, whole, call, tmp_path):
    """Verbs alone, and no report: under libfaketime CPython cannot wait with a limit of time."""
    places = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1")]
    if not places:
        pytest.skip("libfaketime is not installed")
    clock = {"LD_PRELOAD": str(places[0]), "FAKETIME": "-15y", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    done = call(verb, arguments(verb), tmp_path / "out", **clock)
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "out") == digests(whole(verb, arguments(verb))[0])


@pytest.mark.parametrize("verb", VERBS)
def test_no_output_carries_the_day(verb, arguments, whole):
    from planted import pieces

    out, _ = whole(verb, arguments(verb))
    today = time.strftime("%Y-%m-%d|%Y%m%d|%d.%m.%Y").encode().split(b"|")
    for path in (p for p in out.rglob("*") if p.is_file()):
        for piece in pieces(path.read_bytes(), path):
            assert not any(day in piece for day in today), path.name


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("verb", VERBS)
def test_a_full_disk_is_one_sentence_and_leaves_no_half_file(
    verb, share, arguments, whole, call, tmp_path
):
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    made, _ = whole(verb, arguments(verb))
    size = sum(p.stat().st_size for p in made.rglob("*") if p.is_file())
    disk = tmp_path / "disk"
    disk.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", f"size={max(4096, int(share * size))}", "tmpfs"]
    if subprocess.run([*small, disk], capture_output=True).returncode:
        pytest.skip("this machine mounts no tmpfs")
    try:
        done = call(verb, arguments(verb), disk / "out")
        left = digests(disk)
    finally:
        subprocess.run(["umount", disk], check=True)
    said = [line for line in done.stderr.splitlines() if not line.startswith("warning")]
    assert done.returncode == 1, done.stderr
    assert len(said) == 1, done.stderr
    assert said[0].startswith(f"pennate {verb} failed: {disk / 'out'}: the disk is full ")
    assert {n.removeprefix("out/"): d for n, d in left.items()}.items() <= digests(made).items()


@pytest.mark.parametrize("verb", VERBS)
def test_a_limit_of_size_is_told_like_a_quota(verb, arguments, whole, tmp_path):
    """The system answers at the same place as for a quota, with a number of its own."""
    made, _ = whole(verb, arguments(verb))
    largest = max(p.stat().st_size for p in made.rglob("*") if p.is_file())
    target = tmp_path / "out" / ("page.html" if verb == "report" else "")
    command = [sys.executable, "-m", "imaging", verb, *arguments(verb), "--out", target]
    limit = (largest - 1) // 2
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith("warning")]
    assert len(said) == 1 and "the disk is full (" in said[0], done.stderr
    assert not digests(tmp_path / "out")


@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_any_moment_the_next_run_gives_the_same_bytes(
    verb, arguments, whole, call, tmp_path
):
    made, takes = whole(verb, arguments(verb))
    expected, out = digests(made), tmp_path / "out"
    target = out / "page.html" if verb == "report" else out
    command = [sys.executable, "-m", "imaging", verb, *arguments(verb), "--out", target]
    for share in (0.3, 0.6, 0.8, 0.9, 0.95):
        process = subprocess.Popen([str(c) for c in command], stderr=subprocess.DEVNULL)
        time.sleep(share * takes)
        process.kill()
        process.wait()
        shown = {n: d for n, d in digests(out).items() if ".partial-" not in n}
        assert shown.items() <= expected.items(), share  # what is in place is whole
    assert call(verb, arguments(verb), out).returncode == 0
    assert digests(out) == expected
