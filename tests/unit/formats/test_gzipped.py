"""A file compressed with gzip gives what Python's own reader gives, and is read once."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import InputError
from imaging.formats import gzipped
from imaging.formats.nifti import load_grid, load_image

PARTS = st.lists(st.binary(max_size=3000), min_size=1, max_size=3)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(gzipped, "_PACKED", 512)
    monkeypatch.setattr(gzipped, "_UNPACKED", 700)


@given(PARTS, st.sampled_from([b"", b"\0", b"\0" * 1500]), st.integers(0, 4000), st.data())
def test_the_same_bytes_as_of_the_standard_library(tmp_path_factory, parts, padding, start, data):
    path = tmp_path_factory.mktemp("gz") / "a.gz"
    path.write_bytes(b"".join(gzip.compress(p, mtime=0) + padding for p in parts))
    with gzip.open(path) as file:
        whole = file.read()
    assert whole == b"".join(parts) == b"".join(gzipped.pieces(path))
    into = np.full(data.draw(st.integers(0, 5000)), 7, np.uint8)
    assert gzipped.unpack_to_end(path, start=start, into=into) == len(whole)
    wanted = whole[start : start + len(into)]
    assert into.tobytes() == wanted + b"\x07" * (len(into) - len(wanted))


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_cut_anywhere_or_followed_by_something_else_is_an_error(tmp_path_factory, content, data):
    path = tmp_path_factory.mktemp("gz") / "a.gz"
    packed = gzip.compress(content, mtime=0)
    path.write_bytes(packed[: data.draw(st.integers(0, len(packed) - 1))])
    with pytest.raises(EOFError):
        gzipped.unpack_to_end(path)
    path.write_bytes(packed + b"more")
    with pytest.raises(OSError, match="Not a gzipped file"):
        gzipped.unpack_to_end(path)


def test_more_than_promised_is_refused_before_its_end(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(10_000)))
    with pytest.raises(InputError, match=r"holds more than"):
        gzipped.unpack_to_end(path, most=9_999)


@pytest.mark.parametrize("dtype", [">i2", "<u2", "<f4", ">f8", "u1"])
@pytest.mark.parametrize("scale", [(1.0, 0.0), (0.25, -3.0), (np.nan, np.nan)])
def test_a_packed_image_has_the_values_that_nibabel_reads(tmp_path, dtype, scale):
    values = np.random.default_rng(3).integers(0, 90, (5, 4, 3, 2)).astype(dtype)
    header = nib.Nifti1Header(endianness=dtype[0] if dtype[0] in "<>" else "<")
    image = nib.Nifti1Image(values, np.diag([2.0, 2.0, 5.0, 1.0]), header)
    image.header.set_slope_inter(*scale)
    for end in ("nii", "nii.gz"):
        nib.save(image, tmp_path / f"a.{end}")
    read = load_image(tmp_path / "a.nii.gz", ndim=4)
    assert np.array_equal(read.data, load_image(tmp_path / "a.nii", ndim=4).data)
    assert np.array_equal(
        read.data, np.asarray(nib.load(tmp_path / "a.nii.gz").dataobj, np.float32)
    )
    grid = load_grid(tmp_path / "a.nii.gz", ndim=4)
    assert grid.shape == read.shape and np.array_equal(grid.affine, read.affine)
