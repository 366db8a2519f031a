"""OpenSim's own static optimisation; runs in a process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from imaging.export.opensim.library import quiet_opensim


def by_tool(model: Path, motion: Path, loads: Path, first: float, last: float) -> pd.DataFrame:
    """Return activations by OpenSim's own static optimisation."""
    with quiet_opensim() as osim:
        held = osim.Model(str(model))
        held.initSystem()
        reserves, coordinates = osim.ForceSet(), held.getCoordinateSet()
        for i in range(coordinates.getSize()):
            name = coordinates.get(i).getName()
            if name.endswith("beta"):
                continue
            actuator = osim.CoordinateActuator(name)
            actuator.setName(f"reserve_{name}")
            # Residuals of the whole body must be cheap: where they are dear, muscles whose wrapping
            # gives them an arm of .2 mm about the pelvis (gaslat) become fully active.
            actuator.setOptimalForce(1000 if name.startswith("pelvis") else 1)
            actuator.setMinControl(-1e4)
            actuator.setMaxControl(1e4)
            reserves.cloneAndAppend(actuator)
        reserves.printToXML("reserves.xml")
        optimisation = osim.StaticOptimization()
        optimisation.setStepInterval(1)
        optimisation.setUseModelForceSet(True)
        tool = osim.AnalyzeTool()
        tool.setName("so")
        tool.setModelFilename(str(model))
        tool.setCoordinatesFileName(str(motion))
        tool.setExternalLoadsFileName(str(loads))
        tool.setInitialTime(first)
        tool.setFinalTime(last)
        tool.setResultsDir(str(Path.cwd()))
        names = osim.ArrayStr()
        names.append("reserves.xml")
        tool.setForceSetFiles(names)
        tool.setReplaceForceSet(False)
        tool.updAnalysisSet().cloneAndAppend(optimisation)
        tool.printToXML("tool.xml")
        osim.AnalyzeTool("tool.xml").run()
        path = next(Path.cwd().glob("*_StaticOptimization_activation.sto"))
        text = path.read_text().split("endheader\n")[1]
        rows = [line.split("\t") for line in text.strip().splitlines()]
        return pd.DataFrame(np.array(rows[1:], float), columns=[c.strip() for c in rows[0]])
