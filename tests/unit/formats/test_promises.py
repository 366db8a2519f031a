"""Files that promise more than they hold, or than the memory: refused before it is taken."""

import gzip
import json
import resource
import struct
import zipfile
import zlib

import nibabel as nib
import numpy as np
import pytest
import pyvista as pv

from imaging.errors import ImageError, InputError
from imaging.formats import file_kind
from imaging.formats.itk_files import read_itk
from imaging.formats.nifti import load_image
from imaging.formats.tracts import load_tracts
from imaging.formats.vtk_xml import read_vtk_image

NRRD = (
    b"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: %s\n"
    b"space directions: (1,0,0) (0,1,0) (0,0,1)\nkinds: domain domain domain\nendian: little\n"
    b"encoding: %s\nspace origin: (0,0,0)\n%s\n"
)
META = (
    b"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
    b"CompressedData = %s\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\n"
    b"ElementSpacing = 1 1 1\nDimSize = %s\nElementType = MET_UCHAR\nElementDataFile = %s\n"
)


@pytest.fixture(autouse=True)
def frugal():
    """Let no test take more memory than a whole read of these files could need."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # KiB


def nifti(path, dims=None, offset=None, more=b""):
    raw = bytearray(nib.Nifti1Image(np.ones((4, 4, 4), np.int16), np.eye(4)).to_bytes())
    if dims:
        struct.pack_into("<8h", raw, 40, 3, *dims, 1, 1, 1, 1)
    if offset:
        struct.pack_into("<f", raw, 108, offset)
    raw = bytes(raw) + more
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_nifti(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    assert load_image(nifti(path)).shape == (4, 4, 4)
    assert load_image(nifti(path, more=bytes(100))).shape == (4, 4, 4)
    with pytest.raises(InputError, match=r"32767x32767x32767 voxels, .* would need .* GiB"):
        load_image(nifti(path, (32767,) * 3))
    with pytest.raises(ImageError, match="truncated"):
        load_image(nifti(path, (1000, 1000, 1000)))
    for offset in (1e12, float("nan")):
        with pytest.raises(ImageError, match="puts its voxels at byte"):
            load_image(nifti(path, offset=offset))


def test_gzip_that_unpacks_to_far_more_than_its_header_tells(tmp_path):
    with pytest.raises(InputError, match="more than the 64 MiB that it should"):
        load_image(nifti(tmp_path / "a.nii.gz", more=bytes(2**26 + 2**20)))


@pytest.mark.parametrize(("packing", "pack"), [(b"raw", bytes), (b"gzip", gzip.compress)])
def test_nrrd(tmp_path, packing, pack):
    path = tmp_path / "a.nrrd"
    path.write_bytes(NRRD % (b"2 2 2", packing, b"") + pack(bytes(16)))
    assert read_itk(path).GetSize() == (2, 2, 2)
    path.write_bytes(NRRD % (b"90000 90000 90000", packing, b"") + pack(bytes(16)))
    with pytest.raises(InputError, match="would need"):
        read_itk(path)
    path.write_bytes(NRRD % (b"1000 1000 1000", packing, b"") + pack(bytes(16)))
    with pytest.raises(ImageError, match="truncated or damaged"):
        read_itk(path)


def test_compressed_meta_image_is_as_long_as_it_says(tmp_path):
    path = tmp_path / "a.mha"
    path.write_bytes(META % (b"True", b"2 2 2", b"LOCAL") + zlib.compress(bytes(8)))
    assert read_itk(path).GetSize() == (2, 2, 2)
    path.write_bytes(META % (b"True", b"900 900 900", b"LOCAL") + zlib.compress(bytes(8)))
    with pytest.raises(ImageError, match="holds fewer than the 729,000,000 bytes"):
        read_itk(path)
    path.write_bytes(META % (b"True", b"2 2 2", b"LOCAL") + zlib.compress(bytes(10**6)))
    with pytest.raises(ImageError, match="holds more than the 8 bytes"):
        read_itk(path)
    path.write_bytes(META % (b"True", b"2 2 2", b"LOCAL") + bytes(8))
    with pytest.raises(ImageError, match="cannot be unpacked"):
        read_itk(path)


@pytest.mark.parametrize("name", [b"/etc/hostname", b"../secret.raw", b"a/../../b", b"C:\\b.raw"])
def test_a_header_takes_no_voxels_from_elsewhere(tmp_path, name):
    meta, nrrd = tmp_path / "a.mhd", tmp_path / "a.nhdr"
    meta.write_bytes(META % (b"False", b"2 2 2", name))
    nrrd.write_bytes(NRRD % (b"2 2 2", b"raw", b"data file: " + name + b"\n"))
    for path in (meta, nrrd):
        with pytest.raises(ImageError, match="outside its folder"):
            read_itk(path)
    meta.write_bytes(META % (b"False", b"2 2 1", b"LIST") + name + b"\n")
    with pytest.raises(ImageError, match="outside its folder"):
        read_itk(meta)


def test_voxels_beside_the_header_are_read(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(range(8)))
    path = tmp_path / "a.mhd"
    path.write_bytes(META % (b"False", b"2 2 2", b"a.raw"))
    assert read_itk(path)[1, 1, 1] == 7


def test_trx_that_is_larger_than_the_memory(tmp_path, monkeypatch):
    path = tmp_path / "a.trx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("header.json", json.dumps({"NB_VERTICES": 10**12, "NB_STREAMLINES": 10}))
        file.writestr("positions.3.float32", bytes(120))
        file.writestr("offsets.uint32", bytes(8))
    with pytest.raises(InputError, match="it holds 10 of 1000000000000 points"):
        load_tracts(path)
    raw = bytearray(path.read_bytes())
    for name, start, place in ((b"positions", -46, 24), (b"offsets", -46, 24)):
        struct.pack_into("<I", raw, raw.rfind(name) + start + place, 0xFFFFFF00)
    path.write_bytes(bytes(raw))
    monkeypatch.setattr("imaging.memory.memory_limit", lambda: 2**32)
    with pytest.raises(InputError, match="all that is packed in it would need 16 GiB"):
        load_tracts(path)


def test_packed_text_and_tracts_larger_than_the_memory(tmp_path, monkeypatch):
    path = tmp_path / "a.tck.gz"
    path.write_bytes(gzip.compress(bytes(10**6)))
    monkeypatch.setattr(file_kind, "memory_limit", lambda: 10**5)
    with pytest.raises(InputError, match="the table is larger than the memory"):
        file_kind.ensure_unpacks(path, "the table")
    monkeypatch.setattr(file_kind, "memory_limit", lambda: 10**7)
    file_kind.ensure_unpacks(path, "the table")


def test_vtk_image_of_more_points_than_it_holds(tmp_path):
    path = tmp_path / "a.vti"
    grid = pv.ImageData(dimensions=(4, 4, 4))
    grid.point_data["label"] = np.zeros(64, np.int16)
    grid.save(path)
    assert read_vtk_image(path, "Map again").n_points == 64
    for size in (b"999", b"99999999"):
        extent = b'"' + b" ".join([b"0", size] * 3) + b'"'
        changed = tmp_path / "b.vti"
        changed.write_bytes(path.read_bytes().replace(b'"0 3 0 3 0 3"', extent))
        with pytest.raises(InputError, match="more points than it can hold"):
            read_vtk_image(changed, "Map again")
