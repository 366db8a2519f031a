"""Time and peak memory of ``pennate function``.

    python -m benchmarks.function_cost [--cases long-c3d long-edf long-csv demo]
        [--base FOLDER] [--minutes 10] [--channels 16] [--rate 2000] [--repeats 1]

Long: a trial of noise that swells once in each stride, with events in the file or beside it, as
C3D, EDF and CSV. Demo: the recording that ``pennate phantom`` writes by default. Each run is a
process of its own: wall clock, processor time and the largest resident memory of the process or of
one it started. With `--base`, another checkout is run beside this one on the demo's recording, in
turns, and the ratio of the times printed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from edfio import Edf, EdfSignal

from imaging.isolation import run_apart
from imaging.phantom.emg_files import write_walking

HERE = Path(__file__).resolve().parents[1]
MUSCLES = ("TA", "SOL", "GM", "GL", "PL", "RF", "VL", "BF")
STRIDE_S = 1.1
GIB = 1024.0


def names(channels: int) -> list[str]:
    """Return names of channels of both legs."""
    return [f"{side}_{muscle}" for muscle in MUSCLES for side in "LR"][:channels]


def strikes(minutes: float) -> list[tuple[float, str, str]]:
    """Return time, side and name of every strike and lift."""
    starts = np.arange(0.3, 60 * minutes - 0.1, STRIDE_S)
    found = []
    for side, late in (("Left", 0.0), ("Right", STRIDE_S / 2)):
        found += [(t + late, side, "Foot Strike") for t in starts]
        found += [(t + late + 0.6 * STRIDE_S, side, "Foot Off") for t in starts]
    return sorted(e for e in found if e[0] < 60 * minutes)


def signals(minutes: float, channels: int, rate_hz: float) -> np.ndarray:
    """Return EMG, uV, (C, N)."""
    rng = np.random.default_rng(0)
    n = int(60 * minutes * rate_hz)
    rows = rng.normal(size=(channels, n)).astype(np.float32)
    phase = (np.arange(n) / rate_hz / STRIDE_S) % 1
    for i, row in enumerate(rows):
        row *= 3 + 100 * (np.abs((phase - i / channels + 0.5) % 1 - 0.5) < 0.15)
    return rows


def write_edf(folder: Path, rows: np.ndarray, minutes: float, rate_hz: float) -> Path:
    """Write EDF with a table of events."""
    named = zip(rows, names(len(rows)), strict=True)
    made = [EdfSignal(row, rate_hz, label=name, physical_dimension="uV") for row, name in named]
    path = folder / "sub-01_task-walk_emg.edf"
    Edf(made).write(path)
    lines = [f"{t:.3f}\t0\t{side.lower()} {name}" for t, side, name in strikes(minutes)]
    table = "\n".join(["onset\tduration\ttrial_type", *lines])
    path.with_name("sub-01_task-walk_events.tsv").write_text(table + "\n")
    return path


def write_csv(folder: Path, rows: np.ndarray, minutes: float, rate_hz: float) -> Path:
    """Write the same signals as text."""
    folder = folder / "text"
    folder.mkdir()
    write_edf(folder, rows, minutes, rate_hz).unlink()
    path = folder / "sub-01_task-walk_emg.csv"
    times = np.arange(rows.shape[1]) / rate_hz
    head = ",".join(["time [s]", *(f"{name} [uV]" for name in names(len(rows)))])
    with path.open("w") as file:
        file.write(head + "\n")
        for start in range(0, rows.shape[1], 100_000):
            part = slice(start, start + 100_000)
            np.savetxt(file, np.c_[times[part], rows[:, part].T], fmt="%.5g", delimiter=",")
    return path


def write_c3d(path: Path, rows: np.ndarray, minutes: float, rate_hz: float) -> Path:
    """Write C3D with 100 frames a second and events; in a process of its own."""
    import ezc3d

    file = ezc3d.c3d()
    parameters = file["parameters"]
    frames = rows.shape[1] // int(rate_hz / 100)
    parameters["POINT"]["RATE"]["value"] = [100.0]
    parameters["POINT"]["LABELS"]["value"] = ["LHEE", "RHEE"]
    parameters["POINT"]["UNITS"]["value"] = ["mm"]
    file["data"]["points"] = np.ones((4, 2, frames))
    parameters["ANALOG"]["RATE"]["value"] = [rate_hz]
    parameters["ANALOG"]["LABELS"]["value"] = names(len(rows))
    parameters["ANALOG"]["UNITS"]["value"] = ["uV"] * len(rows)
    file["data"]["analogs"] = rows[None].astype(float)
    events = strikes(minutes)[:255]
    file.add_parameter("EVENT", "CONTEXTS", [e[1] for e in events])
    file.add_parameter("EVENT", "LABELS", [e[2] for e in events])
    file.add_parameter("EVENT", "TIMES", np.array([[e[0] // 60, e[0] % 60] for e in events]).T)
    file.write(str(path))
    return path


def recordings(folder: Path, given: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Write and yield the recordings that are asked for."""
    if "demo" in given.cases:
        write_walking(
            folder / "sub-01", folder / "truth", subject="01", session=None, seed=0, preset="demo"
        )
        yield "demo", folder / "sub-01/emg/sub-01_task-walk_emg.c3d"
    if not any(c.startswith("long") for c in given.cases):
        return
    rows = signals(given.minutes, given.channels, given.rate)
    if "long-edf" in given.cases:
        yield "long-edf", write_edf(folder, rows, given.minutes, given.rate)
    if "long-csv" in given.cases:
        yield "long-csv", write_csv(folder, rows, given.minutes, given.rate)
    if "long-c3d" in given.cases:
        path = folder / "long.c3d"
        writer = importlib.import_module("benchmarks.function_cost").write_c3d
        yield "long-c3d", run_apart(writer, path, rows, given.minutes, given.rate)


