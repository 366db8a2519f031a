import dataclasses

import numpy as np
import pandas as pd
import pygltflib
import pytest
import pyvista as pv
from synthetic_map import SHAPES, SOL, TA, write_map

from imaging.export.gltf import glb_bytes
from imaging.export.morphs import linear
from imaging.musclemap.read.muscle_map import read_muscle_map
from imaging.palette import muscle_colour


@pytest.fixture(scope="module")
def muscle_map(tmp_path_factory):
    return read_muscle_map(write_map(tmp_path_factory.mktemp("map")), "sub-01")


def load(content: bytes) -> pygltflib.GLTF2:
    return pygltflib.GLTF2().load_from_bytes(content)


def load_of(muscle_map) -> pygltflib.GLTF2:
    return load(glb_bytes(muscle_map))


def values(file: pygltflib.GLTF2, accessor: int) -> np.ndarray:
    facts = file.accessors[accessor]
    view = file.bufferViews[facts.bufferView]
    kind = {
        pygltflib.FLOAT: "<f4", pygltflib.UNSIGNED_INT: "<u4", pygltflib.BYTE: "i1",
        pygltflib.UNSIGNED_BYTE: "u1",
    }[facts.componentType]  # fmt: skip
    raw = file.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    out = np.frombuffer(raw, kind)
    width = {pygltflib.SCALAR: 1, pygltflib.VEC3: 3, pygltflib.VEC4: 4}[facts.type]
    return out.reshape(-1, width)[: facts.count] if width > 1 else out[: facts.count]


def node(file: pygltflib.GLTF2, start: str) -> pygltflib.Node:
    return next(n for n in file.nodes if n.name.startswith(start))


def test_root_turns_ras_millimetres_into_metres_y_up_without_mirroring(muscle_map):
    matrix = np.reshape(load(glb_bytes(muscle_map)).nodes[0].matrix, (4, 4)).T
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1e-9)
    np.testing.assert_allclose(matrix[:3, :3] @ [0, 0, 1000], [0, 1, 0])  # superior is up
    np.testing.assert_allclose(matrix[:3, :3] @ [0, 1000, 0], [0, 0, 1])  # anterior is forward
    np.testing.assert_allclose(matrix[:3, :3] @ [1000, 0, 0], [-1, 0, 0])


def test_vertices_stay_in_world_millimetres(muscle_map):
    file = load(glb_bytes(muscle_map))
    mesh = file.meshes[node(file, "right tibialis anterior").mesh]
    points = values(file, mesh.primitives[0].attributes.POSITION)
    centre, axes = (np.array(v) for v in SHAPES[TA])
    np.testing.assert_allclose(points.max(0), centre + axes, atol=0.5)
    np.testing.assert_allclose(points.min(0), centre - axes, atol=0.5)


def test_aponeuroses_are_see_through_sheets_inside_their_muscle(muscle_map):
    file = load(glb_bytes(muscle_map))
    sheets = [n for n in file.nodes if n.name.startswith("aponeurosis")]
    assert [n.name for n in sheets] == [
        "aponeurosis of right tibialis anterior (found from the data)"
    ]
    mesh = file.meshes[sheets[0].mesh]
    assert mesh.extras == {"label": TA, "found": True}
    material = file.materials[mesh.primitives[0].material]
    assert material.alphaMode == pygltflib.BLEND
    assert 0 < material.pbrMetallicRoughness.baseColorFactor[3] < 1
    points = values(file, mesh.primitives[0].attributes.POSITION)
    centre, axes = (np.array(v) for v in SHAPES[TA])
    assert (np.abs(points - centre) <= axes).all()


def test_activation_moves_the_colour_only_where_it_was_measured(muscle_map):
    file = load(glb_bytes(muscle_map))
    animation = file.animations[0]
    assert "EMG painted on anatomy" in animation.name
    target, lines = (channel.target for channel in animation.channels)
    assert target.path == "weights"
    assert file.nodes[target.node].name.startswith("right tibialis anterior (EMG painted")
    assert file.nodes[lines.node].name == "fascicles of right tibialis anterior"
    sampler = animation.samplers[0]
    weights, times = values(file, sampler.output), values(file, sampler.input)
    assert weights.max() == pytest.approx(1.0)
    assert times[weights.argmax()] == pytest.approx(0.2 * times[-1])
    assert "not measured" in node(file, "right soleus").name
    assert not file.meshes[node(file, "right soleus").mesh].primitives[0].targets


