"""Net joint moments by OpenSim's inverse dynamics, with what follows a joint added to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.errors import InputError
from imaging.export.opensim.motion_file import LOADS_HOW

_STEP_RAD = 1e-4


@dataclass(frozen=True)
class Coupled:
    """A coordinate that follows another one, as the patella follows the knee."""

    driven: str
    driver: str
    value: FloatArray
    slope: FloatArray


def coupled_coordinates(osim: Any, model: Any, frame: pd.DataFrame) -> list[Coupled]:
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
        found.append(Coupled(coupler.getDependentCoordinateName(), drivers.get(0), at[1], slope))
    return found


def inverse_dynamics(osim: Any, path: Path, frame: pd.DataFrame, loads: Path) -> pd.DataFrame:
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
        raise InputError(f"inverse dynamics failed ({why})", loads, LOADS_HOW) from error
    if not fine or not written.is_file():
        raise InputError("inverse dynamics gave nothing", loads, LOADS_HOW)
    table = osim.TimeSeriesTable(str(written.resolve()))
    out = pd.DataFrame(table.getMatrix().to_numpy(), columns=list(table.getColumnLabels()))
    out.columns = [c.removesuffix("_moment").removesuffix("_force") for c in out.columns]
    return out.assign(time=np.array(table.getIndependentColumn()))


def net_moments(
    moments: pd.DataFrame,
    time: FloatArray,
    rows: np.ndarray,
    joints: Sequence[str],
    coupled: Sequence[Coupled],
) -> FloatArray:
    """Return joint moments (T, J), with what the coordinates that follow a joint add to it."""
    own = {n: np.interp(time, moments["time"], moments[n]) for n in moments.columns}
    out = {joint: own[joint] for joint in joints}
    for c in coupled:
        if c.driver in out:
            out[c.driver] = out[c.driver] + c.slope[rows] * own[c.driven]
    return np.column_stack([out[joint] for joint in joints])
