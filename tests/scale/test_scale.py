"""A night of a core facility: many legs, five of them broken, each explained in the morning.

About half an hour on two cores; ``PENNATE_SCALE=20 make test-scale`` takes a tenth of it.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import pandas as pd
import pytest
from large_study import BREAKS, LEG, copies, drawn, replaced

pytestmark = [pytest.mark.slow, pytest.mark.scale]
SESSIONS = int(os.environ.get("PENNATE_SCALE", "200"))
# Processor time, which other work on the machine changes less than the wall.
PLAN_S, PLAN_MB, PAGE_MB = 10.0, 400.0, 5.0


@dataclass
class Told:
    """What a call said, and its cost: that of its largest process, of memory."""

    code: int
    stdout: str
    stderr: str
    wall_s: float
    cpu_s: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.wall_s:9.1f} s wall {self.cpu_s:9.1f} s processor {self.peak_mb:7.0f} MB"


def pennate(*arguments: object) -> Told:
    call = [sys.executable, "-m", "imaging", *map(str, arguments)]
    start = time.monotonic()
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        process = subprocess.Popen(call, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)  # with all that it waited for
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        said = [file.seek(0) or file.read() for file in (out, err)]
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    return Told(process.returncode, *said, wall, cpu, peak)


@pytest.fixture(scope="module")
def told():
    """Return what each call said, by its name; printed at the end."""
    calls: dict[str, Told] = {}
    yield calls
    print(f"\n{SESSIONS} sessions, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name, call in calls.items():
        print(f"{name:14s}{call}")


@pytest.fixture(scope="module")
def study(tmp_path_factory, told):
    """Return the study, its output folder, all its sessions and which are broken by what."""
    home = tmp_path_factory.mktemp("scale")
    leg, bids = home / "leg", home / "bids"
    told["phantom"] = pennate("phantom", leg, *LEG)
    assert told["phantom"].code == 0, told["phantom"].stderr
    drawn(leg, "sub-01")
    prefixes = copies(leg, bids, SESSIONS)
    # Spread over the study, the first and the last among them.
    step = (SESSIONS - 1) / (len(BREAKS) - 1)
    broken = {prefixes[round(n * step)]: damage for n, damage in enumerate(BREAKS)}
    for prefix, damage in broken.items():
        damage(bids, prefix)
    return bids, home / "out", prefixes, broken


@pytest.fixture(scope="module")
def finished(study, told):
    """Return what the level participant said; the plan is looked at before."""
    bids, out, *_ = study
    call = ("run", bids, out, "participant", "--nprocs", 2)
    told["plan"] = pennate(*call, "--dry-run", "--skip-bids-validation")
    assert not out.exists()
    told["check"] = pennate("check", bids)
    told["participant"] = pennate(*call)
    return told


def written(out: Path) -> dict[str, int]:
    """Return when each result of a session was written."""
    files = [*out.glob("sub-*"), *out.glob("sub-*/**/*")]
    return {str(p.relative_to(out)): p.stat().st_mtime_ns for p in files if p.is_file()}


def test_a_study_is_planned_in_seconds(study, finished):
    plan = finished["plan"]
    assert plan.code == 0, plan.stderr
    lines = plan.stdout.splitlines()
    assert sum(line.startswith("  sub-") for line in lines) == SESSIONS
    assert plan.cpu_s < PLAN_S, plan
    assert plan.peak_mb < PLAN_MB, plan


def test_check_names_who_cannot_be_run(study, finished):
    check, broken = finished["check"], study[3]
    assert check.code == 2
    told_later = 1  # an image of noise is an image: who looks for a leg finds none
    assert (
        f"{SESSIONS - len(broken) + told_later} of {SESSIONS} sessions can be run" in check.stdout
    )


def test_all_others_are_finished_and_each_broken_one_is_explained(study, finished):
    run, (_, out, prefixes, broken) = finished["participant"], study
    assert run.code == 2, run.stdout[-2000:] + run.stderr[-2000:]
    last = run.stdout.splitlines()[-1]
    assert last.startswith(f"{SESSIONS - len(broken)} of {SESSIONS} sessions finished")
    table = pd.read_csv(out / "summary.tsv", sep="\t", keep_default_na=False)
    table = table.set_index("participant_id")
    assert table.index.tolist() == prefixes
    assert set(table.index[table["status"] != "finished"]) == set(broken)
    reasons = table.loc[list(broken), "reason"]
    assert len(set(reasons)) == len(broken)
    for prefix, damage in broken.items():
        assert table["status"][prefix] == "refused"
        assert BREAKS[damage] in reasons[prefix]
        assert reasons[prefix] in run.stderr
    assert "Traceback" not in run.stderr


def test_the_same_leg_has_the_same_figures_under_every_label(study, finished):
    _, out, prefixes, broken = study
    tables = {p: out / p / "map" / f"{p}_muscles.tsv" for p in prefixes if p not in broken}
    contents = {path.read_bytes().replace(p.encode(), b"") for p, path in tables.items()}
    assert len(contents) == 2, "with a recording, and without"
    pages = [out / f"{prefix}.html" for prefix in tables]
    assert all(page.stat().st_size > 10_000 for page in pages)


def test_a_second_run_does_nothing(study, finished, told):
    bids, out, *_ = study
    before = written(out)
    told["again"] = pennate("run", bids, out, "participant", "--nprocs", 2)
    changed = {name for name, when in written(out).items() if before.get(name) != when}
    assert not changed, "only the image of noise is tried again, and refused"
    assert told["again"].code == 2


def test_a_changed_recording_changes_its_own_session_only(study, finished, told):
    bids, out, _, broken = study
    path = next(p for p in sorted(bids.glob("sub-*/emg/*_emg.json")) if p.parts[-3] not in broken)
    prefix = path.parts[-3]
    before = written(out)
    replaced(path, path.read_bytes() + b"\n")  # the same bytes would be no change
    told["one changed"] = pennate("run", bids, out, "participant", "--nprocs", 2)
    after = written(out)
    changed = {name for name, when in after.items() if before.get(name) != when}
    assert changed and after.keys() == before.keys()
    assert {name.split("/")[0].split(".")[0] for name in changed} == {prefix}
    folders = {name.split("/")[1] for name in changed if "/" in name}
    assert folders == {"func", "map", "export"}
    assert f"{prefix}.html" in changed


def test_the_group_has_one_page_that_opens(study, finished, told):
    bids, out, _, broken = study
    told["group"] = pennate("run", bids, out, "group")
    assert told["group"].code == 2, told["group"].stderr[-2000:]
    page = out / "group.html"
    assert page.stat().st_size < 1e6 * PAGE_MB
    text = page.read_text()
    for prefix in broken:
        assert f"missing: {prefix} refused" in told["group"].stderr
        assert prefix in text
    print(f"\ngroup page of {SESSIONS - len(broken)}: {page.stat().st_size / 1e6:.2f} MB")
