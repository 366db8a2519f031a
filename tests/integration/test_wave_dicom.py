"""Wave images from DICOM: scaling of each maker, order, place in space, and what is refused."""

import json
import re

import numpy as np
import pytest
from dicom_for_tests import DECLARED, pydicom, write_enhanced, write_mosaics, write_series
from scipy.spatial.transform import Rotation

from imaging.errors import InputError
from imaging.io.waves.read import read_waves

AFFINE = np.eye(4)
AFFINE[:3, :3] = Rotation.from_euler("xyz", [8, -5, 20], degrees=True).as_matrix() @ np.diag(
    [-1.5, -2.0, 5.0]
)
AFFINE[:3, 3] = [40, 60, -200]
STEP = np.pi / 2048


def phases(slices=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-np.pi, np.pi - 2 * STEP, (6, 5, slices, 3, 4))


def read(folder):
    (recording,) = read_waves(folder)
    return recording


@pytest.mark.parametrize(
    "comment",
    [
        "MEG {d} timestep {n}", "dir={xyz} t={n}", "Encoding: {d}; phase offset: {n}",
        "dir={xyz} angle {a:g} deg period 16667 us", "MEG {d} phase offset {a:.1f} deg",
        "MEG {d} timestep {n} angle {a:g} f=60 Hz", "T=16.7ms MEG {d} step {n}",
    ],
)  # fmt: skip
def test_siemens_in_any_order_of_files(tmp_path, comment):
    phase = phases()
    magnitude = np.arange(90).reshape(6, 5, 3) + 10
    folder = write_series(
        tmp_path / "mre", phase, AFFINE, comment=comment, shuffle=5, magnitude=magnitude
    )
    found = read(folder)
    np.testing.assert_allclose(found.images.phase[..., 0], phase, atol=STEP)
    np.testing.assert_allclose(found.images.affine, AFFINE, atol=1e-4)
    np.testing.assert_allclose(found.images.weight, magnitude)
    assert found.magnitude.shape == (6, 5, 3, 3, 4, 1)
    # Directions of the image frame are the axes of the array.
    axes = AFFINE[:3, :3] / np.linalg.norm(AFFINE[:3, :3], axis=0)
    np.testing.assert_allclose(found.images.directions, axes.T, atol=1e-4)
    assert len(found.inputs) == 1 + 2 * 36


def test_the_period_in_the_comments_stands_for_the_frequency(tmp_path):
    declared = {key: value for key, value in DECLARED.items() if key != "MechanicalFrequency"}
    comment = "MEG {d} timestep {n} period 16667 us"
    folder = write_series(tmp_path / "mre", phases(), AFFINE, comment=comment, declared=declared)
    assert read(folder).images.frequency_hz == pytest.approx(60, rel=1e-3)
    # To a millisecond a period tells frequency to 3 % only.
    comment = "MEG {d} timestep {n} period 17 ms"
    folder = write_series(tmp_path / "coarse", phases(), AFFINE, comment=comment, declared=declared)
    with pytest.raises(InputError, match="MechanicalFrequency"):
        read(folder)


@pytest.mark.parametrize(
    ("comment", "why"),
    [
        ("MEG {d} timestep {n} period 20 ms", "says 60 Hz, but the images name 50 Hz"),
        ("MEG {d} timestep {n} period {a:g} ms", "several frequencies"),
        ("MEG {d} angle {h:g}", "not 4 even steps"),
    ],
)
def test_comments_that_contradict_the_declaration_are_refused(tmp_path, comment, why):
    with pytest.raises(InputError, match=why):
        read(write_series(tmp_path / "mre", phases(), AFFINE, comment=comment))


def test_single_slice(tmp_path):
    found = read(write_series(tmp_path / "mre", phases(1), AFFINE))
    assert found.images.phase.shape == (6, 5, 1, 3, 4, 1)
    np.testing.assert_allclose(found.images.affine, AFFINE, atol=1e-4)


@pytest.mark.parametrize("unit", ["rad", "mrad"])
def test_philips_by_real_world_values(tmp_path, unit):
    phase = phases()
    folder = write_series(
        tmp_path / "mre", phase, AFFINE, maker="Philips Medical Systems", rescale=(1.5, -300.0),
        real_world=unit,
    )  # fmt: skip
    np.testing.assert_allclose(read(folder).images.phase[..., 0], phase, atol=STEP)


