"""Tables of a personal model: parameters, fibres over a motion, forces and joint moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from imaging.export.opensim.motion import Motion
from imaging.export.opensim.names import label_in_map
from imaging.export.opensim.parameters import Parameter
from imaging.export.opensim.personal import Solved
from imaging.muscles import side_of, structure_of


def parameter_table(parameters: Sequence[Parameter]) -> pd.DataFrame:
    """Return a row per muscle and parameter: generic, personal, unit, status, assumption."""
    rows = [
        {
            "label": p.label, "key": structure_of(p.label).key, "side": side_of(p.label),
            "muscle": p.muscle or None, "parameter": p.parameter, "unit": p.unit,
            "generic": p.generic, "personal": p.value, "ratio": p.ratio, "n": p.n, "sd": p.sd,
            "ci_low": p.ci_low, "ci_high": p.ci_high, "status": p.status,
            "in_model": "yes" if p.in_model else "no",
            "implausible": "yes" if p.is_implausible else "no", "note": p.note,
        }
        for p in parameters
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    frame["n"] = frame["n"].astype("Int64")
    numbers = ["generic", "personal", "ratio", "sd", "ci_low", "ci_high"]
    return frame.astype(dict.fromkeys(numbers, float))


def fibre_states(motion: Motion) -> pd.DataFrame:
    """Return fibre length, speed, pennation and force factors of the lower leg over a motion.

    Muscles that move none of its joints, as those of a leg that was not tracked, are left out.

    Returns
    -------
    DataFrame
        Columns time_s, label, muscle, fibre_length_norm (of optimal), fibre_velocity_norm (of the
        largest shortening velocity; lengthening positive), pennation_deg, force_length,
        force_velocity, passive_force_norm (of maximal force). Force at activation ``a``, along the
        tendon: maximal force times ``(a force_length force_velocity + passive_force_norm)
        cos(pennation)``.
    """
    labels = [(i, label_in_map(name)) for i, name in enumerate(motion.muscles)]
    moves = np.asarray(motion.arms_m.any(axis=(0, 2)))
    chosen = [(i, label) for i, label in labels if label is not None and moves[i]]
    parts = [
        pd.DataFrame({
            "time_s": motion.time_s, "label": label, "muscle": motion.muscles[i],
            "fibre_length_norm": motion.length[:, i], "fibre_velocity_norm": motion.velocity[:, i],
            "pennation_deg": np.degrees(motion.pennation_rad[:, i]),
            "force_length": motion.force_length[:, i],
            "force_velocity": motion.force_velocity[:, i],
            "passive_force_norm": motion.passive[:, i],
        })
        for i, label in chosen
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def force_table(solved: Mapping[str, Solved]) -> pd.DataFrame:
    """Return activation and forces along the tendon of every muscle, with both models."""
    parts = []
    for model, one in solved.items():
        assert one.balance is not None
        for i, name in enumerate(one.motion.muscles):
            parts.append(pd.DataFrame({
                "model": model, "time_s": one.motion.time_s, "muscle": name,
                "activation": one.balance.activation[:, i],
                "active_force_n": one.balance.active_n[:, i],
                "passive_force_n": one.balance.passive_n[:, i],
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def moment_table(solved: Mapping[str, Solved]) -> pd.DataFrame:
    """Return net joint moments, and what muscles and reserves give of them, with both models."""
    parts = []
    for model, one in solved.items():
        assert one.balance is not None
        assert one.motion.moments_nm is not None
        for j, joint in enumerate(one.motion.joints):
            parts.append(pd.DataFrame({
                "model": model, "time_s": one.motion.time_s, "joint": joint,
                "moment_nm": one.motion.moments_nm[:, j],
                "muscles_nm": one.balance.muscle_nm[:, j],
                "reserve_nm": one.balance.reserve_nm[:, j],
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def closure(one: Solved) -> pd.DataFrame:
    """Return, for each joint, peak moment, largest reserve, and its share of the peak."""
    assert one.balance is not None
    assert one.motion.moments_nm is not None
    peak = np.abs(one.motion.moments_nm).max(axis=0)
    reserve = np.abs(one.balance.reserve_nm).max(axis=0)
    return pd.DataFrame({
        "joint": one.motion.joints, "peak_nm": peak, "reserve_nm": reserve,
        "share": np.divide(reserve, peak, out=np.zeros_like(peak), where=peak > 0),
    })  # fmt: skip
