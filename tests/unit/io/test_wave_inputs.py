"""Wave images and ready maps as users leave them: one right value, or one error with a reason."""

import json

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.errors import ImageError, InputError, LabelError, UnitError
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.io.region import read_labels
from imaging.io.waves.read import read_examination, read_waves
from imaging.io.waves.ready import read_ready
from imaging.provenance import sidecar_path

AFFINE = np.diag([-2.0, 2.0, 3.0, 1.0])
SHAPE = (5, 4, 3)
DECLARED = {
    "MechanicalFrequency": 60, "Density": 1000, "PhaseUnits": "rad",
    "EncodingDirections": np.eye(3).tolist(), "EncodingDirectionsFrame": "world RAS+",
    "OffsetsPerPeriod": 4, "Drivers": 1,
}  # fmt: skip
READY = {
    "Quantity": "magnitude", "Units": "kPa", "Frequency": 60, "Density": 1000, "Method": "MDEV",
}  # fmt: skip


def phase(drivers=1):
    values = np.random.default_rng(2).uniform(-3, 3, (*SHAPE, 3, 4, drivers))
    return values.astype(np.float32)


def save(path, data, content=None, affine=AFFINE):
    save_image(Image(data, affine), path)
    if content is not None:
        sidecar_path(path).write_text(json.dumps(content))
    return path


def test_drivers_may_be_named(tmp_path):
    names = ["calf", " ankle "]
    path = save(tmp_path / "w.nii.gz", phase(2), DECLARED | {"Drivers": names})
    (series,) = read_waves(path)
    assert series.driver_names == ("calf", "ankle")
    np.testing.assert_array_equal(series.images.phase, phase(2))
    sidecar_path(path).write_text(json.dumps(DECLARED | {"Drivers": 2.0}))
    assert next(read_waves(path)).driver_names == ()


@pytest.mark.parametrize("names", [[], ["a", "a"], ["a", ""], ["a", 2], ["a"]])
def test_drivers_that_are_no_names_are_refused(tmp_path, names):
    path = save(tmp_path / "w.nii.gz", phase(2), DECLARED | {"Drivers": names})
    with pytest.raises(ImageError, match="Drivers"):
        list(read_waves(path))


def test_every_volume_may_have_its_own_file(tmp_path):
    """Offsets slowest, as some converters number them; each with its own magnitude."""
    names = []
    for n in range(4):
        for d in range(3):
            names.append(f"o{n}_d{d}_part-phase.nii.gz")
            save(tmp_path / names[-1], phase()[..., d, n, 0])
            strength = np.full(SHAPE, 10.0 + 3 * n + d, np.float32)
            save(tmp_path / names[-1].replace("phase", "mag"), strength)
    order = ["driver", "offset", "direction"]
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps(DECLARED | {"Files": [names], "VolumeOrder": order}))
    (series,) = read_waves(listed)
    np.testing.assert_array_equal(series.images.phase, phase())
    assert series.magnitude[0, 0, 0, 2, 3, 0] == 10 + 3 * 3 + 2
    assert len(series.inputs) == 25
    listed.write_text(json.dumps(DECLARED | {"Files": [names[:-1]], "VolumeOrder": order}))
    with pytest.raises(ImageError, match=r"list.json: holds 11 volumes, but its JSON says .* = 12"):
        list(read_waves(listed))


def test_a_single_volume_says_what_to_write(tmp_path):
    path = save(tmp_path / "w.nii.gz", phase()[..., 0, 0, 0], DECLARED)
    with pytest.raises(ImageError, match=r"3 directions x 4 offsets x 1 drivers = 12.*\"Files\""):
        list(read_waves(path))


def test_series_of_one_examination_are_compared(tmp_path):
    first = save(tmp_path / "a.nii.gz", phase(), DECLARED)
    same = save(tmp_path / "b.nii.gz", phase(), DECLARED)
    with pytest.raises(ImageError, match=r"b.nii.gz: is of 60 Hz"):
        list(read_examination([first, same]))
    other = DECLARED | {"MechanicalFrequency": 50}
    moved = save(tmp_path / "c.nii.gz", phase(), other, AFFINE + 9 * np.eye(4, k=3))
    with pytest.raises(ImageError, match=r"c.nii.gz: is not on the grid of a.nii.gz"):
        list(read_examination([first, moved]))
    dense = save(tmp_path / "d.nii.gz", phase(), other | {"Density": 1060})
    with pytest.raises(UnitError, match=r"d.nii.gz: declares a different density"):
        list(read_examination([first, dense]))
    dark = save(tmp_path / "e_part-phase.nii.gz", phase(), other)
    save(tmp_path / "e_part-mag.nii.gz", np.zeros(SHAPE, np.float32))
    with pytest.raises(ImageError, match="magnitude of 0 everywhere"):
        list(read_examination([first, dark]))


@pytest.mark.parametrize("outside", [np.nan, 0.0, -1.0])
def test_what_a_ready_map_leaves_empty_is_not_measured(tmp_path, outside):
    values = np.full(SHAPE, 2.5, np.float32)
    values[:2] = outside
    ready = read_ready(save(tmp_path / "m.nii.gz", values, READY))
    assert ready.measured.sum() == 3 * 4 * 3 and not ready.measured[:2].any()
    np.testing.assert_allclose(ready.kept.values[2:], 2500)
    assert np.isfinite(ready.kept.values).all()


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.inf, "60 values that are not finite .Inf."), (np.nan, "no positive value"),
     (0.0, "no positive value"), (1e38, "more than any tissue has")],
)  # fmt: skip
def test_ready_maps_without_a_stiffness_are_refused(tmp_path, value, message):
    path = save(tmp_path / "m.nii.gz", np.full(SHAPE, value, np.float32), READY)
    with pytest.raises(InputError, match=message):
        read_ready(path)


