"""Onset, peak and offset of muscle bursts, where two detectors of different kind agree.

A double threshold on the Teager–Kaiser energy and a hidden Markov model of log energy each find
bursts. One that both find counts; begin and end are then placed where the change in energy is most
likely, as the smoothing of either detector shifts them: on known bursts the threshold is early
by 7 ms where they begin at once and late by 3 ms where they rise over 20 ms, the model
by 4 and 5 ms (``benchmarks/emg_onsets.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray
from imaging.function import double_threshold, edges, emg
from imaging.function.double_threshold import BRIDGE_S, LEAST_CONTRAST
from imaging.function.edges import BinnedEnergy
from imaging.function.events import bridge, runs
from imaging.function.hidden_markov import TwoStates, two_states

EDGE_S = 0.02
LEVEL_S, STEP_S = 0.012, 0.004
# Geometric mean of the energy of the active state over that of the quiet one.
LEAST_STATES = 5.0
FLOOR = 1e-6


@dataclass(frozen=True)
class Burst:
    """One burst of one channel, on the file's clock.

    Attributes
    ----------
    onset_s, offset_s, peak_s : float
        Seconds.
    strength : float
        Area of its envelope.
    agreement_ms : float
        Onset by one detector minus that by the other; NaN where one alone found it.
    confidence : float
        0 to 1: mean probability of the active state of the Markov model in it.
    onset_sd_ms, offset_sd_ms : float
        How far the energy alone tells either instant.
    """

    onset_s: float
    offset_s: float
    peak_s: float
    strength: float
    agreement_ms: float = float("nan")
    confidence: float = float("nan")
    onset_sd_ms: float = float("nan")
    offset_sd_ms: float = float("nan")


@dataclass(frozen=True)
class Found:
    """Bursts of a channel.

    Attributes
    ----------
    bursts : tuple of Burst
        In the order of time.
    why_none : str
        Why onsets could not be told; empty where they could.
    contrast : float or None
        Energy of the active over that of the quiet part.
    alone : int
        Bursts that one detector found and the other did not; they are left out.
    """

    bursts: tuple[Burst, ...] = ()
    why_none: str = ""
    contrast: float | None = None
    alone: int = 0


def find(
    filtered: FloatArray,
    envelope: FloatArray,
    rate_hz: float,
    start_s: float,
    windows: NDArray[np.intp],
    *,
    threshold_sd: float,
    min_s: float,
    pieces: Sequence[slice] | None = None,
) -> Found:
    """Return the bursts of one channel, or why there are none to be told.

    Bursts shorter than `min_s` are none, and those less than 60 ms apart are one. A burst within
    20 ms of an end of the recording, or of a gap in it, is left out: its onset or offset was not
    seen.

    Parameters
    ----------
    filtered, envelope : (N,) array
        Band-passed EMG and its envelope.
    windows : (K, 2) array of int
        First sample of every stride and first after it: where quiet is looked for.
    pieces
        Samples that were recorded without a gap; none: all.
    """
    whole = list(pieces or [slice(0, len(filtered))])
    power = emg.by_piece(lambda x: emg.energy(x, rate_hz), filtered, whole)
    quiet = double_threshold.baseline(power, rate_hz, windows)
    if quiet is None:
        return Found(why_none="dead channel")
    if not quiet.is_quiet:
        return Found(
            why_none=_never_silent(quiet.contrast, LEAST_CONTRAST), contrast=quiet.contrast
        )
    by_threshold = double_threshold.intervals(
        power, rate_hz, quiet, threshold_sd=threshold_sd, min_s=min_s
    )
    energy = edges.binned_energy(filtered, rate_hz)
    known = _known(whole, rate_hz, energy)
    states = _states(energy, known)
    if states is None or states.contrast < LEAST_STATES:
        why = _never_silent(states.contrast if states else 1.0, LEAST_STATES)
        return Found(why_none=why, contrast=quiet.contrast)
    by_model = _intervals(states.active, energy.bin_s, min_s)
    per_bin = by_threshold / (rate_hz * energy.bin_s)
    pairs, alone = _agreed(by_model.astype(float), per_bin)
    quiet_bins = known & (states.active < 0.5)
    times, sds = edges.refine(energy, quiet_bins, by_model)
    found = []
    for own, theirs in pairs:
        on, off = times[own] * energy.bin_s
        if not any(
            p.start <= (on - EDGE_S) * rate_hz < (off + EDGE_S) * rate_hz <= p.stop for p in whole
        ):
            continue
        first = int(on * rate_hz)
        part = envelope[first : int(off * rate_hz) + 1]
        apart = by_model[own, 0] - per_bin[theirs, 0]
        found.append(
            Burst(
                start_s + float(on),
                start_s + float(off),
                start_s + (first + int(part.argmax())) / rate_hz,
                float(part.sum() / rate_hz),
                float(1000 * energy.bin_s * apart),
                float(states.active[slice(*by_model[own])].mean()),
                *(1000 * energy.bin_s * sds[own]).tolist(),
            )
        )
    return Found(tuple(found), "", quiet.contrast, alone)


def by_states(energy: BinnedEnergy, min_s: float) -> list[tuple[float, float]] | None:
    """Return begin and end of what the Markov model finds alone, s; None without quiet."""
    states = _states(energy, np.ones(len(energy.values), dtype=bool))
    if states is None or states.contrast < LEAST_STATES:
        return None
    found = _intervals(states.active, energy.bin_s, min_s) * energy.bin_s
    return [(a, b) for a, b in found.tolist()]


def _never_silent(contrast: float, needed: float) -> str:
    return (
        "no quiet baseline: the muscle never falls silent "
        f"(active to quiet energy {contrast:.1f}, {needed:g} needed)"
    )


def _known(pieces: Sequence[slice], rate_hz: float, energy: BinnedEnergy) -> BoolArray:
    """Return the bins (M,) that were recorded."""
    known = np.zeros(len(energy.values), dtype=bool)
    per_bin = rate_hz * energy.bin_s
    for piece in pieces:
        known[int(np.ceil(piece.start / per_bin)) : int(piece.stop / per_bin)] = True
    return known


def _states(energy: BinnedEnergy, known: BoolArray) -> TwoStates | None:
    """Return both states; the probability of the active one in every bin."""
    width, step = (int(round(s / energy.bin_s)) for s in (LEVEL_S, STEP_S))
    level = ndimage.uniform_filter1d(energy.values, width, mode="nearest")[::step]
    seen = ndimage.minimum_filter1d(known, width)[::step]
    if not seen.any():
        return None
    floor = FLOOR * float(np.median(level[seen]))
    if not floor > 0:
        return None
    states = two_states(np.log(level + floor), seen, step * energy.bin_s, width / step)
    if states is None:
        return None
    places = np.arange(len(level)) * step
    active = np.interp(np.arange(len(energy.values)), places, states.active)
    return replace(states, active=active)


def _intervals(active: FloatArray, bin_s: float, min_s: float) -> NDArray[np.intp]:
    """Return first bin and first after it of every burst, (K, 2): more likely active than not."""
    shortest = min_s / bin_s
    found = runs(active > 0.5)
    found = bridge(found[np.diff(found)[:, 0] >= shortest / 2], int(round(BRIDGE_S / bin_s)))
    return found[np.diff(found)[:, 0] >= shortest]


def _agreed(own: FloatArray, theirs: FloatArray) -> tuple[NDArray[np.intp], int]:
    """Pair bursts (K, 2) of one detector with the first of the other that they meet.

    Returns
    -------
    pairs : (P, 2) array of int
    alone : int
        Bursts of either that meet none.
    """
    first = _first_met(own, theirs)
    met = np.flatnonzero(first >= 0)
    alone = len(own) - len(met) + int((_first_met(theirs, own) < 0).sum())
    return np.stack([met, first[met]], axis=1), alone


def _first_met(own: FloatArray, theirs: FloatArray) -> NDArray[np.intp]:
    """Return for each interval the first of the others that it overlaps, -1 without one."""
    first = np.searchsorted(theirs[:, 1], own[:, 0], side="right")
    begins = np.append(theirs[:, 0], np.inf)[first]
    return np.where(begins < own[:, 1], first, -1)
