"""``pennate export --dicom``: objects lie where the map lies, and belong to their source."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import synthetic_map
from synthetic_map import SOL, TA, TIB

pydicom = pytest.importorskip("pydicom")
pytest.importorskip("highdicom")
from benchmarks import _dicom_readers as readers  # noqa: E402
from benchmarks import _pacs, dicom_out  # noqa: E402
from benchmarks._dicom_map import turned_map  # noqa: E402
from benchmarks._source_series import PERSON, scanned, write_frames, write_slices  # noqa: E402
from imaging.cli.app import main  # noqa: E402
from imaging.export.dicom.choice import choose  # noqa: E402
from imaging.formats.nifti import load_image  # noqa: E402
from imaging.image import Image, canonical  # noqa: E402
from imaging.io.scanner.source import read_source  # noqa: E402
from imaging.musclemap.read.muscle_map import read_muscle_map  # noqa: E402
from imaging.muscles import label_of  # noqa: E402
from imaging.segmentation.legs import correct_bias, leg_mask  # noqa: E402

P = "sub-01"
OFF_MM = 0.01
SETTINGS = ["--settings", '{"viewer": false}']


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A map, its series, and the export of both."""
    folder = tmp_path_factory.mktemp("dicom")
    synthetic_map.write_map(folder / "map")
    found = read_muscle_map(folder / "map", P)
    image = scanned(found.arrays["anatomy"])
    write_slices(folder / "source" / "deep" / "er", image)
    assert run(folder, folder / "out", folder / "source") == 0
    return folder, found, image


def run(folder, out, source, *more):
    return main(["export", "--map-dir", str(folder / "map"), "--out", str(out), "--prefix", P,
                 "--dicom", str(source), *SETTINGS, *more])  # fmt: skip


def objects(folder):
    return sorted((folder / "out" / "dicom").glob("*.dcm"))


def start(folder, name):
    return folder / "out" / "dicom" / f"{P}_{name}.dcm"


def test_segments_and_maps_lie_where_the_map_has_them(world):
    folder, found, _ = world
    labels = found.arrays["label"]
    for key in ("segments", "labelmap"):
        off, wrong = dicom_out.judge_segments(start(folder, key), found)
        assert off <= OFF_MM and wrong == 0, key
    for layer, factor in (("fa", 1.0), ("stiffness_mdev", 1.0)):
        if start(folder, layer).exists():
            off, wrong = dicom_out.judge_map(
                start(folder, layer), found.arrays[layer], labels, factor
            )
            assert off <= OFF_MM and wrong == 0, layer


def test_fascicles_and_surfaces_lie_where_the_map_has_them(world):
    folder, found, _ = world
    assert dicom_out.judge_tracks(start(folder, "tracts"), found) <= OFF_MM
    meshes = sorted((folder / "out" / "dicom").glob("*_surface.dcm"))
    assert len(meshes) == 3
    for path in meshes:
        assert dicom_out.judge_surface(path, found) <= OFF_MM


def test_a_second_program_reads_the_label_map_and_the_maps_alike(world):
    pytest.importorskip("dcm2niix")
    folder, found, _ = world
    assert dicom_out.judge_bits(start(folder, "segments")) == 0
    labels = found.arrays["label"]
    rank = {TA: 1, SOL: 2, TIB: 3}
    ranks = labels.with_data(np.vectorize(lambda v: rank.get(v, 0))(labels.data))
    assert rank == {v: n for n, v in enumerate(sorted(rank), start=1)}
    off, wrong = dicom_out.judge_converted(start(folder, "labelmap"), ranks, 1, 0)
    assert off <= OFF_MM and wrong == 0
    off, wrong = dicom_out.judge_converted(start(folder, "fa"), found.arrays["fa"], 1, np.nan)
    assert off <= OFF_MM and wrong == 0


