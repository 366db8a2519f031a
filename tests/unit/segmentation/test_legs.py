import numpy as np
import pytest
import SimpleITK as sitk

from imaging.errors import ImageError, LabelError
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.io.label_maps import in_catalogue, read_label_map
from imaging.segmentation import checks, manual
from imaging.segmentation.legs import correct_bias, leg_mask, split_legs


def cylinder(centres, spacing=(2.0, 2.0, 5.0), shape=(140, 60, 20)):
    x, y, _ = np.meshgrid(*[np.arange(n) * s for n, s in zip(shape, spacing, strict=True)],
                          indexing="ij")  # fmt: skip
    data = np.zeros(shape, np.float32)
    for cx, cy in centres:
        data[np.hypot(x - cx, y - cy) < 40] = 100
    data += np.abs(np.random.default_rng(0).normal(0, 2, shape)).astype(np.float32)
    return Image(data, np.diag([*spacing, 1.0]))


def test_noise_or_air_is_an_error():
    noise = np.abs(np.random.default_rng(0).normal(size=(50, 50, 20))).astype(np.float32)
    for data in (noise, np.zeros_like(noise), noise * 0 + 5):
        with pytest.raises(ImageError, match="no leg, only background noise"):
            leg_mask(Image(data, np.diag([2.0, 2.0, 4.0, 1.0])))


@pytest.mark.parametrize("draw", ["uniform", "normal", "rayleigh"])
@pytest.mark.parametrize(
    ("shape", "spacing"), [((24, 24, 12), (5, 5, 20)), ((64, 64, 20), (3, 3, 6)),
                           ((12, 14, 6), (6, 6, 25))]
)  # fmt: skip
def test_noise_of_large_voxels_is_an_error(shape, spacing, draw):
    rng = np.random.default_rng(3)
    noise = getattr(rng, draw)(*{"uniform": (0, 100), "normal": (60, 40), "rayleigh": (20,)}[draw],
                               shape)  # fmt: skip
    with pytest.raises(ImageError, match="no leg, only background noise"):
        leg_mask(Image(noise.astype(np.float32), np.diag([*spacing, 1.0])))


def test_a_leg_of_large_voxels_is_one():
    image = cylinder([(80, 60)], (5.0, 5.0, 20.0), (32, 24, 8))
    noise = np.random.default_rng(1).normal(0, 30, image.shape).astype(np.float32)
    assert leg_mask(image.with_data(image.data + noise)).any()


@pytest.mark.parametrize("centres", [[(80, 60)], [(60, 60), (200, 60)], [(97, 60), (175, 60)]])
def test_one_two_and_touching_legs(centres):
    image = cylinder(centres)
    mask = leg_mask(image)
    legs = split_legs(mask, image.spacing)
    assert len(legs) == len(centres)
    for leg, (cx, _) in zip(legs, centres, strict=True):
        assert abs(np.argwhere(leg)[:, 0].mean() * 2 - cx) < 4
        assert leg.sum() * image.voxel_ml == pytest.approx(np.pi * 4.0**2 * 10.0, rel=0.1)


def test_dark_bone_under_the_skin_belongs_to_the_leg():
    """Where fat is suppressed the tibia is as dark as air and the leg is open in front."""
    image = cylinder([(60, 60), (200, 60)])
    x, y = (np.arange(n)[:, None] * 2.0 for n in image.shape[:2])
    whole = [np.hypot(x - cx, y.T - 60) < 40 for cx in (60, 200)]
    tibia = np.hypot(x - 60, y.T - 85) < 14
    image.data[tibia] = 0
    legs = split_legs(leg_mask(image), image.spacing)
    seen = [leg[:, :, 10] for leg in legs]
    assert (seen[0] & whole[0] & tibia).sum() > 0.95 * (whole[0] & tibia).sum()
    for leg, true in zip(seen, whole, strict=True):
        assert leg.sum() == pytest.approx(true.sum(), rel=0.05)
    assert not (legs[0] & legs[1]).any()


