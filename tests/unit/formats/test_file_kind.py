"""What is no NIfTI image is named by what it is, not called truncated."""

import gzip
import io

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from imaging.errors import ImageError
from imaging.formats.nifti import load_image, load_labels

DATA = np.random.default_rng(0).random((20, 20, 20)).astype(np.float32)
DICOM = bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00" + bytes(400)
NIFTI = nib.Nifti1Image(DATA, np.eye(4)).to_bytes()
ANALYZE = b"\x5c\x01\x00\x00" + bytes(36) + np.array([3, 20, 20, 20], "<i2").tobytes() + bytes(300)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.nii.gz", DICOM, "a DICOM file. .*pennate convert"),
        ("a.nii.gz", gzip.compress(DICOM, mtime=0), "a DICOM file"),
        ("a.nii", DICOM, "a DICOM file"),
        ("a.nii.gz", b"NRRD0004\n# Complete NRRD", "an NRRD file. .*3D Slicer"),
        ("a.nii", ANALYZE, "an Analyze 7.5 image"),
        ("a.nii", b"index\tname\n1\tleft SOL\n", "a text file"),
        ("a.nii.gz", b"<!DOCTYPE html><html>", "a web page"),
        ("a.nii.gz", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        ("a.nii", b"", "empty"),
        ("a.nii", bytes(4000), "filled with zeros"),
        ("a.nii", NIFTI[:5000], "truncated"),
        ("a.nii", NIFTI[:200], "truncated"),
        ("a.nii.gz", gzip.compress(NIFTI, mtime=0)[:5000], "truncated"),
        ("a.nii.gz", NIFTI, "not compressed. Name it with the ending .nii"),
        ("a.nii", gzip.compress(NIFTI, mtime=0), "is compressed. Name it with the ending .nii.gz"),
        ("a.nii", b"\x07\x01\x02 neither" * 100, "of an unknown kind"),
    ],
)
def test_the_message_says_what_the_file_is(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    for read in (load_image, load_labels):
        with pytest.raises(ImageError, match=rf"{name}: cannot be read as NIfTI: it is .*{said}"):
            read(path)


def test_files_of_other_programs_are_named(tmp_path):
    image = sitk.GetImageFromArray(DATA)
    for ending, said in (("nrrd", "an NRRD file"), ("mha", "a MetaImage file")):
        sitk.WriteImage(image, str(tmp_path / f"a.{ending}"))
        with pytest.raises(ImageError, match=said):
            load_image(tmp_path / f"a.{ending}")
    nib.save(nib.AnalyzeImage(DATA, np.eye(4)), tmp_path / "a.img")
    with pytest.raises(ImageError, match=r"a\.img: .* an Analyze 7\.5 image"):
        load_image(tmp_path / "a.img")


def test_a_damaged_byte_is_seen_although_all_values_can_be_unpacked(tmp_path):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=0) as file:
        file.write(NIFTI)
    raw = bytearray(packed.getvalue())
    raw[9000] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(raw)
    with pytest.raises(ImageError, match=r"a\.nii\.gz: .* it is damaged .*data check"):
        load_image(tmp_path / "a.nii.gz")
