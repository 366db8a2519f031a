"""When frames were taken: DICOM, tracked sequences, folders of pictures, JSON, tables of angles."""

import json
import shutil

import numpy as np
import pydicom
import pytest
from PIL import Image as Picture

from imaging.errors import ImageError, InputError, JsonError, MissingFileError
from imaging.io.ultrasound_frames import read_frame_files, read_frames
from imaging.io.ultrasound_times import dicom_timing, sequence_timing
from imaging.phantom.colour_frames import Layout, draw_screen
from imaging.phantom.ultrasound_files import declaration

LAYOUT = Layout()
MARKS = [
    {"name": str(k), "pixel": p, "mri": [0.15 * p[0], 3.0, -0.15 * p[1]]}
    for k, p in enumerate([[20, 20], [330, 30], [30, 320], [320, 310]])
]


def screen(value=0.4):
    x0, y0, x1, y1 = LAYOUT.overlay
    true = np.full((y1 - y0, x1 - x0), value)
    rng = np.random.default_rng(0)
    return draw_screen(true, np.ones(true.shape, bool), LAYOUT, opacity=0.5, rng=rng)


def declare(path, **changes):
    about = declaration(LAYOUT) | {"PixelSpacing": [0.15, 0.15], "Landmarks": MARKS} | changes
    path.write_text(json.dumps(about))


def folder_of(tmp_path, names=("f_1.png", "f_2.png", "f_3.png"), **changes):
    folder = tmp_path / "sub-01_swe"
    folder.mkdir()
    for k, name in enumerate(names):
        Picture.fromarray(screen(0.2 + 0.1 * k)).save(folder / name)
    declare(tmp_path / "sub-01_swe.json", **changes)
    return folder


def dataset(**elements):
    data = pydicom.Dataset()
    for key, value in elements.items():
        setattr(data, key, value)
    return data


def test_dicom_times():
    found = dicom_timing(dataset(FrameTime="40", AcquisitionTime="101500.5"), 3)
    np.testing.assert_allclose(found.times_s, [0, 0.04, 0.08])
    assert found.start_s == 10 * 3600 + 15 * 60 + 0.5
    np.testing.assert_allclose(
        dicom_timing(dataset(FrameTimeVector=[0, 20, 30]), 3).times_s, [0, 0.02, 0.05]
    )
    np.testing.assert_allclose(dicom_timing(dataset(CineRate="25"), 3).times_s, [0, 0.04, 0.08])
    assert dicom_timing(dataset(FrameTime="0"), 3).times_s is None
    assert dicom_timing(dataset(), 3).times_s is None
    later = dicom_timing(dataset(AcquisitionDateTime="20260102101500.25+0100"), 1)
    assert later.start_s == 10 * 3600 + 15 * 60 + 0.25


def test_the_increment_pointer_decides():
    both = {"FrameTime": "40", "FrameTimeVector": [0, 20, 30]}
    np.testing.assert_allclose(dicom_timing(dataset(**both), 3).times_s, [0, 0.02, 0.05])
    even = dataset(**both, FrameIncrementPointer=pydicom.tag.Tag(0x00181063))
    np.testing.assert_allclose(dicom_timing(even, 3).times_s, [0, 0.04, 0.08])


def test_dicom_times_that_contradict_each_other_are_refused():
    with pytest.raises(ImageError, match="FrameTime says 25 and CineRate 30"):
        dicom_timing(dataset(FrameTime="40", CineRate="30"), 3)
    with pytest.raises(ImageError, match="2 increments for 3 frames"):
        dicom_timing(dataset(FrameTimeVector=[0, 20]), 3)


def test_times_of_a_tracked_sequence():
    fields = {f"Seq_Frame{k:04d}_Timestamp": str(10 + 0.5 * k) for k in range(3)}
    np.testing.assert_allclose(sequence_timing(fields, 3).times_s, [0, 0.5, 1])
    assert sequence_timing({}, 3).times_s is None
    fields["Seq_Frame0002_Timestamp"] = "10.5"
    with pytest.raises(ImageError, match="Timestamp does not rise at frame 2"):
        sequence_timing(fields, 3)


