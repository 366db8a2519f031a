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
from imaging.palette import GREY, muscle_colour


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


def weights_by_name(file: pygltflib.GLTF2, number: int) -> dict[str, np.ndarray]:
    """Weights of one animation (T, targets) by the name of their mesh."""
    animation, out = file.animations[number], {}
    for channel in animation.channels:
        assert channel.target.path == "weights"
        mesh = file.meshes[file.nodes[channel.target.node].mesh]
        found = values(file, animation.samplers[channel.sampler].output)
        out[mesh.name] = found.reshape(-1, len(mesh.weights))
    return out


def colour_of_vertex(file: pygltflib.GLTF2, start: str, target: int | None = None) -> np.ndarray:
    """Linear colour of the first vertex of a mesh, at rest or with one target in full."""
    primitive = file.meshes[node(file, start).mesh].primitives[0]
    colour = values(file, primitive.attributes.COLOR_0)[0]
    if target is None:
        return colour
    change = primitive.targets[target]
    change = change["COLOR_0"] if isinstance(change, dict) else change.COLOR_0
    return colour + values(file, change)[0]


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
    weights = weights_by_name(file, 0)
    muscles = ["right tibialis anterior", "right soleus"]
    assert set(weights) == {*muscles, *(f"fascicles of {name}" for name in muscles)}
    assert node(file, muscles[0]).name.startswith("right tibialis anterior (EMG painted")
    times = values(file, animation.samplers[0].input)
    for name in (muscles[0], f"fascicles of {muscles[0]}"):
        assert weights[name].max() == pytest.approx(1.0)
        assert times[weights[name].argmax()] == pytest.approx(0.2 * times[-1])


def test_a_muscle_without_emg_keeps_its_colour_at_rest_and_is_grey_while_others_move(muscle_map):
    file = load(glb_bytes(muscle_map))
    assert "not measured" in node(file, "right soleus").name
    weights = weights_by_name(file, 0)
    for name in ("right soleus", "fascicles of right soleus"):
        assert (weights[name] == 1).all()
        assert file.meshes[node(file, name).mesh].extras["targetNames"] == ["EMG not measured"]
    np.testing.assert_allclose(
        colour_of_vertex(file, "right soleus"), linear(muscle_colour(SOL)), atol=1e-6
    )
    grey = colour_of_vertex(file, "right soleus", 0)
    np.testing.assert_allclose(grey, linear(GREY), atol=1e-6)


def test_muscles_are_see_through_and_stand_behind_all_that_is_inside_them(muscle_map):
    file = load(glb_bytes(muscle_map))
    kinds = {}
    for n in file.nodes[1:]:
        material = file.materials[file.meshes[n.mesh].primitives[0].material]
        kinds[n.name] = (material.alphaMode, material.doubleSided)
        assert (material.pbrMetallicRoughness.baseColorFactor[3] < 1) == (
            material.alphaMode == pygltflib.BLEND
        )
    muscles = [name for name in kinds if name.startswith(("right tibialis", "right soleus"))]
    assert [kinds[name] for name in muscles] == [(pygltflib.BLEND, False)] * 2
    assert list(kinds)[-2:] == muscles
    assert kinds["right tibia"] == (pygltflib.OPAQUE, True)
    assert kinds["fascicles of right soleus"] == (pygltflib.OPAQUE, True)


def test_a_closed_surface_shows_its_outer_side_however_it_was_wound(muscle_map):
    mesh = muscle_map.surfaces[SOL]
    turned = pv.PolyData.from_regular_faces(mesh.points, mesh.regular_faces[:, ::-1])
    for surface in (mesh, turned):
        file = load_of(dataclasses.replace(muscle_map, surfaces={SOL: surface}))
        primitive = file.meshes[node(file, "right soleus").mesh].primitives[0]
        points = values(file, primitive.attributes.POSITION).astype(float)
        corners = points[values(file, primitive.indices).reshape(-1, 3)] - SHAPES[SOL][0]
        assert np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0
        outwards = values(file, primitive.attributes.NORMAL) * (points - SHAPES[SOL][0])
        assert (outwards.sum(axis=1) > 0).all()


