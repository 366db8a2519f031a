"""The phantom's walk as files: C3D, BIDS EMG (EDF and tables), and the truth beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from edfio import Edf, EdfSignal

from imaging.muscles import recorded_muscle
from imaging.phantom.efforts import (
    Effort,
)
from imaging.phantom.walking import Walk
from imaging.provenance import write_json

_KIND_NAMES = {"foot_strike": "Foot Strike", "foot_off": "Foot Off"}


def write_c3d(trial: Walk, path: Path, subject: str) -> None:
    """Write EMG, plates, heel markers and events as C3D; call it in a process of its own."""
    import ezc3d  # see imaging.isolation

    file = ezc3d.c3d()
    parameters = file["parameters"]
    parameters["POINT"]["RATE"]["value"] = [trial.frame_hz]
    parameters["POINT"]["LABELS"]["value"] = ["LHEE", "RHEE"]
    parameters["POINT"]["UNITS"]["value"] = ["mm"]
    points = np.ones((4, 2, trial.heels["left"].shape[1]))
    points[:3, 0], points[:3, 1] = trial.heels["left"], trial.heels["right"]
    file["data"]["points"] = points
    plate_rows, plate_labels = _plate_channels(trial)
    parameters["ANALOG"]["RATE"]["value"] = [trial.rate_hz]
    parameters["ANALOG"]["LABELS"]["value"] = [*plate_labels, *_labels(trial)]
    units = ["N", "N", "N", "Nmm", "Nmm", "Nmm"] * 2 + ["V"] * len(trial.channels)
    parameters["ANALOG"]["UNITS"]["value"] = units
    file["data"]["analogs"] = np.concatenate([plate_rows, trial.emg])[None]
    file.add_parameter("SUBJECTS", "NAMES", [f"sub-{subject}"])
    _add_plates(file, trial)
    _add_events(file, trial, f"sub-{subject}")
    file.write(str(path))


def _labels(trial: Walk | Effort) -> list[str]:
    return [f"{side[0].upper()}_{muscle}" for muscle, side in trial.channels]


def _plate_channels(trial: Walk) -> tuple[np.ndarray, list[str]]:
    """Return the 12 channels of two plates of type 2: force on the body, in the plate's frame."""
    rows: list[np.ndarray] = []
    labels: list[str] = []
    for plate in range(2):
        origin = trial.plate_corners[plate].mean(axis=1)
        lever = trial.centre[plate] - origin[:, None]
        moment = np.cross(lever, trial.force[plate], axis=0)
        # Frame of the plate, from the order of its corners: x backwards, y to the left, z down.
        turn = np.array([-1.0, 1.0, -1.0])[:, None]
        rows += [*(turn * trial.force[plate]), *(turn * moment)]
        labels += [f"{name}{plate + 1}" for name in ("Fx", "Fy", "Fz", "Mx", "My", "Mz")]
    return np.stack(rows), labels


def _add_plates(file: Any, trial: Walk) -> None:
    _add_integers(file, "FORCE_PLATFORM", "USED", np.array([2]))
    _add_integers(file, "FORCE_PLATFORM", "TYPE", np.array([2, 2]))
    _add_integers(file, "FORCE_PLATFORM", "ZERO", np.array([0, 0]))
    file.add_parameter("FORCE_PLATFORM", "CORNERS", np.moveaxis(trial.plate_corners, 0, -1))
    file.add_parameter("FORCE_PLATFORM", "ORIGIN", np.zeros((3, 2)))
    _add_integers(file, "FORCE_PLATFORM", "CHANNEL", np.arange(1, 13).reshape(2, 6).T)


def _add_integers(file: Any, group: str, name: str, values: np.ndarray) -> None:
    """Add whole numbers; ``add_parameter`` would turn them into reals, which readers refuse."""
    import ezc3d

    parameter = ezc3d.ezc3d.Parameter(name, "")
    flat = ezc3d.ezc3d.VecInt([int(v) for v in values.ravel(order="F")])
    parameter.set(flat, list(values.shape))
    file["parameters"].add_parameter(group, parameter)


