"""What the muscles of a model can do in a recorded motion, as OpenSim computes it.

Tendons are taken as inextensible at their slack length, as static optimisation does: without the
force, how far they stretch is not known. Runs in a process of its own
(:func:`imaging.export.opensim.library.apart`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import make_interp_spline

from imaging.arrays import FloatArray
from imaging.export.opensim.inverse_dynamics import (
    Coupled,
    coupled_coordinates,
    inverse_dynamics,
    net_moments,
)
from imaging.export.opensim.library import (
    TRANSLATION,
    coordinates_of,
    joint_angles,
    open_model,
    quiet_opensim,
)
from imaging.export.opensim.motion_file import read_motion, smooth, span

_LEAST_ARM_M = 1e-4
_LOOKS = 5  # moments at which is looked which joints a muscle crosses


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
    residual_share : float or None
        Force that is missing at the root for the motion and its loads to fit, RMS over body weight.
    not_in_motion : tuple of str
        Free rotations that the file does not hold; they stay as the model has them.
    replaced : bool
        Muscles of Thelen 2003 were computed as De Groote and Fregly 2016.
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
    residual_share: float | None = None
    not_in_motion: tuple[str, ...] = field(default=())
    replaced: bool = False

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
        model, replaced = _with_stiff_tendons(osim, path)
        values = read_motion(osim, motion, model)
        values = smooth(values, cutoff_hz, motion)
        coupled = coupled_coordinates(osim, model, values)
        # Not as the file has them: OpenSim itself leaves these in degrees where it turns the others
        # into radians, and accelerations of what was then assembled cost hundreds of N m at hips.
        values = values.assign(**{c.driven: c.value for c in coupled})
        first, last = span(osim, model, values, loads, motion, cutoff_hz)
        chosen = np.unique(np.linspace(first, last, frames).round().astype(int))
        moments = None if loads is None else inverse_dynamics(osim, path, values, loads)
        return replace(_states(model, values, chosen, coupled, moments), replaced=replaced)


def _with_stiff_tendons(osim: Any, path: Path) -> tuple[Any, bool]:
    """Return a model whose tendons do not stretch, and whether its muscles are of another kind.

    Thelen's muscle has no such tendon in OpenSim.
    """
    model = open_model(osim, path)
    muscles = [model.getMuscles().get(i) for i in range(model.getMuscles().getSize())]
    replaced = any(m.getConcreteClassName() == "Thelen2003Muscle" for m in muscles)
    if replaced:
        osim.DeGrooteFregly2016Muscle.replaceMuscles(model)
        muscles = [model.getMuscles().get(i) for i in range(model.getMuscles().getSize())]
    for muscle in muscles:
        muscle.set_ignore_tendon_compliance(True)
    return model, replaced


def _states(
    model: Any,
    frame: pd.DataFrame,
    rows: np.ndarray,
    coupled: Sequence[Coupled],
    moments: pd.DataFrame | None,
) -> Motion:
    """Return what the muscles can do in the chosen rows of a motion."""
    coordinates = {c.getName(): c for c in coordinates_of(model)}
    held = [name for name in frame.columns if name in coordinates]
    muscles = [model.getMuscles().get(i) for i in range(model.getMuscles().getSize())]
    state = model.initSystem()
    free = [c.getName() for c in joint_angles(model, state)]
    joints = [n for n in free if n in held]
    time = frame["time"].to_numpy()
    now = frame.iloc[rows].reset_index(drop=True)
    speeds = pd.DataFrame({n: make_interp_spline(time, frame[n].to_numpy(), k=5).derivative()(
        time[rows]) for n in held})  # fmt: skip

    def pose(k: int) -> None:
        for name in held:
            coordinates[name].setValue(state, float(now[name][k]), False)
        model.assemble(state)
        for name in speeds.columns:
            coordinates[name].setSpeedValue(state, float(speeds[name][k]))

    def arms(crossing: np.ndarray) -> np.ndarray:
        out = np.zeros(crossing.shape)
        for i, j in np.argwhere(crossing):
            out[i, j] = muscles[i].computeMomentArm(state, coordinates[joints[j]])
        return out

    crossing = np.zeros((len(muscles), len(joints)), dtype=bool)
    for k in range(0, len(rows), max(len(rows) // _LOOKS, 1)):
        pose(k)
        model.realizePosition(state)
        crossing |= np.abs(arms(np.ones_like(crossing))) > _LEAST_ARM_M
    figures, lever = [], []
    for k in range(len(rows)):
        pose(k)
        for muscle in muscles:
            muscle.setActivation(state, 1.0)
        model.realizeDynamics(state)
        figures.append([_figures(m, state) for m in muscles])
        lever.append(arms(crossing))
    moved = np.flatnonzero(crossing.any(axis=0))
    names = tuple(joints[j] for j in moved)
    read = np.array(figures)
    return Motion(
        time[rows], tuple(m.getName() for m in muscles),
        np.array([m.getMaxIsometricForce() for m in muscles]),
        read[..., 0], read[..., 1], read[..., 2], read[..., 3], read[..., 4], read[..., 5],
        names, np.array(lever)[..., moved],
        None if moments is None else net_moments(moments, time[rows], rows, names, coupled),
        None if moments is None else _residual_share(model, state, moments),
        tuple(n for n in free if n not in held),
    )  # fmt: skip


def _residual_share(model: Any, state: Any, moments: pd.DataFrame) -> float:
    """Return the force at the joint to ground that inverse dynamics asks for, over body weight."""
    root = [
        c.getName()
        for c in coordinates_of(model)
        if c.getMotionType() == TRANSLATION
        and c.getJoint().getParentFrame().findBaseFrame().getName() == "ground"
    ]
    force = np.sqrt((moments[root].to_numpy() ** 2).sum(axis=1).mean())
    weight = model.getTotalMass(state) * np.linalg.norm(model.getGravity().to_numpy())
    return float(force / weight)


def _figures(muscle: Any, state: Any) -> list[float]:
    speed = muscle.getForceVelocityMultiplier(state)
    whole = muscle.getMaxIsometricForce() * speed
    return [
        muscle.getNormalizedFiberLength(state),
        muscle.getNormalizedFiberVelocity(state),
        muscle.getPennationAngle(state),
        # From the force, not the curve: it is 0 where the tendon is slack.
        muscle.getActiveFiberForce(state) / whole if whole > 0 else 0.0,
        speed,
        muscle.getPassiveForceMultiplier(state),
    ]
