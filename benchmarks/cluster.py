"""What a job of Slurm costs beside its step, one job each and by arrays.

    python -m benchmarks.cluster [--maps 4]

Starts a Slurm of this machine alone (root, Debian's slurm-wlm), as the tests do, and lets
``pennate run --reports-only`` write the pages of some small maps: on this machine without Slurm,
by a job for each page, and by one array. `waits`: from sending a job to its start, also behind
others. `starts`: time of the job beside that of the step (two starts of Snakemake and the plan).
`noticed`: from its end until Snakemake counts it. Medians of wall time, so the load counts.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "slurm")]

from cluster import Cluster, missing  # noqa: E402
from synthetic_map import write_map  # noqa: E402

_FINISHED = re.compile(r"\[(.+)\]\nFinished jobid: \d+ \(Rule: report\)")


def study(home: Path, maps: int) -> tuple[Path, Path]:
    """Write images without content and finished maps, so that only pages are missing."""
    for prefix in (f"sub-{n:03d}" for n in range(1, maps + 1)):
        image = home / "bids" / prefix / "anat" / f"{prefix}_T1w.nii.gz"
        image.parent.mkdir(parents=True)
        image.touch()
        write_map(home / "out" / prefix / "map", prefix)
    return home / "bids", home / "out"


def run(home: Path, maps: int, cluster: Cluster, *options: str) -> tuple[float, pd.DataFrame]:
    """Return the seconds of a run, and those of each of its steps."""
    bids, out = study(home, maps)
    call = [sys.executable, "-m", "imaging", "run", bids, out, "participant", "--reports-only"]
    begin = time.monotonic()
    environment = {**cluster.environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*map(str, call), *options], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    wall = time.monotonic() - begin
    return wall, pd.read_csv(out / "logs" / "resources.tsv", sep="\t")


def costs(cluster: Cluster, before: set[str], home: Path, step_s: float) -> dict[str, float]:
    """Return the medians of what was waited for, in seconds."""
    rows = [row for row in cluster.jobs("%i|%V|%S|%e") if row[0] not in before]
    sent, start, end = (pd.to_datetime([row[n] for row in rows]) for n in (1, 2, 3))
    log = (home / "out" / ".pennate" / "snakemake.log").read_text(encoding="utf-8")
    told = sorted(datetime.strptime(text, "%c") for text in _FINISHED.findall(log))
    noticed = [(t - e).total_seconds() for t, e in zip(told, sorted(end), strict=True)]
    return {
        "waits": (start - sent).total_seconds().to_series().median(),
        "starts": (end - start).total_seconds().to_series().median() - step_s,
        "noticed": pd.Series(noticed).median(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=4)
    maps = parser.parse_args().maps
    if why := missing():
        print(f"nothing measured: {why}")
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        cluster = Cluster(home / "slurm", nodes=2, cpus=1, memory_mb=6000)
        profile = yaml.safe_load((ROOT / "workflow/profiles/slurm/config.yaml").read_text())
        (home / "arrays").mkdir()
        profile["slurm-array-jobs"] = "report"
        (home / "arrays" / "config.yaml").write_text(yaml.safe_dump(profile))
        print(f"{maps} pages, two processors, load {os.getloadavg()[0]:.1f} before")
        try:
            cluster.start()
            wall, steps = run(home / "here", maps, cluster, "--nprocs", "2")
            print(f"no Slurm: {wall:.0f} s; a step {steps['wall_s'].median():.1f} s")
            for name, given in (("jobs", "slurm"), ("array", str(home / "arrays"))):
                before = {row[0] for row in cluster.jobs()}
                wall, steps = run(home / name, maps, cluster, "--profile", given)
                step = steps["wall_s"].median()
                found = costs(cluster, before, home / name, step)
                print(
                    f"{name}: {wall:.0f} s; a step {step:.1f} s; "
                    + ", ".join(f"{key} {value:.1f} s" for key, value in found.items())
                )
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
