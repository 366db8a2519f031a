import numpy as np
import pytest
import pyvista as pv
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_map import SHAPES, ellipsoid, write_map

from imaging.export.mesh import for_screen, lighter, outward, stl_bytes
from imaging.export.thinning import coarser
from imaging.musclemap.read.muscle_map import read_muscle_map


def read_stl(content: bytes) -> np.ndarray:
    kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    assert int.from_bytes(content[80:84], "little") * kind.itemsize == len(content) - 84
    return np.frombuffer(content, kind, offset=84)


def signed_volume(corners: np.ndarray) -> float:
    return float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6)


@settings(max_examples=10, deadline=None)
@given(st.tuples(*[st.floats(5, 60)] * 3), st.tuples(*[st.floats(-200, 200)] * 3))
def test_stl_keeps_volume_place_and_millimetres(axes, centre):
    corners = read_stl(stl_bytes(ellipsoid(centre, axes), "right-SOL"))["corners"].astype(float)
    expected = 4 / 3 * np.pi * np.prod(axes)
    assert signed_volume(corners - np.array(centre)) == pytest.approx(expected, rel=0.02)
    middle = (corners.reshape(-1, 3).max(0) + corners.reshape(-1, 3).min(0)) / 2
    np.testing.assert_allclose(middle, centre, atol=0.5)


def test_normals_point_outwards_even_if_triangles_are_wound_the_other_way():
    mesh = ellipsoid((10, -20, 30), (5, 6, 7))
    flipped = pv.PolyData.from_regular_faces(mesh.points, mesh.regular_faces[:, ::-1])
    for source in (mesh, flipped):
        records = read_stl(stl_bytes(source, "left-TA"))
        outwards = records["corners"].mean(axis=1) - np.array([10, -20, 30])
        assert (np.einsum("ij,ij->i", records["normal"], outwards) > 0).all()
    np.testing.assert_array_equal(outward(mesh), outward(flipped))


def test_header_names_the_muscle_and_is_no_text_stl():
    content = stl_bytes(ellipsoid((0, 0, 0), (5, 5, 5)), "left-EDL+EHL")
    assert content.startswith(b"pennate left-EDL+EHL mm RAS+")


def test_lighter_mesh_keeps_volume():
    mesh = ellipsoid(*SHAPES[next(iter(SHAPES))])
    light = lighter(mesh, 1000)
    assert light.n_cells <= 1000
    assert light.volume == pytest.approx(mesh.volume, rel=0.02)
    assert lighter(light, 5000).n_cells == light.n_cells


def test_map_for_the_screen_is_light_and_keeps_the_ends_of_fascicles(tmp_path):
    whole = read_muscle_map(write_map(tmp_path), "sub-01")
    light = for_screen(whole, fascicles=10, most=1000)
    assert all(mesh.n_cells <= 1000 for mesh in light.surfaces.values())
    assert len(light.fascicles) == 10
    every = coarser(whole.fascicles, 5.0)
    assert len(every.points) < len(whole.fascicles.points) / 2
    starts, ends = every.offsets[:-1], every.offsets[1:] - 1
    old = whole.fascicles
    np.testing.assert_array_equal(every.points[starts], old.points[old.offsets[:-1]])
    np.testing.assert_array_equal(every.points[ends], old.points[old.offsets[1:] - 1])