def test_objects_belong_to_person_study_and_space_of_the_source(world):
    folder, _, _ = world
    source = pydicom.dcmread(next((folder / "source").rglob("*.dcm")))
    kinds = set()
    for path in objects(folder):
        made = pydicom.dcmread(path)
        kinds.add(made.SOPClassUID.name)
        for name in ("StudyInstanceUID", "PatientID", "PatientBirthDate", "StudyDate", "StudyID",
                     "AccessionNumber", "FrameOfReferenceUID"):  # fmt: skip
            assert made[name].value == source[name].value, (path.name, name)
        assert str(made.PatientName) == PERSON["PatientName"]
        assert made.SeriesInstanceUID != source.SeriesInstanceUID
        assert made.ContentDate == PERSON["AcquisitionDate"]
    assert len(kinds) == 5


def test_frames_point_to_the_slices_they_lie_on(world):
    folder, _, _ = world
    slices = {str(d.SOPInstanceUID): d.ImagePositionPatient for d in
              map(pydicom.dcmread, (folder / "source").rglob("*.dcm"))}  # fmt: skip
    made = pydicom.dcmread(start(folder, "segments"))
    for frame in made.PerFrameFunctionalGroupsSequence:
        of = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        assert frame.PlanePositionSequence[0].ImagePositionPatient == slices[of]


def test_segments_say_what_they_are(world):
    folder, _, _ = world
    segments = pydicom.dcmread(start(folder, "segments")).SegmentSequence
    assert [s.SegmentLabel for s in segments] == [
        "right tibialis anterior", "right soleus", "right tibia"]  # fmt: skip
    soleus = segments[1]
    assert soleus.AnatomicRegionSequence[0].CodeValue == "7:934"
    kind = soleus.SegmentedPropertyTypeCodeSequence[0]
    assert kind.CodeMeaning == "Muscle of lower limb"
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Right"
    assert segments[2].SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Tibia"


def test_colours_are_those_of_the_palette(world):
    from highdicom.color import CIELabColor

    from imaging.palette import muscle_colour

    folder, _, _ = world
    for label, segment in zip(
        sorted((TA, SOL, TIB)),
        pydicom.dcmread(start(folder, "segments")).SegmentSequence,
        strict=True,
    ):
        lab = CIELabColor.from_dicom_value(segment.RecommendedDisplayCIELabValue)
        assert np.abs(np.array(lab.to_rgb()) - muscle_colour(label)).max() <= 1


def test_maps_say_quantity_and_unit(world):
    folder, _, _ = world
    made = pydicom.dcmread(start(folder, "fa"))
    mapping = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"
    assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeValue == "110808"


def test_no_object_has_an_error(world):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (apt install dicom3tools)")
    folder, _, _ = world
    judged = {path.name: dicom_out.errors(path) for path in objects(folder)}
    assert {name: found for name, (found, _) in judged.items() if found} == {}
    # Releases before 2024 do not know label maps.
    assert {name for name, (_, known) in judged.items() if not known} <= {f"{P}_labelmap.dcm"}


def test_same_input_gives_the_same_bytes(world, tmp_path):
    folder, _, _ = world
    assert run(folder, tmp_path, folder / "source") == 0
    for path in objects(folder):
        again = tmp_path / "dicom" / path.name
        assert again.read_bytes() == path.read_bytes(), path.name


def test_other_files_are_those_of_an_export_without(world, tmp_path):
    folder, _, _ = world
    call = ["export", "--map-dir", str(folder / "map"), "--out", str(tmp_path), "--prefix", P]
    assert main([*call, *SETTINGS]) == 0
    plain = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    out = folder / "out"
    rest = {p.relative_to(out): p.read_bytes() for p in out.rglob("*")
            if p.is_file() and p.parent.name != "dicom"}  # fmt: skip
    assert rest == plain
    told = b"".join(p.read_bytes() for p in (out / "dicom").glob("*.json"))
    secrets = [v for v in PERSON.values() if len(v) > 4]
    assert not [s for s in secrets if s.encode() in told]


