"""Foot strikes and lifts: from plates, from markers alone, from the turning of the shanks alone.

    python -m benchmarks.gait_events generated [--seed 11] [--frame-hz 50 100 200]
    python -m benchmarks.gait_events methods [--seed 11]
    python -m benchmarks.gait_events plates [--seed 11]
    python -m benchmarks.gait_events real [--data ../shared/data]

`generated`: feet with known contact (`benchmarks._gait`), eleven ways to walk and run, over ground
and on a belt, any heading, a limp of 2 %, noise of 1 mm, gaps in 2 % of the frames. Counted are
events missed and events that are none; errors in ms. Goals: markers 15 ms, shanks (walking) 25 ms.
`methods`: the same feet at 100 Hz by each published method alone. `plates`: forces with known
contact, noise 2 N, a drifting zero, re-crossings after lift; the truth is where the force begins
and ends. Goals: strikes 1 ms, lifts 10 ms. `real`: a walking trial with two plates (events of its
file that no plate saw lie on frames of 10 ms, and up to 40 ms from where the heel is lowest), and
the OpenSim walking set, whose forces were low-passed (0 to 20 N takes 40 ms), so that their contact
is early and their lift late by up to that; its markers are made by its model from its joint angles
and need the extra `opensim`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks._gait import STYLES, steps
from imaging.arrays import FloatArray
from imaging.function.events import RUNNING, WALKING, Limits, contacts
from imaging.function.markers import METHODS, marker_events
from imaging.function.recording import Event, Foot, Plate, Recording, Tracks
from imaging.function.shank import shank_events
from imaging.function.stances import force_events, is_on_plate

KINDS = ("foot_strike", "foot_off")
REACH_S = 0.15
COLUMNS = (
    ("kind", 12),
    ("n", 5),
    ("missed", 8),
    ("false", 7),
    ("mean", 8),
    ("median", 8),
    ("p95", 7),
)
HEAD = " " * 32 + "".join(f"{name:>{width}s}" for name, width in COLUMNS)


def errors(
    found: Sequence[Event], truth: Sequence[Event], kind: str, first: float, last: float
) -> tuple[FloatArray, int, int]:
    """Return errors of the events found, ms, how many were missed and how many are none."""
    out: list[float] = []
    missed = false = 0
    for side in ("left", "right"):
        true = np.array([e.time_s for e in truth if (e.side, e.kind) == (side, kind)])
        own = np.array([e.time_s for e in found if (e.side, e.kind) == (side, kind)])
        for t in true[(true > first) & (true < last)]:
            near = own[np.abs(own - t) < REACH_S] - t
            if len(near):
                out.append(1000 * float(near[np.argmin(np.abs(near))]))
                false += len(near) - 1
            else:
                missed += 1
        for t in own[(own > first) & (own < last)]:
            false += not (np.abs(true - t) < REACH_S).any()
    return np.array(out), missed, false


def show(
    name: str, found: Sequence[Event], truth: Sequence[Event], first: float, last: float
) -> dict[str, FloatArray]:
    """Print one line for strikes and one for lifts."""
    every = {}
    for kind in KINDS:
        error, missed, false = errors(found, truth, kind, first, last)
        every[kind] = error
        if len(error) + missed + false == 0:
            continue
        size = np.abs(error) if len(error) else np.array([np.nan])
        mean = error.mean() if len(error) else np.nan
        print(
            f"{name:32s}{kind:>12s}{len(error):5d}{missed:8d}{false:7d}"
            f"{mean:8.1f}{np.median(size):8.1f}{np.quantile(size, 0.95):7.1f}"
        )
    return every


def total(name: str, parts: Sequence[dict[str, FloatArray]]) -> None:
    """Print errors over everything shown."""
    for kind in KINDS:
        size = np.abs(np.concatenate([p[kind] for p in parts]))
        if len(size):
            print(
                f"{name:32s}{kind:>12s}{len(size):5d}{'':15s}{'':8s}"
                f"{np.median(size):8.1f}{np.quantile(size, 0.95):7.1f}"
            )


def with_gaps(recording: Recording, rng: np.random.Generator) -> Recording:
    """Hide each marker of the feet for 50 ms at a time, in 2 % of the frames."""
    length = max(int(0.05 * recording.marker_rate_hz), 1)

    def hide(path: FloatArray) -> FloatArray:
        out = path.copy()
        for at in rng.integers(0, path.shape[1], int(0.02 * path.shape[1] / length)):
            out[:, at : at + length] = np.nan
        return out

    return replace(
        recording,
        heels={s: hide(p) for s, p in recording.heels.items()},
        toes={s: hide(p) for s, p in recording.toes.items()},
    )


def generated(seed: int, rates: Sequence[float]) -> None:
    """Markers alone and shanks alone on generated feet."""
    for treadmill in (False, True):
        for rate in rates:
            print(f"\n{'belt' if treadmill else 'ground'}, {rate:g} Hz\n{HEAD}")
            walked, ran, turned = [], [], []
            for i, (name, style) in enumerate(STYLES.items()):
                rng = np.random.default_rng([seed, i])
                made = steps(
                    style, rng, seconds=30, frame_hz=rate, treadmill=treadmill,
                    heading_deg=360 * rng.random(), asymmetry=0.02,
                )  # fmt: skip
                found = marker_events(with_gaps(made.recording, rng))
                part = show(f"markers, {name}", found, made.truth, 1, 29)
                (ran if name.startswith("run") else walked).append(part)
                if not name.startswith("run"):
                    part = show(f"shanks, {name}", shank_events(made.recording), made.truth, 1, 29)
                    turned.append(part)
            total("markers, all walking", walked)
            total("markers, all running", ran)
            total("shanks, all walking", turned)


def methods(seed: int) -> None:
    """Every method on markers, and the shank's peaks as published."""
    print(HEAD)
    for method in METHODS:
        parts: dict[str, list[dict[str, FloatArray]]] = {"walking": [], "running": []}
        for i, (name, style) in enumerate(STYLES.items()):
            rng = np.random.default_rng([seed, i])
            made = steps(style, rng, seconds=30, heading_deg=360 * rng.random(), asymmetry=0.02)
            found = marker_events(made.recording, method)
            part = {k: errors(found, made.truth, k, 1, 29)[0] for k in KINDS}
            parts["running" if name.startswith("run") else "walking"].append(part)
        for gait, shown in parts.items():
            total(f"{method}, {gait}", shown)


