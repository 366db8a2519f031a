"""Onsets, ends and left-right differences of EMG bursts that are exactly known.

``python -m benchmarks.emg_onsets`` prints, over channels of 14 bursts each and seeds that were not
used in development: (1) bursts of the phantom's walk, rectangles with ramps of 20 ms, by each
detector alone and by both; (2) bursts of other shapes and disturbances, by both, against the start
of a ramp and against half of its amplitude; (3) the SD
that each onset is given with against its error; (4) left against right with known differences, and
how many 95 % intervals hold the truth; (5) with ``--cost``, time and memory of ten minutes of 16
channels at 2 kHz. A burst counts as found where a detected one overlaps it; detected bursts beyond
that are false.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import cast

import numpy as np
import pandas as pd

from benchmarks._emg_bursts import RATE_HZ, Channel, Kind, channel, contraction
from imaging.config import FunctionSettings
from imaging.function import double_threshold, edges, emg, onsets
from imaging.function.analysis import analyse
from imaging.function.recording import Event, Foot, Recording
from imaging.function.session import analyse_session
from imaging.function.summary import measures
from imaging.function.trials import Trial
from imaging.phantom.walking import walk

FIRST_SEED = 1000
SOLEUS = ("L_SOL", "R_SOL")
SIDED = Kind(carrier="surface")
SETTINGS = FunctionSettings()
MIN_S = SETTINGS.onset_min_ms / 1000
Bursts = list[tuple[float, float]]
Detect = Callable[[np.ndarray, float, np.ndarray], Bursts | None]
Known = tuple[np.ndarray, float, np.ndarray, np.ndarray]
"""EMG (N,), its rate, strides (K, 2) and bursts (B, 4), s."""

KINDS = {
    "ramp 0 ms": Kind(ramp_s=0.0, carrier="surface"),
    "ramp 10 ms": Kind(ramp_s=0.01, carrier="surface"),
    "ramp 20 ms": Kind(carrier="surface"),
    "ramp 40 ms": Kind(ramp_s=0.04, carrier="surface"),
    "ramp 80 ms": Kind(ramp_s=0.08, carrier="surface"),
    "ramp 20 ms, 26 dB": Kind(carrier="surface", snr_db=26),
    "ramp 20 ms, 14 dB": Kind(carrier="surface", snr_db=14),
    "ramp 20 ms, 10 dB": Kind(carrier="surface", snr_db=10),
    "ramp 0 ms, phantom's noise": Kind(ramp_s=0.0),
    "ramp 20 ms, phantom's noise": Kind(),
    "ramp 20 ms, motor units": Kind(carrier="units"),
    "Gaussian": Kind("gaussian", carrier="surface"),
    "two bursts": Kind("double", carrier="surface"),
    "hum of 50 and 150 Hz": Kind(carrier="surface", more="hum"),
    "motion artefacts": Kind(carrier="surface", more="artefact"),
    "tonic baseline": Kind(carrier="surface", more="tonic", snr_db=26),
    "drifting baseline": Kind(carrier="surface", more="drift"),
    "cross-talk of 5 %": Kind(carrier="surface", more="crosstalk", snr_db=26),
    "never silent": Kind(carrier="surface", more="continuous"),
    "noise alone": Kind("none", carrier="surface"),
}


def prepared(raw: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return band-passed EMG and its envelope."""
    filtered = emg.band_pass(raw, rate_hz, SETTINGS.band_hz)
    return filtered, emg.envelope(filtered, rate_hz, SETTINGS.envelope_hz)


def both(raw: np.ndarray, rate_hz: float, windows: np.ndarray) -> Bursts | None:
    """Return begin and end of the bursts of the stage, s; None where it says there are none."""
    found = onsets.find(
        *prepared(raw, rate_hz), rate_hz, 0.0, windows,
        threshold_sd=SETTINGS.onset_sd, min_s=MIN_S,
    )  # fmt: skip
    return None if found.why_none else [(b.onset_s, b.offset_s) for b in found.bursts]


def threshold(raw: np.ndarray, rate_hz: float, windows: np.ndarray) -> Bursts | None:
    """Return what the double threshold finds alone."""
    filtered, _ = prepared(raw, rate_hz)
    power = emg.energy(filtered, rate_hz)
    quiet = double_threshold.baseline(power, rate_hz, windows)
    if quiet is None or not quiet.is_quiet:
        return None
    found = double_threshold.intervals(
        power, rate_hz, quiet, threshold_sd=SETTINGS.onset_sd, min_s=MIN_S
    )
    return [(a / rate_hz, b / rate_hz) for a, b in found.tolist()]


def markov(raw: np.ndarray, rate_hz: float, _: np.ndarray) -> Bursts | None:
    """Return what the hidden Markov model finds alone."""
    energy = edges.binned_energy(prepared(raw, rate_hz)[0], rate_hz)
    return onsets.by_states(energy, MIN_S)


