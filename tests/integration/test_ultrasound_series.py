"""A muscle that is stretched under a still probe: stiffness over angle and time."""

import json
import xml.etree.ElementTree as Xml

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image as Picture
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from imaging.cli.app import main
from imaging.formats.nifti import load_image, save_image
from imaging.image import Image
from imaging.measures import read_measures
from imaging.phantom.colour_frames import Layout, compressed, draw_screen
from imaging.phantom.ultrasound_files import declaration

LAYOUT = Layout()
MARKS = [
    {"name": str(k), "pixel": p, "mri": [0.15 * p[0], 3.0, -0.15 * p[1]]}
    for k, p in enumerate([[20, 20], [330, 30], [30, 320], [320, 310]])
]
FULL_PA = 50e3 / 3  # upper end of the bar


def frames_of(values, void=0.1, seed=0):
    """Screens whose whole box shows one value each, as a share of the bar, with gaps."""
    x0, y0, x1, y1 = LAYOUT.overlay
    rng = np.random.default_rng(seed)
    y = np.arange(y1 - y0)[:, None]
    shown = np.broadcast_to(y >= void * (y1 - y0), (y1 - y0, x1 - x0))
    out = []
    for value in values:
        tilt = 0.05 * (np.arange(x1 - x0) / (x1 - x0) - 0.5)
        true = np.broadcast_to(np.clip(value + tilt, 0, 1), shown.shape)
        out.append(compressed(draw_screen(true, shown, LAYOUT, opacity=0.5, rng=rng), 90))
    return out


def folder_of(tmp_path, values, void=0.1, name="sub-01_acq-GM_swe", **changes):
    folder = tmp_path / name
    folder.mkdir()
    for k, picture in enumerate(frames_of(values, void)):
        Picture.fromarray(picture).save(folder / f"frame_{k:03d}.png")
    about = declaration(LAYOUT) | {"PixelSpacing": [0.15, 0.15], "Landmarks": MARKS} | changes
    (tmp_path / f"{name}.json").write_text(json.dumps(about))
    return folder


def run(tmp_path, *frames):
    given = [x for f in frames for x in ("--frames", str(f))]
    assert main(["ultrasound", *given, "--out", str(tmp_path / "out"), "--prefix", "sub-01"]) == 0
    return tmp_path / "out"


def table(out, kind):
    return pd.read_csv(out / f"sub-01_desc-swe_{kind}.tsv", sep="\t", na_values="n/a",
                       keep_default_na=False)  # fmt: skip


def test_a_stretch_gives_a_slope_over_the_angle(tmp_path):
    angles = np.linspace(-20, 20, 12)
    wobble = 0.004 * np.where(np.arange(12) % 2, 1, -1)
    folder = folder_of(tmp_path, 0.4 + 0.008 * angles + wobble, FrameRate=2)
    pd.DataFrame({"frame": range(12), "angle_deg": angles}).to_csv(
        tmp_path / "sub-01_acq-GM_swe.tsv", sep="\t", index=False
    )
    out = run(tmp_path, folder)
    frames, lines = table(out, "frames"), table(out, "lines")
    np.testing.assert_allclose(frames["time_s"], np.arange(12) / 2)
    np.testing.assert_allclose(frames["angle_deg"], angles, rtol=1e-4)
    np.testing.assert_allclose(frames["median_pa"], FULL_PA * (0.4 + 0.008 * angles + wobble),
                               rtol=0.02)  # fmt: skip
    np.testing.assert_allclose(frames["void"], 0.1, atol=0.02)
    assert (frames["saturated"] == 0).all() and (frames["status"] == "measured").all()
    (one,) = lines.to_dict("records")
    assert one["against"] == "angle_deg" and one["unit"] == "Pa/deg" and one["n"] == 12
    assert one["ci_low"] < 0.008 * FULL_PA < one["ci_high"]
    assert one["slope"] == pytest.approx(0.008 * FULL_PA, rel=0.05)
    Xml.fromstring((out / "sub-01_desc-swe_curves.svg").read_bytes())
    about = json.loads((out / "sub-01_desc-swe_frames.json").read_text())
    assert set(about["Columns"]) == set(frames.columns)
    assert any(s["name"].endswith("_swe.tsv") for s in about["SourceFiles"])


