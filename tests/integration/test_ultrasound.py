"""``pennate ultrasound`` on files: tracked, still and DICOM frames of a simple leg."""

import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from output_contract import assert_as_promised
from PIL import Image as Picture
from round_leg import GM, SOL, TA
from scipy.spatial.transform import Rotation
from ultrasound_for_tests import (
    PITCH_DEG,
    STILL,
    TRACKED,
    edit,
    landmarks,
    run,
)

from imaging.formats.nifti import load_image, save_image
from imaging.image import Image
from imaging.io.ultrasound_frames import read_frames
from imaging.measures import read_measures, read_notes
from imaging.phantom.shear_speed import RATIO_ALONG, RATIO_TENSILE, mu_par_pa
from imaging.ultrasound.angles import Ratios, pennate_factor


def rows_of(out):
    return {(r.label, r.measure): r for r in read_measures(out / "sub-01_desc-swe_measures.tsv")}


def samples_of(out):
    return pd.read_parquet(out / "sub-01_desc-swe_samples.parquet")


def truth(swe_leg):
    table = pd.read_csv(swe_leg / "truth" / "sub-01_desc-truthswe_frames.tsv", sep="\t")
    places = json.loads((swe_leg / "truth" / "sub-01_desc-truthswe_frames.json").read_text())[
        "frames"
    ]
    return table, {(p["file"], p["frame"]): np.array(p["pixel_to_world"]) for p in places}


