"""What muscles do before and after a landing: mean of the rectified EMG in windows of 200 ms.

Santello M. Review of motor control mechanisms underlying impact absorption from falls. Gait
Posture 2005;21:85-94.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.config import FunctionSettings
from imaging.function import emg
from imaging.function.amplitude import MVC, Contraction
from imaging.function.channels import map_channels
from imaging.function.landing import Landing, landing_windows, landings
from imaging.function.recording import Foot, Recording
from imaging.function.trials import Trial
from imaging.muscles import recorded_of, side_of

COLUMNS = [
    "trial", "landing", "contact_s", "source", "peak_n", "peak_ms",
    "label", "muscle", "side", "before", "after", "unit",
]  # fmt: skip
UNKNOWN_UNIT = "unit of the file"


def landings_table(
    trials: Sequence[Trial],
    settings: Mapping[str, FunctionSettings],
    mvc: Mapping[int, Contraction],
) -> tuple[pd.DataFrame, list[str]]:
    """Return one row per landing and muscle of the foot that landed, and what is to be said.

    Parameters
    ----------
    trials
        Of a session; those of landings are read.
    settings
        Of each recording, by its name.
    mvc
        Label to the largest contraction. Amplitudes are relative to it where unit and band are
        those of the recording, else in the unit of the signal.

    Returns
    -------
    table : DataFrame
        `contact_s` on the clock of the file, `peak_n` N, `peak_ms` after contact; `before` and
        `after`: mean of the rectified signal in 200 ms, in `unit`.
    said : list of str
    """
    rows: list[tuple[object, ...]] = []
    said: list[str] = []
    for trial in trials:
        if trial.kind != "landing":
            continue
        own = settings[trial.name]
        found = landings(trial.recording, own.force_threshold_n)
        said += _sentences(trial, found)
        channels = map_channels(
            trial.recording.labels, trial.recording.targets, own.channels, own.side
        )
        for name, label in sorted(channels.labels.items(), key=lambda item: item[1]):
            rows += _of_muscle(trial, found, name, label, own, mvc.get(label))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values(["trial", "landing", "label"], ignore_index=True), said


def _of_muscle(
    trial: Trial,
    found: Sequence[Landing],
    name: str,
    label: int,
    settings: FunctionSettings,
    mvc: Contraction | None,
) -> list[tuple[object, ...]]:
    read = trial.recording
    side: Foot = "left" if side_of(label) == "left" else "right"
    windows = landing_windows(read, found)[side]
    if len(windows) == 0:
        return []
    strength = _rectified(read, name, settings)
    unit, scale = read.units.get(name, "") or UNKNOWN_UNIT, 1.0
    band = None if read.enveloped else emg.usable_band(settings.band_hz, read.rate_hz)
    if mvc is not None and mvc.unit and (unit, band) == (mvc.unit, mvc.band_hz):
        unit, scale = MVC, mvc.amplitude
    rows: list[tuple[object, ...]] = []
    for start, contact, end in windows.tolist():
        number, landing = next(
            (i, f) for i, f in enumerate(found) if side in f.feet and f.time_s == contact
        )
        a, b, c = (int(round((t - read.start_s) * read.rate_hz)) for t in (start, contact, end))
        before, after = (float(strength[p].mean()) / scale for p in (slice(a, b), slice(b, c)))
        head = (trial.name, number, contact, landing.source, landing.peak_n, 1000 * landing.peak_s)
        rows.append((*head, label, recorded_of(label).key, side, before, after, unit))
    return rows


def _rectified(read: Recording, name: str, settings: FunctionSettings) -> FloatArray:
    """Return the rectified EMG of a channel, not smoothed, so that contact parts the windows."""
    row: FloatArray = read.signals[read.labels.index(name)]
    if read.enveloped:
        return row
    return np.abs(
        emg.by_piece(lambda x: emg.band_pass(x, read.rate_hz, settings.band_hz), row, read.pieces)
    )


def _sentences(trial: Trial, found: Sequence[Landing]) -> list[str]:
    said = []
    if not found:
        said.append(f"No landing was found in {trial.name}: neither plates, file nor markers tell.")
    elif unknown := sum(not f.feet for f in found):
        said.append(f"{unknown} of {len(found)} landings in {trial.name} left out: foot not known.")
    if trial.recording.enveloped:
        said.append(f"{trial.name} holds envelopes: activity before contact holds some after it.")
    return said
