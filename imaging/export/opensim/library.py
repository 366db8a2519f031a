"""OpenSim in a process of its own, its models, and the pose of the scan.

Everything that imports the library runs in a process of its own (:func:`apart`): OpenSim prints,
writes a log into the folder it is started in, and can crash on damaged files.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from imaging.errors import ComputationError, ConfigError, InputError, MissingToolError
from imaging.export.opensim.names import labels_in_map
from imaging.isolation import run_apart

T = TypeVar("T")
INSTALL = "Install it: pip install 'pennate[opensim]'"
_HOW = "Give a whole OpenSim model (.osim)"
ROTATION, TRANSLATION = 1, 2  # Coordinate.MotionType


def require_opensim() -> None:
    """Raise MissingToolError where OpenSim is not installed."""
    if importlib.util.find_spec("opensim") is None:
        raise MissingToolError("the package opensim is not installed", None, INSTALL)


def apart(function: Callable[..., T], model: Path, *arguments: Any) -> T:
    """Call one of the functions below in a process of its own.

    Raises
    ------
    MissingToolError
        OpenSim is not installed.
    InputError
        OpenSim cannot read the model, or crashes on it.
    """
    require_opensim()
    if not model.is_file():
        raise InputError("no such OpenSim model", model, _HOW)
    try:
        return run_apart(function, model.resolve(), *arguments)
    except ComputationError as error:
        if " crashed: " in str(error):
            why = str(error).split(" crashed: ", 1)[1]
            raise InputError(f"OpenSim crashes on this model ({why})", model, _HOW) from error
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
        elif (
            c.getMotionType() == ROTATION and not c.isConstrained(state) and not c.getLocked(state)
        ):
            value = float(np.clip(0.0, low, high))
        else:
            continue
        c.setValue(state, value, False)
    model.assemble(state)


def coordinates_of(model: Any) -> list[Any]:
    """Return every coordinate of a model."""
    found = model.getCoordinateSet()
    return [found.get(i) for i in range(found.getSize())]


def joint_angles(model: Any, state: Any) -> list[Any]:
    """Return the free rotations between bodies: not that of the whole model in space."""
    return [
        c
        for c in coordinates_of(model)
        if c.getMotionType() == ROTATION and not c.isConstrained(state) and not c.getLocked(state)
        and c.getJoint().getParentFrame().findBaseFrame().getName() != "ground"
    ]  # fmt: skip


def at_rest(model: Any, pose_deg: Mapping[str, float], path: Path) -> Any:
    """Return a state in the scan's pose with least activation."""
    state = model.initSystem()
    scan_pose(model, state, pose_deg, path)
    for muscle in muscles_of(model, path).values():
        muscle.setActivation(state, 0.0)  # taken as the least activation that the muscle allows
    model.realizeVelocity(state)
    return state
