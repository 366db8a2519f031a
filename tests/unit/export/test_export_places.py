"""Every export, read by another library, has each structure where the label map has it."""

from urllib.parse import quote
from xml.etree import ElementTree

import nibabel as nib
import nrrd
import numpy as np
import pandas as pd
import pygltflib
import pytest
import pyvista as pv
import SimpleITK as sitk
import trx.trx_file_memmap as trx
from dipy.io.streamline import load_tractogram
from scipy.spatial.transform import Rotation
from synthetic_map import ellipsoid
from vtkmodules.vtkIOGeometry import vtkGLTFReader

from imaging.config import ExportSettings
from imaging.export.files import write_export
from imaging.image import Image, apply_affine
from imaging.musclemap.read.meshes import MapFascicles, MapSheet
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.muscles import label_of, side_and_name
from imaging.palette import muscle_colour

OWN = 1003
NAMES = {OWN: "M. \"quadratus\" [caput <I>] / 'b'\\é"}
TO_RAS = np.array([-1.0, -1, 1])
# Centre (world mm) and semi-axes; no leg is the mirror of the other.
SHAPES = {
    label_of("TA", "right"): ((30.0, 25.0, 0.0), (12.0, 10.0, 70.0)),
    label_of("SOL", "right"): ((22.0, -25.0, 8.0), (20.0, 14.0, 75.0)),
    label_of("TIB", "right"): ((8.0, 8.0, -5.0), (8.0, 8.0, 80.0)),
    label_of("TA", "left"): ((-62.0, 30.0, 12.0), (9.0, 11.0, 60.0)),
    label_of("SOL", "left"): ((-50.0, -20.0, -6.0), (16.0, 15.0, 70.0)),
    label_of("FIB", "left"): ((-78.0, 5.0, 0.0), (6.0, 6.0, 65.0)),
    OWN: ((-25.0, 55.0, 20.0), (10.0, 8.0, 40.0)),
}
BONES = {label_of("TIB", "right"), label_of("FIB", "left")}
MUSCLES = sorted(set(SHAPES) - BONES)


def oblique_labels() -> Image:
    """Labels on a grid turned about three axes, one of them mirrored, of unequal spacing."""
    turn = Rotation.from_euler("xyz", [12, -9, 25], degrees=True).as_matrix() @ np.diag([1, -1, 1])
    affine = np.eye(4)
    affine[:3, :3] = turn * [2.0, 2.5, 5.0]
    shape = np.array([100, 80, 50])
    affine[:3, 3] = [-25.0, 5.0, 0.0] - affine[:3, :3] @ ((shape - 1) / 2)
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    world = apply_affine(affine, voxels)
    labels = np.zeros(shape, np.int16)
    for label, (centre, axes) in SHAPES.items():
        labels[(((world - centre) / axes) ** 2).sum(-1) <= 1] = label
    return Image(labels, affine)


def fascicles_through_centres() -> MapFascicles:
    """Three straight fascicles of 11 points in each muscle, their middle its centre."""
    lines, labels = [], []
    for label in MUSCLES:
        for k in (-1, 0, 1):
            reach = np.linspace(-10, 10, 11)[:, None] * [0.2, 0.3, 0.9]
            lines.append(np.array(SHAPES[label][0]) + [2.0 * k, 0, 0] + reach)
            labels.append(label)
    offsets = np.arange(0, 11 * len(lines) + 1, 11)
    data = pd.DataFrame({"label": labels, "length_mm": 20.0})
    return MapFascicles(np.concatenate(lines).astype(np.float32), offsets, data)


