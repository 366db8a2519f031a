"""Segmentations of 3D Slicer lie where they were drawn, and keep their names."""

import gzip

import numpy as np
import pytest

from imaging.errors import ImageError, LabelError, MissingFileError
from imaging.formats.nifti import load_labels, load_mask, save_image
from imaging.formats.nrrd import load_segments
from imaging.image import Image
from imaging.io.label_maps import in_catalogue, read_label_map
from imaging.io.muscles import names_of, read_labels, read_masks
from imaging.io.region import read_labels as read_region

LPS_AXES = ((-2, 0, 0), (0, -2, 0), (0, 0, 5))  # of an image whose voxels run R, A, S
LPS_ORIGIN = (40, 20, -300)
LPS = "left-posterior-superior"
AFFINE = np.array([[2.0, 0, 0, -40], [0, 2, 0, -20], [0, 0, 5, -300], [0, 0, 0, 1]])
A = (slice(1, 4), slice(2, 6), slice(1, 5))
B = (slice(3, 7), slice(2, 6), slice(1, 5))  # meets A


def write(
    path, data, segments=(), axes=LPS_AXES, origin=LPS_ORIGIN, space="left-posterior-superior"
):
    """Write as Slicer 5 does; segments are (name, value, layer)."""
    layered = data.ndim == 4
    vectors = " ".join(f"({','.join(map(str, axis))})" for axis in axes)
    lines = [
        "NRRD0004", "type: unsigned char", f"dimension: {data.ndim}", f"space: {space}",
        f"sizes: {' '.join(map(str, data.shape))}",
        f"space directions: {'none ' if layered else ''}{vectors}",
        f"kinds: {'list ' if layered else ''}domain domain domain", "encoding: gzip",
        f"space origin: ({','.join(map(str, origin))})",
    ]  # fmt: skip
    for n, (name, value, layer) in enumerate(segments):
        lines += [f"Segment{n}_Name:={name}", f"Segment{n}_ID:=Segment_{n + 1}"]
        lines += [f"Segment{n}_LabelValue:={value}", f"Segment{n}_Layer:={layer}"]
    raw = gzip.compress(data.astype(np.uint8).tobytes(order="F"))
    path.write_bytes(("\n".join(line for line in lines if line) + "\n\n").encode() + raw)
    return path


def volume(**boxes):
    data = np.zeros((10, 10, 8), np.uint8)
    for name, box in boxes.items():
        data[box] = int(name.removeprefix("v"))
    return data


def test_one_layer_is_a_label_map_in_ras_with_names(tmp_path):
    path = write(tmp_path / "a.seg.nrrd", volume(v3=A), [("left soleus", 3, 0)])
    image = in_catalogue(read_label_map(path, None))
    assert image.affine == pytest.approx(AFFINE)
    assert np.array_equal(image.data, 109 * (volume(v3=A) > 0))
    assert load_mask(path).data.max() == 3


def test_numbers_are_never_taken_for_labels_of_the_catalogue(tmp_path):
    # 1 would be a tibialis anterior by its number.
    path = write(tmp_path / "a.seg.nrrd", volume(v1=A), [("right soleus", 1, 0)])
    with pytest.raises(LabelError, match="names its segments instead of numbering"):
        load_labels(path)
    assert np.unique(read_region(path).image.data).tolist() == [0, 209]
    plain = write(tmp_path / "a.nrrd", volume(v101=A))
    assert np.unique(load_labels(plain).data).tolist() == [0, 101]
    assert names_of(read_labels(plain, None)) == {101: "left TA"}


def test_the_space_of_the_file_is_honoured(tmp_path):
    path = write(
        tmp_path / "a.seg.nrrd", volume(v1=A), [("SOL_l", 1, 0)],
        ((2, 0, 0), (0, 2, 0), (0, 0, 5)), (-40, -20, -300), "right-anterior-superior",
    )  # fmt: skip
    assert load_mask(path).affine == pytest.approx(AFFINE)
    path.write_bytes(
        path.read_bytes().replace(b"space: right-anterior-superior\n", b"space dimension: 3\n")
    )
    with pytest.raises(ImageError, match=r"a\.seg\.nrrd: .*space"):
        load_mask(path)


