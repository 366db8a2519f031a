"""A study of many sessions: planning, checking, reruns, and how long each verb takes to start.

    python -m benchmarks.scale [--sessions 10 50 200] [--before a4f14b3] [--study BIDS]

The study is one small phantom leg under many labels (hard links; `--study` takes a folder that has
sub-01 instead of making one). `plan` is ``pennate run ... --dry-run --skip-bids-validation``, so
that no input is opened: wall time, processor time of all its processes, memory of the largest of
them; today's build and, with `--before`, that of a commit, in turn. Under other load only the
processor time can be compared. A straight line through them tells what a session adds. Goal: 200
sessions planned in 10 s. `check` opens every input of every session, and cannot be faster than
unpacking them. Goal: 200 in 20 s. `reruns`: the outputs are stood in for by empty files; steps
that would be done after nothing, and after one input of one session, has changed. `start`:
processor time until a verb's module is imported. Goal: at most .6 s for a verb that needs neither
VTK nor dipy.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from imaging.cli.app import VERBS
from imaging.config import Settings
from imaging.dataset import find_sessions
from imaging.pipeline import Plan
from imaging.pipeline.sessions import inspect

ROOT = Path(__file__).parents[1]
PLAN_S, CHECK_S, START_S = 10.0, 20.0, 0.6
_MEASURE = """
import json, resource, subprocess, sys, time
begin = time.monotonic()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"code": done.returncode, "wall": time.monotonic() - begin,
                  "cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024,
                  "said": (done.stdout + done.stderr)[-2000:]}))