def test_an_enhanced_file_is_a_source_too(world, tmp_path):
    folder, found, image = world
    write_frames(tmp_path / "source", image)
    assert run(folder, tmp_path / "out", tmp_path / "source") == 0
    for key in ("segments", "labelmap"):
        off, wrong = dicom_out.judge_segments(start(tmp_path, key), found)
        assert off <= OFF_MM and wrong == 0
    labels, fa = found.arrays["label"], found.arrays["fa"]
    assert dicom_out.judge_map(start(tmp_path, "fa"), fa, labels, 1.0)[1] == 0
    assert_frames_point_to(pydicom.dcmread(next((tmp_path / "source").iterdir())), tmp_path)


def test_of_an_enhanced_file_of_water_and_fat_the_own_frames_are_taken(world, tmp_path, capsys):
    folder, found, image = world
    fat = np.random.default_rng(4).integers(0, 900, image.data.shape).astype(np.uint16)
    write_frames(tmp_path / "source", image, beside=fat)
    assert run(folder, tmp_path / "out", tmp_path / "source") == 0
    assert "WATER" in capsys.readouterr().out
    for key in ("segments", "labelmap"):
        off, wrong = dicom_out.judge_segments(start(tmp_path, key), found)
        assert off <= OFF_MM and wrong == 0
    labels, fa = found.arrays["label"], found.arrays["fa"]
    assert dicom_out.judge_map(start(tmp_path, "fa"), fa, labels, 1.0)[1] == 0
    assert_frames_point_to(pydicom.dcmread(next((tmp_path / "source").iterdir())), tmp_path)


def assert_frames_point_to(source, folder):
    """Each frame of an object names the frame of the file that lies where it lies, of water."""
    frames = source.PerFrameFunctionalGroupsSequence
    for name in ("segments", "labelmap", "fa"):
        for frame in pydicom.dcmread(start(folder, name)).PerFrameFunctionalGroupsSequence:
            image = frame.DerivationImageSequence[0].SourceImageSequence[0]
            own = frames[int(image.ReferencedFrameNumber) - 1]
            assert own.MRImageFrameTypeSequence[0].FrameType[2] in ("WATER", "M")
            place = own.PlanePositionSequence[0].ImagePositionPatient
            assert frame.PlanePositionSequence[0].ImagePositionPatient == place


def test_of_water_and_fat_on_one_grid_the_picture_decides(world, tmp_path, capsys):
    folder, _, image = world
    rng = np.random.default_rng(4)
    other = image.with_data(rng.integers(0, 900, image.data.shape).astype(np.uint16))
    write_slices(tmp_path, other, number=3, description="fat")
    write_slices(tmp_path, image, number=5, description="water")
    shutil.copytree(folder / "out" / "dicom", tmp_path / "earlier objects")
    assert run(folder, tmp_path / "out", tmp_path) == 0
    assert "series 5 (water" in capsys.readouterr().out


@pytest.mark.parametrize("wanted", ["water", "fat"])
def test_water_and_fat_of_a_real_person_are_told_apart(shared_data, tmp_path, wanted):
    labels = {}
    for number, name in enumerate(("water", "fat"), start=2):
        found = load_image(shared_data / "person" / f"both-lower-legs_{name}.nii.gz")
        whole = np.rint(found.data[::-1, ::-1] * (4000 / found.data.max())).astype(np.uint16)
        turn = np.diag([-1.0, -1, 1, 1])
        turn[:2, 3] = np.array(found.shape[:2]) - 1
        write_slices(tmp_path, Image(whole, found.affine @ turn), number, name)
        labels[name] = canonical(found)
    own = labels[wanted]
    mask = leg_mask(own)
    corrected = correct_bias(own, mask)
    found = read_source(tmp_path)
    source = choose(found.volumes, {}, corrected, own.with_data(mask.astype(np.int16)), tmp_path)
    assert source.volume.description == wanted and source.on_grid
    assert source.likeness > 0.99