def made_map() -> MuscleMap:
    labels = oblique_labels()
    rows = pd.DataFrame({"label": MUSCLES, "name": [side_and_name(v, NAMES) for v in MUSCLES]})
    sheet = pv.Plane(center=SHAPES[OWN][0], i_size=10, j_size=10).triangulate()
    anatomy = labels.with_data((labels.data > 0).astype(np.float32))
    return MuscleMap(
        "sub-01", {"label": labels, "anatomy": anatomy},
        surfaces={v: ellipsoid(*shape) for v, shape in SHAPES.items()},
        aponeuroses={OWN: MapSheet(sheet, found=True)},
        fascicles=fascicles_through_centres(), muscles=rows,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("export")
    write_export(out, made_map(), ExportSettings(viewer=False))
    return out


@pytest.fixture(scope="module")
def truth() -> Image:
    return oblique_labels()


def centre_in(truth: Image, label: int) -> np.ndarray:
    return truth.to_world(np.argwhere(truth.data == label)).mean(axis=0)


def assert_within_a_voxel(truth: Image, found: dict[int, np.ndarray], labels=tuple(SHAPES)) -> None:
    assert set(found) == set(labels)
    for label, centre in found.items():
        away = np.linalg.inv(truth.affine[:3, :3]) @ (centre - centre_in(truth, label))
        assert np.abs(away).max() < 0.5, (label, away)


def centres_of_voxels(labels: np.ndarray, affine: np.ndarray) -> dict[int, np.ndarray]:
    return {
        int(v): apply_affine(affine, np.argwhere(labels == v)).mean(axis=0)
        for v in np.unique(labels)
        if v
    }


def by_itk(path) -> dict[int, np.ndarray]:
    """Centres in RAS of the labels of a file as ITK reads it."""
    image = sitk.ReadImage(str(path))
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(sitk.Cast(image, sitk.sitkUInt16))
    return {v: TO_RAS * shape.GetCentroid(v) for v in shape.GetLabels()}


def test_labels_in_nifti(folder, truth):
    path = folder / "sub-01_dseg.nii.gz"
    read = nib.load(path)
    own = centres_of_voxels(np.asarray(read.dataobj), read.affine)
    assert_within_a_voxel(truth, own)
    assert_within_a_voxel(truth, by_itk(path))


def test_segmentation_of_slicer(folder, truth):
    path = folder / "sub-01_dseg.seg.nrrd"
    assert_within_a_voxel(truth, by_itk(path))
    data, header = nrrd.read(str(path))
    assert header["space"] == "left-posterior-superior"
    assert data.ndim == 3
    affine = np.eye(4)
    affine[:3, :3] = header["space directions"].T * TO_RAS[:, None]
    affine[:3, 3] = header["space origin"] * TO_RAS
    np.testing.assert_allclose(affine, truth.affine, atol=1e-6)
    np.testing.assert_array_equal(data, truth.data)


def test_surfaces_in_stl(folder, truth):
    found = {}
    for label in SHAPES:
        own = f"quadratus-caput-I-b-{OWN}"
        key = own if label == OWN else side_and_key_in_file(label)
        (path,) = [p for p in (folder / "stl").glob("*.stl") if p.stem.endswith(key)]
        content = path.read_bytes()
        assert b"SPACE=RAS" in content[:80]
        kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("more", "<u2")])
        corners = np.frombuffer(content, kind, offset=84)["corners"].astype(float)
        low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
        found[label] = (low + high) / 2
        by_vtk = pv.read(path)
        np.testing.assert_allclose(by_vtk.bounds, np.ravel([low, high], order="F"), atol=1e-4)
    assert_within_a_voxel(truth, found)


def side_and_key_in_file(label: int) -> str:
    sides = {1: "left", 2: "right"}
    keys = {1: "TA", 9: "SOL", 21: "TIB", 22: "FIB"}
    return f"{sides[label // 100]}-{keys[label % 100]}"


def test_scene_in_gltf(folder, truth):
    path = folder / "sub-01_map.glb"
    file = pygltflib.GLTF2().load(path)
    root = np.reshape(file.nodes[0].matrix, (4, 4)).T
    shown: dict[int, np.ndarray] = {}
    inside: dict[int, np.ndarray] = {}
    for node in file.nodes[1:]:
        mesh = file.meshes[node.mesh]
        facts = file.accessors[mesh.primitives[0].attributes.POSITION]
        middle = (np.array(facts.min) + facts.max) / 2
        scene = (root @ [*middle, 1.0])[:3]  # metres: left, up, forward
        world = 1000 * scene[[0, 2, 1]] * [-1, 1, 1]
        into = inside if node.name.startswith(("fascicles", "aponeurosis")) else shown
        into[mesh.extras["label"]] = world
    assert_within_a_voxel(truth, shown)
    assert_within_a_voxel(truth, inside, MUSCLES)
    assert any(node.name == NAMES[OWN] for node in file.nodes)


def test_scene_as_vtk_reads_it(folder, truth):
    reader = vtkGLTFReader()
    reader.SetFileName(str(folder / "sub-01_map.glb"))
    reader.Update()
    blocks = [pv.wrap(part) for part in pv.wrap(reader.GetOutput()).recursive_iterator()]
    middles = np.array([np.reshape(b.bounds, (3, 2)).mean(axis=1) for b in blocks if b.n_points])
    world = 1000 * middles[:, [0, 2, 1]] * [-1, 1, 1]
    for label in SHAPES:
        away = np.linalg.inv(truth.affine[:3, :3]) @ (world - centre_in(truth, label)).T
        assert np.abs(away).max(axis=0).min() < 0.5


