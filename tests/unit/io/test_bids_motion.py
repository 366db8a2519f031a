"""BIDS motion: gyroscopes of the shanks, markers, joint angles."""

import json

import numpy as np
import pytest

from imaging.errors import RecordingError
from imaging.io.bids_motion import read_bids_motion

N, RATE = 600, 100.0
TIMES = np.arange(N) / RATE
# Swing is fast and forwards, stance slow and backwards.
SWING = np.where(np.sin(2 * np.pi * TIMES) > 0.4, 350.0, -90.0) * np.abs(np.sin(2 * np.pi * TIMES))


def write(folder, channels, values, rate=RATE):
    folder.mkdir(exist_ok=True)
    stem = "sub-01_task-walk_tracksys-imu"
    names = list(channels[0])
    lines = ["\t".join(names)] + ["\t".join(str(c[k]) for k in names) for c in channels]
    (folder / f"{stem}_channels.tsv").write_text("\n".join(lines) + "\n")
    if rate:
        (folder / f"{stem}_motion.json").write_text(json.dumps({"SamplingFrequency": rate}))
    path = folder / f"{stem}_motion.tsv"
    rows = ["\t".join("n/a" if np.isnan(v) else f"{v:.8g}" for v in row) for row in values.T]
    path.write_text("\n".join(rows) + "\n")
    return path


def three(point, kind, units, values):
    same = {"type": kind, "tracked_point": point, "units": units}
    return [{"name": f"{point}_{kind}_{a}", "component": a, **same} for a in "xyz"], values


def turning(axis, sign):
    """A sensor whose axis of the swing is `axis`."""
    rows = 3.0 * np.random.default_rng(0).normal(size=(3, N))
    rows[axis] += sign * SWING
    return rows


@pytest.mark.parametrize("point", ["left shank", "LeftShank", "left_lower_leg", "LShank"])
@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (1, -1), (2, 1)])
def test_the_swing_is_forwards_wherever_the_sensor_points(tmp_path, point, axis, sign):
    channels, rows = three(point, "GYRO", "rad/s", np.radians(turning(axis, sign)))
    read = read_bids_motion(write(tmp_path / "motion", channels, rows))
    assert set(read.shanks) == {"left"}
    np.testing.assert_allclose(read.shanks["left"], SWING, atol=15)
    assert read.rate_hz == RATE


def test_markers_and_angles(tmp_path):
    parts = [
        three("RHEE", "POS", "m", np.array([[0.0], [0.03], [0.0]]) + np.zeros((3, N))),
        three("RKNE", "POS", "m", np.array([[0.0], [0.5], [0.0]]) + np.zeros((3, N))),
        three("thorax", "GYRO", "deg/s", np.zeros((3, N))),
    ]
    angle = {
        "name": "right_knee", "component": "n/a", "type": "JNTANG",
        "tracked_point": "n/a", "units": "rad",
    }  # fmt: skip
    channels = [c for part, _ in parts for c in part] + [angle]
    rows = np.vstack([*(rows for _, rows in parts), np.full((1, N), np.pi / 2)])
    rows[0, 5] = np.nan
    read = read_bids_motion(write(tmp_path / "motion", channels, rows))
    assert np.isnan(read.markers.heels["right"][:, 5]).all()
    np.testing.assert_allclose(np.delete(read.markers.heels["right"][2], 5), 30)
    np.testing.assert_allclose(read.angles["right_knee"], 90)
    assert read.shanks == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rate": None}, "no sampling rate"),
        ({"rate": 0.1}, "no sampling rate"),
        ({"values": np.zeros((4, N))}, "holds 4 columns, its channels table 3"),
    ],
)
def test_refused(tmp_path, change, said):
    channels, rows = three("left shank", "GYRO", "deg/s", turning(0, 1))
    arguments = {"values": rows, **change}
    with pytest.raises(RecordingError, match=said):
        read_bids_motion(write(tmp_path / "motion", channels, **arguments))