def test_share_of_force_is_an_animation_of_its_own(muscle_map):
    percent = np.linspace(0, 100, 11)
    load = pd.DataFrame({"label": TA, "percent": percent, "share": percent, "of_peak": 1.0})
    file = load_of(dataclasses.replace(muscle_map, load=load))
    activation, force = file.animations
    assert (activation.name, force.name) == (
        "gait cycle: EMG painted on anatomy", "gait cycle: share of force",
    )  # fmt: skip
    surface, lines = (values(file, s.output) for s in force.samplers)
    np.testing.assert_allclose(surface, np.linspace(0, 1, 11))
    np.testing.assert_allclose(lines.reshape(-1, 2), np.stack([0 * percent, surface], axis=1))


def test_a_muscle_with_emg_and_without_force_turns_grey(muscle_map):
    load = pd.DataFrame({"label": SOL, "percent": [0, 100], "share": 100.0, "of_peak": 1.0})
    file = load_of(dataclasses.replace(muscle_map, load=load))
    outputs = [values(file, s.output).reshape(-1, 2) for s in file.animations[1].samplers]
    assert all((out == [0, 1]).all() for out in outputs)
    primitive = file.meshes[node(file, "right tibialis").mesh].primitives[0]
    colour = values(file, primitive.attributes.COLOR_0)[0]
    target = primitive.targets[1]
    change = target["COLOR_0"] if isinstance(target, dict) else target.COLOR_0
    grey = colour + values(file, change)[0]
    np.testing.assert_allclose(grey, grey[0], atol=1e-6)


def test_fascicles_take_colour_by_their_own_part_of_the_force(muscle_map):
    lines = muscle_map.fascicles
    part = np.linspace(0.01, 0.1, len(lines))
    own = dataclasses.replace(lines, data=lines.data.assign(force_part=part))
    load = pd.DataFrame({"label": TA, "percent": [0, 100], "share": 100.0, "of_peak": 1.0})
    file = load_of(dataclasses.replace(muscle_map, load=load, fascicles=own))
    primitive = file.meshes[node(file, "fascicles of right tibialis").mesh].primitives[0]
    whole, parts = (
        values(file, t["COLOR_0"] if isinstance(t, dict) else t.COLOR_0).astype(float)
        for t in primitive.targets
    )
    first, last = parts[0] / whole[0].max(), parts[-1] / whole[-1].max()
    assert np.abs(first).max() < 0.3 * np.abs(last).max()


def test_morph_moves_no_vertex(muscle_map):
    file = load(glb_bytes(muscle_map))
    primitive = file.meshes[node(file, "right tibialis").mesh].primitives[0]
    target = primitive.targets[0]
    moved = target["POSITION"] if isinstance(target, dict) else target.POSITION
    assert not values(file, moved).any()


def test_fascicles_are_lines_that_do_not_run_into_each_other(muscle_map):
    file = load(glb_bytes(muscle_map))
    primitive = file.meshes[node(file, "fascicles of right soleus").mesh].primitives[0]
    assert primitive.mode == pygltflib.LINES
    points = values(file, primitive.attributes.POSITION)
    ends = values(file, primitive.indices).reshape(-1, 2)
    assert len(ends) == 10 * 20
    steps = np.linalg.norm(points[ends[:, 0]] - points[ends[:, 1]], axis=1)
    assert steps.max() == pytest.approx(38 / 20, rel=1e-3)


def test_without_activation_and_fascicles_muscles_keep_their_colours(muscle_map):
    bare = dataclasses.replace(muscle_map, fascicles=None, activation=None, aponeuroses={})
    file = load(glb_bytes(bare))
    assert not file.animations
    assert {n.name for n in file.nodes[1:]} == {
        "right tibialis anterior", "right soleus", "right tibia",
    }  # fmt: skip
    colour = file.meshes[node(file, "right soleus").mesh].primitives[0].attributes.COLOR_0
    red, green, blue = values(file, colour)[0]
    assert red > 3 * max(green, blue)


def test_vtk_reads_muscles_and_colours_of_fascicles(muscle_map, tmp_path):
    path = tmp_path / "map.glb"
    path.write_bytes(glb_bytes(muscle_map))
    parts = [p for p in pv.read(path).recursive_iterator("blocks") if p is not None]
    lines = [p for p in parts if p.n_lines]
    assert len(lines) == 2 and len(parts) > 4
    tone = 0.5 + 0.5 * linear(muscle_colour(TA))
    shown = next(p for p in lines if len(p.points) == 10 * 21)
    np.testing.assert_allclose(shown.point_data["COLOR_0"][0][:3], tone, atol=0.005)


def test_same_map_gives_same_bytes(muscle_map):
    assert glb_bytes(muscle_map) == glb_bytes(muscle_map)
    assert SOL in muscle_map.surfaces