def certainty(kind: Kind, n: int) -> dict[str, object]:
    """Return how far the SD that an onset is given with explains its error."""
    away, told = [], []
    for made in (channel(kind, FIRST_SEED + s) for s in range(n)):
        found = onsets.find(
            *prepared(made.emg, RATE_HZ), RATE_HZ, 0.0, np.rint(made.strides * RATE_HZ).astype(int),
            threshold_sd=SETTINGS.onset_sd, min_s=MIN_S,
        )  # fmt: skip
        for start, *_, end in made.bursts:
            for burst in found.bursts:
                if burst.onset_s < end and burst.offset_s > start:
                    away.append(1000 * (burst.onset_s - start))
                    told.append(burst.onset_sd_ms)
    error, sd = np.array(away), np.array(told)
    return {"SD told": np.median(sd), "SD of errors": error.std(),
            "within 2 SD": np.mean(np.abs(error) < 2 * sd)}  # fmt: skip


def errors(true: np.ndarray, found: Bursts) -> tuple[list[np.ndarray], int]:
    """Return begin and end minus each time of a burst, (4,) ms, and the false bursts."""
    used, out = set(), []
    for burst in true:
        shared = [min(burst[3], b) - max(burst[0], a) for a, b in found]
        if found and max(shared) > 0 and (best := int(np.argmax(shared))) not in used:
            used.add(best)
            times = np.array([found[best][0]] * 2 + [found[best][1]] * 2)
            out.append(1000 * (times - burst))
    return out, len(found) - len(used)


def row(name: str, channels: list[Known], detect: Detect) -> dict[str, object]:
    """Return a row of the table of errors."""
    all_errors: list[np.ndarray] = []
    false = silent = known = 0
    for raw, rate_hz, strides, true in channels:
        known += len(true)
        found = detect(raw, rate_hz, np.rint(strides * rate_hz).astype(np.intp))
        if found is None:
            silent += 1
            continue
        own, wrong = errors(true, found)
        all_errors += own
        false += wrong
    out: dict[str, object] = {"bursts": name, "known": known, "found": len(all_errors),
                              "false": false, "not told": silent}  # fmt: skip
    if all_errors:
        e = np.array(all_errors)
        for column, at in (("onset", 0), ("half up", 1), ("half down", 2), ("end", 3)):
            size = np.abs(e[:, at])
            out |= {f"{column} bias": np.median(e[:, at]), f"{column} median": np.median(size),
                    f"{column} p95": np.percentile(size, 95)}  # fmt: skip
    return out


def of_kind(kind: Kind, n: int) -> list[Known]:
    """Return `n` channels of a kind."""
    made = [channel(kind, FIRST_SEED + s) for s in range(n)]
    return [(c.emg, RATE_HZ, c.strides, c.bursts) for c in made]


def of_phantom(n: int, snr_db: float = 20.0) -> list[Known]:
    """Return the channels of walks of the phantom, 12 strides each."""
    out = []
    for seed in range(n):
        made = walk(np.random.default_rng(FIRST_SEED + seed), n_strides=12, snr_db=snr_db)
        for (muscle, side), raw in zip(made.channels, made.emg, strict=True):
            strikes = [e.time_s for e in made.events if (e.side, e.kind) == (side, "foot_strike")]
            own = [b for b in made.bursts if (b.muscle, b.side) == (muscle, side)]
            true = [(b.onset_s, b.onset_s + 0.01, b.offset_s - 0.01, b.offset_s) for b in own]
            strides = np.stack([strikes[:-1], strikes[1:]], axis=1)
            out.append((raw, made.rate_hz, strides, np.array(true)))
    return out


def recording(left: Channel, right: Channel, gains: np.ndarray) -> Recording:
    """Return a walk with soleus of both sides, in microvolts: mean square 100 at a gain of 1."""
    n = min(len(left.emg), len(right.emg))
    rows = [100 * g * c.emg[:n] / c.scale for g, c in zip(gains, (left, right), strict=True)]
    events: list[Event] = []
    for side, made in (("left", left), ("right", right)):
        strikes = np.append(made.strides[:, 0], made.strides[-1, 1])
        own = [t for t in strikes.tolist() if t < n / RATE_HZ]
        events += [Event(t, cast(Foot, side), "foot_strike", "file") for t in own]
    events.sort(key=lambda e: e.time_s)
    units = dict.fromkeys(SOLEUS, "uV")
    return Recording(SOLEUS, np.stack(rows), RATE_HZ, events=tuple(events), units=units)