def test_a_folder_of_pictures_is_a_recording_in_the_order_of_its_numbers(tmp_path):
    names = ["f_8.png", "f_9.png", "f_10.png"]
    folder = folder_of(tmp_path, names, FrameRate=5)
    (found,) = read_frame_files([folder])
    assert [p.name for p in found.more] == names
    np.testing.assert_allclose(found.timing.times_s, [0, 0.2, 0.4])
    assert [p.name for p in found.inputs] == ["sub-01_swe.json", *names]
    np.testing.assert_array_equal(found.frames[2], screen(0.4))


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["f_1.png", "f_3.png"], "picture 2 is missing"),
        (["a_1.png", "b_1.png"], "one number stands twice"),
        (["one.png", "two.png"], "without a number"),
        ([], "holds no pictures"),
    ],
)
def test_a_folder_with_gaps_is_refused(tmp_path, names, why):
    with pytest.raises(ImageError, match=why):
        read_frames(folder_of(tmp_path, names))


def test_a_folder_of_unlike_pictures_or_without_json_is_refused(tmp_path):
    folder = folder_of(tmp_path)
    Picture.fromarray(screen()[:200]).save(folder / "f_4.png")
    with pytest.raises(ImageError, match="several sizes"):
        read_frames(folder)
    (tmp_path / "sub-01_swe.json").unlink()
    with pytest.raises(MissingFileError, match="no such JSON"):
        read_frames(folder)


def test_declared_rates(tmp_path):
    folder = folder_of(tmp_path, FrameRate=0)
    with pytest.raises(InputError, match="FrameRate is 0"):
        read_frames(folder)
    declare(tmp_path / "sub-01_swe.json", FrameRate=5, StartTime=12.5)
    assert read_frames(folder).timing.start_s == 12.5
    declare(tmp_path / "sub-01_swe.json")
    assert read_frames(folder).timing.times_s is None


@pytest.mark.parametrize(
    ("text", "angles"),
    [
        ("frame\tangle_deg\n0\t-10\n2\t10\n", [-10, 0, 10]),
        ("time_s\tangle_deg\n0.0\t0\n0.2\t10\n", [0, 10, np.nan]),
        ("time_s\tangle_deg\tmoment\n0\t0\t1\n1\t10\t2\n", [0, 2, 4]),
    ],
)
def test_angles_from_the_table_beside(tmp_path, text, angles):
    folder = folder_of(tmp_path, FrameRate=5)
    (tmp_path / "sub-01_swe.tsv").write_text(text)
    found = read_frames(folder)
    np.testing.assert_allclose(found.angles_deg, angles)
    assert tmp_path / "sub-01_swe.tsv" in found.inputs


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("angle_deg\n1\n", "either time_s or frame"),
        ("time_s\tframe\tangle_deg\n0\t0\t1\n", "either time_s or frame"),
        ("frame\tangle\n0\t1\n", "lacks the columns"),
        ("frame\tangle_deg\n", "no rows"),
        ("frame\tangle_deg\n0\tn/a\n", "no rows, or rows without"),
        ("frame\tangle_deg\n0\t1\n0\t2\n", "do not rise"),
        ("frame\tangle_deg\n0\t1\n2\t900\n", "beyond 360"),
        ("frame\tangle_deg\n50\t1\n60\t2\n", "where no frame was taken"),
        ("frame\tangle_deg\n0\tx\n", "not a number"),
        ("frame\tangle_deg\n0\t1", "cut off"),
    ],
)
def test_tables_of_angles_that_cannot_be_right_are_refused(tmp_path, text, why):
    folder = folder_of(tmp_path)
    (tmp_path / "sub-01_swe.tsv").write_text(text)
    with pytest.raises(InputError, match=why):
        read_frames(folder)


def test_angles_by_time_need_times(tmp_path):
    folder = folder_of(tmp_path)
    (tmp_path / "sub-01_swe.tsv").write_text("time_s\tangle_deg\n0\t1\n")
    with pytest.raises(InputError, match="the frames tell no times"):
        read_frames(folder)


def test_contexts_are_not_one_figure(tmp_path):
    folder = folder_of(tmp_path)
    paths = []
    for task in ("rest", "contracted"):
        path = tmp_path / f"sub-01_task-{task}_swe.png"
        shutil.copy(folder / "f_1.png", path)
        declare(path.with_suffix(".json"))
        paths.append(path)
    with pytest.raises(InputError, match=r"several contexts \(contracted, rest\)"):
        read_frame_files(paths)
    (tmp_path / "sub-01_swe.json").write_text("[]")
    with pytest.raises(JsonError):
        read_frames(folder)