def test_in_a_folder_of_two_persons_the_right_one_is_found(world, tmp_path, capsys):
    folder, _, image = world
    values = np.random.default_rng(6).integers(0, 900, image.data.shape).astype(np.uint16)
    write_slices(tmp_path / "a", image.with_data(values), study="other", PatientID="other")
    write_slices(tmp_path / "b", image, number=7)
    assert run(folder, tmp_path / "out", tmp_path) == 0
    assert "series 7" in capsys.readouterr().out
    made = pydicom.dcmread(start(tmp_path, "labelmap"))
    assert made.PatientID == PERSON["PatientID"]


def test_the_same_picture_twice_is_asked_about(world, tmp_path, capsys):
    folder, _, image = world
    write_slices(tmp_path, image, number=3, description="as it was")
    write_slices(tmp_path, image, number=5, description="again")
    assert run(folder, tmp_path / "out", tmp_path) == 2
    told = capsys.readouterr().err
    assert "several series" in told and "as it was" in told and "again" in told
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").rglob("*.dcm"))


def test_another_person_on_the_same_grid_is_refused(world, tmp_path, capsys):
    folder, _, image = world
    moved = np.roll(image.data, 1, axis=0)
    write_slices(tmp_path, image.with_data(moved), PatientID="other")
    assert run(folder, tmp_path / "out", tmp_path) == 2
    assert "picture" in capsys.readouterr().err


def test_a_series_elsewhere_is_refused_by_name(world, tmp_path, capsys):
    folder, _, image = world
    affine = image.affine.copy()
    affine[:3, 3] += (0.0, 0.0, 300.0)
    write_slices(tmp_path, Image(image.data, affine), description="knee")
    assert run(folder, tmp_path / "out", tmp_path) == 2
    assert "knee" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["a slice is missing", "only objects", "two persons", "nothing"])
def test_what_is_no_source_is_refused(world, tmp_path, what, capsys):
    folder, _, image = world
    source = tmp_path / "source"
    if what == "only objects":
        shutil.copytree(folder / "out" / "dicom", source)
    elif what == "nothing":
        source.mkdir()
    else:
        write_slices(source, image)
        path = sorted(source.glob("*.dcm"))[12]
        if what == "two persons":
            data = pydicom.dcmread(path)
            data.PatientID = "other"
            data.save_as(path)
        else:
            path.unlink()
    assert run(folder, tmp_path / "out", source) == 2
    told = capsys.readouterr().err
    words = {"a slice is missing": "uneven", "only objects": "no image of a scanner",
             "two persons": "several persons", "nothing": "no DICOM"}  # fmt: skip
    assert words[what] in told


def test_a_deidentified_source_is_enough(world, tmp_path):
    folder, found, image = world
    gone = dict.fromkeys(
        ("StudyDate", "StudyTime", "SeriesDate", "SeriesTime", "AcquisitionDate", "ContentDate",
         "AcquisitionTime", "ContentTime", "PatientBirthDate", "PatientSex", "AccessionNumber",
         "StudyID", "ReferringPhysicianName", "PositionReferenceIndicator"), None)  # fmt: skip
    write_slices(tmp_path / "source", image, PatientName="", PatientID="anon", **gone)
    for path in (tmp_path / "source").glob("*.dcm"):
        data = pydicom.dcmread(path)
        for name in (*gone, "SpecificCharacterSet", "SliceThickness", "SpacingBetweenSlices"):
            del data[name]
        data.save_as(path)
    assert run(folder, tmp_path / "out", tmp_path / "source") == 0
    off, wrong = dicom_out.judge_segments(start(tmp_path, "labelmap"), found)
    assert off <= OFF_MM and wrong == 0
    if shutil.which("dciodvfy"):
        for path in objects(tmp_path):
            assert dicom_out.errors(path)[0] == [], path.name