@pytest.mark.parametrize("maker", ["GE MEDICAL SYSTEMS", "Philips Healthcare", "UIH"])
def test_other_makers_need_a_declared_range(tmp_path, maker):
    phase = phases()
    rescale = (6.28, -3141.0)
    with pytest.raises(InputError, match=r"mre.*PhaseUnits .*whose scaling is not known"):
        read(write_series(tmp_path / "a" / "mre", phase, AFFINE, maker=maker, rescale=rescale))
    declared = {**DECLARED, "PhaseUnits": "scanner", "PhaseRange": [-3141, 6.28 * 4096 - 3141]}
    folder = write_series(
        tmp_path / "b" / "mre", phase, AFFINE, maker=maker, rescale=rescale, declared=declared
    )
    np.testing.assert_allclose(read(folder).images.phase[..., 0], phase, atol=STEP)


@pytest.mark.parametrize(
    ("maker", "unit"),
    [("Philips", "milliradials"), ("Philips Medical Systems", "mrad"), ("GE", "")],
)
def test_thousandths_of_a_radian_are_told_by_the_images(tmp_path, maker, unit):
    """Philips names the unit of rescaled values; GE stores whole thousandths of a radian."""
    phase = phases()
    phase[0, 0, 0], phase[1, 0, 0] = -np.pi, np.pi - 2 * STEP
    folder = write_series(
        tmp_path / "mre", phase, AFFINE, maker=maker, rescale=(1000 * STEP, -1000 * np.pi)
    )
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        if unit:
            data.RescaleType = unit
        else:
            del data.RescaleSlope, data.RescaleIntercept
            stored = np.round(1000 * (STEP * data.pixel_array.astype(float) - np.pi))
            data.PixelData, data.PixelRepresentation = stored.astype(np.int16).tobytes(), 1
            data.BitsStored, data.HighBit = 16, 15
        data.save_as(path)
    found = read(folder)
    np.testing.assert_allclose(found.images.phase[..., 0], phase, atol=STEP)
    told = " ".join(found.warnings)
    assert ("taken as thousandths of a radian" in told) == (unit == "")


def test_density_of_muscle_is_assumed_and_said(tmp_path):
    declared = {k: v for k, v in DECLARED.items() if k != "Density"}
    found = read(write_series(tmp_path / "mre", phases(), AFFINE, declared=declared))
    assert found.images.density == 1000
    assert "Density is not declared: 1000 kg/m3 was assumed" in found.warnings[0]


def test_all_that_images_do_not_tell_is_named_at_once(tmp_path):
    folder = write_series(tmp_path / "mre", phases(), AFFINE, maker="UIH", comment="")
    (tmp_path / "mre.json").unlink()
    with pytest.raises(InputError) as told:
        read(folder)
    for key in ("MechanicalFrequency", "PhaseUnits", "EncodingDirections", "OffsetsPerPeriod",
                "Drivers", "VolumeOrder"):  # fmt: skip
        assert f"{key} (" in str(told.value)
    pasted = json.loads(re.search(r"\{.*\}", told.value.fix)[0])
    assert set(pasted) >= {"MechanicalFrequency", "VolumeOrder"}


@pytest.mark.parametrize("packed", [False, True])
def test_the_kind_of_ge_images_is_in_a_private_element(tmp_path, packed):
    phase, magnitude = phases(), np.arange(90).reshape(6, 5, 3) + 10
    declared = {**DECLARED, "PhaseUnits": "scanner", "PhaseRange": [-3141, 6.28 * 4096 - 3141]}
    folder = write_series(
        tmp_path / "mre", phase, AFFINE, maker="GE MEDICAL SYSTEMS", rescale=(6.28, -3141.0),
        declared=declared, magnitude=magnitude,
    )  # fmt: skip
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        kind = int(data.ImageType[2] == "P")
        data.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        block = data.private_block(0x0043, "GEMS_PARM_01", create=True)
        value = kind.to_bytes(2, "little") if packed else kind
        block.add_new(0x2F, "UN" if packed else "SS", value)
        data.save_as(path)
    found = read(folder)
    np.testing.assert_allclose(found.images.phase[..., 0], phase, atol=STEP)
    np.testing.assert_allclose(found.images.weight, magnitude)