def test_frames_beyond_the_scale_are_bounds_and_give_no_slope(tmp_path, capsys):
    values = np.linspace(0.5, 1.02, 10)
    out = run(tmp_path, folder_of(tmp_path, values, FrameRate=2))
    frames, lines = table(out, "frames"), table(out, "lines")
    # The map of a frame spreads over 5 % of the scale.
    assert (frames["status"][values > 1.0] == "extrapolated").all()
    assert frames["saturated"][values > 1.0].min() > 0.25
    assert (frames["status"][values < 0.97] == "measured").all()
    assert lines["slope"].isna().all() and "only a bound" in lines["note"][0]
    assert "Opacity" not in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [0.35, 0.42, 0.58, 0.7])
def test_a_wrong_opacity_is_named(tmp_path, capsys, wrong):
    folder = folder_of(tmp_path, [0.3, 0.45], Opacity=wrong)
    call = ["ultrasound", "--frames", str(folder), "--out", str(tmp_path / "o"), "--prefix", "a"]
    # Far off, no colour is one of the bar, and there are no figures.
    assert main(call) == (0 if abs(wrong - 0.5) < 0.1 else 2)
    assert f"Opacity is declared as {wrong:g}, but the colours fit the bar best at 0.5" in (
        capsys.readouterr().err
    )


def test_an_opacity_that_cannot_be_checked_is_named(tmp_path, capsys):
    run(tmp_path, folder_of(tmp_path, [0.06], Opacity=0.6))
    assert "whether it is right cannot be told" in capsys.readouterr().err


@pytest.mark.parametrize("off", [2, -2])
@pytest.mark.parametrize("end", [1, 3])
def test_a_bar_box_two_pixels_off_is_named(tmp_path, capsys, off, end):
    box = list(LAYOUT.bar)
    box[end] += off
    run(tmp_path, folder_of(tmp_path, [0.3], ColorBarBox=box))
    assert "ColorBarBox does not end where the colours end" in capsys.readouterr().err


def test_a_muscle_mostly_beyond_the_scale_is_a_lower_bound(tmp_path, capsys):
    out = run(tmp_path, folder_of(tmp_path, [1.2], FrameRate=2))
    rows = {r.measure: r for r in read_measures(out / "sub-01_desc-swe_measures.tsv")}
    shear = rows["stiffness_swe_shear"]
    assert shear.status == "extrapolated" and shear.ci_low is None
    assert "only a lower bound" in shear.note
    assert shear.value == pytest.approx(FULL_PA, rel=0.01)
    assert rows["swe_saturated"].value > 0.95 and rows["swe_saturated"].n > 10000
    assert rows["swe_void"].value == pytest.approx(0.1, abs=0.02)
    assert "only a lower bound: image with another range" in capsys.readouterr().err


def test_a_void_frame_is_not_measured(tmp_path):
    folder = folder_of(tmp_path, [0.4, 0.5], FrameRate=2)
    Picture.fromarray(frames_of([0.4], void=1.1)[0]).save(folder / "frame_002.png")
    frames = table(run(tmp_path, folder), "frames")
    last = frames.iloc[2]
    assert last["status"] == "not_measured" and np.isnan(last["median_pa"]) and last["void"] == 1
    assert "pixels inside the colour box are void" in last["note"]


@pytest.mark.parametrize(("void", "said"), [(0.4, False), (0.7, True)])
def test_a_median_of_the_smaller_part_of_a_muscle_is_named(tmp_path, capsys, void, said):
    out = run(tmp_path, folder_of(tmp_path, [0.4], void=void))
    rows = {r.measure: r for r in read_measures(out / "sub-01_desc-swe_measures.tsv")}
    assert rows["swe_void"].value == pytest.approx(void, abs=0.03)
    assert rows["stiffness_swe_shear"].value == pytest.approx(0.4 * FULL_PA, rel=0.02)
    assert ("median is of the smaller part" in capsys.readouterr().err) == said