@pytest.fixture(scope="module")
def done(swe_leg, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    frames = [swe_leg / "us" / TRACKED, swe_leg / "us" / STILL]
    more = ["--labels", swe_leg / "labels.nii.gz", "--directions", swe_leg / "directions.nii.gz"]
    assert run(out, frames, *more, ratios=True) == 0
    return out


def test_muscles_have_the_stiffness_that_was_shown(swe_leg, done):
    table, _ = truth(swe_leg)
    rows = rows_of(done)
    for file, label in ((TRACKED, GM), (STILL, TA)):
        own = table[(table["file"] == file) & (table["label"] == label) & (table["frame"] < 3)]
        found = rows[label, "stiffness_swe_shear"]
        assert found.value == pytest.approx(own["shear_pa"].mean(), rel=0.025)
        assert found.unit == "Pa" and found.status == "measured"
        assert "no single frequency" in found.note
    assert rows[SOL, "stiffness_swe_shear"].status == "not_measured"
    assert 0.01 < rows[GM, "swe_coverage"].value < 0.2


def test_every_file_is_in_the_table_of_outputs(done):
    assert_as_promised(done, "sub-01", "ultrasound")


def test_correction_stands_beside_where_physics_allows_it(done):
    rows = rows_of(done)
    assert rows[TA, "swe_tilt"].value < 2
    assert rows[TA, "swe_angle"].value == pytest.approx(PITCH_DEG, abs=1.5)
    fixed = rows[TA, "stiffness_swe_corrected"]
    assert fixed.status == "modelled" and fixed.ci_low < mu_par_pa(TA) < fixed.ci_high
    assert fixed.value == pytest.approx(mu_par_pa(TA), rel=0.03)
    assert rows[TA, "stiffness_swe_shear"].value > 1.06 * fixed.value
    # The sweep wobbles, but its fibres stay in the frames well enough.
    assert rows[GM, "swe_tilt"].value < 5
    assert rows[GM, "stiffness_swe_corrected"].value == pytest.approx(mu_par_pa(GM), rel=0.04)


def test_frames_lie_where_they_were_taken(swe_leg, done):
    _, places = truth(swe_leg)
    samples = samples_of(done)
    assert set(samples["source"]) == {f"{TRACKED} 0", f"{TRACKED} 1", f"{TRACKED} 2", f"{STILL} 0"}
    for source, own in samples.groupby("source"):
        file, number = source.rsplit(" ", 1)
        pixel = np.column_stack([own[["pixel_x", "pixel_y"]], np.zeros(len(own))])
        matrix = places[file, int(number)]
        away = np.linalg.norm(
            pixel @ matrix[:3, :3].T + matrix[:3, 3] - own[["x", "y", "z"]].to_numpy(), axis=1
        )
        assert away.mean() < 0.8
        assert own["place_error_mm"].between(0.05, 1.5).all()


def test_frames_with_bad_tracking_are_skipped_and_named(done):
    notes = read_notes(done / "sub-01_desc-swe_notes.json")
    assert notes.facts["files"][0]["skipped"] == ["frame 3: ProbeToTrackerTransform not OK"]
    assert any("left out, bad tracking" in w for w in notes.warnings)
    assert any("not tracked" in w for w in notes.warnings)
    assert "not to be averaged" in notes.method


def test_maps_are_on_the_grid_of_the_labels(swe_leg, done):
    labels = load_image(swe_leg / "labels.nii.gz")
    mask = load_image(done / "sub-01_desc-swe_mask.nii.gz")
    np.testing.assert_allclose(mask.affine, labels.affine)
    inside = mask.data > 0
    for suffix, unit in (("stiffness", "Pa"), ("corrected", "Pa"), ("angle", "deg"),
                         ("tilt", "deg"), ("confidence", "1")):  # fmt: skip
        image = load_image(done / f"sub-01_desc-swe_{suffix}.nii.gz")
        assert not image.data[~inside].any()
        about = json.loads((done / f"sub-01_desc-swe_{suffix}.json").read_text())
        assert about["Units"] == unit and about["FrequencyHz"] is None and about["Method"]
        assert about["SourceFiles"]
    stiffness = load_image(done / "sub-01_desc-swe_stiffness.nii.gz")
    own = stiffness.data[inside & (labels.data == TA)]
    assert np.median(own) == pytest.approx(rows_of(done)[TA, "stiffness_swe_shear"].value, rel=0.03)
    # The map lies where the samples lie.
    samples = samples_of(done)
    voxel = np.rint(labels.to_voxels(samples[["x", "y", "z"]].to_numpy())).astype(int)
    hit = ((voxel >= 0) & (voxel < labels.shape)).all(axis=1)
    assert inside[tuple(voxel[hit].T)].mean() > 0.99


def test_same_input_gives_same_bytes(swe_leg, done, tmp_path):
    frames = [swe_leg / "us" / TRACKED, swe_leg / "us" / STILL]
    more = ["--labels", swe_leg / "labels.nii.gz", "--directions", swe_leg / "directions.nii.gz"]
    assert run(tmp_path, frames, *more, ratios=True) == 0
    names = sorted(p.name for p in done.iterdir())
    assert names == sorted(p.name for p in tmp_path.iterdir())
    for name in names:
        assert (done / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_alone_without_labels_or_directions(swe_leg, tmp_path):
    assert run(tmp_path, [swe_leg / "us" / STILL]) == 0
    rows = rows_of(tmp_path)
    assert rows[0, "stiffness_swe_shear"].value > 1000
    assert rows[0, "swe_angle"].status == "not_measured"
    assert rows[0, "stiffness_swe_corrected"].note == "fibre directions were not given"
    assert not (tmp_path / "sub-01_desc-swe_corrected.nii.gz").exists()


def test_without_ratios_nothing_is_corrected(swe_leg, tmp_path):
    more = ["--labels", swe_leg / "labels.nii.gz", "--directions", swe_leg / "directions.nii.gz"]
    assert run(tmp_path, [swe_leg / "us" / STILL], *more) == 0
    row = rows_of(tmp_path)[TA, "stiffness_swe_corrected"]
    assert row.status == "not_measured" and "along_ratio" in row.note
    assert np.isfinite(rows_of(tmp_path)[TA, "swe_angle"].value)


@pytest.mark.parametrize("letters", ["UF", "MN", "UN"])
def test_flipped_stills_give_the_same_samples(swe_leg, own_frames, tmp_path, letters):
    """A picture stored the other way round, with its own landmarks and boxes, says the same."""
    picture = np.asarray(Picture.open(own_frames / STILL))
    content = json.loads((own_frames / STILL.replace(".png", ".json")).read_text())
    height, width = picture.shape[:2]
    across, down = letters[0] == "U", letters[1] == "N"
    flipped = picture[:: -1 if down else 1, :: -1 if across else 1]
    Picture.fromarray(np.ascontiguousarray(flipped)).save(own_frames / STILL)

    def turn(x, y):
        return [width - 1 - x if across else x, height - 1 - y if down else y]

    def box(x0, y0, x1, y1):
        (a, b), (c, d) = turn(x0, y0), turn(x1 - 1, y1 - 1)
        return [min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1]

    edit(own_frames, STILL, UltrasoundImageOrientation=letters,
         ColorBarDirection="down" if down else "up",
         ColorBox=box(*content["ColorBox"]), ColorBarBox=box(*content["ColorBarBox"]),
         Landmarks=[{**m, "pixel": turn(*m["pixel"])} for m in content["Landmarks"]])  # fmt: skip
    more = ["--labels", swe_leg / "labels.nii.gz", "--directions", swe_leg / "directions.nii.gz"]
    assert run(tmp_path / "a", [swe_leg / "us" / STILL], *more) == 0
    assert run(tmp_path / "b", [own_frames / STILL], *more) == 0
    one, two = samples_of(tmp_path / "a"), samples_of(tmp_path / "b")
    for name in ("x", "y", "z"):
        assert two[name].mean() == pytest.approx(one[name].mean(), abs=0.2)
    for name in ("stiffness_swe_shear", "swe_angle", "swe_tilt"):
        a, b = (rows_of(tmp_path / k)[TA, name].value for k in "ab")
        assert b == pytest.approx(a, rel=0.01, abs=0.05)


def test_a_dicom_file_brings_its_pixel_size(swe_leg, own_frames, tmp_path):
    pydicom = pytest.importorskip("pydicom", reason="extra dicom")
    picture = np.asarray(Picture.open(own_frames / STILL).convert("RGB"))
    write_dicom(pydicom, own_frames / "a_swe.dcm", np.stack([picture, picture]), 0.015)
    shutil.copy(own_frames / STILL.replace(".png", ".json"), own_frames / "a_swe.json")
    edit(own_frames, "a_swe.png", PixelSpacing=None)
    assert run(tmp_path / "a", [own_frames / STILL]) == 0
    assert run(tmp_path / "b", [own_frames / "a_swe.dcm"]) == 0
    one, two = samples_of(tmp_path / "a"), samples_of(tmp_path / "b")
    columns = ["x", "y", "z", "shear_pa"]
    np.testing.assert_array_equal(two[columns], one[columns])
    # The second frame shows the map of the first, so it adds nothing.
    notes = read_notes(tmp_path / "b" / "sub-01_desc-swe_notes.json")
    assert any("1 frames repeat the map" in w for w in notes.warnings)
    write_dicom(pydicom, own_frames / "a_swe.dcm", picture[None], 0.15)
    assert run(tmp_path / "c", [own_frames / "a_swe.dcm"]) == 2


@pytest.mark.parametrize("kind", ["jpeg", "palette"])
def test_dicom_files_as_scanners_pack_them_are_read(own_frames, kind):
    pydicom = pytest.importorskip("pydicom", reason="extra dicom")
    picture = Picture.open(own_frames / STILL).convert("RGB")
    wanted = picture if kind == "jpeg" else picture.quantize(256).convert("RGB")
    shutil.copy(own_frames / STILL.replace(".png", ".json"), own_frames / "a_swe.json")
    write_dicom(pydicom, own_frames / "a_swe.dcm", picture, 0.015, kind)
    found = read_frames(own_frames / "a_swe.dcm").frames
    assert found.shape == (1, *np.asarray(wanted).shape)
    away = np.abs(found[0].astype(int) - np.asarray(wanted))
    assert away.mean() < 4 if kind == "jpeg" else away.max() == 0


def write_dicom(pydicom, path, frames, pixel_cm, kind="plain"):
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = pydicom.uid.UltrasoundMultiFrameImageStorage
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Modality = "US"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration, dataset.PixelRepresentation = 0, 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    if kind == "plain":
        dataset.PixelData = frames.tobytes()
        dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames.shape[:3]
    else:
        dataset.NumberOfFrames = 1
        dataset.Columns, dataset.Rows = frames.size
    if kind == "jpeg":
        packed = io.BytesIO()
        frames.save(packed, "JPEG", quality=85, subsampling=2)
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
        dataset.PhotometricInterpretation = "YBR_FULL_422"
        dataset.PixelData = pydicom.encaps.encapsulate([packed.getvalue()])
        dataset["PixelData"].is_undefined_length = True
    if kind == "palette":
        few = frames.quantize(256)
        table = np.array(few.getpalette(), np.uint16).reshape(-1, 3)
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "PALETTE COLOR"
        del dataset.PlanarConfiguration
        for name, column in zip(("Red", "Green", "Blue"), table.T, strict=True):
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [len(table), 0, 16])
            setattr(dataset, f"{name}PaletteColorLookupTableData", (column * 257).tobytes())
        dataset.PixelData = np.asarray(few).tobytes()
    region = pydicom.Dataset()
    region.RegionSpatialFormat, region.RegionDataType = 1, 1
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 16, 16
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 335, 325
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = pixel_cm
    dataset.SequenceOfUltrasoundRegions = pydicom.Sequence([region])
    dataset.save_as(path, enforce_file_format=True)


def test_a_wrong_opacity_is_doubted(own_frames, tmp_path, capsys):
    edit(own_frames, STILL, Opacity=0.6)
    assert run(tmp_path, [own_frames / STILL]) == 0
    told = capsys.readouterr()
    assert "all tissue" in told.out and "best at 0.5" in told.err
    warnings = read_notes(tmp_path / "sub-01_desc-swe_notes.json").warnings
    assert any("Opacity is declared as 0.6" in w and "best at 0.5" in w for w in warnings)
    edit(own_frames, STILL, Opacity=0.9)
    assert run(tmp_path, [own_frames / STILL]) == 2
    message = capsys.readouterr().err
    assert "no readable colour" in message and "best at 0.5" in message
    assert "tracked" not in message


def test_landmarks_in_lps_give_the_same(swe_leg, own_frames, tmp_path):
    turned = [{**m, "mri": (np.array(m["mri"]) * [-1, -1, 1]).tolist()}
              for m in landmarks(own_frames, TRACKED)]  # fmt: skip
    edit(own_frames, TRACKED, Landmarks=turned, LandmarksFrame="LPS")
    assert run(tmp_path / "a", [swe_leg / "us" / TRACKED]) == 0
    assert run(tmp_path / "b", [own_frames / TRACKED]) == 0
    a, b = samples_of(tmp_path / "a"), samples_of(tmp_path / "b")
    np.testing.assert_allclose(a[["x", "y", "z"]], b[["x", "y", "z"]], atol=1e-3)


def test_the_whole_leg_turned_gives_the_same_figures(swe_leg, own_frames, tmp_path):
    """Labels, directions and landmarks moved together: nothing depends on world axes."""
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", [40, -25, 60], degrees=True).as_matrix()
    turn[:3, 3] = [300, -200, 100]
    for name in ("labels", "directions"):
        image = load_image(swe_leg / f"{name}.nii.gz", ndim=(3, 4))
        data = image.data
        if name == "directions":
            data = data @ turn[:3, :3].T
        save_image(
            Image(data.astype(np.float32), turn @ image.affine), own_frames / f"{name}.nii.gz"
        )
    edit(own_frames, STILL, Landmarks=[
        {**m, "mri": (turn @ [*m["mri"], 1])[:3].tolist()} for m in landmarks(own_frames, STILL)
    ])  # fmt: skip
    found = {}
    for key, folder, frames in (("a", swe_leg, swe_leg / "us"), ("b", own_frames, own_frames)):
        more = ["--labels", folder / "labels.nii.gz", "--directions", folder / "directions.nii.gz"]
        assert run(tmp_path / key, [frames / STILL], *more, ratios=True) == 0
        found[key] = rows_of(tmp_path / key)
    for name in ("stiffness_swe_shear", "stiffness_swe_corrected", "swe_angle", "swe_tilt"):
        assert found["b"][TA, name].value == pytest.approx(found["a"][TA, name].value, rel=5e-3)


def test_the_factor_of_the_correction_is_that_of_the_theory(done):
    samples = samples_of(done)
    own = samples[(samples["label"] == TA) & samples["corrected_pa"].notna()]
    wanted = pennate_factor(own["pitch_deg"].to_numpy(), Ratios(RATIO_ALONG, RATIO_TENSILE, ""))
    np.testing.assert_allclose(own["corrected_pa"] / own["shear_pa"], wanted, rtol=1e-4)
