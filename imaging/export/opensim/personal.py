"""A given model with the person's muscles: what is asked of OpenSim, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imaging.config import ModelSettings
from imaging.export.opensim.architecture import Rows, model_parameters, plain_parameters
from imaging.export.opensim.balance import Balance, balance
from imaging.export.opensim.library import apart
from imaging.export.opensim.motion import Motion, muscles_in_motion
from imaging.export.opensim.parameters import LENGTHS, UNITS, ModelMuscle, Parameter
from imaging.export.opensim.rewrite import Personalised, Wanted, read_generic, write_personal

_REST = ("rest_fibre_length_norm", "rest_passive_share")
_TENDON = "fibre and tendon in equilibrium at rest in the scan's pose, at the fibre length measured"


@dataclass(frozen=True)
class Solved:
    """A motion with one model; `balance` is None without external loads."""

    motion: Motion
    balance: Balance | None


@dataclass(frozen=True)
class PersonalModel:
    """What is written.

    Attributes
    ----------
    parameters : list of Parameter
        Of every muscle.
    generic : dict
        Label to muscle of the given model; empty without one.
    written : Personalised or None
        The personal model; None where none was given.
    solved : dict
        ``generic`` and ``personal``; empty without a motion.
    """

    parameters: list[Parameter]
    generic: Mapping[int, ModelMuscle]
    written: Personalised | None
    solved: Mapping[str, Solved]


def plain(rows: Rows, settings: ModelSettings) -> PersonalModel:
    """Return the parameters alone, where there is no model."""
    return PersonalModel(plain_parameters(rows, settings), {}, None, {})


def personalise(
    rows: Rows, settings: ModelSettings, model: Path, target: Path, name: str
) -> PersonalModel:
    """Write the personal model to `target` under a new name, and return its parameters.

    Parameters
    ----------
    rows
        Measures of the map, by label and name.
    settings
        Pose of the scan, sarcomere length, specific tension.
    model, target
        Given model; personal model.
    name
        That the personal model gets.
    """
    generic = apart(read_generic, model, settings.pose)
    parameters = model_parameters(rows, generic, settings)
    wanted = wanted_of(parameters, rows)
    written = apart(write_personal, model, target.resolve(), name, settings.pose, wanted)
    parameters = as_written(parameters, written, rows, generic)
    return PersonalModel(parameters, generic, written, {})


def wanted_of(parameters: Sequence[Parameter], rows: Rows) -> dict[int, Wanted]:
    """Return what each muscle of the model shall have, by label."""
    values: dict[int, dict[str, float]] = {}
    for p in parameters:
        if p.value is not None:
            values.setdefault(p.label, {})[p.parameter] = p.value
    return {
        label: Wanted(
            rows[label, "fascicle_length"].value if LENGTHS[0] in own else None,
            own.get("optimal_fibre_length"),
            own.get("pennation_at_optimal"),
            own.get("max_isometric_force"),
        )
        for label, own in values.items()
    }


def as_written(
    parameters: Sequence[Parameter],
    written: Personalised,
    rows: Rows,
    generic: Mapping[int, ModelMuscle],
) -> list[Parameter]:
    """Return the parameters with slack length and rest, and what of them stands in the file.

    Fibre length, pennation and slack length belong together: where no tendon fits, all three are
    the generic ones.
    """
    out = []
    for p in parameters:
        refused = written.refused.get(p.label) if p.parameter in LENGTHS else None
        if p.value is None:
            out.append(p)
        elif refused is None:
            out.append(replace(p, in_model=True))
        else:
            out.append(replace(p, note=f"{p.note}; generic value kept: {refused}"))
        if p.parameter == LENGTHS[1]:
            out.append(_slack(p, written, rows, generic[p.label]))
        if p.parameter == "max_isometric_force":
            out += [_rest(p, name, written, generic[p.label]) for name in _REST]
    return out


def _slack(
    angle: Parameter, written: Personalised, rows: Rows, generic: ModelMuscle
) -> Parameter:  # fmt: skip
    name, unit = LENGTHS[2], UNITS[LENGTHS[2]]
    before = generic.value(name)
    reason = angle.note if angle.value is None else written.refused.get(angle.label)
    if reason is not None:
        return Parameter(angle.label, angle.muscle, name, unit, before, None,
                         status="not_measured", note=reason)  # fmt: skip
    length = rows[angle.label, "fascicle_length"]
    along = math.cos(math.radians(rows[angle.label, "pennation_line"].value or 0.0))
    slack = written.muscles[angle.label].tendon_slack_length_mm
    low, high = (
        None if end is None or length.value is None else slack + along * (length.value - end)
        for end in (length.ci_high, length.ci_low)
    )
    return Parameter(
        angle.label, angle.muscle, name, unit, before, slack, low, high, status=angle.status,
        in_model=True, note=f"{_TENDON}; interval of the fascicle length alone",
    )  # fmt: skip


def _rest(p: Parameter, name: str, written: Personalised, generic: ModelMuscle) -> Parameter:
    value, before = written.muscles[p.label].value(name), generic.value(name)
    return Parameter(p.label, p.muscle, name, UNITS[name], before, value, status="modelled",
                     in_model=True, note="least activation, in the scan's pose")  # fmt: skip


def in_motion(
    found: PersonalModel,
    settings: ModelSettings,
    models: Mapping[str, Path],
    motion: Path,
    loads: Path | None,
) -> PersonalModel:
    """Return the personal model with what it and the generic one do in a motion.

    Parameters
    ----------
    found
        The personal model.
    settings
        Cutoff and number of moments.
    models
        ``generic`` and ``personal`` to their files.
    motion, loads
        Joint angles; ExternalLoads, for the joint moments and the muscle forces.
    """
    solved = {}
    for name, path in models.items():
        states = apart(
            muscles_in_motion, path, motion.resolve(), None if loads is None else loads.resolve(),
            settings.motion_cutoff_hz, settings.frames,
        )  # fmt: skip
        forces = None
        if states.moments_nm is not None:
            forces = balance(
                states.active_along_tendon_n, states.passive_along_tendon_n, states.arms_m,
                states.moments_nm,
            )  # fmt: skip
        solved[name] = Solved(states, forces)
    return replace(found, solved=solved)
