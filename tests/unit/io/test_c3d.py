"""C3D in every byte order, length and laboratory, against the same recording written plainly."""

import subprocess
import sys
from dataclasses import replace

import c3d_bytes
import numpy as np
import pytest

from imaging.config import FunctionSettings
from imaging.errors import ComputationError, RecordingError
from imaging.function.analysis import analyse
from imaging.io import c3d as c3d_module
from imaging.io.c3d import read_c3d
from imaging.io.c3d_layout import read_layout
from imaging.io.recordings import read_recording

UP_IS_Y = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])  # new x = old y, new y = old z
STRIKE_AND_OFF = [("Left", "Foot Strike", 0.5), ("Left", "Foot Off", 1.1)]


@pytest.fixture(scope="module")
def real(shared_data):
    return c3d_bytes.read(shared_data / "function/gait_emg_forceplates.c3d")


@pytest.fixture(scope="module")
def plain(shared_data):
    return read_c3d(shared_data / "function/gait_emg_forceplates.c3d")


def copy(file):
    return replace(
        file,
        points=file.points.copy(),
        analog=file.analog.copy(),
        parameters=dict(file.parameters),
    )


def turned(file):
    """The trial as a laboratory with y upwards writes it."""
    file = copy(file)
    file.points[:, :, :3] = file.points[:, :, :3] @ UP_IS_Y.T.astype(np.float32)
    corners = np.einsum("ij,jkn->ikn", UP_IS_Y, file["FORCE_PLATFORM:CORNERS"])
    file["FORCE_PLATFORM:CORNERS"] = corners.astype(np.float32)
    file["POINT:X_SCREEN"], file["POINT:Y_SCREEN"] = ["+Z"], ["+Y"]
    return file


def without_screen(file):
    file = turned(file)
    del file.parameters["POINT:X_SCREEN"], file.parameters["POINT:Y_SCREEN"]
    return file


def in_metres(file, moments=1.0):
    file = copy(file)
    file.points[:, :, :3] /= 1000
    for name in ("CORNERS", "ORIGIN"):
        file[f"FORCE_PLATFORM:{name}"] = file[f"FORCE_PLATFORM:{name}"] / np.float32(1000)
    file["POINT:UNITS"] = ["m"]
    if moments != 1.0:
        rows = [i for i, unit in enumerate(file["ANALOG:UNITS"]) if unit == "Nmm"]
        file.analog[:, :, rows] *= moments
        units = [unit if i not in rows else "Nm" for i, unit in enumerate(file["ANALOG:UNITS"])]
        file["ANALOG:UNITS"] = units
    return file


def with_offset(file):
    """Channels of the plates away from zero, and frames in which the plates are empty."""
    file = copy(file)
    file.analog[:, :, :12] += np.linspace(-40, 60, 12, dtype=np.float32)
    file["FORCE_PLATFORM:ZERO"] = np.int16([1, 10])
    return file


