import base64
import dataclasses
import gzip
import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from synthetic_map import SHAPES, SOL, TA, TIB, force_of, write_map

from imaging.export import volumes as module
from imaging.export.groups import group_of_column, group_of_layer, group_titles
from imaging.export.packing import scaled_bytes
from imaging.export.payload import payload
from imaging.image import Image
from imaging.measures import Notes
from imaging.musclemap.read.muscle_map import read_muscle_map
from imaging.musclemap.read.notes import MapNotes
from imaging.musclemap.table import column_name, definitions
from imaging.musclemap.titles import shown


@pytest.fixture(scope="module")
def muscle_map(tmp_path_factory):
    return read_muscle_map(write_map(tmp_path_factory.mktemp("map")), "sub-01")


@pytest.fixture(scope="module")
def content(muscle_map):
    return payload(muscle_map, all_fascicles=20)


def nifti(text: str) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(text)))


def structure(content: dict, label: int) -> dict:
    return next(s for s in content["structures"] if s["label"] == label)


def points(content: dict, text: str) -> np.ndarray:
    steps = np.frombuffer(base64.b64decode(text), "<u2").reshape(-1, 3)
    return np.array(content["corner"]) + steps * content["step"]


def test_labels_lie_where_the_muscles_are_on_an_oblique_grid(content):
    image = nifti(content["volumes"]["labels"])
    for label, (centre, _) in SHAPES.items():
        where = np.argwhere(np.asarray(image.dataobj) == label)
        world = nib.affines.apply_affine(image.affine, where).mean(axis=0)
        np.testing.assert_allclose(world, centre, atol=1.0)


def test_large_volumes_are_thinned_in_place(muscle_map, monkeypatch):
    monkeypatch.setattr(module, "_ANATOMY_VOXELS", 20_000)
    small = nifti(payload(muscle_map, all_fascicles=20)["volumes"]["labels"])
    assert np.prod(small.shape) <= 20_000
    where = np.argwhere(np.asarray(small.dataobj) == SOL)
    world = nib.affines.apply_affine(small.affine, where).mean(axis=0)
    np.testing.assert_allclose(world, SHAPES[SOL][0], atol=2.0)


def test_surfaces_and_fascicles_keep_their_place_within_a_hundredth_of_a_millimetre(content):
    centre, axes = (np.array(v) for v in SHAPES[TIB])
    surface = points(content, structure(content, TIB)["points"])
    np.testing.assert_allclose(surface.max(0), centre + axes, atol=0.5)
    first = points(content, structure(content, TA)["lines"]["points"])[0]
    expected = np.add(SHAPES[TA][0], [-5, -6, -8])
    np.testing.assert_allclose(first, expected, atol=0.0101)


def test_aponeuroses_keep_their_place_and_where_they_come_from(content):
    sheet = structure(content, TA)["sheet"]
    assert sheet["found"]
    assert "sheet" not in structure(content, SOL)
    placed = points(content, sheet["points"])
    centre = np.array(SHAPES[TA][0])
    np.testing.assert_allclose(placed.min(0), centre - [0, 6, 50], atol=0.0101)
    np.testing.assert_allclose(placed.max(0), centre + [0, 6, 50], atol=0.0101)


def figures(content: dict, label: int, name: str) -> np.ndarray:
    packed = structure(content, label)["lines"]["values"][name]
    return np.frombuffer(base64.b64decode(packed), "<f4")


def test_figures_of_fascicles_are_carried_as_they_are(content):
    np.testing.assert_array_equal(figures(content, TA, "length_mm"), 20 + 2 * np.arange(10))
    assert np.isnan(figures(content, SOL, "pennation_start_deg")).all()


def test_what_was_not_measured_is_byte_zero(content):
    layer = next(o for o in content["overlays"] if o["id"] == "stiffness_mdev")
    data = np.asarray(nifti(layer["nifti"]).dataobj)
    assert set(np.unique(data)) == {0, 1}
    assert layer["unit"] == "kPa"
    assert structure(content, SOL)["row"].keys() == {"volume_ml"}


def test_scaled_bytes_run_from_one_to_255():
    values = np.array([np.nan, 10.0, 15.0, 20.0, 99.0, -99.0])
    assert scaled_bytes(values, 10, 20).tolist() == [0, 1, 128, 255, 255, 1]


def test_emg_is_said_to_be_measured_only_where_there_was_a_channel(content):
    assert structure(content, TA)["emg"]
    assert not structure(content, SOL)["emg"]
    assert list(content["activation"]["shares"]) == [str(TA)]


def test_share_of_force_is_carried_beside_activation(muscle_map, content):
    assert content["force"] is None
    load = force_of(TA, SOL).assign(share=lambda t: np.where(t["label"] == TA, 30.0, 70.0))
    force = payload(dataclasses.replace(muscle_map, load=load), all_fascicles=20)["force"]
    assert (force["largest"], force["unit"]) == (70.0, "% of force")
    np.testing.assert_allclose(force["shares"][str(TA)], 3 / 7, atol=1e-4)
    assert force["of_peak"][str(SOL)][50] == 1
    assert "modelled" in force["note"]


def test_without_mvc_no_share_is_carried(muscle_map):
    load = force_of(TA).assign(share=np.nan)
    without = dataclasses.replace(muscle_map, load=load)
    assert payload(without, all_fascicles=20)["force"] is None


