"""One DICOM series as a volume: where its voxels lie, and what is no volume."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

pydicom = pytest.importorskip("pydicom")
from benchmarks._source_series import write_frames, write_slices  # noqa: E402
from imaging.formats.dicom_volume import volume_of  # noqa: E402
from imaging.image import Image  # noqa: E402


def image_of(angles, spacing, shape=(6, 5, 4)):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * spacing
    # Columns, rows and slices of DICOM are right-handed in LPS, as in RAS.
    affine[:3, 3] = 123.4, -56.7, 890.1
    return Image(np.arange(np.prod(shape), dtype=np.uint16).reshape(shape), affine)


def read(folder):
    paths = sorted(folder.rglob("*.dcm"))
    return volume_of(paths, [pydicom.dcmread(p, stop_before_pixels=True) for p in paths])


@pytest.mark.parametrize("write", [write_slices, write_frames])
@settings(max_examples=8, deadline=None)
@given(angles=st.tuples(*[st.floats(-170, 170)] * 3), spacing=st.tuples(*[st.floats(0.4, 8.0)] * 3))
def test_voxels_lie_where_they_were_written(write, angles, spacing, tmp_path_factory):
    image = image_of(angles, spacing)
    found = read(write(tmp_path_factory.mktemp("dcm"), image))
    np.testing.assert_allclose(found.affine, image.affine, atol=1e-5)
    np.testing.assert_array_equal(found.image().data, image.data)
    assert found.shape == image.shape


def test_rescaled_values(tmp_path):
    image = image_of((0, 0, 0), (1, 1, 3))
    write_slices(tmp_path, image, RescaleSlope=2.5, RescaleIntercept=-7)
    np.testing.assert_allclose(read(tmp_path).image().data, image.data * 2.5 - 7)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("gap", "uneven"), ("twice", "several images"), ("turned", "orientation"),
        ("size", "size"), ("one", "one slice"), ("no place", "ImagePositionPatient"),
    ],
)  # fmt: skip
def test_what_is_no_volume(change, why, tmp_path):
    write_slices(tmp_path, image_of((5, 6, 7), (1, 1, 3)))
    paths = sorted(tmp_path.glob("*.dcm"))
    headers = [pydicom.dcmread(p) for p in paths]
    if change == "gap":
        del headers[1]
    elif change == "twice":
        headers += headers
    elif change == "turned":
        headers[2].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    elif change == "size":
        headers[1].Rows = 9
    elif change == "one":
        headers = headers[:1]
    else:
        del headers[1].ImagePositionPatient
    with pytest.raises(ValueError, match=why):
        volume_of(paths, headers)