def step_force(
    time: FloatArray, start: float, end: float, rng: np.random.Generator, runs: bool
) -> FloatArray:
    """Return vertical force of one step, N, from exactly its start to exactly its end."""
    share = np.clip((time - start) / (end - start), 0, 1)
    weight = 700 * (1 + 0.05 * rng.standard_normal())
    if runs:
        body = 2.3 * weight * np.sin(np.pi * share) ** 1.1
    else:
        body = (
            weight
            * np.minimum(1, 4 * np.sin(np.pi * share) ** 0.8)
            * (1 - 0.25 * np.sin(np.pi * share) ** 6)
        )
    # The heel's impact, and a push-off that ends more gently than it began.
    impact = 0.35 * weight * np.sin(np.pi * np.clip((time - start) / 0.03, 0, 1))
    gentle = np.clip((end - time) / 0.06, 0, 1)
    inside = (time >= start) & (time <= end)
    return np.where(inside, (body + impact) * gentle, 0.0)


def plates(seed: int) -> None:
    """Contacts in forces whose beginning and end are known."""
    print(f"{HEAD}\n(1000 Hz)")
    cases: tuple[tuple[str, float, float, Limits], ...] = (
        ("walking", 0.66, 1.08, WALKING),
        ("slow walking", 1.05, 1.6, WALKING),
        ("running, one belt", 0.25, 0.36, RUNNING),
        ("sprinting", 0.11, 0.25, RUNNING),
    )
    for drift in (0.0, 40.0):
        for i, (name, stance, apart, limits) in enumerate(cases):
            rng = np.random.default_rng([seed, i])
            time = np.arange(60000) / 1000
            starts = np.arange(0.5, 58.0, apart) + 0.01 * rng.standard_normal(
                len(np.arange(0.5, 58.0, apart))
            )
            ends = starts + stance * (1 + 0.02 * rng.standard_normal(len(starts)))
            force = drift * np.sin(2 * np.pi * time / 45) + 2 * rng.standard_normal(len(time))
            for start, end in zip(starts, ends, strict=True):
                force += step_force(time, start, end, rng, limits is RUNNING)
                again = (time > end + 0.012) & (time < end + 0.015)
                force += np.where(again, 26.0 * (limits is WALKING), 0.0)
            plate = Plate(
                np.stack([0 * force, 0 * force, force]), np.zeros((3, len(force))),
                np.full((4, 3), np.nan), "left",
            )  # fmt: skip
            read = Recording((), np.zeros((0, len(force))), 1000.0, plates=(plate,))
            events = force_events(read, 20.0, limits)
            true = [Event(t, "left", "foot_strike", "") for t in starts]
            true += [Event(t, "left", "foot_off", "") for t in ends]
            show(f"{name}, drift {drift:g} N", events, true, 0.2, 59.5)


