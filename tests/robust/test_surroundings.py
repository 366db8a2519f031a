"""Same bytes in another time zone, language, folder, and with another count of threads; faults."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from conftest import digests

pytestmark = [pytest.mark.slow, pytest.mark.robust]
VERBS = ("composition", "function", "map", "export", "report")
ELSEWHERE = {
    "TZ": "Pacific/Kiritimati", "LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8",
    "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2",
}  # fmt: skip
HERE = {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("verb", VERBS)
def test_same_bytes_elsewhere(verb, verbs, call, tmp_path):
    for name, environment in (("a", HERE), ("b/deep er", ELSEWHERE)):
        done = call(verb, verbs[verb], tmp_path / name, **environment)
        assert done.returncode == 0, done.stderr
    first, second = digests(tmp_path / "a"), digests(tmp_path / "b" / "deep er")
    assert first and first == second


@pytest.mark.parametrize("verb", VERBS)
def test_no_output_carries_the_day(verb, verbs, call, tmp_path):
    from planted import pieces

    assert call(verb, verbs[verb], tmp_path / "a").returncode == 0
    today = time.strftime("%Y-%m-%d|%Y%m%d|%d.%m.%Y").encode().split(b"|")
    for path in (p for p in (tmp_path / "a").rglob("*") if p.is_file()):
        for piece in pieces(path.read_bytes(), path):
            assert not any(day in piece for day in today), path.name


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("verb", VERBS)
def test_a_full_disk_is_one_sentence_and_leaves_no_half_file(verb, share, verbs, call, tmp_path):
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    assert call(verb, verbs[verb], tmp_path / "whole").returncode == 0
    whole = digests(tmp_path / "whole")
    size = sum(p.stat().st_size for p in (tmp_path / "whole").rglob("*") if p.is_file())
    disk = tmp_path / "disk"
    disk.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", f"size={max(4096, int(share * size))}", "tmpfs"]
    if subprocess.run([*small, disk], capture_output=True).returncode:
        pytest.skip("this machine mounts no tmpfs")
    try:
        done = call(verb, verbs[verb], disk / "out")
        left = digests(disk)
    finally:
        subprocess.run(["umount", disk], check=True)
    said = [line for line in done.stderr.splitlines() if not line.startswith("warning")]
    assert done.returncode in (1, 2), done.stderr
    assert len(said) == 1 and said[0].startswith(f"pennate {verb}: "), done.stderr
    assert "Traceback" not in done.stderr
    assert {n.removeprefix("out/"): d for n, d in left.items()}.items() <= whole.items()


@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_any_moment_the_next_run_gives_the_same_bytes(verb, verbs, call, tmp_path):
    start = time.perf_counter()
    assert call(verb, verbs[verb], tmp_path / "whole").returncode == 0
    takes = time.perf_counter() - start
    whole, out = digests(tmp_path / "whole"), tmp_path / "out"
    target = out / "page.html" if verb == "report" else out
    command = [sys.executable, "-m", "imaging", verb, *verbs[verb], "--out", target]
    for share in (0.3, 0.6, 0.8, 0.9, 0.95):
        process = subprocess.Popen([str(c) for c in command], stderr=subprocess.DEVNULL)
        time.sleep(share * takes)
        process.kill()
        process.wait()
        shown = {n: d for n, d in digests(out).items() if ".partial-" not in n}
        assert shown.items() <= whole.items(), share  # what is in place is whole
    assert call(verb, verbs[verb], out).returncode == 0
    assert digests(out) == whole