"""


def measured(root: Path, *arguments: str) -> dict[str, float]:
    """Return wall and processor time (s) and memory (MB) of ``pennate`` of a source tree."""
    call = [sys.executable, "-c", _MEASURE, sys.executable, "-m", "imaging", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    told = subprocess.run(
        call, capture_output=True, text=True, check=True, env=environment, cwd=root
    )
    found = json.loads(told.stdout)
    if found["code"]:
        sys.exit(f"pennate {' '.join(arguments)}:\n{found['said']}")
    return found


def copies(leg: Path, n: int, study: Path) -> Path:
    """Write a study of `n` subjects that are all the same leg."""
    for source in (p for p in leg.iterdir() if p.is_file()):
        study.mkdir(parents=True, exist_ok=True)
        os.link(source, study / source.name)
    for number in range(1, n + 1):
        for base in ("sub-01", "derivatives/manual/sub-01"):
            for source in (p for p in (leg / base).rglob("*") if p.is_file()):
                name = str(source.relative_to(leg)).replace("sub-01", f"sub-{number:03d}")
                (study / name).parent.mkdir(parents=True, exist_ok=True)
                os.link(source, study / name)
    return study


def planning(trees: dict[str, Path], studies: dict[int, Path], scratch: Path) -> None:
    """Print the cost of planning, of each build and number of sessions."""
    print("plan      sessions   wall s    cpu s   memory MB")
    for name, tree in trees.items():
        rows = []
        for n, study in studies.items():
            found = measured(tree, "run", str(study), str(scratch / f"{name}-{n}"), "participant",
                             "--dry-run", "--skip-bids-validation")  # fmt: skip
            rows.append((n, found["wall"], found["cpu"], found["mb"]))
            mark = "*" if n >= 200 and found["wall"] > PLAN_S else " "
            print(
                f"{name:10s}{n:8d}{found['wall']:9.1f}{mark}{found['cpu']:8.1f}{found['mb']:12.0f}"
            )
        if len(rows) > 1:
            n, *figures = np.array(rows).T
            each, base = np.polyfit(n, np.transpose(figures), 1)
            print(f"{name:10s} a session adds {1e3 * each[1]:.0f} ms of processor time to "
                  f"{base[1]:.1f} s and {each[2]:.2f} MB to {base[2]:.0f} MB")  # fmt: skip


def checking(studies: dict[int, Path]) -> None:
    """Print the cost of opening every input."""
    print("\ncheck     sessions   wall s   input MB a second")
    for n, study in studies.items():
        found = measured(ROOT, "check", str(study))
        read = sum(p.stat().st_size for p in study.glob("sub-*/**/*") if p.is_file()) / 1e6
        mark = "*" if n >= 200 and found["wall"] > CHECK_S else " "
        print(f"{'today':10s}{n:8d}{found['wall']:9.1f}{mark}{read / found['wall']:12.0f}")
    # The pool's processes are nobody's children at the end: their cost is taken here.
    session = find_sessions(study)[0]
    packed = [p for p in (study / session.folder).rglob("*.gz") if p.is_file()]
    floor = used(lambda: [zlib.decompress(p.read_bytes(), 16 + zlib.MAX_WBITS) for p in packed])
    print(f"a session takes {1e3 * used(lambda: inspect(session)):.0f} ms of processor time; "
          f"unpacking its {sum(p.stat().st_size for p in packed) / 1e6:.0f} MB alone, "
          f"{1e3 * floor:.0f} ms")  # fmt: skip


def used(action: Callable[[], object]) -> float:
    """Return the processor time (s) of an action that was done once before, least of three."""
    action()
    times = []
    for _ in range(3):
        begin = sum(os.times()[:4])
        action()
        times.append(sum(os.times()[:4]) - begin)
    return min(times)


def reruns(study: Path, out: Path) -> None:
    """Print what would be done again."""
    settings = Settings(bids_dir=str(study), out_dir=str(out), open_inputs=False)
    sessions = find_sessions(study)
    plan = Plan(settings, sessions)
    for session in sessions:
        stages = [*plan.stages(session), "map"]
        for file in [f for s in stages for f in plan.files(s, session)] + plan.targets_of(session)[
            ::-1
        ]:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).touch()
    call = ("run", str(study), str(out), "participant", "--dry-run", "--skip-bids-validation")
    print(f"\nreruns of {len(sessions)} sessions")
    print("nothing changed:     " + measured(ROOT, *call)["said"].splitlines()[-1])
    recording = sessions[-1].recordings[0]
    content = recording.read_bytes()
    recording.unlink()
    recording.write_bytes(content)
    told = measured(ROOT, *call)["said"].splitlines()
    print("a recording changed: " + "; ".join(line.strip() for line in told[-2:]))


def starts() -> None:
    """Print how long the module of each verb takes to be imported."""
    code = (
        "import importlib, resource, sys; importlib.import_module('imaging.cli.' + sys.argv[1]);"
        "used = resource.getrusage(resource.RUSAGE_SELF);"
        "large = [m for m in ('vtkmodules', 'dipy') if m in sys.modules];"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, *large)"
    )
    print("\nstart           cpu s   memory MB")
    for verb in VERBS:
        runs = []
        for _ in range(3):
            call = [sys.executable, "-c", code, verb]
            runs.append(subprocess.run(call, capture_output=True, text=True).stdout.split())
        cpu, mb = min(float(r[0]) for r in runs), float(runs[0][1])
        mark = "*" if cpu > START_S and not runs[0][2:] else " "
        print(f"{verb:15s}{cpu:6.2f}{mark}{mb:11.0f}   {' '.join(runs[0][2:])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--before", help="Commit to compare planning with")
    parser.add_argument("--study", type=Path, help="BIDS folder with sub-01")
    parser.add_argument(
        "--skip", nargs="*", default=[], choices=["plan", "check", "reruns", "start"]
    )
    args = parser.parse_args()
    # Beside the study where there is one: hard links do not reach over file systems.
    above = None if args.study is None else args.study.resolve().parent
    with tempfile.TemporaryDirectory(dir=above) as folder:
        scratch, leg = Path(folder), args.study
        if leg is None:
            leg = scratch / "leg"
            measured(ROOT, "phantom", str(leg), "--preset", "small", "--seed", "1", "--us")
        studies = {n: copies(leg, n, scratch / f"study-{n}") for n in args.sessions}
        trees = {"today": ROOT}
        if args.before:
            trees[args.before] = scratch / "before"
            add = ["git", "-C", str(ROOT), "worktree", "add", "--detach", "--quiet"]
            subprocess.run([*add, str(scratch / "before"), args.before], check=True)
        try:
            if "plan" not in args.skip:
                planning(trees, studies, scratch)
        finally:
            if args.before:
                remove = ["git", "-C", str(ROOT), "worktree", "remove", "--force"]
                subprocess.run([*remove, str(scratch / "before")], check=True)
        if "check" not in args.skip:
            checking(studies)
        if "reruns" not in args.skip:
            reruns(studies[max(studies)], scratch / "rerun")
        if "start" not in args.skip:
            starts()


if __name__ == "__main__":
    main()