def test_muscles_that_a_person_named_are_written_under_their_name(muscle_map):
    names = {1001: 'M. quadratus (caput <I>) / "x"'}
    row = pd.DataFrame({"label": [1001], "name": [names[1001]]})
    sheet = dataclasses.replace(muscle_map.aponeuroses[TA])
    file = load_of(dataclasses.replace(
        muscle_map, surfaces={1001: muscle_map.surfaces[TA]}, muscles=row, fascicles=None,
        aponeuroses={1001: sheet},
    ))  # fmt: skip
    assert node(file, names[1001]).name.startswith(names[1001])
    assert node(file, "aponeurosis of M. quadratus").name.startswith(
        f"aponeurosis of {names[1001]}"
    )


def test_share_of_force_is_an_animation_of_its_own(muscle_map):
    percent = np.linspace(0, 100, 11)
    load = pd.DataFrame({"label": TA, "percent": percent, "share": percent, "of_peak": 1.0})
    file = load_of(dataclasses.replace(muscle_map, load=load))
    activation, force = file.animations
    assert (activation.name, force.name) == (
        "gait cycle: EMG painted on anatomy", "gait cycle: share of force",
    )  # fmt: skip
    weights, rise = weights_by_name(file, 1), np.linspace(0, 1, 11)
    np.testing.assert_allclose(weights["right tibialis anterior"], rise[:, None])
    np.testing.assert_allclose(
        weights["fascicles of right tibialis anterior"], np.stack([0 * percent, rise], axis=1)
    )


def test_a_muscle_with_emg_and_without_force_turns_grey(muscle_map):
    load = pd.DataFrame({"label": SOL, "percent": [0, 100], "share": 100.0, "of_peak": 1.0})
    file = load_of(dataclasses.replace(muscle_map, load=load))
    weights = weights_by_name(file, 1)
    for name in ("right tibialis anterior", "fascicles of right tibialis anterior"):
        assert (weights[name] == [0, 1]).all()
    assert (weights["right soleus"] == 1).all()  # no EMG, so no force that could be told
    grey = colour_of_vertex(file, "right tibialis", 1)
    np.testing.assert_allclose(grey, linear(GREY), atol=1e-6)


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


@pytest.mark.parametrize("moving", [True, False])
def test_the_file_keeps_the_rules_of_the_format(muscle_map, moving):
    """Bounds, alignment, counts and ranges that the validator of Khronos asks for."""
    content = glb_bytes(muscle_map if moving else dataclasses.replace(muscle_map, activation=None))
    file = load(content)
    size = {pygltflib.FLOAT: 4, pygltflib.UNSIGNED_INT: 4, pygltflib.BYTE: 1,
            pygltflib.UNSIGNED_BYTE: 1}  # fmt: skip
    width = {pygltflib.SCALAR: 1, pygltflib.VEC3: 3, pygltflib.VEC4: 4}
    assert len(file.buffers) == 1
    assert file.buffers[0].byteLength <= len(file.binary_blob())
    for view in file.bufferViews:
        assert view.byteOffset % 4 == 0
        assert view.byteOffset + view.byteLength <= file.buffers[0].byteLength
    for facts in file.accessors:
        stride = size[facts.componentType] * width[facts.type]
        assert stride % 4 == 0
        assert facts.count * stride <= file.bufferViews[facts.bufferView].byteLength
    for mesh in file.meshes:
        (own,) = mesh.primitives
        points = values(file, own.attributes.POSITION)
        facts = file.accessors[own.attributes.POSITION]
        np.testing.assert_array_equal(facts.min, points.min(axis=0))
        np.testing.assert_array_equal(facts.max, points.max(axis=0))
        indices = values(file, own.indices)
        assert indices.max() < len(points)
        assert len(indices) % (2 if own.mode == pygltflib.LINES else 3) == 0
        colours = values(file, own.attributes.COLOR_0)
        assert len(colours) == len(points)
        assert colours.dtype == np.uint8 or (0 <= colours.min() <= colours.max() <= 1)
        if own.attributes.NORMAL is not None:
            lengths = np.linalg.norm(values(file, own.attributes.NORMAL), axis=1)
            np.testing.assert_allclose(lengths, 1, atol=1e-5)
        assert len(own.targets or []) == len(mesh.weights or [])
    for animation in file.animations or []:
        for channel in animation.channels:
            sampler = animation.samplers[channel.sampler]
            times = values(file, sampler.input)
            assert (np.diff(times) > 0).all()
            assert file.accessors[sampler.input].min == [times.min()]
            weights = file.meshes[file.nodes[channel.target.node].mesh].weights
            assert file.accessors[sampler.output].count == len(times) * len(weights)
    assert bool(file.animations) == moving
    used = {mesh.primitives[0].material for mesh in file.meshes}
    assert used == set(range(len(file.materials)))
