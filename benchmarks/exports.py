"""Where each export of a map has its muscles and bones, as other libraries read it; sizes and time.

    python -m benchmarks.exports [OUT/sub-01/map] [--prefix sub-01]

The map, that of `make demo` where none is named, is exported into a folder that is thrown away.
Centre: of a structure's voxels in the label map, against that of the same structure in the export
(mean of the voxels, mass of what a surface encloses). Surfaces are smooth, and those of glTF have
fewer triangles, so a little is theirs.
Fascicles: the share of points in a voxel of their own muscle or beside one. Goal: every centre
within a voxel, in world RAS+.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pyvista as pv
import SimpleITK as sitk
import trx.trx_file_memmap as trx
from scipy import ndimage

from imaging.config import ExportSettings
from imaging.export.files import write_export
from imaging.image import Image
from imaging.musclemap.read.muscle_map import read_muscle_map
from imaging.muscles import Names, side_and_key, side_and_name

TO_RAS = np.array([-1.0, -1, 1])
GLTF_TO_RAS = np.array([[-1000.0, 0, 0], [0, 0, 1000], [0, 1000, 0]])


def by_nibabel(folder: Path, prefix: str, _: Names) -> Iterator[tuple[int, np.ndarray]]:
    read = nib.Nifti1Image.from_filename(folder / f"{prefix}_dseg.nii.gz")
    labels = np.asarray(read.dataobj)
    for label in np.unique(labels[labels > 0]):
        middle = np.argwhere(labels == label).mean(axis=0)
        yield int(label), nib.affines.apply_affine(read.affine, middle)


def by_itk(folder: Path, prefix: str, _: Names) -> Iterator[tuple[int, np.ndarray]]:
    shape = sitk.LabelShapeStatisticsImageFilter()
    read = sitk.ReadImage(str(folder / f"{prefix}_dseg.seg.nrrd"))
    shape.Execute(sitk.Cast(read, sitk.sitkUInt16))
    for label in shape.GetLabels():
        yield int(label), TO_RAS * shape.GetCentroid(label)


def by_pynrrd(folder: Path, prefix: str, _: Names) -> Iterator[tuple[int, np.ndarray]]:
    labels, header = nrrd.read(str(folder / f"{prefix}_dseg.seg.nrrd"))
    for label in np.unique(labels[labels > 0]):
        middle = np.argwhere(labels == label).mean(axis=0)
        place = header["space directions"].T @ middle + header["space origin"]
        yield int(label), TO_RAS * place


def by_vtk(folder: Path, prefix: str, names: Names) -> Iterator[tuple[int, np.ndarray]]:
    known = {side_and_key(v, "-", names): v for v in read_labels(folder, prefix)}
    for path in sorted((folder / "stl").glob("*.stl")):
        label = known.get(path.stem.removeprefix(f"{prefix}_"))
        if label is not None:
            mesh = pv.read(path)
            yield label, mass_centre(np.asarray(mesh.points, float)[mesh.regular_faces])


def by_gltf(folder: Path, prefix: str, names: Names) -> Iterator[tuple[int, np.ndarray]]:
    import pygltflib

    file = pygltflib.GLTF2().load(folder / f"{prefix}_map.glb")
    known = {side_and_name(v, names): v for v in read_labels(folder, prefix)}
    root = np.reshape(file.nodes[0].matrix, (4, 4)).T
    blob = np.frombuffer(file.binary_blob(), np.uint8)
    for mesh in file.meshes:
        if mesh.name in known:
            own = mesh.primitives[0]
            points, faces = (
                _array(file, blob, a, kind) for a, kind in
                ((own.attributes.POSITION, "<f4"), (own.indices, "<u4"))
            )  # fmt: skip
            corners = points.reshape(-1, 3).astype(float)[faces.reshape(-1, 3)]
            scene = root @ [*mass_centre(corners), 1.0]
            yield known[mesh.name], GLTF_TO_RAS @ scene[:3]


def mass_centre(corners: np.ndarray) -> np.ndarray:
    """Return the centre (3,) of what the triangles (T, 3, 3) of a closed surface enclose."""
    middle = corners.mean(axis=(0, 1))
    around = corners - middle
    volumes = np.einsum("ij,ij->i", around[:, 0], np.cross(around[:, 1], around[:, 2]))
    return middle + (volumes[:, None] * around.sum(axis=1) / 4).sum(axis=0) / volumes.sum()


def _array(file: object, blob: np.ndarray, accessor: int, kind: str) -> np.ndarray:
    view = file.bufferViews[file.accessors[accessor].bufferView]  # type: ignore[attr-defined]
    return blob[view.byteOffset : view.byteOffset + view.byteLength].view(kind)


def read_labels(folder: Path, prefix: str) -> list[int]:
    labels = np.asarray(nib.Nifti1Image.from_filename(folder / f"{prefix}_dseg.nii.gz").dataobj)
    return [int(v) for v in np.unique(labels) if v]


def fascicles_at_home(points: np.ndarray, owner: np.ndarray, labels: Image) -> float:
    """Return the share of points (P, 3) in a voxel of their own muscle or beside one."""
    voxels = np.rint(nib.affines.apply_affine(np.linalg.inv(labels.affine), points)).astype(int)
    inside = np.zeros(len(points), bool)
    for label in np.unique(owner):
        near = np.pad(ndimage.binary_dilation(labels.data == label, np.ones((3, 3, 3))), 1)
        own = owner == label
        place = np.clip(voxels[own] + 1, 0, np.array(near.shape) - 1)
        inside[own] = near[tuple(place.T)]
    return float(inside.mean())


def tracts(folder: Path, prefix: str) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield name, points and label of every point of both files of tracts."""
    read = trx.load(str(folder / f"{prefix}_fascicles.trx"))
    labels = read.data_per_streamline["label"].ravel()
    yield "TRX, trx-python", read.streamlines._data, np.repeat(labels, read.streamlines._lengths)
    file = nib.streamlines.load(folder / f"{prefix}_fascicles.trk")
    labels = np.ravel(file.tractogram.data_per_streamline["label"])
    lines = file.streamlines
    yield "TRK, nibabel", lines.get_data(), np.repeat(labels, [len(line) for line in lines])