def cost(recording: Path, root: Path) -> tuple[float, float, float]:
    """Return wall clock (s), processor time (s) and peak memory (MiB) of a run of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryFile() as said:
        command = [sys.executable, "-m", "imaging", "function", "--recording", str(recording)]
        command += ["--out", str(Path(out, "func")), "--prefix", "sub-01"]
        start = time.perf_counter()
        run = subprocess.Popen(command, env=environment, cwd=root, stdout=said, stderr=said)
        _, status, used = os.wait4(run.pid, 0)
        wall = time.perf_counter() - start
        if status:
            said.seek(0)
            raise RuntimeError(said.read().decode(errors="replace"))
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / GIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    cases = ["demo", "long-c3d", "long-edf", "long-csv"]
    parser.add_argument("--cases", nargs="+", choices=cases, default=cases)
    parser.add_argument("--base", type=Path, help="another checkout, run on the demo's recording")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2000.0)
    parser.add_argument("--repeats", type=int, default=1)
    given = parser.parse_args()
    print(f"{'case':10s}{'build':8s}{'wall s':>9s}{'processor s':>13s}{'peak MiB':>10s}")
    with tempfile.TemporaryDirectory() as folder:
        for case, path in recordings(Path(folder), given):
            builds = {"this": HERE} | (
                {"base": given.base} if case == "demo" and given.base else {}
            )
            spent: dict[str, list[tuple[float, float, float]]] = {name: [] for name in builds}
            for _ in range(given.repeats):
                for name, root in builds.items():
                    spent[name].append(cost(path, root.resolve()))
            middle = {name: np.median(rows, axis=0) for name, rows in spent.items()}
            for name, (wall, processor, peak) in middle.items():
                print(f"{case:10s}{name:8s}{wall:9.2f}{processor:13.2f}{peak:10.0f}", flush=True)
            if "base" in middle:
                ratio = middle["this"] / middle["base"]
                print(f"{'':10s}{'ratio':8s}{ratio[0]:9.2f}{ratio[1]:13.2f}", flush=True)


if __name__ == "__main__":
    main()
