"""What is asked of OpenSim: a model read at rest in the scan's pose, changed, written, re-read.

Every function here runs in a process of its own (:func:`apart`): OpenSim prints, writes a log
into the folder it is started in, and can crash on damaged files.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from imaging.errors import ComputationError, ConfigError, InputError, MissingToolError
from imaging.export.opensim.names import labels_in_map
from imaging.export.opensim.parameters import ModelMuscle
from imaging.isolation import run_apart

T = TypeVar("T")
INSTALL = "Install it: pip install 'pennate[opensim]'"
_HOW = "Give a whole OpenSim model (.osim)"
_STEPS = 5
ROTATION = 1  # Coordinate.MotionType
_LEAST_ARM_M = 1e-4
_FIT_M = 1e-9
_ROUNDS = 60


def apart(function: Callable[..., T], model: Path, *arguments: Any) -> T:
    """Call one of the functions below in a process of its own.

    Raises
    ------
    MissingToolError
        OpenSim is not installed.
    InputError
        OpenSim cannot read the model, or crashes on it.
    """
    if importlib.util.find_spec("opensim") is None:
        raise MissingToolError("the package opensim is not installed", None, INSTALL)
    if not model.is_file():
        raise InputError("no such OpenSim model", model, _HOW)
    try:
        return run_apart(function, model.resolve(), *arguments)
    except ComputationError as error:
        if " crashed: " in str(error):
            raise InputError("OpenSim crashes on this model", model, _HOW) from error
        raise


@contextmanager
def quiet_opensim() -> Iterator[Any]:
    """Yield the module `opensim`, started in a folder that is thrown away."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        import opensim

        opensim.Logger.setLevelString("Off")
        opensim.Logger.removeFileSink()
        try:
            yield opensim
        finally:
            os.chdir(before)


def open_model(osim: Any, path: Path) -> Any:
    """Read a model and check that it is one, in metres and newtons.

    Raises
    ------
    InputError
        It is not.
    """
    try:
        model = osim.Model(str(path))
        model.initSystem()
    except RuntimeError as error:
        why = " ".join(str(error).split())[-200:]
        raise InputError(f"is not a model that OpenSim can read ({why})", path, _HOW) from error
    if model.getMuscles().getSize() == 0:
        raise InputError("has no muscle", path, _HOW)
    units = model.get_length_units(), model.get_force_units()
    if units != ("meters", "N"):
        raise InputError(f"is in {units[0]} and {units[1]}, not in meters and N", path, _HOW)
    return model


def muscles_of(model: Any, path: Path) -> dict[int, Any]:
    """Return the muscles of the lower leg by their label in the map.

    Raises
    ------
    InputError
        There is none, or one twice.
    """
    muscles = model.getMuscles()
    names = [muscles.get(i).getName() for i in range(muscles.getSize())]
    labels = labels_in_map(names)
    if not labels:
        raise InputError(
            f"has no lower-leg muscle under a known name; it has {', '.join(names[:5])} ...", path,
            "Name them as the Rajagopal or the gait2392 model does (docs/opensim.md)",
        )  # fmt: skip
    return {label: muscles.get(name) for name, label in labels.items()}


def scan_pose(model: Any, state: Any, pose_deg: Mapping[str, float], path: Path) -> None:
    """Put a state into the pose of the scan: rotations not named are 0, as near as they go.

    Raises
    ------
    ConfigError
        The model has no such coordinate, or it does not go so far.
    """
    coordinates = {c.getName(): c for c in coordinates_of(model)}
    if unknown := sorted(set(pose_deg) - set(coordinates)):
        raise ConfigError(
            f"model.pose names {', '.join(unknown)}, which the model does not have", path,
            f"Its coordinates: {', '.join(coordinates)}",
        )  # fmt: skip
    for name, c in coordinates.items():
        low, high = c.getRangeMin(), c.getRangeMax()
        if name in pose_deg:
            value = float(np.radians(pose_deg[name]))
            if c.getMotionType() != ROTATION or not low - 1e-9 <= value <= high + 1e-9:
                raise ConfigError(
                    f"model.pose: {name} cannot be {pose_deg[name]:g} degrees; it goes from "
                    f"{np.degrees(low):.0f} to {np.degrees(high):.0f}", path, "Correct it",
                )  # fmt: skip
        elif c.getMotionType() == ROTATION and not c.isConstrained(state) and not c.getLocked(state):  # noqa: E501
            value = float(np.clip(0.0, low, high))
        else:
            continue
        c.setValue(state, value, False)
    model.assemble(state)


