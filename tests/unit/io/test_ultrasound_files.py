"""Shear-wave frames as scanners, PLUS and 3D Slicer write them, and JSON as people write it."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from imaging.config import UltrasoundSettings
from imaging.errors import ImageError, InputError
from imaging.io.ultrasound_frames import read_frame_files, read_frames
from imaging.io.ultrasound_placed import check_frames, place_frames
from imaging.provenance import sidecar_path

BAR, BOX = (140, 10, 150, 110), (20, 20, 120, 90)
PIXEL_MM = 0.4
MARKS = [[5, 5], [150, 8], [20, 110], [140, 100]]
DECLARED = {
    "Quantity": "youngs_3rhoc2", "Units": "kPa", "Range": [0, 60], "Density": 1000, "Opacity": 0.5,
    "ColorBarBox": list(BAR), "ColorBox": list(BOX), "PixelSpacing": [PIXEL_MM, PIXEL_MM],
    "Landmarks": [
        {"name": str(k), "pixel": p, "mri": [PIXEL_MM * p[0], 3.0, -PIXEL_MM * p[1]]}
        for k, p in enumerate(MARKS)
    ],
}  # fmt: skip


def hot(value):
    """Blue over green to red, 0 to 255."""
    value = np.asarray(value, float)[..., None]
    return np.clip(255 * (1.5 - np.abs(4 * value - [3.0, 2.0, 1.0])), 0, 255)


def screen(value=0.4, flip=False):
    """A frame that shows one value, its bar rising upwards."""
    out = np.full((120, 160, 3), 60.0)
    x0, y0, x1, y1 = BOX
    out[y0:y1, x0:x1] = 0.5 * 60 + 0.5 * hot(np.full((y1 - y0, x1 - x0), value))
    x0, y0, x1, y1 = BAR
    scale = (np.arange(y1 - y0) + 0.5) / (y1 - y0)
    out[y0:y1, x0:x1] = hot(scale if flip else scale[::-1])[:, None]
    return np.rint(out).astype(np.uint8)


def declare(path, **changes):
    content = {k: v for k, v in (DECLARED | changes).items() if v is not None}
    sidecar_path(path).write_text(json.dumps(content))
    return path


def picture(folder, name="a_swe.png", flip=False, **changes):
    Picture.fromarray(screen(flip=flip)).save(folder / name)
    return declare(folder / name, **changes)


def nrrd(path, data, sizes, kinds):
    """Write what PLUS and 3D Slicer do: kinds of axes, and fields behind them."""
    header = (
        f"NRRD0005\ntype: uint8\ndimension: {len(sizes)}\nsizes: {' '.join(map(str, sizes))}\n"
        f"kinds: {' '.join(kinds)}\nencoding: raw\n"
        "UltrasoundImageOrientation:=MF\nSeq_Frame0001_ImageStatus:=INVALID\n\n"
    )
    path.write_bytes(header.encode() + np.ascontiguousarray(data).tobytes())
    return declare(path)


FRAMES = np.stack([screen(0.2), screen(0.5), screen(0.8)])
ONE_SLICE = ["RGB-color", "domain", "domain", "domain", "list"]


@pytest.mark.parametrize(
    ("name", "sizes", "kinds", "data"),
    [
        ("a_swe.igs.nrrd", (3, 160, 120, 3), ["RGB-color", "domain", "domain", "list"], FRAMES),
        ("a_swe.nrrd", (3, 160, 120, 3), ["vector", "domain", "domain", "domain"], FRAMES),
        ("a_swe.seq.nrrd", (3, 160, 120, 1, 3), ONE_SLICE, FRAMES),
        ("a_swe.seq.nrrd", (3, 3, 160, 120, 1),
         ["list", "RGB-color", "domain", "domain", "domain"], np.moveaxis(FRAMES, 0, -1)),
    ],
)  # fmt: skip
def test_sequences_of_nrrd(tmp_path, name, sizes, kinds, data):
    file = read_frames(nrrd(tmp_path / name, data, sizes, kinds))
    np.testing.assert_array_equal(file.frames, FRAMES)
    assert file.fields["Seq_Frame0001_ImageStatus"] == "INVALID"
    assert file.paths[1].name == "a_swe.json"


def test_one_frame_and_plain_metaimage(tmp_path):
    for name in ("a_swe.mha", "b_swe.nrrd", "c_swe.igs.mha"):
        sitk.WriteImage(sitk.GetImageFromArray(screen(), isVector=True), str(tmp_path / name))
        assert read_frames(declare(tmp_path / name)).frames.shape == (1, 120, 160, 3)


@pytest.mark.parametrize("count", [3, 4])
def test_grey_frames_one_by_one_are_no_colours(tmp_path, count):
    """Three grey frames look like one of red, green and blue."""
    grey = np.moveaxis(np.stack([screen()[..., 0]] * count), 0, -1)
    sizes, kinds = (count, 160, 120), ["list", "domain", "domain"]
    with pytest.raises(ImageError, match="grey frames"):
        read_frames(nrrd(tmp_path / "a_swe.seq.nrrd", grey, sizes, kinds))


def test_two_files_of_one_json_are_one_picture(tmp_path):
    first = picture(tmp_path)
    second = first.with_suffix(".bmp")
    Picture.fromarray(screen()).save(second)
    with pytest.raises(ImageError, match=r"a_swe.png: has the same JSON as a_swe.bmp"):
        read_frame_files([second, first])


def test_a_box_written_as_width_and_height_is_told(tmp_path):
    x0, y0, x1, y1 = BOX
    wrong = picture(tmp_path, ColorBox=[x0, y0, x1 - x0, y1 - y0])
    with pytest.raises(ImageError, match=r"x0, y0, x1, y1: \[20, 20, 120, 90\]"):
        read_frames(wrong)
    # A part of the colours may be chosen on purpose.
    assert read_frames(picture(tmp_path, ColorBox=[30, 30, 90, 80])).frames.shape[0] == 1
    with pytest.raises(ImageError, match="not width and height"):
        read_frames(picture(tmp_path, ColorBarBox=[140, 10, 10, 100]))
    with pytest.raises(ImageError, match="leaves the frame"):
        read_frames(picture(tmp_path, ColorBox=[20, 20, 170, 90]))


def read_all(path):
    return place_frames(read_frame_files([path]), UltrasoundSettings())


def test_values_and_a_bar_read_the_wrong_way_round(tmp_path):
    right = read_all(picture(tmp_path))
    assert np.median(right.samples[0].shear_pa) == pytest.approx(0.4 * 60e3 / 3, rel=0.02)
    assert not right.colours
    wrong = read_all(picture(tmp_path, ColorBarDirection="down"))
    assert any("check ColorBarDirection" in text for text in wrong.colours)
    down = read_all(picture(tmp_path, flip=True, ColorBarDirection="down"))
    assert not down.colours


@pytest.mark.parametrize(
    "changes",
    [
        {"PixelSpacing": None},
        {"ColorBarBox": [0, 0, 10, 100]},
        {"ColorBox": [0, 92, 130, 119]},
        {"Landmarks": [{**m, "mri": [v / 10 for v in m["mri"]]} for m in DECLARED["Landmarks"]]},
        {"Landmarks": DECLARED["Landmarks"][:2]},
        {"UltrasoundImageOrientation": "XY"},
    ],
)
def test_what_the_stage_refuses_is_refused_before(tmp_path, changes):
    path = picture(tmp_path, **changes)
    told = []
    for read in (read_all, lambda p: list(check_frames(read_frame_files([p]), OPTIONS))):
        with pytest.raises(InputError) as caught:
            read(path)
        told.append(str(caught.value).split(". ")[0])
    assert told[0] == told[1]


OPTIONS = UltrasoundSettings()
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**400), 10**400), st.floats(), st.text(max_size=4),
    st.lists(st.one_of(st.integers(-5, 200), st.floats(), st.text(max_size=2)), max_size=4),
    st.just([10**400] * 4), st.just([1e308, -1e308]), st.just([0, 1e308]), st.just([[0, 1], [1]]),
    st.lists(st.dictionaries(st.sampled_from(["pixel", "mri", "reference", "name"]),
             st.lists(st.floats(), max_size=3), max_size=3), max_size=4),
)  # fmt: skip
KEYS = [*DECLARED, "ColorBarDirection", "SlabThickness", "ImageToProbe", "LandmarksFrame",
        "UltrasoundImageOrientation"]  # fmt: skip


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.dictionaries(st.sampled_from(KEYS), ODD, max_size=2))
def test_any_declaration_of_frames_is_read_or_refused(tmp_path, changes):
    path = picture(tmp_path)
    sidecar_path(path).write_text(json.dumps(DECLARED | changes))
    try:
        found = list(check_frames([read_frames(path)], OPTIONS))
    except InputError as error:
        told = str(error)
    else:
        assert np.isfinite(found[0][1]).all()
        assert np.isfinite(np.concatenate([s.shear_pa for s in read_all(path).samples])).all()
        return
    assert told.startswith(str(tmp_path))