def singles_of(tmp_path, starts):
    """Single frames that stiffen, each with a StartTime in s, or None."""
    paths = []
    for k, picture in enumerate(frames_of(np.linspace(0.3, 0.6, len(starts)))):
        path = tmp_path / f"sub-01_acq-GM_run-{k + 1}_swe.png"
        Picture.fromarray(picture).save(path)
        about = declaration(LAYOUT) | {"PixelSpacing": [0.15, 0.15], "Landmarks": MARKS}
        about |= {} if starts[k] is None else {"StartTime": starts[k]}
        path.with_suffix(".json").write_text(json.dumps(about))
        paths.append(path)
    return paths


def test_single_frames_with_times_are_one_recording(tmp_path):
    out = run(tmp_path, *singles_of(tmp_path, [100 + 3.0 * k for k in range(7)]))
    np.testing.assert_allclose(table(out, "frames")["time_s"], 3.0 * np.arange(7))
    lines = table(out, "lines")
    assert list(lines["series"]) == ["sub-01_acq-GM_swe"] and lines["unit"][0] == "Pa/s"


def test_a_single_frame_without_a_clock_has_no_time(tmp_path):
    starts = [100.0, 103.0, None, 109.0, None, 115.0, 118.0, 121.0]
    out = run(tmp_path, *singles_of(tmp_path, starts))
    expected = [np.nan if s is None else s - 100 for s in starts]
    np.testing.assert_allclose(table(out, "frames")["time_s"], expected)
    (one,) = table(out, "lines").to_dict("records")
    assert one["n"] == 6
    assert one["slope"] == pytest.approx(0.3 * FULL_PA / 21, rel=0.1)


def test_single_frames_without_clocks_have_no_line(tmp_path):
    out = run(tmp_path, *singles_of(tmp_path, [None, None, None]))
    assert table(out, "frames")["time_s"].isna().all()
    assert not (out / "sub-01_desc-swe_lines.tsv").exists()


def test_an_examination_past_midnight_goes_on(tmp_path):
    starts = [86394.0, 86397.0, 0.0, 3.0, 6.0, 9.0, 12.0]
    out = run(tmp_path, *singles_of(tmp_path, starts))
    np.testing.assert_allclose(table(out, "frames")["time_s"], 3.0 * np.arange(7))


def test_a_dicom_loop_tells_its_times(tmp_path):
    pictures = np.stack(frames_of(np.linspace(0.3, 0.6, 8)))
    data = pydicom.Dataset()
    data.update({
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1", "SOPInstanceUID": generate_uid(),
        "Modality": "US", "Rows": pictures.shape[1], "Columns": pictures.shape[2],
        "NumberOfFrames": 8, "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
        "PixelRepresentation": 0, "FrameTime": "250", "AcquisitionTime": "101500",
        "PixelData": pictures.tobytes(),
    })  # fmt: skip
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    path = tmp_path / "sub-01_acq-GM_swe.dcm"
    data.save_as(path, enforce_file_format=True)
    about = declaration(LAYOUT) | {"PixelSpacing": [0.15, 0.15], "Landmarks": MARKS}
    path.with_suffix(".json").write_text(json.dumps(about))
    out = run(tmp_path, path)
    np.testing.assert_allclose(table(out, "frames")["time_s"], 0.25 * np.arange(8))
    slope = 0.3 * FULL_PA / (7 * 0.25)
    assert table(out, "lines")["slope"][0] == pytest.approx(slope, rel=0.05)