def coordinates_of(model: Any) -> list[Any]:
    """Return every coordinate of a model."""
    found = model.getCoordinateSet()
    return [found.get(i) for i in range(found.getSize())]


def _at_rest(model: Any, pose_deg: Mapping[str, float], path: Path) -> Any:
    """Return a state in the scan's pose with least activation."""
    state = model.initSystem()
    scan_pose(model, state, pose_deg, path)
    for muscle in muscles_of(model, path).values():
        muscle.setActivation(state, 0.0)  # taken as the least activation that the muscle allows
    model.realizeVelocity(state)
    return state


def _read(muscle: Any, state: Any) -> ModelMuscle:
    """Return a muscle in equilibrium with its tendon; RuntimeError where there is none."""
    muscle.computeEquilibrium(state)
    muscle.getModel().realizeDynamics(state)
    return ModelMuscle(
        muscle.getName(),
        muscle.getOptimalFiberLength() * 1e3,
        float(np.degrees(muscle.getPennationAngleAtOptimalFiberLength())),
        muscle.getTendonSlackLength() * 1e3,
        muscle.getMaxIsometricForce(),
        muscle.getLength(state) * 1e3,
        muscle.getNormalizedFiberLength(state),
        muscle.getPassiveFiberForce(state) / muscle.getMaxIsometricForce(),
    )


def read_generic(path: Path, pose_deg: Mapping[str, float]) -> dict[int, ModelMuscle]:
    """Return the lower-leg muscles of a model by label, at rest in the scan's pose.

    Raises
    ------
    InputError
        Not a model, without known muscles, or one that finds no equilibrium.
    ConfigError
        The pose is not one of this model.
    """
    with quiet_opensim() as osim:
        model = open_model(osim, path)
        state = _at_rest(model, pose_deg, path)
        found = {}
        for label, muscle in muscles_of(model, path).items():
            try:
                found[label] = _read(muscle, state)
            except RuntimeError as error:
                raise InputError(
                    f"{muscle.getName()} finds no equilibrium in the pose of the scan", path,
                    "Correct the model or model.pose",
                ) from error  # fmt: skip
        return found


@dataclass(frozen=True)
class Wanted:
    """What the personal model shall hold of one muscle.

    Attributes
    ----------
    fibre_length_mm, optimal_fibre_length_mm, pennation_at_optimal_deg : float or None
        Fibre length in the scan, and the two parameters; all or none.
    max_isometric_force_n : float or None
        None keeps the generic one.
    """

    fibre_length_mm: float | None = None
    optimal_fibre_length_mm: float | None = None
    pennation_at_optimal_deg: float | None = None
    max_isometric_force_n: float | None = None


@dataclass(frozen=True)
class Personalised:
    """The personal model as it was written.

    Attributes
    ----------
    muscles : dict
        Label to muscle as re-read from the file, at rest in the scan's pose.
    refused : dict
        Label to the reason why its lengths are the generic ones.
    reread_error : float
        Largest relative difference between what was asked for and what the file holds.
    moment_arm_change_m : float
        Largest over muscles, coordinates and poses.
    poses : int
        Number of poses.
    """

    muscles: dict[int, ModelMuscle]
    refused: dict[int, str]
    reread_error: float
    moment_arm_change_m: float
    poses: int


