"""Units, markers and joint angles of C3D files."""

import c3d_bytes
import numpy as np
import pytest

from imaging.io.c3d import read_c3d

N = 200


def walk(labels, heights, up=2):
    """A file whose markers stand at `heights`, mm, along the axis `up`."""
    file = c3d_bytes.small(N)
    file.points = np.zeros((N, len(labels), 4), np.float32)
    file.points[:, :, up] = heights
    file.points[:, :, (up + 1) % 3] = np.linspace(0, 1500, N)[:, None]
    file["POINT:USED"] = np.int16([len(labels)])
    file["POINT:LABELS"] = labels
    return file


@pytest.mark.parametrize("up", [0, 1, 2])
def test_knees_stand_above_heels_also_without_plates(tmp_path, up):
    labels = ["Jane:LHEE", "Jane:LTOE", "Jane:LKNE", "Jane:LANK", "Jane:SACR"]
    file = walk(labels, [30, 20, 500, 80, 950], up)
    read = read_c3d(c3d_bytes.write(file, tmp_path / "a.c3d"))
    assert set(read.landmarks.values) == {"left knee", "left ankle", "pelvis"}
    for path, height in (
        (read.heels["left"], 30),
        (read.toes["left"], 20),
        (read.landmarks.values["left knee"], 500),
        (read.landmarks.values["pelvis"], 950),
    ):
        np.testing.assert_allclose(path[2], height, rtol=1e-6)
    assert (read.landmarks.rate_hz, read.landmarks.start_s) == (read.marker_rate_hz, read.start_s)


@pytest.mark.parametrize(("unit", "factor"), [("deg", 1.0), ("rad", 180 / np.pi)])
def test_angles_are_those_that_the_file_calls_so(tmp_path, unit, factor):
    file = walk(["LHEE", "Jane:LKneeAngles", "LKNE"], [30, 0.5, 500])
    file["POINT:ANGLES"] = ["Jane:LKneeAngles"]
    file["POINT:ANGLE_UNITS"] = [unit]
    read = read_c3d(c3d_bytes.write(file, tmp_path / "a.c3d"))
    assert list(read.angles.values) == ["LKneeAngles"]
    np.testing.assert_allclose(read.angles.values["LKneeAngles"][2], 0.5 * factor, rtol=1e-6)


def test_volts_are_brought_to_microvolts(tmp_path):
    file = c3d_bytes.small()
    microvolts = file.analog.reshape(-1, 2).T.astype(float) * 100
    file.analog = (file.analog * np.float32([1e-4, 0.1])).astype(np.float32)
    file["ANALOG:UNITS"] = ["V", "mV"]
    read = read_c3d(c3d_bytes.write(file, tmp_path / "a.c3d"))
    assert read.units == {"L_TA": "uV", "R_TA": "uV"}
    np.testing.assert_allclose(read.signals, microvolts, rtol=1e-5)


def test_the_real_trial(shared_data):
    read = read_c3d(shared_data / "function/gait_emg_forceplates.c3d")
    # Ten channels are V at the skin; those of the converter, also called V, are not believed.
    assert sorted(read.units) == sorted(n for n in read.labels if not n.startswith("Pin"))
    assert len(read.units) == 10
    knee = read.landmarks.values["left knee"][2]
    assert 350 < np.nanmedian(knee) < 600
    assert 40 < np.nanmax(read.angles.values["LKneeAngles"][0]) < 80
