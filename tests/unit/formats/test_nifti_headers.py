"""A header is honoured, or what contradicts itself in it is said; see docs/formats.md."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.errors import ImageError, InputError
from imaging.formats.itk import to_sitk
from imaging.formats.nifti import load_image
from imaging.formats.nifti_place import forms_apart_mm, itk_form, place_warnings
from imaging.image import Image, same_grid

PLACE = np.array([[2.0, 0, 0, 10], [0, 2, 0, 20], [0, 0, 3, 30], [0, 0, 0, 1]])


def write(path, sform=PLACE, qform=PLACE, codes=(1, 1), unit="mm", shape=(40, 40, 40)):
    image = nib.Nifti1Image(np.ones(shape, np.float32), None)
    image.header.set_sform(sform, codes[0])
    image.header.set_qform(qform, codes[1])
    image.header.set_xyzt_units(unit)
    nib.save(image, path)
    return path


def shifted(mm):
    out = PLACE.copy()
    out[0, 3] += mm
    return out


def sheared(degrees):
    out = PLACE.copy()
    out[0, 2] = 3 * np.tan(np.radians(degrees))
    return out


def test_two_places_are_said_with_their_distance(tmp_path):
    path = write(tmp_path / "a.nii", qform=shifted(15), codes=(2, 1))
    (said,) = place_warnings(path)
    assert "a.nii" in said and "sform and qform, 15.0 mm apart" in said
    assert "ITK 5.4 take the qform" in said
    assert load_image(path).affine == pytest.approx(PLACE)


def test_the_distance_is_that_of_the_corner_that_moves_most(tmp_path):
    turned = PLACE.copy()
    angle = np.radians(2.0)
    turned[:2, :2] = 2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    header = nib.load(write(tmp_path / "a.nii", qform=turned)).header
    # The far corner lies 39 voxels of 2 mm along both axes from the first, about which it turns.
    assert forms_apart_mm(header) == pytest.approx(2 * np.sin(angle / 2) * 78 * 2**0.5, abs=0.01)


def test_nothing_is_said_where_one_form_is_given_or_both_agree(tmp_path):
    for codes in ((1, 0), (0, 1), (1, 1), (4, 2)):
        assert place_warnings(write(tmp_path / "a.nii", codes=codes)) == []
    away = write(tmp_path / "a.nii", qform=shifted(0.4))
    assert place_warnings(away) == []
    assert place_warnings(tmp_path / "none.nii") == []


@pytest.mark.parametrize("codes", [(s, q) for s in range(5) for q in range(5) if s or q])
def test_which_form_programs_take(tmp_path, codes):
    path = write(tmp_path / "a.nii", qform=shifted(15), codes=codes)
    itk = -sitk.ReadImage(str(path)).GetOrigin()[0]
    taken = {10.0: "sform", 25.0: "qform"}
    header = nib.load(path).header
    assert taken[round(itk, 3)] == itk_form(header)
    assert taken[load_image(path).affine[0, 3]] == ("sform" if codes[0] else "qform")


@pytest.mark.parametrize(
    ("unit", "mm"), [("meter", 1000.0), ("mm", 1.0), ("micron", 0.001), ("unknown", 1.0)]
)
def test_units_of_length_are_honoured(tmp_path, unit, mm):
    scaled = PLACE.copy()
    scaled[:3] /= mm
    image = load_image(write(tmp_path / "a.nii", scaled, scaled, unit=unit))
    assert image.affine == pytest.approx(PLACE, rel=1e-6)


def test_a_unit_that_cannot_be_meant_is_an_error(tmp_path):
    with pytest.raises(ImageError, match=r"2000 x 2000 x 3000 mm \(its header counts in metres\)"):
        load_image(write(tmp_path / "a.nii", unit="meter"))
    metres = np.diag([1e-3, 1e-3, 1e-3, 1]) @ PLACE
    with pytest.raises(ImageError, match=r"0.002 x 0.002 x 0.003 mm \(its header counts in mm\)"):
        load_image(write(tmp_path / "a.nii", metres, metres))


@pytest.mark.parametrize("degrees", [0.3, 1.0, 5.0])
def test_shear_is_refused_with_the_name_of_the_file(tmp_path, degrees):
    path = write(tmp_path / "tilted.nii", sheared(degrees), shape=(100, 100, 100))
    with pytest.raises(ImageError, match=rf"tilted\.nii: has axes that are {degrees:.2g} degrees"):
        load_image(path)


def test_shear_that_moves_nothing_is_taken_out(tmp_path):
    path = write(tmp_path / "a.nii", sheared(0.1))
    image = load_image(path)
    to_sitk(image)
    assert np.abs(image.rotation.T @ image.rotation - np.eye(3)).max() < 1e-9
    assert same_grid(image, Image(image.data, sheared(0.1)), 0.25)
    assert image.spacing == pytest.approx([2, 2, 3], rel=1e-4)
    assert any("not quite at right angles" in said for said in place_warnings(path))


def test_more_voxels_than_memory_are_a_named_error(tmp_path):
    path = write(tmp_path / "a.nii", shape=(4, 4, 4))
    raw = bytearray(path.read_bytes())
    raw[42:48] = np.array([32000] * 3, "<i2").tobytes()
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"a\.nii: an image of 32000x32000x32000 .* GiB"):
        load_image(path)


FIELDS = {  # where a field starts in a NIfTI-1 header, and its type
    "dim": (40, "<i2", 8), "datatype": (70, "<i2", 1), "bitpix": (72, "<i2", 1),
    "pixdim": (76, "<f4", 8), "vox_offset": (108, "<f4", 1), "scl_slope": (112, "<f4", 1),
    "scl_inter": (116, "<f4", 1), "xyzt_units": (123, "u1", 1), "qform_code": (252, "<i2", 1),
    "sform_code": (254, "<i2", 1), "quatern": (256, "<f4", 6), "srow": (280, "<f4", 12),
}  # fmt: skip
ODD = [0.0, 1.0, -1.0, 2.0, 0.001, 1e-30, 1e30, -3.5, 352.0, 0.9, np.nan, np.inf, -np.inf]
WHOLE = st.one_of(st.sampled_from([0, 1, 2, 3, 4, 8, 16, 64, 128, 256]), st.integers(-9, 2000))


@st.composite
def spoilt(draw):
    name = draw(st.sampled_from(sorted(FIELDS)))
    start, kind, count = FIELDS[name]
    which = draw(st.integers(0, count - 1))
    if kind == "<f4":
        value = draw(st.sampled_from(ODD))
    else:
        value = draw(WHOLE) % 256 if kind == "u1" else draw(WHOLE)
    value = np.array(value, kind).tobytes()
    return start + which * len(value), value


@given(st.lists(spoilt(), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.filterwarnings("ignore")
def test_any_header_is_read_right_or_refused_by_name(tmp_path, changes):
    path = tmp_path / "fuzz.nii"
    if not (tmp_path / "whole.nii").exists():
        write(tmp_path / "whole.nii", shape=(4, 5, 6))
    raw = bytearray((tmp_path / "whole.nii").read_bytes())
    for start, value in changes:
        raw[start : start + len(value)] = value
    path.write_bytes(raw)
    place_warnings(path)
    try:
        image = load_image(path)
    except InputError as error:
        named = error
        image = None
    if image is None:
        assert named.path == path
        return
    assert np.isfinite(image.data).all() and np.isfinite(image.affine).all()
    assert image.data.ndim == 3 and (image.spacing > 0).all()
    cosines = image.rotation.T @ image.rotation
    assert np.abs(cosines - np.eye(3)).max() < 1e-4
