"""What is told of a personal model: method, references, warnings, facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imaging.config import ModelSettings
from imaging.export.opensim.architecture import OPTIMAL_SARCOMERE_UM
from imaging.export.opensim.parameters import IMPLAUSIBLE_FACTOR, Parameter
from imaging.export.opensim.personal import PersonalModel
from imaging.export.opensim.tables import closure
from imaging.measures import Notes
from imaging.muscles import side_and_key

#: Passive force at rest above this share of maximal force is told.
MOST_PASSIVE_SHARE = 0.05
#: Force missing at the root, over body weight. Hicks et al., J Biomech Eng 2015;137:020905, hold
#: 5 % of the largest external force for good.
MOST_RESIDUAL_SHARE = 0.1
#: In a motion, above this share: fibres are far beyond their optimal length.
MOST_PASSIVE_IN_MOTION = 0.25
#: Reserves above this share of a joint's peak moment are told.
MOST_RESERVE_SHARE = 0.05
_REFERENCES = (
    "Lieber et al., J Neurophysiol 1994;71:874-881",
    "Zajac, Crit Rev Biomed Eng 1989;17:359-411",
)
_OF_MODEL = ("Seth et al., PLoS Comput Biol 2018;14:e1006223",)
_OF_FORCES = ("Crowninshield and Brand, J Biomech 1981;14:793-801",)
_FULLY_ACTIVE = 0.99
#: Means of the muscles of relaxed legs, the least less and the largest plus one SD. Ward et al.,
#: Clin Orthop Relat Res 2009;467:1074-1082.
_USUAL_UM = (1.9, 3.4)


def notes(found: PersonalModel, unused: Sequence[str], settings: ModelSettings) -> Notes:
    """Return the notes of the stage.

    Parameters
    ----------
    found
        Parameters, the written model, the motion.
    unused
        Measured muscles that the model cannot take.
    settings
        Of the stage.
    """
    references = [*_REFERENCES]
    references += _OF_MODEL if found.written else ()
    references += _OF_FORCES if _has_forces(found) else ()
    warnings = _warnings(found, unused, settings)
    return Notes("model", _method(found, settings), references, warnings, _facts(found))


def _unusual_sarcomeres(found: PersonalModel) -> list[str]:
    """Return muscles whose fibres in the generic model are unlike those of a resting leg."""
    taken = {
        p.muscle for p in found.parameters
        if p.parameter == "optimal_fibre_length" and p.in_model and "generic model has" in p.note
    }  # fmt: skip
    lengths = {
        p.muscle: p.generic * OPTIMAL_SARCOMERE_UM for p in found.parameters
        if p.parameter == "rest_fibre_length_norm" and p.muscle in taken and p.generic is not None
    }  # fmt: skip
    low, high = _USUAL_UM
    return [f"{name} {um:.2f} um" for name, um in lengths.items() if not low <= um <= high]


def _has_forces(found: PersonalModel) -> bool:
    return any(one.balance is not None for one in found.solved.values())


def _method(found: PersonalModel, settings: ModelSettings) -> str:
    tension = settings.specific_tension_n_cm2
    said = [
        "Optimal fibre length is the fascicle length at sarcomeres of 2.7 um",
        "Pennation at optimal length is that to the line of action, at constant thickness",
        f"Maximal force is {tension:g} N/cm2 times volume over optimal fibre length",
    ]
    if found.written:
        pose = ", ".join(f"{k} {v:g} deg" for k, v in sorted(settings.pose.items()))
        said += [
            "Tendon slack length is such that fibre and tendon are in equilibrium at the fascicle "
            f"length measured, at rest in the scan's pose ({pose or 'assumed: all angles 0'})",
            "Paths, bodies and joints are those of the given model, which must be scaled to the "
            "person",
        ]
    if _has_forces(found):
        said.append(
            "Muscle forces give the joint moments of inverse dynamics at the least sum of squared "
            "activations, tendons inextensible, with reserve actuators that cost as much for "
            "1 N m as a muscle at full activation"
        )
    return ". ".join(said) + "."


def _warnings(found: PersonalModel, unused: Sequence[str], settings: ModelSettings) -> list[str]:
    out = []
    if found.written is None:
        out.append("No OpenSim model was given: fascicles are taken to be at optimal length, and "
                   "tendon slack length needs a model")  # fmt: skip
    elif not settings.pose:
        out.append("The joint angles of the scan were not given (model.pose): 0 is assumed, which "
                   "tendon slack lengths rest on")  # fmt: skip
    assumed = found.written is not None and any(
        "generic model has in the scan" in p.note for p in found.parameters
    )
    if assumed:
        out.append("Sarcomere length was not measured: it is that of the generic model in the "
                   "scan's pose")  # fmt: skip
    if odd := _unusual_sarcomeres(found):
        out.append(f"That length is outside {_USUAL_UM[0]:g} to {_USUAL_UM[1]:g} um of relaxed "
                   f"legs, and optimal fibre lengths rest on it: {', '.join(odd)}. Check the pose, "
                   "or give sarcomere_length_um")  # fmt: skip
    if kept := _generic_lengths(found):
        out.append(f"Fibre and tendon lengths are generic in {', '.join(kept)}")
    if odd := [_named(p) for p in found.parameters if p.is_implausible]:
        out.append(f"More than {IMPLAUSIBLE_FACTOR:g} times or less than half the generic value: "
                   f"{', '.join(odd)}")  # fmt: skip
    tight = [
        p for p in found.parameters
        if p.parameter == "rest_passive_share" and (p.value or 0) > MOST_PASSIVE_SHARE
    ]  # fmt: skip
    if tight:
        told = ", ".join(f"{p.muscle} {p.value or 0:.0%}" for p in tight)
        out.append(f"Passive force at rest is above {MOST_PASSIVE_SHARE:.0%} of maximal: {told}")
    if unused:
        out.append(f"Measured muscles that are left out: {', '.join(unused)}")
    return out + _of_motion(found)


def _named(p: Parameter) -> str:
    return f"{p.parameter.replace('_', ' ')} of {p.muscle or side_and_key(p.label)}"


def _generic_lengths(found: PersonalModel) -> list[str]:
    if found.written is None:
        return []
    return [p.muscle for p in found.parameters
            if p.parameter == "optimal_fibre_length" and not p.in_model]  # fmt: skip


def _of_motion(found: PersonalModel) -> list[str]:
    out = []
    for name, one in found.solved.items():
        if name == "personal" and one.motion.not_in_motion:
            joints = ", ".join(one.motion.not_in_motion)
            out.append(f"Not in the motion, kept as the model has them: {joints}")
        if name == "personal" and one.motion.replaced:
            out.append("Muscles of Thelen 2003 were computed as De Groote and Fregly 2016 in the "
                       "motion: OpenSim has the former with elastic tendons only")  # fmt: skip
        if one.balance is None:
            continue
        share = one.motion.residual_share or 0.0
        if name == "personal" and share > MOST_RESIDUAL_SHARE:
            out.append(f"Motion, loads and model do not fit: {share:.0%} of body weight is missing "
                       "between them, root mean square")  # fmt: skip
        weak = closure(one)
        weak = weak[weak["share"] > MOST_RESERVE_SHARE]
        if len(weak):
            told = ", ".join(f"{r.joint} {r.share:.0%}" for r in weak.itertuples())
            out.append(f"Reserves of the {name} model exceed {MOST_RESERVE_SHARE:.0%} of the peak "
                       f"moment: {told}")  # fmt: skip
        most = one.motion.passive.max(axis=0) > MOST_PASSIVE_IN_MOTION
        if most.any():
            names = ", ".join(m for m, f in zip(one.motion.muscles, most, strict=True) if f)
            out.append(f"Passive force in the motion of the {name} model exceeds "
                       f"{MOST_PASSIVE_IN_MOTION:.0%} of maximal: {names}")  # fmt: skip
        full = one.balance.activation.max(axis=0) > _FULLY_ACTIVE
        if full.any():
            names = ", ".join(m for m, f in zip(one.motion.muscles, full, strict=True) if f)
            out.append(f"Fully active in the {name} model: {names}")
    return out


def _facts(found: PersonalModel) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if found.written is not None:
        facts = {
            "reread_error": found.written.reread_error,
            "fibre_length_error": found.written.fibre_length_error,
            "moment_arm_change_m": found.written.moment_arm_change_m,
            "moment_arm_poses": found.written.poses,
        }
    for name, one in found.solved.items():
        if one.balance is not None:
            rows = closure(one).to_dict("records")
            facts["residual_share"] = round(one.motion.residual_share or 0.0, 4)
            facts[f"reserves_{name}"] = [
                {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
                for row in rows
            ]
    return facts
