#!/usr/bin/env bash
# OpenSim's inverse dynamics takes a motion named by paths for a motionless one, and still succeeds.
#
# Versions: opensim 4.6 (PyPI), numpy 2.4.6.
# Input: a rod of 2 kg on a hinge, held still at 90 degrees, written twice: with the column "angle" and
# with the column "/jointset/hinge/angle/value", the name that OpenSim itself gives it in files of states
# (Moco, StatesTrajectory).
# Seen: with "angle" the moment is 9.8 N m. With the path the tool says in its log, at level info, that
# the coordinate is not in the file and that its default value is taken; run() returns True, and the file of
# moments holds 0. Beside it: osim.Model() reads an XML file of external loads as a model of 0 bodies,
# without an error.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opensim==4.6 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import opensim as osim

model = osim.Model()
rod = osim.Body("rod", 2.0, osim.Vec3(0, -0.5, 0), osim.Inertia(0.1))
model.addBody(rod)
here = osim.Vec3(0)
hinge = osim.PinJoint("hinge", model.getGround(), here, here, rod, here, here)
hinge.updCoordinate().setName("angle")
model.addJoint(hinge)
model.finalizeConnections()
model.printToXML("rod.osim")

seen = {}
for name in ("angle", "/jointset/hinge/angle/value"):
    rows = "".join(f"{k / 100:.2f}\t{np.pi / 2:.10f}\n" for k in range(101))
    head = "Coordinates\nversion=1\nnRows=101\nnColumns=2\ninDegrees=no\nendheader\n"
    Path("motion.sto").write_text(f"{head}time\t{name}\n{rows}")
    tool = osim.InverseDynamicsTool()
    tool.setModelFileName("rod.osim")
    tool.setCoordinatesFileName("motion.sto")
    tool.setResultsDir(".")
    tool.setOutputGenForceFileName("moments.sto")
    tool.setStartTime(0.2)
    tool.setEndTime(0.8)
    done = tool.run()
    moment = osim.TimeSeriesTable("moments.sto").getRowAtIndex(10).to_numpy()[0]
    seen[name] = (bool(done), round(abs(float(moment)), 1))
    print(f"column {name}: run() {done}, moment {moment:.2f} N m")
Path("loads.xml").write_text(
    '<?xml version="1.0" encoding="UTF-8" ?>\n<OpenSimDocument Version="40600">\n'
    '<ExternalLoads name="loads"><objects/><groups/></ExternalLoads>\n</OpenSimDocument>\n'
)
bodies = osim.Model("loads.xml").getNumBodies()
print(f"a file of external loads read as a model: {bodies} bodies, no error")
same = seen == {"angle": (True, 9.8), "/jointset/hinge/angle/value": (True, 0.0)} and bodies == 0
sys.exit(0 if same else "OpenSim now treats these files another way")
PYTHON
