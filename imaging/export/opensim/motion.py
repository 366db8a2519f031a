"""What the muscles of a model can do in a recorded motion, as OpenSim computes it.

Tendons are taken as inextensible at their slack length, as static optimisation does: without the
force, how far they stretch is not known. Runs in a process of its own
(:func:`imaging.export.opensim.library.apart`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import make_interp_spline
from scipy.signal import butter, sosfiltfilt

from imaging.arrays import FloatArray
from imaging.errors import InputError
from imaging.export.opensim.library import (
    ROTATION,
    coordinates_of,
    joint_angles,
    open_model,
    quiet_opensim,
)

_HOW = "Give joint angles of this model as OpenSim writes them (.mot or .sto)"
_LOADS_HOW = "Give the ExternalLoads file (.xml) of this motion, its data file beside it"
_FEWEST = 10
_LEAST_ARM_M = 1e-4
_STEP_RAD = 1e-4
_EDGE_S = 0.01  # splines of positions are bad at their ends


@dataclass(frozen=True)
class Motion:
    """Muscles of a model over T moments: what they can give, and what the joints ask for.

    Attributes
    ----------
    time_s : (T,) array
        Moments.
    muscles : tuple of str
        Names of all M muscles.
    max_force_n : (M,) array
        Maximal isometric force.
    length, velocity : (T, M) array
        Fibre length over optimal length; its speed in maximal shortening velocities, lengthening
        positive.
    pennation_rad : (T, M) array
        Of the fibre at that length.
    force_length, force_velocity, passive : (T, M) array
        Multipliers of the active force; passive force over maximal force.
    joints : tuple of str
        Coordinates J that muscles move and the motion holds.
    arms_m : (T, M, J) array
        Moment arms.
    moments_nm : (T, J) array or None
        Net joint moments by inverse dynamics; None without external loads.
    not_in_motion : tuple of str
        Free rotations that the file does not hold; they stay as the model has them.
    """

    time_s: FloatArray
    muscles: tuple[str, ...]
    max_force_n: FloatArray
    length: FloatArray
    velocity: FloatArray
    pennation_rad: FloatArray
    force_length: FloatArray
    force_velocity: FloatArray
    passive: FloatArray
    joints: tuple[str, ...]
    arms_m: FloatArray
    moments_nm: FloatArray | None = None
    not_in_motion: tuple[str, ...] = field(default=())

    @property
    def active_along_tendon_n(self) -> FloatArray:
        """Force (T, M) along the tendon at full activation, without the passive part."""
        cosine = np.cos(self.pennation_rad)
        return self.max_force_n * self.force_length * self.force_velocity * cosine

    @property
    def passive_along_tendon_n(self) -> FloatArray:
        """Passive force (T, M) along the tendon."""
        return self.max_force_n * self.passive * np.cos(self.pennation_rad)


def muscles_in_motion(
    path: Path, motion: Path, loads: Path | None, cutoff_hz: float | None, frames: int
) -> Motion:
    """Return lengths, speeds, factors and moment arms of the muscles over a motion.

    Parameters
    ----------
    path
        Model.
    motion
        Joint angles: STO or MOT, columns named by coordinate or by their path in the model.
    loads
        ExternalLoads, for inverse dynamics; None: no moments.
    cutoff_hz
        Low-pass of the angles (Butterworth, order 4, zero phase); None: as they are.
    frames
        Most moments that are returned, evenly spaced.

    Raises
    ------
    InputError
        The motion is not one of this model, says no unit, or does not overlap with its loads.
    """
    with quiet_opensim() as osim:
        model = open_model(osim, path)
        values = _read_motion(osim, motion, model)
        values = _smooth(values, cutoff_hz, motion)
        coupled = _coupled(osim, model, values)
        # What a file holds of them agrees to the tolerance of the assembly only: as accelerations
        # that is noise of hundreds of N m at the hip.
        values = values.assign(**{c.driven: c.value for c in coupled})
        span = _span(osim, values, loads, motion)
        chosen = np.unique(np.linspace(span[0], span[1], frames).round().astype(int))
        moments = None if loads is None else _inverse_dynamics(osim, path, values, loads)
        return _states(model, values, chosen, coupled, moments)


def _read_motion(osim: Any, path: Path, model: Any) -> pd.DataFrame:
    """Return time and the coordinates (rad, m) that the file holds, by their names."""
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
    _check_motion(frame, model, path)
    return frame


def _check_motion(frame: pd.DataFrame, model: Any, path: Path) -> None:
    rotations = {c.getName(): c for c in coordinates_of(model) if c.getMotionType() == ROTATION}
    held = [name for name in frame.columns if name in rotations]
    if not held:
        raise InputError("holds no joint angle of the model", path, _HOW)
    if len(frame) < _FEWEST or not np.isfinite(frame.to_numpy()).all():
        raise InputError(f"has less than {_FEWEST} moments, or gaps", path, _HOW)
    if (np.diff(frame["time"]) <= 0).any():
        raise InputError("has a time that does not rise", path, _HOW)
    for name in held:
        if np.abs(frame[name]).max() > 4 * np.pi and "pelvis" not in name:
            raise InputError(
                f"{name} reaches {np.abs(frame[name]).max():.0f} rad: these are degrees", path,
                "Correct inDegrees in its header",
            )  # fmt: skip


def _smooth(frame: pd.DataFrame, cutoff_hz: float | None, path: Path) -> pd.DataFrame:
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


def _span(osim: Any, frame: pd.DataFrame, loads: Path | None, path: Path) -> tuple[int, int]:
    """Return first and last row within both the motion and its loads."""
    time = frame["time"].to_numpy()
    low, high = time[0] + _EDGE_S, time[-1] - _EDGE_S
    if loads is not None:
        first, last = _times_of_loads(osim, loads)
        low, high = max(low, first), min(high, last)
    rows = np.flatnonzero((time >= low) & (time <= high))
    if len(rows) < _FEWEST:
        raise InputError("has no time in common with its external loads", path, _LOADS_HOW)
    return int(rows[0]), int(rows[-1])


def _times_of_loads(osim: Any, loads: Path) -> tuple[float, float]:
    try:
        held = osim.ExternalLoads(str(loads.resolve()), True)
        data = loads.resolve().parent / held.getDataFileName()
        storage = osim.Storage(str(data))
    except RuntimeError as error:
        raise InputError("its external loads cannot be read", loads, _LOADS_HOW) from error
    return storage.getFirstTime(), storage.getLastTime()


def _inverse_dynamics(osim: Any, path: Path, frame: pd.DataFrame, loads: Path) -> pd.DataFrame:
    """Return the generalised forces (N m, N) that the motion asks for, over the rows of `frame`."""
    text = frame.to_csv(sep="\t", index=False, float_format="%.12g")
    head = f"motion\nversion=1\nnRows={len(frame)}\nnColumns={frame.shape[1]}\ninDegrees=no\n"
    Path("motion.sto").write_text(f"{head}endheader\n{text}", encoding="utf-8")
    tool, model = osim.InverseDynamicsTool(), osim.Model(str(path))
    tool.setModel(model)  # the tool does not keep it
    tool.setCoordinatesFileName("motion.sto")
    tool.setExternalLoadsFileName(str(loads.resolve()))
    tool.setLowpassCutoffFrequency(-1)
    tool.setStartTime(float(frame["time"].iloc[0]))
    tool.setEndTime(float(frame["time"].iloc[-1]))
    left_out = osim.ArrayStr()
    left_out.append("Muscles")
    tool.setExcludedForces(left_out)
    tool.setResultsDir(str(Path.cwd()))
    tool.setOutputGenForceFileName("moments.sto")
    written = Path("moments.sto")
    try:
        fine = tool.run()
    except RuntimeError as error:
        why = " ".join(str(error).split())[-200:]
        raise InputError(f"inverse dynamics failed ({why})", loads, _LOADS_HOW) from error
    if not fine or not written.is_file():
        raise InputError("inverse dynamics gave nothing", loads, _LOADS_HOW)
    table = osim.TimeSeriesTable(str(written.resolve()))
    out = pd.DataFrame(table.getMatrix().to_numpy(), columns=list(table.getColumnLabels()))
    out.columns = [c.removesuffix("_moment").removesuffix("_force") for c in out.columns]
    return out.assign(time=np.array(table.getIndependentColumn()))


def _states(
    model: Any,
    frame: pd.DataFrame,
    rows: np.ndarray,
    coupled: Sequence[_Coupled],
    moments: pd.DataFrame | None,
) -> Motion:
    """Return what the muscles can do in the chosen rows of a motion."""
    coordinates = {c.getName(): c for c in coordinates_of(model)}
    held = [name for name in frame.columns if name in coordinates]
    muscles = [model.getMuscles().get(i) for i in range(model.getMuscles().getSize())]
    for muscle in muscles:
        muscle.set_ignore_tendon_compliance(True)
    state = model.initSystem()
    free = [c.getName() for c in joint_angles(model, state)]
    joints = [n for n in free if n in held]
    time = frame["time"].to_numpy()
    now = frame.iloc[rows].reset_index(drop=True)
    speeds = pd.DataFrame({n: make_interp_spline(time, frame[n].to_numpy(), k=5).derivative()(
        time[rows]) for n in held})  # fmt: skip
    figures, lever = [], []
    for k in range(len(rows)):
        for name in held:
            coordinates[name].setValue(state, float(now[name][k]), False)
        model.assemble(state)
        for name in speeds.columns:
            coordinates[name].setSpeedValue(state, float(speeds[name][k]))
        for muscle in muscles:
            muscle.setActivation(state, 1.0)
        model.realizeDynamics(state)
        figures.append([_figures(m, state) for m in muscles])
        if k == 0:
            crossing = [
                [abs(m.computeMomentArm(state, coordinates[j])) > _LEAST_ARM_M for j in joints]
                for m in muscles
            ]
        lever.append([
            [m.computeMomentArm(state, coordinates[j]) if crossing[i][c] else 0.0
             for c, j in enumerate(joints)] for i, m in enumerate(muscles)
        ])  # fmt: skip
    moved = np.flatnonzero(np.any(crossing, axis=0))
    names = tuple(joints[j] for j in moved)
    return Motion(
        time[rows], tuple(m.getName() for m in muscles),
        np.array([m.getMaxIsometricForce() for m in muscles]),
        *np.moveaxis(np.array(figures), -1, 0),
        names, np.array(lever)[..., moved],
        None if moments is None else _net_moments(moments, time[rows], rows, names, coupled),
        tuple(n for n in free if n not in held),
    )  # fmt: skip


@dataclass(frozen=True)
class _Coupled:
    """A coordinate that follows another one, as the patella follows the knee."""

    driven: str
    driver: str
    value: FloatArray
    slope: FloatArray


def _coupled(osim: Any, model: Any, frame: pd.DataFrame) -> list[_Coupled]:
    """Return the coordinates that follow one of the motion, at its rows."""
    found, constraints = [], model.getConstraintSet()
    for i in range(constraints.getSize()):
        coupler = osim.CoordinateCouplerConstraint.safeDownCast(constraints.get(i))
        if coupler is None:
            raise InputError(
                f"the model has the constraint {constraints.get(i).getName()}, which is not one "
                "of coupled coordinates: joint moments would be wrong", None, "Take it out",
            )  # fmt: skip
        drivers = coupler.getIndependentCoordinateNames()
        if drivers.getSize() != 1 or drivers.get(0) not in frame.columns:
            continue  # a joint that the motion does not hold stays
        function = coupler.getFunction()
        scale = osim.PropertyHelper.getValueDouble(coupler.getPropertyByName("scale_factor"))
        angle = frame[drivers.get(0)].to_numpy()
        at = [np.array([scale * function.calcValue(osim.Vector(1, float(x))) for x in angle + d])
              for d in (-_STEP_RAD, 0.0, _STEP_RAD)]  # fmt: skip
        slope = (at[2] - at[0]) / (2 * _STEP_RAD)
        found.append(_Coupled(coupler.getDependentCoordinateName(), drivers.get(0), at[1], slope))
    return found


def _net_moments(
    moments: pd.DataFrame,
    time: FloatArray,
    rows: np.ndarray,
    joints: Sequence[str],
    coupled: Sequence[_Coupled],
) -> FloatArray:
    """Return joint moments (T, J), with what the coordinates that follow a joint add to it."""
    own = {n: np.interp(time, moments["time"], moments[n]) for n in moments.columns}
    out = {joint: own[joint] for joint in joints}
    for c in coupled:
        if c.driver in out:
            out[c.driver] = out[c.driver] + c.slope[rows] * own[c.driven]
    return np.column_stack([out[joint] for joint in joints])


def _figures(muscle: Any, state: Any) -> list[float]:
    return [
        muscle.getNormalizedFiberLength(state),
        muscle.getNormalizedFiberVelocity(state),
        muscle.getPennationAngle(state),
        muscle.getActiveForceLengthMultiplier(state),
        muscle.getForceVelocityMultiplier(state),
        muscle.getPassiveForceMultiplier(state),
    ]
