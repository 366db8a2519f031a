"""A model's muscles read, changed, written and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imaging.errors import ComputationError, InputError
from imaging.export.opensim.library import at_rest, muscles_of, open_model, quiet_opensim
from imaging.export.opensim.parameters import ModelMuscle
from imaging.export.opensim.paths import moment_arm_change

_FIT_M = 1e-9
_ROUNDS = 60


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
        state = at_rest(model, pose_deg, path)
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
    fibre_length_error : float
        Largest relative difference between the fibre length measured and that of the model at
        rest in the scan's pose.
    moment_arm_change_m : float
        Largest over muscles, coordinates and poses.
    poses : int
        Number of poses.
    """

    muscles: dict[int, ModelMuscle]
    refused: dict[int, str]
    reread_error: float
    fibre_length_error: float
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

    Raises
    ------
    ComputationError
        It could not be written.
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
        state = at_rest(personal, pose_deg, target)
        at_scan = {v: _read(m, state) for v, m in again.items()}  # before other poses are taken
        reread = max(_relative(meant[v], _parameters_of(again[v])) for v in meant)
        change, poses = moment_arm_change(open_model(osim, path), personal, path)
    lengths = [
        abs(at_scan[v].fibre_length_mm / (w.fibre_length_mm or 1) - 1)
        for v, w in asked.items()
        if v not in refused
    ]
    return Personalised(at_scan, refused, reread, max(lengths, default=0.0), change, poses)


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
    state = at_rest(model, pose_deg, path)
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
                float(np.radians(want.pennation_at_optimal_deg or 0)), slack[label],
                muscles[label].getMaxIsometricForce(),
            ))  # fmt: skip
    off = {label: np.inf for label in wanted if label not in refused}
    for _ in range(_ROUNDS):
        state = at_rest(model, pose_deg, path)
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
    return refused | dict.fromkeys(lost, "no slack length fits the fibre length in the scan's pose")


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
