"""Spectrum of the waves of every frequency, with noise and cut-off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from imaging.report.picture import svg

_SIGNAL, _NOISE, _CUT = "#0077BB", "#EE7733", "#222222"
_LOWEST_DB = -70.0


def wave_spectrum(facts: Sequence[Mapping[str, Any]]) -> str:
    """Draw power and noise of the curl by wave number, one panel per frequency.

    Parameters
    ----------
    facts
        As the stage notes them: frequency_hz, wave_number_per_m, power_db, noise_db, cutoff_per_m.

    Returns
    -------
    str
        Data address of an SVG.
    """
    figure = Figure(figsize=(max(3.0 * len(facts), 4.5), 2.4), layout="constrained")
    panels = figure.subplots(1, len(facts), squeeze=False, sharey=True)[0]
    for axes, one in zip(panels, facts, strict=True):
        k = one["wave_number_per_m"]
        axes.plot(k, one["power_db"], color=_SIGNAL, label="waves and noise")
        axes.plot(k, one["noise_db"], color=_NOISE, linestyle="--", label="noise")
        axes.axvline(one["cutoff_per_m"], color=_CUT, linestyle=":", label="cut-off")
        axes.set_title(f"{one['frequency_hz']:g} Hz", fontsize=9)
        axes.set_ylim(_LOWEST_DB, 3)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("dB below the peak", fontsize=8)
    panels[-1].legend(fontsize=7, frameon=False)
    figure.supxlabel("wave number, cycles per metre", fontsize=8)
    return svg(figure)