def test_declared_order_where_comments_are_silent(tmp_path):
    phase = phases()
    declared = {**DECLARED, "VolumeOrder": ["driver", "direction", "offset"]}
    folder = write_series(tmp_path / "mre", phase, AFFINE, comment="", declared=declared, shuffle=3)
    np.testing.assert_allclose(read(folder).images.phase[..., 0], phase, atol=STEP)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"comment": "MRE"}, r"VolumeOrder \(direction, offset and driver"),
        ({"comment": "MEG {d}"}, "VolumeOrder"),
        ({"rescale": (1.0, 0.0)}, "not by 2 and -4096"),
        ({"skip": ("P", 1, 2, 3)}, "images of one slice and"),
        ({"declared": {**DECLARED, "OffsetsPerPeriod": 8}}, "12 volumes"),
        ({"declared": {**DECLARED, "Drivers": None}, "comment": "MRE"}, "Drivers.*VolumeOrder"),
        ({"comment": "dir {n} time {d}"}, "names 4 directions x 3 offsets"),
    ],
)
def test_what_is_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        read(write_series(tmp_path / "mre", phases(), AFFINE, **changes))


@pytest.mark.parametrize("turned", [1, -1])
def test_a_mosaic_is_the_slices_in_it(tmp_path, turned):
    """Slices may follow each other against the normal that rows and columns give."""
    phase = phases(5)
    affine = AFFINE @ np.diag([1, 1, turned, 1])
    plain = read(write_series(tmp_path / "plain", phase, affine, magnitude=np.ones((6, 5, 5))))
    mosaic = write_mosaics(tmp_path / "plain", tmp_path / "mre", affine)
    found = read(mosaic)
    assert len(list(mosaic.iterdir())) == 24
    np.testing.assert_allclose(found.images.affine, plain.images.affine, atol=1e-4)
    np.testing.assert_array_equal(found.images.phase, plain.images.phase)
    assert found.magnitude.shape == phase.shape + (1,)


def test_a_mosaic_without_its_private_header_is_refused(tmp_path):
    write_series(tmp_path / "plain", phases(5), AFFINE)
    folder = write_mosaics(tmp_path / "plain", tmp_path / "mre", AFFINE, header=False)
    with pytest.raises(InputError, match="mosaic without the CSA header"):
        read(folder)


def test_missing_slice_json_or_phase(tmp_path):
    phase = phases(5)
    folder = write_series(tmp_path / "mre", phase, AFFINE)
    for path in sorted(folder.iterdir()):
        if abs(pydicom.dcmread(path).ImagePositionPatient[2] - (AFFINE @ [0, 0, 2, 1])[2]) < 0.1:
            path.unlink()
    with pytest.raises(InputError, match="lacks slices"):
        read(folder)
    (tmp_path / "mre.json").unlink()
    with pytest.raises(
        InputError, match=r"mre.json: is not there.*MechanicalFrequency.*EncodingDirections"
    ):
        read(folder)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.json").write_text("{}")
    with pytest.raises(InputError, match="has no DICOM images"):
        read(tmp_path / "empty")


def test_enhanced_files_of_one_direction_each(tmp_path):
    """Series in descending order: directions come as the series are numbered."""
    phase = phases()
    declared = {**DECLARED, "VolumeOrder": ["driver", "direction", "offset"]}
    found = read(write_enhanced(tmp_path / "mre", phase, AFFINE, declared))
    np.testing.assert_allclose(found.images.phase[..., 0], phase[:, :, :, ::-1], atol=STEP)
    np.testing.assert_allclose(found.images.affine, AFFINE, atol=1e-4)


def test_foreign_files_among_the_images_are_left_out_and_named(tmp_path):
    phase = phases()
    folder = write_series(tmp_path / "mre", phase, AFFINE)
    (folder / "screen.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    for name in ("notes.txt", "Thumbs.db", "a.json"):
        (folder / name).write_text("{}")
    found = read(folder)
    np.testing.assert_allclose(found.images.phase[..., 0], phase, atol=STEP)
    assert not {p.suffix for p in found.inputs} & {".png", ".txt", ".db"}
    (told,) = found.warnings
    assert "left out: Thumbs.db, a.json, notes.txt and 1 more" in told


def test_a_broken_file_among_the_images_is_refused_by_name(tmp_path):
    folder = write_series(tmp_path / "mre", phases(), AFFINE)
    path = sorted(folder.iterdir())[3]
    whole = path.read_bytes()
    for length in (400, len(whole) - 20):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=path.name):
            read(folder)