def real(data: Path) -> None:
    """Real trials, markers and shanks against plates and file."""
    from imaging.io.c3d import read_c3d

    print(HEAD)
    read = read_c3d(data / "function/gait_emg_forceplates.c3d")
    of_plates = [e for e in force_events(read, 20.0) if is_on_plate(read, e)]
    first, last = read.start_s + 0.1, read.end_s - 0.1
    show("trial, file on plates", read.events, of_plates, 2.9, 3.7)
    found = {f"markers, {m}": marker_events(read, m) for m in METHODS}
    found["shanks"] = shank_events(read)
    found["shanks, at the peak"] = shank_events(read, 1.0)
    for name, events in found.items():
        show(f"{name}: on plates", [e for e in events if near(e, of_plates)], of_plates, 0, 9)
        show(f"{name}: file", events, read.events, first, last)
    opensim = walking_set(data)
    if opensim is None:
        print("The OpenSim set needs the extra opensim.")
        return
    read, of_plates = opensim
    for name, events in (
        ("markers", marker_events(read)),
        ("shanks", shank_events(read)),
        ("shanks, at the peak", shank_events(read, 1.0)),
    ):
        show(f"OpenSim set, {name}", events, of_plates, 0.5, 1.75)


def near(event: Event, others: Sequence[Event]) -> bool:
    """Whether another event of the same foot and kind lies next to one."""
    return any(
        (o.side, o.kind) == (event.side, event.kind) and abs(o.time_s - event.time_s) < REACH_S
        for o in others
    )


def walking_set(data: Path) -> tuple[Recording, list[Event]] | None:
    """Return feet and shanks that the model shows at 200 Hz, and the events of its forces."""
    try:
        import opensim as osim
    except ImportError:
        return None
    osim.Logger.setLevelString("error")
    model = osim.Model(str(data / "model/subject_walk_scaled.osim"))
    state = model.initSystem()
    table = osim.TimeSeriesTable(str(data / "function/coordinates.sto"))
    labels = [str(name) for name in table.getColumnLabels()]
    time = np.array(table.getIndependentColumn())[::5]
    values = table.getMatrix().to_numpy()[::5]
    coordinates = model.getCoordinateSet()
    held = [
        (coordinates.get(name.split("/")[-2]), i)
        for i, name in enumerate(labels)
        if name.endswith("/value")
    ]
    spots = {
        "heel": ("calcn", (-0.02, 0.03, 0.0)),
        "toe": ("calcn", (0.17, 0.03, 0.0)),
        "ankle": ("talus", (0.0, 0.0, 0.0)),
        "knee": ("tibia", (0.0, 0.0, 0.0)),
    }
    sides: tuple[Foot, ...] = ("left", "right")
    paths = {(k, s): np.zeros((3, len(time))) for k in spots for s in sides}
    bodies = model.getBodySet()
    for frame, row in enumerate(values):
        for coordinate, i in held:
            coordinate.setValue(state, row[i], False)
        model.realizePosition(state)
        for (kind, side), path in paths.items():
            body, spot = spots[kind]
            station = osim.Vec3(*spot)
            x, y, z = (
                bodies.get(f"{body}_{side[0]}")
                .findStationLocationInGround(state, station)
                .to_numpy()
            )
            path[:, frame] = 1000 * x, -1000 * z, 1000 * y
    marks = {f"{s} {k}": paths[k, s] for k in ("ankle", "knee") for s in sides}
    read = Recording(
        (), np.zeros((0, 5 * len(time))), 1000.0, float(time[0]),
        heels={s: paths["heel", s] for s in sides}, toes={s: paths["toe", s] for s in sides},
        marker_rate_hz=200.0, landmarks=Tracks(200.0, float(time[0]), marks),
    )  # fmt: skip
    forces = np.loadtxt(data / "function/grf_walk.mot", skiprows=7)
    of_plates: list[Event] = []
    for side, column in (("right", 2), ("left", 11)):
        for row in contacts(forces[:, column], 2000.0, 20.0) / 2000:
            of_plates += [Event(t, side, k, "") for t, k in zip(row, KINDS, strict=True)]  # type: ignore[arg-type]
    return read, of_plates


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("generated", "methods", "plates", "real"))
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--frame-hz", type=float, nargs="+", default=[50.0, 100.0, 200.0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked = parser.parse_args()
    if asked.what == "generated":
        generated(asked.seed, asked.frame_hz)
    elif asked.what == "methods":
        methods(asked.seed)
    elif asked.what == "plates":
        plates(asked.seed)
    else:
        real(asked.data)


if __name__ == "__main__":
    main()
