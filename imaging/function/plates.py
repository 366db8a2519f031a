"""Force on the body from the channels of a force plate.

Types 1 to 4 of the C3D File Format, User Guide (Motion Lab Systems): AMTI, Bertec and Kistler
plates. The frame of a plate follows from its corners: x points from the second corner to the
first, y from the fourth to the first, z into the floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.function.recording import Plate

N_CHANNELS = {1: 6, 2: 6, 3: 8, 4: 6}
# Under this the point of application is noise.
LEAST_LOAD_N = 5.0
QUIET_SHARE = 0.1
FLOOR_S, LEAST_QUIET_S = 3.0, 0.06
UNLOADED_SHARE, MOST_DRIFT_SHARE = 0.04, 0.15


@dataclass(frozen=True)
class PlateGeometry:
    """Where a plate lies.

    Attributes
    ----------
    kind : int
        Type of the plate, 1 to 4.
    corners : (4, 3) array
        mm, in the frame of the markers.
    origin : (3,) array
        From the centre of the surface to the sensor, mm, in the frame of the plate; of type 3,
        half the distances between the sensors, and their depth.
    """

    kind: int
    corners: FloatArray
    origin: FloatArray

    @property
    def axes(self) -> FloatArray:
        """Axes of the plate as columns, (3, 3)."""
        x = self.corners[0] - self.corners[1]
        z = np.cross(x, self.corners[0] - self.corners[3])
        y = np.cross(z, x)
        return np.stack([v / np.linalg.norm(v) for v in (x, y, z)], axis=1)

    @property
    def is_flat(self) -> bool:
        """Whether the corners span a surface."""
        sides = np.stack([self.corners[0] - self.corners[1], self.corners[0] - self.corners[3]])
        return bool(np.isfinite(sides).all() and np.linalg.norm(np.cross(*sides)) > 1.0)


def load(channels: FloatArray, geometry: PlateGeometry) -> tuple[FloatArray, FloatArray]:
    """Return force and point of application as the plate tells them.

    Parameters
    ----------
    channels : (6 or 8, N) array
        N and N·mm; type 1: three forces, the point of application in mm, the free moment.

    Returns
    -------
    force, centre : (3, N) array
        N and mm, in the frame of the markers.
    """
    force, local = _of_type(channels, geometry)
    centre = geometry.corners.mean(axis=0)[:, None] + geometry.axes @ local
    return geometry.axes @ force, centre


def _of_type(rows: FloatArray, geometry: PlateGeometry) -> tuple[FloatArray, FloatArray]:
    """Return force and point of application in the frame of the plate."""
    a, b, depth = geometry.origin
    if geometry.kind == 1:
        return rows[:3], np.stack([rows[3], rows[4], np.zeros(rows.shape[1])])
    if geometry.kind == 3:
        force = np.stack([rows[0] + rows[1], rows[2] + rows[3], rows[4:8].sum(axis=0)])
        moment = np.stack(
            [
                b * (rows[4] + rows[5] - rows[6] - rows[7]),
                a * (rows[5] + rows[6] - rows[4] - rows[7]),
                b * (rows[1] - rows[0]) + a * (rows[2] - rows[3]),
            ]
        )
        lever = np.array([0.0, 0.0, depth])
    else:
        force, moment, lever = rows[:3], rows[3:6], geometry.origin
    # The sensor lies below the surface whatever sign a file gives its depth.
    lever = -lever if depth > 0 else lever
    moment = moment + np.cross(force, lever[:, None], axis=0)
    loaded = np.abs(force[2]) > LEAST_LOAD_N
    vertical = np.where(loaded, force[2], np.inf)
    flat = np.zeros(rows.shape[1])
    return force, np.stack([-moment[1] / vertical, moment[0] / vertical, flat])


def subtract_baseline(channels: FloatArray, quiet: slice) -> FloatArray:
    """Subtract the mean of a part of the recording in which nothing stood on the plate."""
    return channels - channels[:, quiet].mean(axis=1, keepdims=True)


def is_unloaded(vertical: FloatArray, quiet: slice) -> bool:
    """Whether a part of the recording can be the plate's zero.

    Taken as zero, it leaves forces of one sign, and it is itself small against them: where
    somebody stands on the plate or steps on it, it is neither.
    """
    offset = float(vertical[quiet].mean())
    zeroed = vertical - offset
    up, down = max(float(zeroed.max()), 0.0), max(float(-zeroed.min()), 0.0)
    load = max(up, down)
    unsteady = max(min(up, down), 2 * float(zeroed[quiet].std()))
    return unsteady <= max(QUIET_SHARE * load, LEAST_LOAD_N) and (
        load <= LEAST_LOAD_N or abs(offset) <= load / 2
    )


def follow_zero(vertical: FloatArray, rate_hz: float) -> tuple[FloatArray, float]:
    """Subtract a zero that drifts, as it is read between contacts.

    The zero is the median of every unloaded stretch, straight from one to the next. A stretch is
    unloaded where the force lies level for 60 ms, near the lowest of 3 s, and near zero against
    the load: what never unloads, as one belt under a walking person, is left as it is.

    Parameters
    ----------
    vertical : (N,) array
        Force on the body, N.

    Returns
    -------
    vertical : (N,) array
    drift : float
        Largest distance of the zero from 0 N that was taken away; 0 where there is none.
    """
    load = float(np.percentile(vertical, 99)) if len(vertical) else 0.0
    quiet = max(int(LEAST_QUIET_S * rate_hz), 3)
    if load < 10 * LEAST_LOAD_N or len(vertical) < 4 * quiet:
        return vertical, 0.0
    smooth = ndimage.uniform_filter1d(vertical, max(quiet // 4, 1))
    floor = ndimage.minimum_filter1d(smooth, int(FLOOR_S * rate_hz))
    near = (smooth < floor + UNLOADED_SHARE * load) & (np.abs(smooth) < MOST_DRIFT_SHARE * load)
    labels, n = ndimage.label(near)
    at, zero = [], []
    for part in ndimage.find_objects(labels, n):
        stretch = part[0]
        inner = slice(stretch.start + quiet // 4, stretch.stop - quiet // 4)
        length = inner.stop - inner.start
        if length < quiet or np.ptp(smooth[inner]) > UNLOADED_SHARE * load:
            continue
        # A long stretch is followed within itself.
        for piece in np.array_split(np.arange(inner.start, inner.stop), length // int(rate_hz) + 1):
            at.append(float(piece.mean()))
            zero.append(float(np.median(vertical[piece])))
    if not zero or max(map(abs, zero)) <= LEAST_LOAD_N:
        return vertical, 0.0
    return vertical - np.interp(np.arange(len(vertical)), at, zero), max(map(abs, zero))


def upright(force: FloatArray, centre: FloatArray, corners: FloatArray, turn: FloatArray) -> Plate:
    """Turn a plate so that its third axis points up, force on the body.

    Parameters
    ----------
    turn : (3, 3) array
        From the frame of the markers to one whose third axis points up.
    """
    force = turn @ force
    # Some systems store the force on the plate instead of that on the body.
    if -force[2].min() > force[2].max():
        force = -force
    return Plate(force, turn @ centre, corners @ turn.T)