def _add_events(file: Any, trial: Walk, subject: str) -> None:
    # Events marked by eye lie on camera frames.
    times = [round(e.time_s * trial.frame_hz) / trial.frame_hz for e in trial.events]
    n = len(times)
    _add_integers(file, "EVENT", "USED", np.array([n]))
    file.add_parameter("EVENT", "CONTEXTS", [e.side.capitalize() for e in trial.events])
    file.add_parameter("EVENT", "LABELS", [_KIND_NAMES[e.kind] for e in trial.events])
    file.add_parameter("EVENT", "SUBJECTS", [subject] * n)
    file.add_parameter("EVENT", "TIMES", np.array([np.zeros(n), times]))


def write_bids_emg(trial: Walk | Effort, stem: Path, task: str, about: str) -> None:
    """Write the EMG as EDF with the tables and sidecars that BIDS 1.11 asks for.

    Parameters
    ----------
    trial
        The signals.
    stem
        Path of the files without ``_emg.edf``.
    task, about
        Name and description of the task.
    """
    labels = _labels(trial)
    signals = []
    for label, row in zip(labels, trial.emg * 1e6, strict=True):
        reach = float(np.ceil(np.abs(row).max()))
        signals.append(
            EdfSignal(
                row,
                trial.rate_hz,
                label=label,
                physical_dimension="uV",
                physical_range=(-reach, reach),
            )
        )
    Edf(signals, data_record_duration=1.0).write(stem.with_name(f"{stem.name}_emg.edf"))
    write_json(stem.with_name(f"{stem.name}_emg.json"), _emg_sidecar(trial, task, about))
    targets = [f"{side} {recorded_muscle(muscle).name}" for muscle, side in trial.channels]
    n = len(labels)
    channels = pd.DataFrame(
        {
            "name": labels,
            "type": ["EMG"] * n,
            "units": ["uV"] * n,
            "signal_electrode": labels,
            "reference": ["bipolar"] * n,
            "target_muscle": targets,
        }
    )
    channels.to_csv(stem.with_name(f"{stem.name}_channels.tsv"), sep="\t", index=False)


def write_events(trial: Walk, stem: Path) -> None:
    """Write the gait events beside the EMG."""
    path = stem.with_name(f"{stem.name}_events.tsv")
    _events_table(trial).to_csv(path, sep="\t", index=False, float_format="%.4f")
    write_json(path.with_suffix(".json"), _EVENTS_DICTIONARY)


def _emg_sidecar(trial: Walk | Effort, task: str, about: str) -> dict[str, Any]:
    return {
        "TaskName": task,
        "TaskDescription": about,
        "EMGPlacementScheme": "Other",
        "EMGPlacementSchemeDescription": "Synthetic: one bipolar sensor over each muscle's belly",
        "EMGReference": "bipolar",
        "EMGGround": "n/a",
        "EMGChannelCount": len(trial.channels),
        "SamplingFrequency": trial.rate_hz,
        "PowerLineFrequency": "n/a",
        "SoftwareFilters": "n/a",
        "HardwareFilters": "n/a",
        "RecordingDuration": trial.duration_s,
        "RecordingType": "continuous",
    }


_EVENTS_DICTIONARY = {
    "onset": {"Description": "From the start of the recording", "Units": "s"},
    "duration": {"Description": "Zero: an instant", "Units": "s"},
    "trial_type": {
        "Description": "Gait event",
        "Levels": {
            f"{side}_{kind}": f"{side} {kind.replace('_', ' ')}"
            for side in ("left", "right")
            for kind in ("foot_strike", "foot_off")
        },
    },
}


def _events_table(trial: Walk) -> pd.DataFrame:
    rows = [(e.time_s, 0.0, f"{e.side}_{e.kind}") for e in trial.events]
    return pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])


def write_truth(trial: Walk, folder: Path, prefix: str) -> None:
    """Write the true times of bursts and gait events."""
    bursts = [(b.muscle, b.side, b.stride, b.onset_s, b.offset_s, b.height) for b in trial.bursts]
    columns = ["muscle", "side", "stride", "onset_s", "offset_s", "height"]
    onsets = pd.DataFrame(bursts, columns=columns)
    for name, table in (("onsets", onsets), ("events", _events_table(trial))):
        save_table(table, folder / f"{prefix}_desc-truth_{name}.tsv")


def save_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table of the truth."""
    table.to_csv(path, sep="\t", index=False, float_format="%.5f")
