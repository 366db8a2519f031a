"""The whole workflow on the demo: an earlier build and today's, in turn, and legs per hour.

    python -m benchmarks.throughput [--before a4f14b3] [--study BIDS] [--repeat 2]

Every build makes the map of the same data set on two cores: `--study`, or the demo phantom of the
earlier build, which today's reads, too (not the other way round). Today's build then does its own
demo, which has more inputs, for the stages that are new. Each verb that the workflow starts notes
its wall time, its processor time with that of the processes it waited for, and the memory of the
largest of them, in one way for both builds. Printed: a table of stages, the sums, their ratios
against the goals (wall .5, processor time .6, memory of the largest job .7), and the accuracy table
of each map by today's `benchmarks.accuracy`. The first run of a tree
compiles its numerical kernels, so of two runs in turn the one of less processor time counts.
Figures mean something on an idle machine only; the load before each run is printed.

Legs per hour: the measured jobs of today's build, of one thread each as where sessions fill the
cores, so that a job takes its processor time, handed out to a number of cores by a greedy scheduler
(a ready job starts as soon as a core is free, jobs of the earliest leg first), which is what
Snakemake's does while no other resource runs short. A job is taken to last as long as on the
machine it was measured on: no slower when sixteen share a disk and a memory bus.
"""

from __future__ import annotations

import argparse
import heapq
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
GOALS = {"wall s": 0.5, "cpu s": 0.6, "largest MB": 0.7}
# What a job waits for, where its leg has it.
NEEDS = {
    "segment": (),
    "function": (),
    "composition": ("segment",),
    "diffusion": ("segment",),
    "fibres": ("segment", "diffusion"),
    "elastography": ("segment", "fibres"),
    "ultrasound": ("segment", "fibres"),
    "map": ("segment", "function", "composition", "fibres", "elastography", "ultrasound"),
    "export": ("map",),
    "report": ("map", "export"),
}
# Loaded by every Python of a run; only verbs that the workflow starts note what they used.
_WATCH = """
import atexit, os, resource, sys, time
verb = next(iter(sys.orig_argv[2:]), "")
if os.path.basename(next(iter(sys.orig_argv[1:]), "")) == "pennate" and verb != "run":
    begin, pid = time.monotonic(), os.getpid()
    def note():
        if os.getpid() != pid:
            return
        used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu = sum(u.ru_utime + u.ru_stime for u in used)
        mb = max(u.ru_maxrss for u in used) / 1024
        with open({table!r}, "a") as file:
            print(verb, time.monotonic() - begin, cpu, mb, sep="\\t", file=file)
    atexit.register(note)
"""


class Job(NamedTuple):
    """One job as measured."""

    wall: float
    cpu: float
    mb: float


class Run(NamedTuple):
    """One run of the workflow: its wall and processor time (s), and its jobs."""

    wall: float
    cpu: float
    jobs: dict[str, Job]

    @property
    def figures(self) -> dict[str, float]:
        """The three figures that have goals."""
        largest = max(job.mb for job in self.jobs.values())
        return {"wall s": self.wall, "cpu s": self.cpu, "largest MB": largest}


