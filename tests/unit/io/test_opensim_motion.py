"""STO, MOT and TRC files: forces of a known foot, joint angles, markers."""

import numpy as np
import pytest

from imaging.errors import RecordingError
from imaging.io.opensim_motion import read_opensim_motion
from imaging.io.storage import read_storage
from imaging.io.trc import read_trc

N, RATE = 200, 100.0
TIMES = np.arange(N) / RATE
LOAD = np.where((TIMES > 0.5) & (TIMES < 1.2), 700.0, 0.0)
HEAD = (
    "Jane Doe, 1 May\nversion=1\nnRows={rows}\nnColumns={columns}\ninDegrees={degrees}\nendheader\n"
)


def storage(path, columns, degrees="no", head=HEAD):
    rows = np.stack([TIMES, *columns.values()], axis=1)
    text = head.format(rows=len(rows), columns=rows.shape[1], degrees=degrees)
    text += "\t".join(["time", *columns]) + "\n"
    text += "\n".join("\t".join(f"{v:.8g}" for v in row) for row in rows) + "\n"
    path.write_text(text)
    return path


def forces(start, end, *, up="y", scale=1.0):
    """Columns of one foot: `start` and `end` stand around the letter v or p."""
    zero = np.zeros(N)
    found = {f"{start}v{a}{end}": LOAD if a == up else zero for a in "xyz"}
    places = {"x": 0.4 * scale + zero, "y": zero, "z": np.where(LOAD > 0, 0.1 * scale, 3000.0)}
    return found | {f"{start}p{a}{end}": places[a] for a in "xyz"}


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("ground_force_", None),
        ("1_ground_force_", None),
        ("ground_force_r_", "right"),
        ("l_ground_force_", "left"),
        ("R_ground_force_", "right"),
        ("ground_force_left_", "left"),
        ("calcn_l_", "left"),
    ],
)
def test_forces_by_their_names(tmp_path, name, side):
    read = read_opensim_motion(storage(tmp_path / "a_grf.mot", forces(name, "")))
    (plate,) = read.plates
    assert (plate.side, read.rate_hz, read.n) == (side, RATE, N)
    np.testing.assert_array_equal(plate.force, [np.zeros(N), np.zeros(N), LOAD])
    loaded = LOAD > 0
    # x stays, upwards is third, and what was sideways is minus the second axis.
    np.testing.assert_allclose(np.sort(np.abs(plate.centre[:2, loaded]).T), [[100.0, 400.0]] * 69)
    assert (plate.centre[:, ~loaded] == 0).all()
    assert bool(read.warnings) == (side is None)


def test_places_in_mm_are_told_where_the_foot_loads(tmp_path):
    metres = read_opensim_motion(storage(tmp_path / "a_grf.mot", forces("r_", "")))
    millimetres = read_opensim_motion(storage(tmp_path / "b_grf.mot", forces("r_", "", scale=1e3)))
    np.testing.assert_allclose(metres.plates[0].centre, millimetres.plates[0].centre)


def test_forces_along_another_axis_are_said(tmp_path):
    read = read_opensim_motion(storage(tmp_path / "a_grf.mot", forces("r_", "", up="z")))
    np.testing.assert_array_equal(read.plates[0].force[2], LOAD)
    assert "largest along z" in read.warnings[0]


def test_forces_on_the_plate_are_turned(tmp_path):
    columns = {k: -v if "v" in k else v for k, v in forces("r_", "").items()}
    read = read_opensim_motion(storage(tmp_path / "a_grf.mot", columns))
    np.testing.assert_array_equal(read.plates[0].force[2], LOAD)


def test_the_loads_file_says_whose_foot_it_is(tmp_path):
    path = storage(tmp_path / "a_grf.mot", forces("1_", "") | forces("2_", ""))
    path.with_suffix(".xml").write_text(
        "<OpenSimDocument>"
        + "".join(
            f"<ExternalForce><applied_to_body>calcn_{s}</applied_to_body>"
            f"<force_identifier>{n}_v</force_identifier></ExternalForce>"
            for n, s in (("1", "l"), ("2", "r"))
        )
        + "</OpenSimDocument>"
    )
    assert [p.side for p in read_opensim_motion(path).plates] == ["left", "right"]