def test_it_lies_where_the_same_labels_in_nifti_do(tmp_path):
    save_image(Image(volume(v1=A).astype(np.int16), AFFINE), tmp_path / "a.nii.gz")
    (nifti,) = read_labels(tmp_path / "a.nii.gz", None)
    path = write(tmp_path / "a.seg.nrrd", volume(v1=A), [("TA", 1, 0)])
    (slicer,) = read_labels(path, None)
    assert slicer.mask.affine == pytest.approx(nifti.mask.affine)
    assert np.array_equal(slicer.mask.data, nifti.mask.data)


def test_layers_may_overlap_where_each_muscle_has_a_mask_of_its_own(tmp_path):
    segments = [("left soleus", 1, 0), ("biceps femoris", 1, 1)]
    path = write(tmp_path / "a.seg.nrrd", np.stack([volume(v1=A), volume(v1=B)]), segments)
    muscles = read_labels(path, None)
    assert names_of(muscles) == {109: "left SOL", 1002: "biceps femoris"}
    assert [m.mask.data.sum() for m in muscles] == [48, 64]
    with pytest.raises(LabelError, match="'left soleus' and 'biceps femoris' overlap in 16 voxels"):
        in_catalogue(read_label_map(path, None))


def test_values_are_kept_where_they_tell_segments_apart(tmp_path):
    apart = (slice(6, 9), *A[1:])
    layers = np.stack([volume(v4=A), volume(v7=apart)])
    path = write(tmp_path / "a.seg.nrrd", layers, [("GM_r", 4, 0), ("right GL", 7, 1)])
    assert load_segments(path).names == {4: "GM_r", 7: "right GL"}
    assert set(np.unique(in_catalogue(read_label_map(path, None)).data)) == {0, 207, 208}
    table = tmp_path / "a.tsv"
    table.write_text("index\tname\n4\tleft TA\n7\tleft TP\n")
    assert set(np.unique(in_catalogue(read_label_map(path, table)).data)) == {0, 101, 114}


def test_a_mask_of_one_muscle_may_be_a_segmentation(tmp_path):
    path = write(tmp_path / "calf.seg.nrrd", volume(v1=A), [("Segment_1", 1, 0)])
    assert names_of(read_masks([path], [])) == {1001: "calf"}
    assert names_of(read_masks([path], [107])) == {107: "left GM"}


def test_what_cannot_be_used_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.seg\.nrrd"):
        read_label_map(tmp_path / "none.seg.nrrd", None)
    path = write(tmp_path / "a.seg.nrrd", volume(v1=A), [("quadriceps", 1, 0)])
    with pytest.raises(LabelError, match=r"a\.seg\.nrrd: the name 'quadriceps'"):
        in_catalogue(read_label_map(path, None))
    with pytest.raises(LabelError, match="voxels belong to no segment"):
        load_mask(write(path, volume(v1=A, v2=B), [("left TA", 1, 0)]))
    with pytest.raises(LabelError, match="layer 2, which does not exist"):
        load_mask(write(path, volume(v1=A), [("left TA", 1, 2)]))
    with pytest.raises(LabelError, match="is empty"):
        read_label_map(write(path, volume(), [("left TA", 1, 0)]), None)
    with pytest.raises(ImageError, match="right angle"):
        load_mask(write(path, volume(v1=A), axes=((-2, 0, 0), (-1, -2, 0), (0, 0, 5))))
    whole = write(path, volume(v1=A), [("left TA", 1, 0)]).read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ImageError, match=r"a\.seg\.nrrd: .* truncated or damaged"):
        load_mask(path)
    path.write_bytes(bytes(128) + b"DICM" + bytes(100))
    with pytest.raises(ImageError, match="it is a DICOM file"):
        load_mask(path)