def test_names_in_other_letters_are_kept(world, tmp_path):
    folder, _, image = world
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    write_slices(tmp_path / "source", image, SpecificCharacterSet="ISO_IR 192", PatientName=name)
    assert run(folder, tmp_path / "out", tmp_path / "source") == 0
    for path in objects(tmp_path):
        assert str(pydicom.dcmread(path).PatientName) == name


def test_without_the_frame_of_reference_objects_would_float(world, tmp_path, capsys):
    folder, _, image = world
    write_slices(tmp_path / "source", image, FrameOfReferenceUID="")
    assert run(folder, tmp_path / "out", tmp_path / "source") == 2
    assert "FrameOfReferenceUID" in capsys.readouterr().err


def test_without_highdicom_it_says_what_to_install(world, tmp_path, monkeypatch, capsys):
    folder, _, _ = world
    monkeypatch.setattr("imaging.formats.parametric_map.find_spec", lambda name: None)
    assert run(folder, tmp_path, folder / "source") == 2
    assert 'pip install "pennate[dicom]"' in capsys.readouterr().err


def test_page_goes_along_or_is_said_to_be_left_out(world, tmp_path, monkeypatch, capsys):
    folder, _, _ = world
    page = tmp_path / "page.html"
    page.write_text("<h1>Leg</h1>", encoding="utf-8")
    monkeypatch.setattr("imaging.cli.export.pdf_of", lambda path: b"%PDF-1.4 leg\n")
    assert run(folder, tmp_path / "out", folder / "source", "--page", str(page)) == 0
    made = pydicom.dcmread(start(tmp_path, "page"))
    assert made.EncapsulatedDocument[: made.EncapsulatedDocumentLength] == b"%PDF-1.4 leg\n"
    monkeypatch.setattr("imaging.cli.export.pdf_of", lambda path: None)
    assert run(folder, tmp_path / "out", folder / "source", "--page", str(page)) == 0
    assert "left out" in capsys.readouterr().err
    assert not start(tmp_path, "page").exists()


def test_a_page_needs_the_objects(world, tmp_path):
    folder, _, _ = world
    call = ["export", "--map-dir", str(folder / "map"), "--out", str(tmp_path), "--prefix", P]
    assert main([*call, "--page", "x.html"]) == 2


def test_muscles_of_any_name_are_kept(tmp_path):
    found = turned_map((5.0, -8.0, 20.0), ("right",))
    fhl, named = label_of("FHL", "right"), 1001
    found.arrays["label"].data[found.arrays["label"].data == fhl] = named
    surfaces = {named if v == fhl else v: mesh for v, mesh in found.surfaces.items()}
    table = pd.DataFrame({"label": [named], "name": ["m. “großer” / Zehenbeuger"]})
    own = replace(found, surfaces=surfaces, muscles=table, fascicles=None)
    folder = dicom_out.export(tmp_path, own, write_slices)
    labels = readers.segment_labels(folder / f"{P}_labelmap.dcm")
    assert "m. “großer” / Zehenbeuger" in labels.values()
    titles = {str(pydicom.dcmread(p).DocumentTitle) for p in folder.glob("*_surface.dcm")}
    assert "m. “großer” / Zehenbeuger" in titles and len(titles) == 4


@pytest.mark.slow
def test_every_object_comes_back_from_an_archive(world, tmp_path):
    if why := _pacs.why_not():
        pytest.skip(why)
    folder, _, _ = world
    shutil.copytree(folder / "out" / "dicom", tmp_path / "objects")
    shutil.copytree(folder / "source", tmp_path / "source")
    found = _pacs.round_trip(tmp_path)
    for way in ("stow", "cstore"):
        told = found[way]
        assert told["stored"] == told["queried"] == told["same"] == found["sent"], told["failed"]
