"""A right leg of three bodies for OpenSim, a motion of it, and loads, made by OpenSim itself.

    python opensim_leg.py FOLDER

Writes leg.osim (muscles as Millard 2012, names as Rajagopal), thelen.osim (Thelen 2003, names as
gait2392), inches.osim, motion.sto, loads.xml and loads.mot.
"""

import math
import sys
from pathlib import Path

import opensim as osim

# Name, gait2392's name, whether from the thigh, moment arm (m), fibre, tendon (m), pennation.
MUSCLES = [
    ("tibant", "tib_ant", False, 0.04, 0.07, 0.28, 0.15),
    ("edl", "ext_dig", False, 0.035, 0.08, 0.27, 0.2),
    ("ehl", "ext_hal", False, 0.038, 0.08, 0.27, 0.15),
    ("perlong", "per_long", False, -0.012, 0.06, 0.29, 0.2),
    ("perbrev", "per_brev", False, -0.01, 0.05, 0.3, 0.15),
    ("gasmed", "med_gas", True, -0.05, 0.06, 0.43, 0.17),
    ("gaslat", "lat_gas", True, -0.05, 0.07, 0.42, 0.2),
    ("soleus", "soleus", False, -0.05, 0.05, 0.3, 0.4),
    ("tibpost", "tib_post", False, -0.012, 0.04, 0.31, 0.2),
    ("fdl", "flex_dig", False, -0.011, 0.05, 0.3, 0.2),
    ("fhl", "flex_hal", False, -0.018, 0.06, 0.29, 0.25),
]


def leg(thelen: bool = False) -> osim.Model:
    model = osim.Model()
    model.setName("Jane_Roe")
    inertia = osim.Inertia(0.1, 0.05, 0.1)
    thigh, shank, foot = (
        osim.Body(name, mass, osim.Vec3(0, y, 0), inertia)
        for name, mass, y in (("thigh", 8.0, -0.2), ("shank", 3.0, -0.2), ("calcn_r", 1.0, -0.03))
    )
    zero, down = osim.Vec3(0), osim.Vec3(0, -0.4, 0)
    hip = osim.PlanarJoint("hip", model.getGround(), zero, zero, thigh, zero, zero)
    knee = osim.PinJoint("knee", thigh, down, zero, shank, zero, zero)
    ankle = osim.PinJoint("ankle", shank, down, zero, foot, zero, zero)
    for joint, name, ends in ((knee, "knee_angle_r", (-2.0, 0.2)),
                              (ankle, "ankle_angle_r", (-0.8, 0.8))):  # fmt: skip
        coordinate = joint.updCoordinate()
        coordinate.setName(name)
        coordinate.setRangeMin(ends[0])
        coordinate.setRangeMax(ends[1])
    for body in (thigh, shank, foot):
        model.addBody(body)
    for joint in (hip, knee, ankle):
        model.addJoint(joint)
    shank.attachGeometry(osim.Mesh("/home/jane_roe/tibia.vtp"))
    for name, old, far, arm, fibre, tendon, pennation in MUSCLES:
        kind = osim.Thelen2003Muscle if thelen else osim.Millard2012EquilibriumMuscle
        muscle = kind(f"{old if thelen else name}_r", 1000.0, fibre, tendon, pennation)
        if far:
            muscle.addNewPathPoint("a", thigh, osim.Vec3(-0.02, -0.36, 0))
            muscle.addNewPathPoint("b", shank, osim.Vec3(arm / 2, -0.05, 0))
        else:
            muscle.addNewPathPoint("a", shank, osim.Vec3(arm / 2, -0.08, 0))
        muscle.addNewPathPoint("c", shank, osim.Vec3(arm, -0.38, 0))
        muscle.addNewPathPoint("d", foot, osim.Vec3(arm, -0.04, 0))
        model.addForce(muscle)
    model.finalizeConnections()
    return model


def table(head: str, names: list[str], rows: list[list[float]], path: Path) -> None:
    lines = ["\t".join(f"{v:.9g}" for v in row) for row in rows]
    text = f"{path.stem}\nversion=1\nnRows={len(rows)}\nnColumns={len(names)}\n{head}endheader\n"
    path.write_text(text + "\t".join(names) + "\n" + "\n".join(lines) + "\n")


def main(folder: Path) -> None:
    osim.Logger.setLevelString("Off")
    leg().printToXML(str(folder / "leg.osim"))
    leg(thelen=True).printToXML(str(folder / "thelen.osim"))
    inches = leg()
    inches.set_length_units("inches")
    inches.printToXML(str(folder / "inches.osim"))
    times = [k / 100 for k in range(101)]
    angles = [[t, -0.4 + 0.3 * math.sin(6 * t), 0.25 * math.sin(5 * t)] for t in times]
    table("inDegrees=no\n", ["time", "knee_angle_r", "ankle_angle_r"], angles,
          folder / "motion.sto")  # fmt: skip
    loads = [[t, 0, 300, 0, 0.1, -0.85, 0, 0, 0, 0] for t in times]
    names = ["time", *(f"f_v{a}" for a in "xyz"), *(f"f_p{a}" for a in "xyz"),
             *(f"f_t{a}" for a in "xyz")]  # fmt: skip
    table("inDegrees=no\n", names, loads, folder / "loads.mot")
    late = [[row[0] + 50, *row[1:]] for row in loads]
    table("inDegrees=no\n", names, late, folder / "late.mot")
    for name in ("loads", "late"):
        external = osim.ExternalLoads()
        external.setDataFileName(f"{name}.mot")
        force = osim.ExternalForce()
        force.setName("plate")
        force.set_applied_to_body("calcn_r")
        force.set_force_expressed_in_body("ground")
        force.set_point_expressed_in_body("ground")
        force.set_force_identifier("f_v")
        force.set_point_identifier("f_p")
        force.set_torque_identifier("f_t")
        external.cloneAndAppend(force)
        external.printToXML(str(folder / f"{name}.xml"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