def sides(n: int) -> pd.DataFrame:
    """Return errors of differences between sides that are known: 3 % of the cycle, 26 % in gain.

    The truth is that of the bursts as they were made, with their own spread. A contraction without
    noise shows what of the error is the walk's.
    """
    rows: dict[str, list[tuple[float, bool]]] = {}
    for seed in range(n):
        rng = np.random.default_rng(FIRST_SEED + seed)
        left = channel(SIDED, FIRST_SEED + 2 * seed)
        right = channel(SIDED, FIRST_SEED + 2 * seed + 1, late=0.03)
        skin = rng.uniform(0.5, 2, 2)
        trial = Trial("task-walk", "walking", recording(left, right, skin * [1.0, 1.3]))
        share = 200 * (1.3 * right.top - left.top) / (1.3 * right.top + left.top)
        noisy = [contraction(SIDED, rng, skin) for _ in range(3)]
        exact = [contraction(SIDED, rng, skin, exact=True)]
        amplitude = "emg_asymmetry_amplitude_SOL"
        for name, measure, true, efforts in (
            ("amplitude, MVC of 3 efforts", amplitude, share, noisy),
            ("amplitude, MVC without noise", amplitude, share, exact),
            ("onset", "emg_onset_right_minus_left_SOL", onset_of(right) - onset_of(left), exact),
        ):
            session = analyse_session(
                [trial, *(mvc(k, e) for k, e in enumerate(efforts))], SETTINGS
            )
            found = {m.measure: m for m in measures(session)}[measure]
            if found.value is not None:
                low, high = found.ci_low or np.nan, found.ci_high or np.nan
                rows.setdefault(name, []).append((found.value - true, low <= true <= high))
    return pd.DataFrame([compared(name, values) for name, values in rows.items()])


def onset_of(made: Channel) -> float:
    """Return the mean onset in percent of the stride."""
    start, end = made.strides.T
    return float((100 * (made.bursts[:, 0] - start) / (end - start)).mean())


def mvc(number: int, signals: np.ndarray) -> Trial:
    """Return a recording of a contraction, in microvolts."""
    read = Recording(SOLEUS, 100 * signals, RATE_HZ, units=dict.fromkeys(SOLEUS, "uV"))
    return Trial(f"task-mvc_run-{number}", "mvc", read)


def compared(name: str, values: list[tuple[float, bool]]) -> dict[str, object]:
    """Return a row of errors of a difference, and the share of intervals that hold the truth."""
    found = np.array([e for e, _ in values])
    return {
        "right against left": name,
        "n": len(found),
        "bias": found.mean(),
        "median error": np.median(np.abs(found)),
        "p95": np.percentile(np.abs(found), 95),
        "intervals that hold": np.mean([held for _, held in values]),
    }


def cost() -> str:
    """Return time and memory of ten minutes of 16 channels at 2 kHz."""
    one = channel(SIDED, FIRST_SEED, n_bursts=545)
    names = ("TA", "GM", "GL", "SOL", "PL", "RF", "VL", "ST")
    labels = tuple(f"{side}_{name}" for side in "LR" for name in names)
    rows = np.stack([np.roll(one.emg, 50 * k) for k in range(len(labels))])
    strikes = [*one.strides[:, 0].tolist(), float(one.strides[-1, 1])]
    feet: tuple[Foot, ...] = ("left", "right")
    events = tuple(Event(t, side, "foot_strike", "file") for t in strikes for side in feet)
    short = Recording(labels[:1], rows[:1, : 20 * int(RATE_HZ)], RATE_HZ, events=events)
    analyse(short, SETTINGS)  # compiles
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start, busy = time.perf_counter(), time.process_time()
    read = Recording(labels, rows, RATE_HZ, events=events)
    analyse_session([Trial("task-walk", "walking", read)], SETTINGS)
    took, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    length = rows.shape[1] / RATE_HZ
    return (
        f"{length:.0f} s of {len(labels)} channels: {took:.1f} s ({busy:.1f} s of processor), "
        f"{peak:.0f} MiB ({before:.0f} before)"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=10, help="of each kind")
    parser.add_argument("--pairs", type=int, default=30, help="of left and right")
    parser.add_argument("--cost", action="store_true")
    chosen = parser.parse_args()
    if chosen.cost:
        print(cost())
        return
    phantom = of_phantom(max(1, chosen.channels // 3))
    detectors: dict[str, Detect] = {"threshold": threshold, "Markov": markov, "both": both}
    with pd.option_context("display.width", 250, "display.max_columns", 30):
        print("times in ms\n")
        rows = [row(f"phantom, {name}", phantom, detect) for name, detect in detectors.items()]
        for snr_db in (26.0, 14.0, 10.0):
            weak = of_phantom(max(1, chosen.channels // 3), snr_db)
            rows.append(row(f"phantom, both, {snr_db:g} dB", weak, both))
        hard = of_kind(KINDS["ramp 0 ms"], chosen.channels)
        rows += [row(f"ramp 0 ms, {name}", hard, detect) for name, detect in detectors.items()]
        print(pd.DataFrame(rows).round(1).to_string(index=False), "\n")
        rows = [row(name, of_kind(kind, chosen.channels), both) for name, kind in KINDS.items()]
        print(pd.DataFrame(rows).round(1).to_string(index=False), "\n")
        names = ("ramp 0 ms", "ramp 20 ms", "ramp 20 ms, 10 dB", "ramp 20 ms, motor units")
        rows = [{"onsets": n, **certainty(KINDS[n], chosen.channels)} for n in names]
        print(pd.DataFrame(rows).round(2).to_string(index=False), "\n")
        print(sides(chosen.pairs).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
