"""A simple leg for tests of stiffness: three muscles around a tibia."""

import numpy as np

TA, SOL, GM = 201, 209, 207


class RoundLeg:
    """A right leg of 100 mm width, muscle up to a radius.

    Parameters
    ----------
    muscle_mm
        Radius of muscle.
    tibia_mm
        How far in front of the middle of the leg the tibia lies.
    pitch_deg
        How steeply fibres climb forwards.
    """

    side = "right"
    bounds_mm = np.array([[40.0, -60.0, -150.0], [150.0, 50.0, 150.0]])

    def __init__(self, muscle_mm, tibia_mm, pitch_deg=0.0):
        self.muscle_mm, self.tibia_mm, self.pitch = muscle_mm, tibia_mm, np.radians(pitch_deg)

    def labels(self, points):
        x, y = points[:, 0] - 95, points[:, 1] + 5
        radius, angle = np.hypot(x, y), np.degrees(np.arctan2(y, x))
        muscle = radius < self.muscle_mm
        out = np.zeros(len(points), np.int16)
        out[radius < 50] = 231
        out[muscle] = TA
        out[muscle & (angle < 0)] = SOL
        out[muscle & (angle < -90)] = GM
        out[np.hypot(x + 15, y - self.tibia_mm) < 9] = 221
        out[np.abs(points[:, 2]) > 150] = 0
        return out

    def directions(self, points, labels):
        fibre = [0.0, np.sin(self.pitch), np.cos(self.pitch)]
        return np.where(np.isin(labels, [TA, SOL, GM])[:, None], fibre, 0.0)
