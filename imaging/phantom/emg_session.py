"""Recordings of one session of the phantom: walks, maximal and sustained contractions, truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from imaging.isolation import run_apart
from imaging.phantom.efforts import (
    FREQUENCY_PERCENT_PER_MIN,
    effort_percent,
    maximal,
    sustained,
)
from imaging.phantom.emg_files import (
    save_table,
    write_bids_emg,
    write_c3d,
    write_events,
    write_truth,
)
from imaging.phantom.ground import Foot
from imaging.phantom.walking import NO_CHANGE, Change, Channel, Walk, walk, with_upper_muscles
from imaging.provenance import write_json

TASK = "walk"
WALKING = "Level walking at a comfortable pace; synthetic"
MAXIMAL = "Maximal voluntary contractions, one group of muscles after the other; synthetic"
SUSTAINED = "Sustained contraction of the muscles of the lower leg; synthetic"
# Fatigue as it is drawn: one muscle begins later and is weaker, all others stay as they are.
TIRED: Mapping[Channel, Change] = {("GM", "right"): Change(0.020, 0.85)}
_STRIDES = {"small": 4}
_TIRED_STRIDES = 12


def write_walking(
    folder: Path,
    truth_folder: Path,
    *,
    subject: str,
    session: str | None,
    seed: int,
    preset: str,
    sides: Sequence[Foot] = ("left", "right"),
) -> None:
    """Write the recordings of one subject and their truth.

    Beside a walk: one of tired muscles, maximal and sustained contractions, and the table of scans
    that names the condition.

    Parameters
    ----------
    folder
        ``sub-XX`` or ``sub-XX/ses-YY``; the recording goes into its ``emg`` folder.
    truth_folder
        Where the tables of true onsets and events go.
    subject, session
        Labels without ``sub-`` and ``ses-``.
    seed
        Same seed, same bytes.
    preset
        ``small`` makes a short walk of the muscles of the lower leg, and nothing else.
    sides
        Legs that carry electrodes.
    """
    # Numbers of its own: the walk must not change when another part of the phantom draws more.
    rng = np.random.default_rng([seed, 0xE36])
    trial = walk(rng, n_strides=_STRIDES.get(preset, 8), sides=sides)
    if preset != "small":
        trial = with_upper_muscles(np.random.default_rng([seed, 0xE37]), trial)
    subject = subject.removeprefix("sub-")
    session = session.removeprefix("ses-") if session else None
    prefix = f"sub-{subject}" + (f"_ses-{session}" if session else "")
    emg_folder = folder / "emg"
    emg_folder.mkdir(parents=True, exist_ok=True)
    truth_folder.mkdir(parents=True, exist_ok=True)
    stem = f"{prefix}_task-{TASK}"
    run_apart(write_c3d, trial, emg_folder / f"{stem}_emg.c3d", subject)
    write_bids_emg(trial, emg_folder / stem, TASK, WALKING)
    write_events(trial, emg_folder / stem)
    write_truth(trial, truth_folder, prefix)
    if preset != "small":
        _write_more(trial, folder, truth_folder, prefix, seed)


def _write_more(trial: Walk, folder: Path, truth_folder: Path, prefix: str, seed: int) -> None:
    """Write the walk of tired muscles, maximal and sustained contractions, and their truth."""
    sides = tuple(dict.fromkeys(side for _, side in trial.channels))
    scale = dict(zip(trial.channels, trial.scale.tolist(), strict=True))
    rng = np.random.default_rng([seed, 0xE38])
    tired = walk(rng, n_strides=_TIRED_STRIDES, sides=sides, changes=TIRED, scale=scale)
    tired = with_upper_muscles(rng, tired, changes=TIRED, scale=scale)
    stem = folder / "emg" / f"{prefix}_task-{TASK}_acq-tired"
    write_bids_emg(tired, stem, TASK, WALKING)
    write_events(tired, stem)
    write_truth(tired, truth_folder, f"{prefix}_acq-tired")
    mvc = folder / "emg" / f"{prefix}_task-mvc"
    write_bids_emg(maximal(np.random.default_rng([seed, 0xE39]), trial), mvc, "mvc", MAXIMAL)
    hold = folder / "emg" / f"{prefix}_task-hold"
    write_bids_emg(sustained(np.random.default_rng([seed, 0xE3A]), trial), hold, "hold", SUSTAINED)
    _write_scans(folder, prefix)
    _write_session_truth(trial, tired, truth_folder, prefix)


def _write_scans(folder: Path, prefix: str) -> None:
    """Write the table of scans with the condition of each walk."""
    walks = {"": "before", "_acq-tired": "after"}
    rows = [
        (f"emg/{prefix}_task-{TASK}{acq}_emg.{kind}", level)
        for acq, level in walks.items()
        for kind in (("c3d", "edf") if not acq else ("edf",))
    ]
    rows += [(f"emg/{prefix}_task-{task}_emg.edf", "before") for task in ("hold", "mvc")]
    frame = pd.DataFrame(rows, columns=["filename", "fatigue"])
    frame.to_csv(folder / f"{prefix}_scans.tsv", sep="\t", index=False)
    about = {
        "fatigue": {
            "Description": "Before or after the muscles were tired",
            "Levels": {"before": "Before", "after": "After"},
        }
    }
    write_json(folder / f"{prefix}_scans.json", about)


def _write_session_truth(trial: Walk, tired: Walk, folder: Path, prefix: str) -> None:
    """Write what the condition changes, the efforts of walking, and the drift of the hold."""
    changes = []
    for channel in trial.channels:
        change = TIRED.get(channel, NO_CHANGE)
        changes.append((*channel, 1000 * change.onset_s, 100 * (change.amplitude - 1)))
    columns = ["muscle", "side", "onset_ms", "amplitude_percent"]
    save_table(
        pd.DataFrame(changes, columns=columns), folder / f"{prefix}_desc-truth_conditions.tsv"
    )
    efforts = []
    for name, one in (("task-walk", trial), ("task-walk_acq-tired", tired)):
        for channel in one.channels:
            heights = [b.height for b in one.bursts if (b.muscle, b.side) == channel]
            efforts.append((name, *channel, effort_percent(channel) * float(np.mean(heights))))
    columns = ["trial", "muscle", "side", "effort_percent"]
    save_table(pd.DataFrame(efforts, columns=columns), folder / f"{prefix}_desc-truth_efforts.tsv")
    drift = pd.DataFrame({"trial": ["task-hold"], "percent_per_min": [FREQUENCY_PERCENT_PER_MIN]})
    save_table(drift, folder / f"{prefix}_desc-truth_frequency.tsv")