def test_angles_are_degrees_whatever_the_header_says(tmp_path):
    knee = 0.5 + 0.4 * np.sin(TIMES)
    columns = {
        "/jointset/walker_knee_r/knee_angle_r/value": knee,
        "/jointset/walker_knee_r/knee_angle_r/speed": knee,
        "/jointset/ground_pelvis/pelvis_tx/value": knee,
        "/jointset/patellofemoral_r/knee_angle_r_beta/value": 70 * knee,
    }
    radians = read_opensim_motion(storage(tmp_path / "a_motion.sto", columns))
    assert list(radians.angles) == ["knee_angle_r"]
    np.testing.assert_allclose(radians.angles["knee_angle_r"], np.degrees(knee), rtol=1e-6)
    columns = {"knee_angle_r": np.degrees(knee), "pelvis_tx": knee}
    degrees = read_opensim_motion(storage(tmp_path / "b_motion.mot", columns, "yes"))
    np.testing.assert_allclose(degrees.angles["knee_angle_r"], np.degrees(knee), rtol=1e-6)
    with pytest.raises(RecordingError, match="inDegrees=no and holds angles"):
        read_opensim_motion(storage(tmp_path / "c_motion.mot", columns))
    head = HEAD.replace("inDegrees={degrees}\n", "")
    untold = read_opensim_motion(storage(tmp_path / "d_motion.mot", columns, head=head))
    assert untold.angles == {}
    assert "degrees" in untold.warnings[0]


def test_the_first_line_is_not_repeated(tmp_path):
    path = storage(tmp_path / "a.sto", {"soleus_r": LOAD})
    path.write_text(path.read_text().replace("nRows=200", "nRows=250"))
    with pytest.raises(RecordingError, match="announces 250 rows and holds 200") as error:
        read_storage(path)
    assert "Jane" not in str(error.value)


def test_an_older_header(tmp_path):
    head = "walk\ndatacolumns {columns}\ndatarows {rows}\nrange 0 2\nendheader\n"
    table = read_storage(storage(tmp_path / "a.mot", {"soleus_r": LOAD}, head=head))
    np.testing.assert_array_equal(table.values[0], LOAD)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("endheader", "end"), "no line endheader"),
        (("time\t", "t\t"), "no first column time"),
        (("ground_force_r_vz", "ground_force_r_vw"), "lacks a component"),
        (("ground_force_r_px", "ground_force_r_py"), "twice"),
        (("\n0.5\t", "\n0.5\tx"), "not numbers"),
        (("\n0.5\t", "\n0.1\t"), "do not rise"),
        (("version=1", "DataType=Vec3"), "other values than plain numbers"),
    ],
)
def test_refused_tables(tmp_path, change, said):
    path = storage(tmp_path / "a_grf.mot", forces("ground_force_r_", ""))
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(RecordingError, match=said):
        read_opensim_motion(path)


def trc(path, unit="mm", scale=1.0, up=1, names=("R.Heel", "R.Knee.Lat", "L.Toe.Tip"), rows=N):
    places = np.zeros((N, 3, 3))
    places[:, :, (up + 1) % 3] = np.linspace(0, 2000, N)[:, None]
    places[:, :, up] = [30, 500, 20]
    lines = ["PathFileType\t4\t(X/Y/Z)\tJane_Doe.trc"]
    lines += ["DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate"]
    lines += [f"100\t100\t{rows}\t3\t{unit}\t100"]
    lines += ["Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t"]
    lines += ["\t\tX1\tY1\tZ1\tX2\tY2\tZ2\tX3\tY3\tZ3", ""]
    for i in range(N):
        cells = [f"{v * scale:.6f}" for v in places[i].ravel()]
        if i == 7:
            cells[:3] = ["", "", ""]
        lines.append("\t".join([str(i + 1), f"{TIMES[i]:.3f}", *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("unit", "scale", "up"), [("mm", 1.0, 1), ("m", 1e-3, 2), ("cm", 0.1, 0)])
def test_markers_of_trc(tmp_path, unit, scale, up):
    read = read_trc(trc(tmp_path / "a_motion.trc", unit, scale, up))
    assert (read.rate_hz, read.n) == (RATE, N)
    heel = read.markers.heels["right"]
    assert np.isnan(heel[:, 7]).all()
    np.testing.assert_allclose(heel[2, 8:], 30)
    np.testing.assert_allclose(read.markers.toes["left"][2], 20)
    np.testing.assert_allclose(read.markers.landmarks["right knee"][2], 500)
    assert set(read.markers.heels) == {"right"}


@pytest.mark.parametrize(
    ("arguments", "said"), [({"unit": "furlong"}, "in 'furlong'"), ({"rows": 300}, "cut short")]
)
def test_refused_trc(tmp_path, arguments, said):
    with pytest.raises(RecordingError, match=said):
        read_trc(trc(tmp_path / "a_motion.trc", **arguments))


def test_real_set(shared_data):
    grf = read_opensim_motion(shared_data / "function/grf_walk.mot")
    assert [p.side for p in grf.plates] == ["right", "left"]
    for plate in grf.plates:
        assert 850 < plate.force[2].max() < 1000
        assert np.abs(plate.centre).max() < 3000
    angles = read_opensim_motion(shared_data / "function/coordinates.sto").angles
    assert 70 < angles["knee_angle_r"].max() < 75
    assert len(angles) == 13