def run(tree: Path, study: Path, out: Path) -> Run:
    """Make the map of a study by a source tree on two cores, and return what it cost."""
    watch = out.with_name(out.name + "-watch")
    watch.mkdir()
    table = watch / "jobs.tsv"
    (watch / "sitecustomize.py").write_text(_WATCH.format(table=str(table)))
    places = os.pathsep.join([str(watch), str(tree)])
    environment = {**os.environ, "PYTHONPATH": places}
    environment.pop("OMP_NUM_THREADS", None)
    call = [sys.executable, "-m", "imaging", "run", str(study), str(out), "participant"]
    begin, before = time.monotonic(), os.times()
    told = subprocess.run([*call, "--nprocs", "2"], cwd=tree, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    wall, after = time.monotonic() - begin, os.times()
    if told.returncode:
        sys.exit(f"{tree}:\n{told.stdout[-3000:]}")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    jobs = {}
    for line in table.read_text().splitlines():
        verb, *figures = line.split("\t")
        jobs[verb] = Job(*map(float, figures))
    return Run(wall, cpu, jobs)


def best(runs: list[Run]) -> Run:
    """Return the run that took the least processor time: the least disturbed one."""
    return min(runs, key=lambda r: r.cpu)


def print_stages(builds: dict[str, Run]) -> None:
    """Print what each stage cost in each build, and the ratios."""
    print("stage         " + "".join(f"{n:>12s}{'':16s}" for n in builds))
    print("              " + "      wall s     cpu s      MB" * len(builds))
    verbs = dict.fromkeys(v for n in reversed(builds) for v in builds[n].jobs)
    for verb in sorted(verbs, key=lambda v: list(NEEDS).index(v) if v in NEEDS else 99):
        row = f"{verb:14s}"
        for found in builds.values():
            job = found.jobs.get(verb)
            row += f"{'-':>28s}" if job is None else f"{job[0]:12.1f}{job[1]:10.1f}{job[2]:8.0f}"
        print(row)
    for name, found in builds.items():
        inside = sum(job.cpu for job in found.jobs.values())
        print(f"{name}: " + ", ".join(f"{k} {v:.0f}" for k, v in found.figures.items())
              + f" (engine and start: {found.cpu - inside:.0f} s of processor time)")  # fmt: skip
    if len(builds) == 2:
        before, today = (b.figures for b in builds.values())
        for name, goal in GOALS.items():
            ratio = today[name] / before[name]
            met = "" if ratio <= goal else " MISSED"
            print(f"{name:12s} today / before {ratio:.2f} (goal {goal}){met}")


def simulated(jobs: dict[str, Job], cores: int, legs: int) -> float:
    """Return the time (s) that a number of legs takes on a number of cores."""
    waiting = {(leg, verb) for leg in range(legs) for verb in jobs}
    order = {verb: k for k, verb in enumerate(NEEDS)}
    done: set[tuple[int, str]] = set()
    running: list[tuple[float, int, str]] = []
    now = 0.0
    while waiting or running:
        ready = [
            (leg, verb)
            for leg, verb in waiting
            if all((leg, n) in done or n not in jobs for n in NEEDS[verb])
        ]
        first = sorted(ready, key=lambda job: (job[0], order[job[1]]))
        for leg, verb in first[: cores - len(running)]:
            heapq.heappush(running, (now + jobs[verb].cpu, leg, verb))
            waiting.remove((leg, verb))
        now, leg, verb = heapq.heappop(running)
        done.add((leg, verb))
    return now


def print_legs_per_hour(found: Run) -> None:
    """Print how many legs an hour holds."""
    for cores, legs in ((2, 20), (16, 200)):
        took = simulated(found.jobs, cores, legs)
        hourly = 3600 * legs / took
        print(f"{legs} legs on {cores} cores: {took / 60:.0f} min, {hourly:.0f} an hour")


def demo(tree: Path, study: Path) -> Path:
    """Write the demo phantom of a build."""
    call = [sys.executable, "-m", "imaging", "phantom", str(study)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    subprocess.run([*call, "--preset", "demo", "--seed", "1", "--us"], check=True, cwd=tree,
                   env=environment, stdout=subprocess.DEVNULL)  # fmt: skip
    return study


def in_turn(trees: dict[str, Path], study: Path, scratch: Path, args: argparse.Namespace) -> None:
    """Run all builds over one study, and today's over its own demo; print every table."""
    runs: dict[str, list[Run]] = {name: [] for name in trees}
    for turn in range(args.repeat):
        for name, tree in trees.items():
            print(f"{name}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
            runs[name].append(run(tree, study, scratch / f"{name}-{turn}"))
    print("one data set, both builds")
    print_stages({name: best(each) for name, each in runs.items()})
    own = demo(ROOT, scratch / "own")
    today = run(ROOT, own, scratch / "own-map")
    print("\ntoday's own demo, which has more inputs")
    print_stages({"today": today})
    print_legs_per_hour(today)
    maps = {name: (study, scratch / f"{name}-0") for name in trees}
    maps["today, own demo"] = (own, scratch / "own-map")
    for name, folders in maps.items():
        print(f"\naccuracy, {name}", flush=True)
        subprocess.run([sys.executable, "-m", "benchmarks.accuracy", *map(str, folders)], cwd=ROOT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", default="a4f14b3", help="Commit to compare with")
    parser.add_argument("--study", type=Path, help="BIDS folder with one phantom leg")
    parser.add_argument("--repeat", type=int, default=2, help="Runs of each build, in turn")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        trees = {args.before: scratch / "before", "today": ROOT}
        git = ["git", "-C", str(ROOT), "worktree"]
        before = str(trees[args.before])
        subprocess.run([*git, "add", "--detach", "--quiet", before, args.before], check=True)
        try:
            study = args.study or demo(trees[args.before], scratch / "bids")
            in_turn(trees, study, scratch, args)
        finally:
            subprocess.run([*git, "remove", "--force", before], check=True)


if __name__ == "__main__":
    main()
