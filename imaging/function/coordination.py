"""How two muscles of a leg work together in a stride: at the same time, or one after the other."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np

from imaging.arrays import FloatArray
from imaging.function.side_names import table

Kind = Literal["antagonist", "sequence", "neighbour"]
KINDS: tuple[Kind, ...] = ("antagonist", "sequence", "neighbour")


@cache
def pairs(kind: Kind) -> tuple[tuple[str, str], ...]:
    """Return the pairs of keys of ``imaging/data/muscle_pairs.tsv`` that are of a kind."""
    rows = table("muscle_pairs.tsv").to_dict("records")
    return tuple((str(r["first"]), str(r["second"])) for r in rows if r["kind"] == kind)


def are_neighbours(first: str, second: str) -> bool:
    """Tell whether a sensor on one muscle may hear the other."""
    return (first, second) in pairs("neighbour") or (second, first) in pairs("neighbour")


def rudolph(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the co-contraction of every stride: lower over higher, times their sum.

    Mean over the stride, in the unit of the envelopes, 0 to 2 where these do not exceed 1.
    Rudolph KS, Axe MJ, Snyder-Mackler L. Dynamic stability after ACL injury: who can hop? Knee
    Surg Sports Traumatol Arthrosc 2000;8:262-269.

    Parameters
    ----------
    first, second : (K, 101) array
        Envelopes over the strides, each relative to a fixed amplitude of its muscle.
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    ratio = np.divide(low, high, out=np.zeros_like(high), where=high > 0)
    return np.asarray((ratio * (low + high))[:, :-1].mean(axis=1))


def falconer_winter(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the co-contraction of every stride: twice the common over the summed area, percent.

    Falconer K, Winter DA. Quantitative assessment of co-contraction at the ankle joint in walking.
    Electromyogr Clin Neurophysiol 1985;25:135-149; the antagonist is whichever is lower.
    """
    common = np.minimum(first, second)[:, :-1].sum(axis=1)
    whole = (first + second)[:, :-1].sum(axis=1)
    return np.divide(200 * common, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def lags(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return by how much the second muscle follows the first in every stride, percent of the cycle.

    The shift at which the envelopes correlate best, the cycle taken as a ring: −50 to 50; between
    samples by a parabola. NaN where an envelope is flat. Nelson-Wong E, Howarth S, Winter DA,
    Callaghan JP. Application of autocorrelation and crosscorrelation analyses in human movement
    and rehabilitation research. J Orthop Sports Phys Ther 2009;39:287-295.

    Parameters
    ----------
    first, second : (K, 101) array
        Envelopes over the strides.
    """
    a, b = (x[:, :-1] - x[:, :-1].mean(axis=1, keepdims=True) for x in (first, second))
    n = a.shape[1]
    whole = np.fft.irfft(np.fft.rfft(b) * np.fft.rfft(a).conj(), n=n, axis=1)
    best = whole.argmax(axis=1)
    rows = np.arange(len(whole))
    before, at, after = (whole[rows, (best + i) % n] for i in (-1, 0, 1))
    bend = before - 2 * at + after
    step = np.divide(before - after, 2 * bend, out=np.full(len(bend), np.nan), where=bend < 0)
    return np.asarray((best + step + 50) % 100 - 50)