def write_personal(
    path: Path, target: Path, name: str, pose_deg: Mapping[str, float], wanted: Mapping[int, Wanted]
) -> Personalised:
    """Write a copy of a model with the person's muscles, and read it again.

    Tendon slack length is such that at rest, in the pose of the scan, fibre and tendon are in
    equilibrium at the fibre length that was measured there.

    Parameters
    ----------
    path, target
        Given model, personal model.
    name
        Of the personal model; that of the given one may be a person's.
    pose_deg
        Of the scan.
    wanted
        By label.
    """
    with quiet_opensim() as osim:
        model = open_model(osim, path)
        muscles = muscles_of(model, path)
        generic = {v: _parameters_of(m) for v, m in muscles.items()}
        asked = {v: w for v, w in wanted.items() if w.optimal_fibre_length_mm is not None}
        refused = _fit_tendons(model, path, pose_deg, asked)
        for label in refused:
            _set_parameters(muscles[label], generic[label])
        for label, want in wanted.items():
            if want.max_isometric_force_n is not None:
                muscles[label].setMaxIsometricForce(want.max_isometric_force_n)
        model.setName(name)
        _forget_folders(osim, model)
        model.finalizeConnections()
        meant = {v: _parameters_of(m) for v, m in muscles.items()}
        if not model.printToXML(str(target)):
            raise ComputationError("OpenSim could not write the personal model")
        personal = open_model(osim, target)
        again = muscles_of(personal, target)
        state = _at_rest(personal, pose_deg, target)
        change, poses = _moment_arm_change(open_model(osim, path), personal, path)
        return Personalised(
            {v: _read(m, state) for v, m in again.items()},
            refused,
            max(_relative(meant[v], _parameters_of(again[v])) for v in meant),
            change,
            poses,
        )


def _parameters_of(muscle: Any) -> tuple[float, float, float, float]:
    return (
        muscle.getOptimalFiberLength(),
        muscle.getPennationAngleAtOptimalFiberLength(),
        muscle.getTendonSlackLength(),
        muscle.getMaxIsometricForce(),
    )


def _set_parameters(muscle: Any, values: Sequence[float]) -> None:
    muscle.setOptimalFiberLength(values[0])
    muscle.setPennationAngleAtOptimalFiberLength(values[1])
    muscle.setTendonSlackLength(values[2])
    muscle.setMaxIsometricForce(values[3])


def _relative(a: Sequence[float], b: Sequence[float]) -> float:
    return max(abs(x - y) / max(abs(x), 1e-12) for x, y in zip(a, b, strict=True))


def _fit_tendons(
    model: Any, path: Path, pose_deg: Mapping[str, float], wanted: Mapping[int, Wanted]
) -> dict[int, str]:
    """Set lengths and pennation, and find the slack lengths; return who cannot have one, and why.

    A slack length is moved by how far the fibre in equilibrium is from the length measured, times
    the cosine of pennation, until they agree to a nanometre.
    """
    muscles, refused = muscles_of(model, path), {}
    state = _at_rest(model, pose_deg, path)
    slack: dict[int, float] = {}
    for label, want in wanted.items():
        total = muscles[label].getLength(state)
        slack[label] = total - _along_tendon_m(want)
        if slack[label] <= 0:
            refused[label] = (
                f"the tendon would be {slack[label] * 1e3:.1f} mm long: the fibres measured are "
                f"longer than the {total * 1e3:.0f} mm from origin to insertion of the model"
            )
    for label, want in wanted.items():
        if label not in refused:
            _set_parameters(muscles[label], (
                (want.optimal_fibre_length_mm or 0) / 1e3,
                np.radians(want.pennation_at_optimal_deg), slack[label],
                muscles[label].getMaxIsometricForce(),
            ))  # fmt: skip
    off = {label: np.inf for label in wanted if label not in refused}
    for _ in range(_ROUNDS):
        state = _at_rest(model, pose_deg, path)
        for label in [v for v in off if v not in refused and abs(off[v]) > _FIT_M]:
            muscle, want = muscles[label], wanted[label]
            try:
                muscle.computeEquilibrium(state)
                model.realizePosition(state)
                off[label] = muscle.getFiberLength(state) - (want.fibre_length_mm or 0) / 1e3
                cosine = muscle.getCosPennationAngle(state)
            except RuntimeError:
                refused[label] = "fibre and tendon find no equilibrium in the scan's pose"
                continue
            slack[label] += off[label] * cosine
            if slack[label] <= 0:
                refused[label] = "only a tendon of negative slack length would fit"
            elif abs(off[label]) > _FIT_M:
                muscle.setTendonSlackLength(slack[label])
        if all(v in refused or abs(off[v]) <= _FIT_M for v in off):
            break
    lost = {v for v in off if v not in refused and abs(off[v]) > _FIT_M}
    return refused | {v: "no slack length fits the fibre length in the scan's pose" for v in lost}