@pytest.mark.parametrize(
    ("value", "unit", "warned"),
    [(2500.0, "kPa", True), (2.5, "Pa", True), (2.5, "kPa", False), (2500.0, "Pa", False)],
)
def test_a_ready_map_whose_unit_cannot_be_meant_is_warned_of(tmp_path, value, unit, warned):
    values = np.full(SHAPE, value, np.float32)
    values[:4] = 0  # what was not measured says nothing
    ready = read_ready(save(tmp_path / "m.nii.gz", values, READY | {"Units": unit}))
    assert len(ready.warnings) == warned
    if warned:
        assert f"is the unit really {unit}" in ready.warnings[0]


def label_map(folder, values, name="labels.nii.gz"):
    return save(folder / name, values.astype(np.int16), affine=np.diag([2.0, 2.0, 5.0, 1.0]))


def test_labels_are_read_with_the_look_up_beside_them_or_given(tmp_path):
    drawn = np.zeros((30, 30, 4))
    drawn[2:9], drawn[12:20] = 1, 2
    path = label_map(tmp_path, drawn)
    own, other = tmp_path / "labels.tsv", tmp_path / "other.tsv"
    own.write_text("index\tname\n1\tleft soleus\n2\tleft TA\n")
    other.write_text("index\tname\n1\tright soleus\n2\tright TA\n")
    assert np.unique(read_labels(path).image.data).tolist() == [0, 101, 109]
    assert read_labels(path).paths == [path, own]
    found = read_labels(path, other)
    assert found.image.data[3, 0, 0] == 209 and found.paths == [path, other]
    own.write_text("index\tname\n1\tleft soleus\n")
    with pytest.raises(LabelError, match=r"labels \[2\]"):
        read_labels(path)


def test_a_table_that_repeats_the_catalogue_leaves_no_trace(tmp_path):
    path = label_map(tmp_path, np.full((30, 30, 4), 209))
    (tmp_path / "labels.tsv").write_text("index\tname\n209\tright soleus\n")
    assert read_labels(path).paths == [path]


def test_a_mask_of_tissue_in_place_of_labels_is_refused(tmp_path):
    leg = np.zeros((60, 60, 4))
    leg[5:45, 5:45] = 1  # 64 cm2
    with pytest.raises(LabelError, match=r"only the value 1.*on up to 64 cm2.*--mask"):
        read_labels(label_map(tmp_path, leg))
    muscle = np.zeros((60, 60, 4))
    muscle[5:20, 5:20] = 1  # 9 cm2
    assert read_labels(label_map(tmp_path, muscle)).image.data.max() == 1
    leg[50:] = 9
    assert read_labels(label_map(tmp_path, leg)).image.data.max() == 9


# What a JSON may hold in place of what is wanted.
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**400), 10**400), st.integers(-5, 5),
    st.floats(), st.text(max_size=4), st.lists(st.integers(-2, 2), max_size=4),
    st.lists(st.text(max_size=3), max_size=4), st.lists(st.lists(st.floats(-2, 2), max_size=3),
    max_size=3), st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.sampled_from(["rad", "scanner", "image", [0, 1e308], [-1e308, 1e308], 10**18, [10**400]]),
)  # fmt: skip
FUZZ = settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@FUZZ
@given(
    changes=st.dictionaries(st.sampled_from([*DECLARED, "PhaseRange", "VolumeOrder",
                                             "MotionEncodingGain"]), ODD, max_size=3),
    dropped=st.sets(st.sampled_from(list(DECLARED)), max_size=1),
    size=st.integers(0, 2),
)  # fmt: skip
def test_any_declaration_of_waves_is_read_or_refused(tmp_path, changes, dropped, size):
    data = [phase(), phase()[..., 0], phase()[..., 0, 0, 0]][size]
    content = {k: v for k, v in DECLARED.items() if k not in dropped} | changes
    path = save(tmp_path / "w.nii.gz", data, content)
    try:
        (series,) = read_waves(path)
    except InputError as error:
        told = str(error)
    else:
        assert series.images.phase.shape[:3] == SHAPE and np.isfinite(series.images.phase).all()
        assert series.images.phase.shape[3] == len(series.images.directions)
        return
    assert told.startswith(str(tmp_path))


@FUZZ
@given(
    changes=st.dictionaries(st.sampled_from(list(READY)), ODD, max_size=2),
    value=st.floats(width=32),
)
def test_any_ready_map_is_read_or_refused(tmp_path, changes, value):
    values = np.full(SHAPE, 2.0, np.float32)
    values[0] = value
    path = tmp_path / "m.nii.gz"
    nib.save(nib.Nifti1Image(values, AFFINE), path)
    sidecar_path(path).write_text(json.dumps(READY | changes))
    try:
        ready = read_ready(path)
    except InputError as error:
        told = str(error)
    else:
        assert ready.measured[1:].all() and np.isfinite(ready.kept.values).all()
        return
    assert told.startswith(str(tmp_path))


@FUZZ
@given(files=st.lists(st.one_of(ODD, st.sampled_from(["w.nii.gz", "\0", "x" * 400])), max_size=2))
def test_any_list_of_files_is_read_or_refused(tmp_path, files):
    save(tmp_path / "w.nii.gz", phase(), {})
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps(DECLARED | {"Files": files}))
    try:
        found = list(read_waves(listed))
    except InputError as error:
        told = str(error)
    else:
        assert found and all(f == "w.nii.gz" for f in files)
        return
    assert told.startswith(str(tmp_path))