def test_lines_and_sheets_of_the_scene_of_slicer(folder, truth):
    lines = pv.read(folder / "sub-01_desc-screen_fascicles.vtp")
    sheets = pv.read(folder / "sub-01_aponeuroses.vtp")
    for mesh in (lines, sheets):
        assert list(mesh.field_data["SPACE"]) == ["RAS"]
    labels = np.asarray(lines.cell_data["label"])
    found = {v: lines.extract_cells(labels == v).points.mean(axis=0) for v in MUSCLES}
    assert_within_a_voxel(truth, found, MUSCLES)
    assert set(sheets.cell_data["label"]) == {OWN}
    assert_within_a_voxel(truth, {OWN: np.array(sheets.center)}, [OWN])
    for label in MUSCLES:
        assert (lines.cell_data["colour"][labels == label] == muscle_colour(label)).all()


def test_scene_of_slicer_names_files_that_are_there_and_nodes_that_it_has(folder):
    root = ElementTree.parse(folder / "sub-01_slicer.mrml").getroot()
    assert root.tag == "MRML"
    ids = [node.get("id") for node in root]
    assert len(set(ids)) == len(ids)
    own = [node for node in root if node.get("storageNodeRef")]
    assert [node.tag for node in own] == ["Volume", "Segmentation", "Model", "Model"]
    for node in own:
        for key in ("storageNodeRef", "displayNodeRef"):
            (held,) = [other for other in root if other.get("id") == node.get(key)]
            assert held.tag.startswith(node.tag)
    files = [node.get("fileName") for node in root if node.get("fileName")]
    assert len(files) == 4
    for name in files:
        assert (folder / name).is_file()
        assert quote(name) == name
    shown = next(node for node in root if node.tag == "SegmentationDisplay")
    parts = shown.get("SegmentationDisplayProperties").rstrip("|").split("|")
    header = nrrd.read_header(str(folder / "sub-01_dseg.seg.nrrd"))
    ids = [header[f"Segment{n}_ID"] for n in range(len(SHAPES))]
    assert [part.split()[0] for part in parts] == ids
    opacity = {p.split()[0]: float(p.split("Opacity3D:")[1].split()[0]) for p in parts}
    assert {v for v in SHAPES if opacity[f"label-{v}"] == 1} == BONES


def test_fascicles_in_trx(folder, truth):
    read = trx.load(str(folder / "sub-01_fascicles.trx"))
    labels = read.data_per_streamline["label"].ravel().astype(int)
    found = {}
    for name, rows in read.groups.items():
        (label,) = set(labels[rows].tolist())
        found[label] = np.concatenate([read.streamlines[int(r)] for r in rows]).mean(axis=0)
        expected = "M_" if label == OWN else side_and_key_in_file(label).replace("-", "_")
        assert name.startswith(expected)
    assert_within_a_voxel(truth, found, MUSCLES)
    np.testing.assert_allclose(read.header["VOXEL_TO_RASMM"], truth.affine, rtol=1e-5)
    read.close()


@pytest.mark.parametrize("ending", ["trk", "trx"])
def test_fascicles_as_dipy_reads_them(folder, truth, ending):
    path = str(folder / f"sub-01_fascicles.{ending}")
    reference = "same" if ending == "trk" else str(folder / "sub-01_dseg.nii.gz")
    read = load_tractogram(path, reference, bbox_valid_check=False)
    labels = np.ravel([v[0] for v in read.data_per_streamline["label"]]).astype(int)
    points = {v: np.concatenate([s for s, own in zip(read.streamlines, labels, strict=True)
                                 if own == v]).mean(axis=0) for v in MUSCLES}  # fmt: skip
    assert_within_a_voxel(truth, points, MUSCLES)


def test_fascicles_in_trk(folder, truth):
    read = nib.streamlines.load(folder / "sub-01_fascicles.trk")
    labels = np.ravel(read.tractogram.data_per_streamline["label"]).astype(int)
    lines = list(read.streamlines)
    found = {
        v: np.concatenate([lines[k] for k in np.flatnonzero(labels == v)]).mean(axis=0)
        for v in MUSCLES
    }
    assert_within_a_voxel(truth, found, MUSCLES)