@pytest.mark.parametrize("line", ["diagonal", "row", "column", "point"])
def test_a_sliver_of_a_leg_stays_as_it_is(line):
    leg = np.zeros((12, 12, 2), bool)
    leg[2:9, 2:9, 0] = True
    at = np.arange(3, 8)
    where = {"diagonal": (at, at), "row": (5, at), "column": (at, 5), "point": (5, 5)}[line]
    leg[(*where, 1)] = True
    np.testing.assert_array_equal(split_legs(leg, np.ones(3))[0], leg)


def test_bias_is_taken_away_and_mean_kept():
    image = cylinder([(140, 60)])
    mask = leg_mask(image)
    bias = np.exp(0.004 * (np.arange(140) - 70))[:, None, None].astype(np.float32)
    out = correct_bias(image.with_data(image.data * bias), mask)
    inside = mask & (image.data > 50)
    assert out.data[inside].std() / out.data[inside].mean() < 0.5 * float(
        (image.data * bias)[inside].std() / (image.data * bias)[inside].mean()
    )
    assert out.data[mask].mean() == pytest.approx((image.data * bias)[mask].mean(), rel=1e-3)


def test_islands_are_removed_and_counted_and_holes_filled():
    labels = np.zeros((20, 20, 10), np.int16)
    labels[2:12, 2:12, 2:8] = 209
    labels[5, 5, 5] = 0
    labels[17, 17, 5] = 209
    out, dropped = checks.remove_islands(labels)
    assert dropped == {209: 1}
    assert out[5, 5, 5] == 209
    assert out[17, 17, 5] == 0


def test_cut_by_the_field_of_view():
    labels = np.zeros((4, 4, 10), np.int16)
    labels[1, 1, 3:6], labels[2, 2, 0:4] = 201, 209
    seen = np.ones(10, bool)
    assert not checks.cut_by_view(labels, 201, seen)
    assert checks.cut_by_view(labels, 209, seen)


def test_drawn_map_in_another_grid_and_over_automatic(tmp_path):
    like = Image(np.zeros((20, 20, 10), np.float32), np.diag([2.0, 2.0, 4.0, 1.0]))
    affine = np.diag([-1.0, 1.0, 2.0, 1.0])
    affine[0, 3] = 39.0
    drawn = np.zeros((40, 40, 20), np.int16)
    drawn[0:10, 20:30, 5:15] = 3
    lookup = tmp_path / "lookup.tsv"
    lookup.write_text("index\tname\n3\tright SOL\n")
    save_image(Image(drawn, affine), tmp_path / "drawn.nii.gz")
    own = in_catalogue(read_label_map(tmp_path / "drawn.nii.gz", lookup))
    placed = manual.manual_labels(own, like, "drawn.nii.gz")
    assert placed[17, 12, 5] == 209
    assert placed[2, 12, 5] == 0
    automatic = np.full((20, 20, 10), 209, np.int16)
    automatic[:5] = 201
    merged = manual.merge(automatic, placed)
    assert (merged == 209).sum() == (placed == 209).sum()
    assert (merged == 201).sum() == (automatic == 201).sum()
    drawn[drawn > 0] = 99
    save_image(Image(drawn, affine), tmp_path / "drawn.nii.gz")
    with pytest.raises(LabelError):
        in_catalogue(read_label_map(tmp_path / "drawn.nii.gz", None))


def test_the_bias_is_the_same_with_any_number_of_threads():
    x, y, _ = np.meshgrid(*[np.linspace(-1, 1, n) for n in (60, 60, 20)], indexing="ij")
    mask = np.hypot(x, y) < 0.7
    data = np.where(mask, 100 * (1 + 0.4 * x), 0) + np.random.default_rng(0).normal(0, 3, x.shape)
    image = Image(data.astype(np.float32), np.diag([3.0, 3.0, 6.0, 1.0]))
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    found = []
    try:
        for threads in (1, 2, 4):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
            found.append(correct_bias(image, mask).data.tobytes())
            assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == threads
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    assert found[0] == found[1] == found[2]
