"""Joint angles of a motion and the time of its external loads, as OpenSim reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.signal import butter, sosfiltfilt

from imaging.errors import InputError
from imaging.export.opensim.library import ROTATION, coordinates_of, joint_angles

_HOW = "Give joint angles of this model as OpenSim writes them (.mot or .sto)"
LOADS_HOW = "Give the ExternalLoads file (.xml) of this motion, its data file beside it"
_FEWEST = 10
_BEYOND_RAD = 1.0
_LEAST_HZ = 10.0
_EDGE_S = 0.01  # accelerations by splines are bad at their ends; by a filter, for a period


def read_motion(osim: Any, path: Path, model: Any) -> pd.DataFrame:
    """Return time and the coordinates (rad, m) that the file holds, by their names.

    Raises
    ------
    InputError
        No motion, not of this model, with gaps, or in a unit that is not the one it names.
    """
    try:
        table = osim.TimeSeriesTable(str(path.resolve()))
    except RuntimeError as error:
        raise InputError("cannot be read by OpenSim as a motion", path, _HOW) from error
    if not table.hasTableMetaDataKey("inDegrees"):
        raise InputError("does not say inDegrees=yes or no", path, _HOW)
    degrees = table.getTableMetaDataAsString("inDegrees").strip().lower() == "yes"
    labels = list(table.getColumnLabels())
    data = table.getMatrix().to_numpy()
    found = {"time": np.array(table.getIndependentColumn())}
    for c in coordinates_of(model):
        for name in (c.getName(), f"{c.getAbsolutePathString()}/value"):
            if name in labels:
                turned = degrees and c.getMotionType() == ROTATION
                column = data[:, labels.index(name)]
                found[c.getName()] = np.radians(column) if turned else column
    frame = pd.DataFrame(found)
    _check_motion(frame, degrees, model, path)
    return frame


def _check_motion(frame: pd.DataFrame, degrees: bool, model: Any, path: Path) -> None:
    joints = {c.getName(): c for c in joint_angles(model, model.initSystem())}
    held = [name for name in frame.columns if name in joints]
    if not held:
        raise InputError("holds no joint angle of the model", path, _HOW)
    if len(frame) < _FEWEST or not np.isfinite(frame.to_numpy()).all():
        raise InputError(f"has less than {_FEWEST} moments, or gaps", path, _HOW)
    if (np.diff(frame["time"]) <= 0).any():
        raise InputError("has a time that does not rise", path, _HOW)
    rate = 1 / float(frame["time"].diff().median())
    if rate < _LEAST_HZ:
        raise InputError(
            f"has {rate:.2g} samples per s: is its time in seconds?", path, "Correct the time"
        )
    most = frame[held].abs().max()
    for name in held:
        end = max(abs(joints[name].getRangeMin()), abs(joints[name].getRangeMax()))
        if most[name] > end + _BEYOND_RAD:
            raise InputError(
                f"{name} reaches {most[name]:.1f} rad; the model's joint ends at {end:.1f}", path,
                "Correct inDegrees in its header",
            )  # fmt: skip
    if degrees and most.max() < np.radians(np.pi / 2):
        raise InputError(
            f"says inDegrees=yes, and no joint leaves {np.degrees(most.max()):.1f} degrees: these "
            "seem to be radians", path, "Correct inDegrees in its header",
        )  # fmt: skip


def smooth(frame: pd.DataFrame, cutoff_hz: float | None, path: Path) -> pd.DataFrame:
    """Return a motion after a low-pass (Butterworth, order 4, zero phase); None: as it is.

    Raises
    ------
    InputError
        Not evenly sampled, or too slowly.
    """
    if cutoff_hz is None:
        return frame
    step = np.diff(frame["time"])
    rate = 1 / float(np.median(step))
    if np.ptp(step) > 0.01 * np.median(step):
        raise InputError("is not evenly sampled and cannot be filtered", path, _HOW)
    if cutoff_hz >= rate / 2:
        raise InputError(f"{cutoff_hz:g} Hz is no low-pass at {rate:g} Hz", path, "Lower it")
    out = frame.copy()
    sos = butter(2, cutoff_hz, fs=rate, output="sos")
    for name in frame.columns.drop("time"):
        out[name] = sosfiltfilt(sos, frame[name].to_numpy())
    return out


def span(
    osim: Any,
    model: Any,
    frame: pd.DataFrame,
    loads: Path | None,
    path: Path,
    cutoff_hz: float | None,
) -> tuple[int, int]:
    """Return first and last row within both the motion and its loads, without the bad ends.

    Raises
    ------
    InputError
        The loads cannot be read, or the two do not overlap.
    """
    time = frame["time"].to_numpy()
    edge = _EDGE_S if cutoff_hz is None else 1 / cutoff_hz
    low, high = time[0] + edge, time[-1] - edge
    if loads is not None:
        first, last = _times_of_loads(osim, loads, model)
        low, high = max(low, first), min(high, last)
    rows = np.flatnonzero((time >= low) & (time <= high))
    if len(rows) < _FEWEST:
        raise InputError("has no time in common with its external loads", path, LOADS_HOW)
    return int(rows[0]), int(rows[-1])


def _times_of_loads(osim: Any, loads: Path, model: Any) -> tuple[float, float]:
    try:
        held = osim.ExternalLoads(str(loads.resolve()), True)
        data = loads.resolve().parent / held.getDataFileName()
        storage = osim.Storage(str(data))
    except RuntimeError as error:
        raise InputError("its external loads cannot be read", loads, LOADS_HOW) from error
    bodies = {model.getBodySet().get(i).getName() for i in range(model.getBodySet().getSize())}
    for i in range(held.getSize()):
        body = held.get(i).get_applied_to_body()
        if body not in bodies:
            raise InputError(f"names the body {body}, which the model lacks", loads, LOADS_HOW)
    return storage.getFirstTime(), storage.getLastTime()