CONVERSIONS = {
    "DEC": lambda file: copy(file),
    "y up": turned,
    "y up, not said": without_screen,
    "m and N mm": in_metres,
    "m and N m": lambda file: in_metres(file, 1e-3),
    "offset and zero": with_offset,
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_the_real_trial_is_the_same_however_it_is_written(name, real, plain, tmp_path):
    processor = c3d_bytes.DEC if name == "DEC" else c3d_bytes.INTEL
    path = c3d_bytes.write(CONVERSIONS[name](real), tmp_path / "walk.c3d", processor)
    read = read_c3d(path)
    assert read.warnings == ()
    assert read.labels == plain.labels
    assert read.start_s == plain.start_s == 1.47
    np.testing.assert_array_equal(read.signals, plain.signals)
    # Where y is up, x and y of the two differ by the way the laboratory was turned.
    for plate, wanted in zip(read.plates, plain.plates, strict=True):
        np.testing.assert_allclose(plate.force[2], wanted.force[2], atol=0.01)
        loaded = wanted.force[2] > 50
        np.testing.assert_allclose(plate.centre[2], 0, atol=1e-3)
        away, right = (
            np.linalg.norm(p.centre[:, loaded].mean(axis=1) - p.corners, axis=1)
            for p in (plate, wanted)
        )
        np.testing.assert_allclose(away, right, atol=0.5)
    settings = FunctionSettings()
    ours, theirs = analyse(read, settings), analyse(plain, settings)
    for found, wanted in (
        (ours.events, theirs.events),
        (ours.partly_on_plate, theirs.partly_on_plate),
    ):
        assert [(e.side, e.kind, e.source) for e in found] == [
            (e.side, e.kind, e.source) for e in wanted
        ]
        # Forces are stored with other rounding, and are crossed between two samples.
        assert [e.time_s for e in found] == pytest.approx([e.time_s for e in wanted], abs=1e-6)
    assert [m.bursts for m in ours.muscles] == [m.bursts for m in theirs.muscles]


BY_LIBRARY = """
import sys, ezc3d, numpy
plates = ezc3d.c3d(sys.argv[1], extract_forceplat_data=True)["data"]["platform"]
numpy.save(sys.argv[2], [[p["force"], p["center_of_pressure"]] for p in plates])
"""


def test_plates_are_those_of_the_library(plain, shared_data, tmp_path):
    path = shared_data / "function/gait_emg_forceplates.c3d"
    out = tmp_path / "plates.npy"
    subprocess.run([sys.executable, "-c", BY_LIBRARY, path, out], check=True)
    for plate, (force, centre) in zip(plain.plates, np.load(out), strict=True):
        np.testing.assert_allclose(plate.force, force, atol=1e-3)
        loaded = plate.force[2] > 20
        np.testing.assert_allclose(plate.centre[:, loaded], centre[:, loaded], atol=1e-2)


def test_plates_not_in_use_own_no_channels(real, plain, tmp_path):
    file = copy(real)
    file["FORCE_PLATFORM:USED"] = np.int16([0])
    emg = [i + 1 for i, name in enumerate(file["ANALOG:LABELS"]) if name[:2] in ("L_", "R_")]
    file["FORCE_PLATFORM:CHANNEL"] = np.int16([emg[:6], emg[4:]]).T
    read = read_c3d(c3d_bytes.write(file, tmp_path / "walk.c3d"))
    assert read.plates == ()
    assert set(plain.labels) < set(read.labels)
    assert read.events == plain.events
    used = analyse(read, FunctionSettings()).events
    assert [e for e in used if e.source == "file"] == list(plain.events)
    assert {e.source for e in used} == {"file", "markers"}


def test_zero_of_a_loaded_plate_is_not_used(real, plain, tmp_path):
    file = copy(real)
    file["FORCE_PLATFORM:ZERO"] = np.int16([125, 145])  # the right foot stands on plate 1
    read = read_c3d(c3d_bytes.write(file, tmp_path / "walk.c3d"))
    assert ["Force plate 1" in w and "ZERO" in w for w in read.warnings] == [True]
    np.testing.assert_allclose(read.plates[0].force, plain.plates[0].force, atol=1e-3)


@pytest.mark.parametrize("metres", ["markers", "plates"])
def test_plates_and_markers_in_two_units_are_read_by_the_size_of_a_plate(
    metres, real, plain, tmp_path
):
    file = copy(real)
    if metres == "markers":
        file.points[:, :, :3] /= 1000
        file["POINT:UNITS"] = ["m"]
    else:
        for name in ("CORNERS", "ORIGIN"):
            file[f"FORCE_PLATFORM:{name}"] = file[f"FORCE_PLATFORM:{name}"] / np.float32(1000)
    read = read_c3d(c3d_bytes.write(file, tmp_path / "walk.c3d"))
    unit = "mm" if metres == "markers" else "m"
    assert [f"are in {unit}, other than the markers" in w for w in read.warnings] == [True, True]
    for plate, wanted in zip(read.plates, plain.plates, strict=True):
        np.testing.assert_allclose(plate.corners, wanted.corners, atol=0.01)
    settings = FunctionSettings()
    assert analyse(read, settings).events == analyse(plain, settings).events


def test_a_plate_that_cannot_be_used_does_not_take_the_other_with_it(real, plain, tmp_path):
    file = copy(real)
    file["FORCE_PLATFORM:TYPE"] = np.int16([7, 2])
    read = read_c3d(c3d_bytes.write(file, tmp_path / "walk.c3d"))
    assert ["Force plate 1 left out" in w for w in read.warnings] == [True]
    np.testing.assert_array_equal(read.plates[0].force, plain.plates[1].force)


@pytest.mark.parametrize("processor", [c3d_bytes.INTEL, c3d_bytes.DEC])
def test_small_file_in_both_byte_orders(processor, tmp_path):
    file = c3d_bytes.small()
    c3d_bytes.add_events(file, STRIKE_AND_OFF)
    read = read_c3d(c3d_bytes.write(file, tmp_path / "a.c3d", processor))
    assert (read.rate_hz, read.start_s, read.labels) == (1000.0, 0.0, ("L_TA", "R_TA"))
    np.testing.assert_array_equal(read.signals, file.analog.reshape(-1, 2).T)
    assert [(e.trial_type, round(e.time_s, 3)) for e in read.events] == [
        ("left_foot_strike", 0.5),
        ("left_foot_off", 1.1),
    ]


def test_sgi_mips_is_refused_by_name(tmp_path):
    path = c3d_bytes.write(c3d_bytes.small(), tmp_path / "a.c3d", c3d_bytes.MIPS)
    with pytest.raises(RecordingError, match="SGI/MIPS"):
        read_c3d(path)


LONG = 70_000


def long_file():
    file = c3d_bytes.small(LONG, per_frame=1)
    file.points, file["POINT:USED"] = file.points[:, :1], np.int16([1])
    file["POINT:LABELS"] = ["LHEE"]
    return file


TRIAL = {
    "TRIAL:ACTUAL_START_FIELD": np.int16([1, 0]),
    "TRIAL:ACTUAL_END_FIELD": np.int16([LONG & 0xFFFF, 1]),
}


WAYS = {
    "trial": {"POINT:FRAMES": np.int16([-1]), **TRIAL},
    "long": {"POINT:FRAMES": np.int16([-1]), "POINT:LONG_FRAMES": np.float32([LONG])},
    "real": {"POINT:FRAMES": np.float32([LONG])},
    "real and long": {"POINT:FRAMES": np.float32([65535]), "POINT:LONG_FRAMES": np.float32([LONG])},
    "wrapped": {"POINT:FRAMES": np.int16([LONG & 0xFFFF]), **TRIAL},
    "long alone": {"POINT:LONG_FRAMES": np.float32([LONG])},
}


@pytest.mark.parametrize("way", WAYS)
def test_more_frames_than_16_bits_count(way, tmp_path):
    file = long_file()
    del file.parameters["POINT:FRAMES"]
    file.parameters |= WAYS[way]
    last = LONG & 0xFFFF if way == "wrapped" else None
    path = c3d_bytes.write(file, tmp_path / "a.c3d", last=last)
    assert read_layout(path).n_frames == LONG
    if way in ("real", "wrapped", "long alone"):
        read = read_c3d(path)
        np.testing.assert_array_equal(read.signals, file.analog.reshape(LONG, 2).T)
        assert read.heels["left"].shape == (3, LONG)


def test_first_frame_beyond_16_bits(tmp_path):
    file = c3d_bytes.small()
    file.first = 100_000 & 0xFFFF
    file["TRIAL:ACTUAL_START_FIELD"] = np.uint16([file.first, 1]).view(np.int16)
    file["TRIAL:ACTUAL_END_FIELD"] = np.uint16([file.first + 199, 1]).view(np.int16)
    assert read_c3d(c3d_bytes.write(file, tmp_path / "a.c3d")).start_s == 999.99


def test_long_file_that_does_not_say_its_length_is_refused(tmp_path):
    file = long_file()
    file["POINT:FRAMES"] = np.int16([-1])
    path = c3d_bytes.write(file, tmp_path / "a.c3d")
    with pytest.raises(RecordingError, match="65535 frames"):
        read_c3d(path)


def test_long_file_that_is_cut_short_is_refused(tmp_path):
    file = long_file()
    file.parameters |= {"POINT:FRAMES": np.int16([-1]), **TRIAL}
    path = c3d_bytes.write(file, tmp_path / "a.c3d")
    path.write_bytes(path.read_bytes()[:-4096])
    with pytest.raises(RecordingError, match="announces 70000"):
        read_c3d(path)


def test_events_beyond_255_are_in_numbered_parameters(tmp_path):
    file = c3d_bytes.small()
    named = [("Left", ("Foot Strike", "Foot Off")[i % 2], 0.5 * i) for i in range(600)]
    c3d_bytes.add_events(file, named)
    read = read_c3d(c3d_bytes.write(file, tmp_path / "a.c3d"))
    assert len(read.events) == 600
    np.testing.assert_allclose([e.time_s for e in read.events], 0.5 * np.arange(600), atol=1e-5)


def test_event_labels_and_times_must_fit(tmp_path):
    file = c3d_bytes.small()
    c3d_bytes.add_events(file, STRIKE_AND_OFF)
    file["EVENT:LABELS"] = ["Foot Strike"]
    path = c3d_bytes.write(file, tmp_path / "a.c3d")
    with pytest.raises(RecordingError, match="1 event labels and 2 event times"):
        read_c3d(path)


@pytest.mark.parametrize("processor", [c3d_bytes.INTEL, c3d_bytes.DEC])
def test_events_of_the_header(processor, tmp_path):
    file = c3d_bytes.small()
    file.header_events = [("RHS", 0.25), ("LTO", 0.5), ("XY", 0.75)]
    read = read_c3d(c3d_bytes.write(file, tmp_path / "a.c3d", processor))
    assert [(e.trial_type, e.time_s) for e in read.events] == [
        ("right_foot_strike", 0.25),
        ("left_foot_off", 0.5),
    ]
    assert any("XY (1)" in w for w in read.warnings)


@pytest.mark.parametrize(("stored", "wanted"), [(0.5, 10.49), (10.5, 10.5)])
def test_events_of_the_header_count_from_the_first_frame(stored, wanted, tmp_path):
    file = c3d_bytes.small()
    file.first = 1000
    file.header_events = [("RHS", stored)]
    (event,) = read_c3d(c3d_bytes.write(file, tmp_path / "a.c3d")).events
    assert event.time_s == pytest.approx(wanted)


def test_unknown_event_names_are_listed_and_persons_are_not(tmp_path):
    file = c3d_bytes.small()
    c3d_bytes.add_events(file, [*STRIKE_AND_OFF, ("General", "Miller fell", 1.2)])
    file["SUBJECTS:NAMES"] = ["Miller_Ann"]
    (warning,) = read_c3d(c3d_bytes.write(file, tmp_path / "a.c3d")).warnings
    assert "(1)" in warning
    assert "Miller" not in warning


@pytest.mark.parametrize("parameters", [True, False])
def test_no_analog_channels(parameters, tmp_path):
    file = c3d_bytes.small()
    file.analog = file.analog[:, :0, :0]
    if not parameters:
        kept = {k: v for k, v in file.parameters.items() if not k.startswith("ANALOG")}
        file.parameters = kept
    path = c3d_bytes.write(file, tmp_path / "a.c3d")
    with pytest.raises(RecordingError, match="no analog channels"):
        read_c3d(path)


def test_no_sampling_rate(tmp_path):
    file = c3d_bytes.small()
    file.rate_hz = 0.0
    file["POINT:RATE"] = file["ANALOG:RATE"] = np.float32([0])
    path = c3d_bytes.write(file, tmp_path / "a.c3d")
    with pytest.raises(RecordingError, match="no sampling rate"):
        read_c3d(path)
    file["ANALOG:RATE"] = np.float32([1000])
    read = read_c3d(c3d_bytes.write(file, path))
    assert (read.rate_hz, read.marker_rate_hz) == (1000.0, 100.0)


def test_one_frame_is_refused(tmp_path):
    path = c3d_bytes.write(c3d_bytes.small(1), tmp_path / "a.c3d")
    with pytest.raises(RecordingError, match=r"lasts 0\.01 s"):
        read_recording(path, None, None)


def test_counts_that_contradict_each_other_are_refused(tmp_path):
    file = c3d_bytes.small()
    file["ANALOG:USED"] = np.int16([3])
    path = c3d_bytes.write(file, tmp_path / "a.c3d")
    with pytest.raises(RecordingError, match="ANALOG:USED"):
        read_c3d(path)


@pytest.mark.parametrize("name", ["ANALOG:SCALE", "ANALOG:OFFSET"])
def test_missing_scales_are_named(name, tmp_path):
    file = c3d_bytes.small()
    del file.parameters[name]
    path = c3d_bytes.write(file, tmp_path / "a.c3d")
    with pytest.raises(RecordingError, match=name):
        read_c3d(path)


def test_a_reader_that_hangs_is_ended(tmp_path, monkeypatch):
    def hang(*_, limit_s):
        assert limit_s == c3d_module.LIMIT_S
        raise ComputationError(f"_load did not end within {limit_s:g} s")

    monkeypatch.setattr(c3d_module, "run_apart", hang)
    path = c3d_bytes.write(c3d_bytes.small(), tmp_path / "a.c3d")
    with pytest.raises(RecordingError, match="did not end"):
        read_c3d(path)