def _along_tendon_m(want: Wanted) -> float:
    """Return the fibre's length along the tendon in the scan, by constant thickness."""
    length = (want.fibre_length_mm or 0) / 1e3
    thick = (want.optimal_fibre_length_mm or 0) / 1e3
    thick *= np.sin(np.radians(want.pennation_at_optimal_deg or 0))
    return float(np.sqrt(max(length**2 - thick**2, 0.0)))


def _forget_folders(osim: Any, model: Any) -> None:
    """Keep the names of geometry files only: folders can hold a person's name."""
    for component in model.getComponentsList():
        mesh = osim.Mesh.safeDownCast(component)
        if mesh is not None:
            mesh.set_mesh_file(mesh.get_mesh_file().replace("\\", "/").rsplit("/", 1)[-1])


def _moment_arm_change(before: Any, after: Any, path: Path) -> tuple[float, int]:
    """Return the largest change of a moment arm (m) over poses, and the number of poses."""
    arms = [_moment_arms(model, path) for model in (before, after)]
    return float(np.abs(arms[0] - arms[1]).max()), len(arms[0])


def _moment_arms(model: Any, path: Path) -> np.ndarray:
    """Return moment arms (poses, pairs of muscle and joint), one joint after another bent."""
    state = model.initSystem()
    muscles = list(muscles_of(model, path).values())
    crossed = crossed_by(model, state, muscles)
    pairs = [(m, c) for m in muscles for c in crossed
             if abs(m.computeMomentArm(state, c)) > _LEAST_ARM_M]  # fmt: skip
    found = []
    for pose in _poses(crossed):
        for c, value in zip(crossed, pose, strict=True):
            c.setValue(state, value, False)
        model.assemble(state)
        model.realizePosition(state)
        found.append([m.computeMomentArm(state, c) for m, c in pairs])
    return np.array(found)


def _poses(coordinates: Sequence[Any]) -> Iterator[list[float]]:
    """Yield angles (rad) of poses with one joint of both legs bent over its range, others as near
    to 0 as they go.
    """
    ranges = np.array([(c.getRangeMin(), c.getRangeMax()) for c in coordinates])
    straight = np.clip(0.0, ranges[:, 0], ranges[:, 1])
    joints = [c.getName().removesuffix("_l").removesuffix("_r") for c in coordinates]
    for joint in sorted(set(joints)):
        own = np.array([name == joint for name in joints])
        for part in np.linspace(0, 1, _STEPS):
            bent = ranges[:, 0] + part * (ranges[:, 1] - ranges[:, 0])
            yield [float(v) for v in np.where(own, bent, straight)]


def joint_angles(model: Any, state: Any) -> list[Any]:
    """Return the free rotations between bodies: not that of the whole model in space."""
    return [
        c
        for c in coordinates_of(model)
        if c.getMotionType() == ROTATION and not c.isConstrained(state) and not c.getLocked(state)
        and c.getJoint().getParentFrame().findBaseFrame().getName() != "ground"
    ]  # fmt: skip


def crossed_by(model: Any, state: Any, muscles: Iterable[Any]) -> list[Any]:
    """Return the free rotations that at least one of the muscles has a moment arm about."""
    muscles = list(muscles)
    model.realizePosition(state)
    return [
        c
        for c in joint_angles(model, state)
        if any(abs(m.computeMomentArm(state, c)) > _LEAST_ARM_M for m in muscles)
    ]