def test_same_frames_give_same_bytes(tmp_path):
    folder = folder_of(tmp_path, np.linspace(0.3, 0.6, 7), FrameRate=2)
    one = {p.name: p.read_bytes() for p in run(tmp_path, folder).iterdir()}
    two = {p.name: p.read_bytes() for p in run(tmp_path, folder).iterdir()}
    assert one == two


def export(tmp_path, values, name="sub-01_acq-GM_swe", affine=None, **changes):
    """A raw export: values in kPa, axes across, down, one slice, frames; a gap of NaN."""
    frames = np.repeat(np.asarray(values, np.float32)[None, None, None], 120, 0).repeat(80, 1)
    frames += np.linspace(-0.5, 0.5, 80, dtype=np.float32)[None, :, None, None]
    frames[:, :8] = np.nan
    path = tmp_path / f"{name}.nii.gz"
    save_image(Image(frames, np.diag([0.15, 0.15, 1, 1]) if affine is None else affine), path)
    about = {
        "Quantity": "youngs_3rhoc2", "Units": "kPa", "Density": 1060, "PixelSpacing": [0.2, 0.2],
        "Landmarks": [{**m, "pixel": [m["pixel"][0] / 4, m["pixel"][1] / 4], "mri":
                       [v / 3 for v in m["mri"]]} for m in MARKS], "FrameRate": 4,
    }  # fmt: skip
    about = {k: v for k, v in (about | changes).items() if v is not None}
    (tmp_path / f"{name}.json").write_text(json.dumps(about))
    return path


def test_maps_of_values_are_read_as_they_are(tmp_path):
    values = np.linspace(12, 24, 9)
    out = run(tmp_path, export(tmp_path, values))
    frames, lines = table(out, "frames"), table(out, "lines")
    np.testing.assert_allclose(frames["median_pa"], 1e3 * (values + 0.05) / 3, rtol=0.005)
    np.testing.assert_allclose(frames["void"], 0.1, atol=0.02)
    assert (frames["saturated"] == 0).all()
    assert lines["slope"][0] == pytest.approx(12e3 / 3 / 2, rel=0.01)
    notes = json.loads((out / "sub-01_desc-swe_notes.json").read_text())
    assert "were read as values of a raw export" in notes["method"]
    assert notes["facts"]["files"][0]["opacity"] is None


@pytest.mark.parametrize("declared", [[0, 20], None])
def test_exports_that_are_cut_at_their_range_are_bounds(tmp_path, declared):
    path = export(tmp_path, [15.0, 30.0], Range=declared)
    image = load_image(path, ndim=4, thinnest=1, gaps=True)
    save_image(image.with_data(np.minimum(image.data, np.float32(20.0))), path)
    frames = table(run(tmp_path, path), "frames")
    assert list(frames["status"]) == ["measured", "extrapolated"]
    assert list(frames["saturated"]) == [0, 1]


@pytest.mark.parametrize(
    ("values", "changes", "why"),
    [
        ([15.0], {"Quantity": None}, "Quantity is not declared"),
        ([15.0], {"Units": None}, "Units are not declared"),
        ([15.0], {"PixelSpacing": None}, "Declare PixelSpacing"),
        ([15.0], {"Range": [0, 10]}, "above the end of Range"),
        ([-15.0], {}, "has no positive value"),
    ],
)
def test_exports_that_cannot_be_right_are_refused(tmp_path, capsys, values, changes, why):
    path = export(tmp_path, values, **changes)
    call = ["ultrasound", "--frames", str(path), "--out", str(tmp_path / "o"), "--prefix", "a"]
    assert main(call) == 2
    assert why in capsys.readouterr().err


def test_a_volume_is_no_series_of_maps(tmp_path, capsys):
    path = export(tmp_path, [15.0])
    save_image(Image(np.ones((30, 30, 5), np.float32), np.eye(4)), path)
    call = ["ultrasound", "--frames", str(path), "--out", str(tmp_path / "o"), "--prefix", "a"]
    assert main(call) == 2
    assert "no series of maps of one slice" in capsys.readouterr().err