def test_both_legs_are_said_to_be_at_their_own_percent(muscle_map):
    other = muscle_map.activation.assign(label=TA - 100, mean=300.0)
    recorded = pd.concat([muscle_map.activation, other])
    one = dataclasses.replace(muscle_map, activation=recorded)
    found = payload(one, all_fascicles=20)["activation"]
    assert "own foot" not in found["note"] and found["largest"] == 100
    surfaces = {**muscle_map.surfaces, TA - 100: muscle_map.surfaces[TA]}
    both = dataclasses.replace(one, surfaces=surfaces)
    assert "own foot" in payload(both, all_fascicles=20)["activation"]["note"]


def test_missing_parts_are_named(muscle_map):
    bare = dataclasses.replace(muscle_map, fascicles=None, activation=None, notes=MapNotes())
    bare.arrays.pop("stiffness_mdev", None)
    content = payload(bare, all_fascicles=0)
    text = " ".join(content["missing"])
    assert "No fascicles" in text
    assert "No activation" in text
    assert "No stiffness" in text
    assert content["fascicles"] is None
    assert content["activation"] is None
    json.dumps(content, allow_nan=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("length_mm", ("Fascicle length", "mm")),
        ("pennation_start_deg", ("Pennation, distal end", "°")),
        ("curvature_per_m", ("Curvature", "1/m")),
        ("md_mm2_per_s", ("MD", "10⁻³ mm²/s")),
        ("fa", ("FA", "")),
        ("stiffness_mdev", ("|G*| (MDEV)", "kPa")),
        ("stiffness_mdev_lossangle", ("Loss angle (MDEV)", "rad")),
        ("stiffness_mdev_measured_fraction", ("|G*| (MDEV), measured fraction", "")),
        ("stiffness_ti_mupar", ("μ∥, shear along fibres", "kPa")),
        ("stiffness_ti_epar_ends", ("E∥, stretch along fibres, ends", "kPa")),
        ("stiffness_ti_confidence", ("Confidence (fibre-aware)", "")),
        ("stiffness_swe_angle", ("Fibre angle (ultrasound)", "°")),
        ("stiffness_other_thing", ("Other thing", "kPa")),
    ],
)
def test_names_become_titles_with_units(name, expected):
    assert shown(name)[:2] == expected


def test_warnings_are_those_of_every_stage_once(muscle_map):
    stages = [Notes("fibres", "", (), ["a", "b"]), Notes("map", "", (), ["b"])]
    noted = dataclasses.replace(muscle_map, notes=MapNotes(stages, {"mre": "not recorded"}))
    content = payload(noted, all_fascicles=20)
    assert content["warnings"] == ["a", "b"]
    assert content["missing"][0] == "Elastography: not recorded"


def test_figures_are_grouped_by_their_stage(content):
    groups = {c["id"]: c["group"] for c in content["columns"]}
    assert groups == {"volume_ml": "Anatomy", "fascicle_length_mm": "Fascicles"}
    layers = {o["id"]: o["group"] for o in content["overlays"]}
    assert layers == {"fa": "Diffusion MRI", "stiffness_mdev": "Elastography"}
    assert set(groups.values()) | set(layers.values()) <= set(content["groups"])
    assert all(c["headline"] for c in content["columns"])


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("stiffness_swe", "Ultrasound elastography"),
        ("stiffness_ti_mupar_mean", "Elastography"),
        ("fat_fraction", "Fat fraction and T2"),
        ("fa_ends", "Diffusion MRI"),
        ("adaptation", "Fascicles"),  # begins as a layer does, but is none
        ("force_at_peak_N", "EMG and gait"),
        ("pennation_start_deg", "Fascicles"),
    ],
)
def test_layers_and_figures_of_fascicles_have_a_group(name, group):
    assert group_of_layer(name) == group


def test_every_measure_of_the_dictionary_has_a_group():
    columns = [column_name(d.name.replace("*", "mdev"), d.unit) for d in definitions()]
    assert {group_of_column(c) for c in columns} <= set(group_titles())


def test_a_middle_lies_inside_its_structure_even_where_that_is_bent(content, muscle_map):
    labels = muscle_map.arrays["label"]
    ring = np.zeros((21, 21, 3), np.int16)
    away = np.hypot(*np.meshgrid(np.arange(21) - 10, np.arange(21) - 10, indexing="ij"))
    ring[(away > 6) & (away < 9)] = SOL
    voxel = np.rint(module.centres(Image(ring, np.eye(4)))[SOL]).astype(int)
    assert ring[tuple(voxel)] == SOL
    for label, (centre, _) in SHAPES.items():
        np.testing.assert_allclose(structure(content, label)["centre"], centre, atol=2.6)
        voxel = np.rint(labels.to_voxels(structure(content, label)["centre"])).astype(int)
        assert labels.data[tuple(voxel)] == label
    assert content["largest"] == SOL


def test_an_overlay_says_where_it_has_data(content):
    layer = next(o for o in content["overlays"] if o["id"] == "stiffness_mdev")
    centre, axes = (np.array(v) for v in SHAPES[SOL])  # the only muscle with stiffness
    assert (((np.array(layer["place"]) - centre) / axes) ** 2).sum() < 1


def test_what_is_longer_than_steps_reach_is_drawn_with_longer_ones(muscle_map):
    far = muscle_map.surfaces[TIB].translate((0, 0, 1500.0))
    surfaces = {**muscle_map.surfaces, TIB: far}
    made = payload(dataclasses.replace(muscle_map, surfaces=surfaces), all_fascicles=20)
    found = points(made, structure(made, TIB)["points"])
    assert made["step"] > 0.02
    np.testing.assert_allclose(found, far.points, atol=made["step"])