READERS: dict[str, tuple[Callable[..., Iterator[tuple[int, np.ndarray]]], str]] = {
    "NIfTI, nibabel": (by_nibabel, "*_dseg.nii.gz"),
    "seg.nrrd, ITK": (by_itk, "*_dseg.seg.nrrd"),
    "seg.nrrd, pynrrd": (by_pynrrd, "*_dseg.seg.nrrd"),
    "STL, VTK": (by_vtk, "stl/*.stl"),
    "glTF, pygltflib": (by_gltf, "*_map.glb"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("map", type=Path, nargs="?", default=Path("demo/out/sub-01/map"))
    parser.add_argument("--prefix", default="sub-01")
    chosen = parser.parse_args()
    content = read_muscle_map(chosen.map, chosen.prefix)
    labels = content.arrays["label"]
    voxel = np.linalg.inv(labels.affine[:3, :3])
    with tempfile.TemporaryDirectory() as name:
        folder, start = Path(name), time.process_time()
        write_export(folder, content, ExportSettings())
        seconds = time.process_time() - start
        truth = dict(by_nibabel(folder, chosen.prefix, content.names))
        print("| file, reader | MB | structures | largest distance of a centre, mm | voxels |")
        print("|---|---|---|---|---|")
        for reader, (read, pattern) in READERS.items():
            away = np.array(
                [centre - truth[v] for v, centre in read(folder, chosen.prefix, content.names)]
            )
            size = sum(p.stat().st_size for p in folder.glob(pattern)) / 1e6
            mm, voxels = np.linalg.norm(away, axis=1).max(), np.abs(away @ voxel.T).max()
            print(f"| {reader} | {size:.1f} | {len(away)} | {mm:.3f} | {voxels:.3f} |")
        if content.fascicles is not None:
            for reader, points, owner in tracts(folder, chosen.prefix):
                share = 100 * fascicles_at_home(np.asarray(points), owner.astype(int), labels)
                print(f"| {reader} | | | {share:.2f} % of points at home | |")
        files = [p for p in folder.rglob("*") if p.is_file()]
        total = sum(p.stat().st_size for p in files) / 1e6
        print(f"\n{len(files)} files, {total:.0f} MB, {seconds:.1f} s of one core")


if __name__ == "__main__":
    main()
