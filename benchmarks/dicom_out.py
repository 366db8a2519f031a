"""DICOM objects of a map: where they lie, whether they conform and come back from an archive.

    python -m benchmarks.dicom_out [--pacs]

A map of shapes (`benchmarks._dicom_map`) whose voxel axes are turned, its anatomical image written
as a series of slices or as one enhanced file (`benchmarks._source_series`: a wider view, other axis
order, slices in reverse), and every object that `pennate export --dicom` writes for it. Segments,
label map and voxel maps are read by the letter of the standard (`benchmarks._dicom_readers`) and,
label map and voxel maps, by dcm2niix; bits of segments by ITK, surfaces by VTK. `off`: the largest
distance of a voxel centre, point or vertex from its place in the map, mm (goal .01). `wrong`:
voxels of another label or value than the map has there (goal 0). `errors`: of dciodvfy (goal 0;
dicom3tools before 2024 does not know the label map, which is counted apart). `--pacs`: objects and
source images stored, queried and fetched the same, by STOW-RS (bytes) and C-STORE (data sets) of
Orthanc (goal all).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from scipy.spatial import cKDTree

from benchmarks import _dicom_readers as readers
from benchmarks import _pacs
from benchmarks._dicom_map import turned_map
from benchmarks._source_series import scanned, write_frames, write_slices
from imaging.export.dicom.choice import choose
from imaging.export.dicom.files import write_dicom
from imaging.image import Image
from imaging.io.scanner.dcm2niix import convert
from imaging.io.scanner.source import read_source
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.muscles import side_and_name

CASES = {
    "straight, slices": ((0.0, 0.0, 0.0), write_slices, ("left", "right")),
    "oblique, slices": ((17.0, -9.0, 23.0), write_slices, ("left", "right")),
    "oblique, enhanced": ((-12.0, 31.0, -6.0), write_frames, ("left", "right")),
    "sagittal, one leg": ((8.0, 84.0, 3.0), write_slices, ("right",)),
}
#: Layers and the factor to what the object holds.
MAPS = {"fa": 1.0, "md": 1.0, "fat_fraction": 1.0, "stiffness_mdev": 1e-3}
UNKNOWN_OBJECT = "Information Object Not found"
# What the checker says of a label map because it takes it for a segmentation by bits.
OF_BITS = "SegmentNumber not monotonically increasing"


def export(folder: Path, muscle_map: MuscleMap, write_source: object) -> Path:
    """Write source series and objects; return the folder of the objects."""
    image = scanned(muscle_map.arrays["anatomy"])
    write_source(folder / "source", image)  # type: ignore[operator]
    found, arrays = read_source(folder / "source"), muscle_map.arrays
    source = choose(
        found.volumes, found.others, arrays["anatomy"], arrays["label"], folder / "source"
    )
    write_dicom(folder, muscle_map, source, pdf=None)
    return folder / "dicom"


def against_map(world: np.ndarray, image: Image, outside: float) -> tuple[np.ndarray, float]:
    """Return the map's values at points (..., 3), and how far these lie from voxel centres, mm."""
    voxels = image.to_voxels(world)
    near = np.rint(voxels).astype(int)
    off = float(np.linalg.norm((voxels - near) * image.spacing, axis=-1).max())
    inside = np.all((near >= 0) & (near < image.shape), axis=-1)
    values = np.full(world.shape[:-1], outside, np.float64)
    values[inside] = image.data[tuple(near[inside].T)]
    return values, off


def judge_segments(path: Path, muscle_map: MuscleMap) -> tuple[float, int]:
    """Return position error (mm) and wrong voxels of a segmentation of either kind."""
    labels = muscle_map.arrays["label"]
    words = {side_and_name(int(v)): int(v) for v in np.unique(labels.data) if v}
    told = {n: words.get(w, 0) for n, w in readers.segment_labels(path).items()}
    off, wrong, seen = 0.0, 0, 0
    for frame in readers.frames(path):
        true, apart = against_map(frame.world, labels, 0)
        off = max(off, apart)
        if frame.segment:
            label = told[frame.segment]
            wrong += int(((frame.values > 0) != (true == label)).sum())
            seen += int((frame.values > 0).sum())
        else:
            held = np.vectorize(lambda v: told.get(int(v), 0))(frame.values)
            wrong += int((held != true).sum())
            seen += int((held > 0).sum())
    # Frames without a voxel may be left out: what no frame holds is missing.
    return off, wrong + abs(int((labels.data > 0).sum()) - seen)


def judge_map(path: Path, image: Image, labels: Image, factor: float) -> tuple[float, int]:
    """Return position error (mm) and wrong voxels of a Parametric Map."""
    off, wrong, seen = 0.0, 0, 0
    for frame in readers.frames(path):
        true, apart = against_map(frame.world, image, np.nan)
        true = true.astype(np.float32) * np.float32(factor)
        same = (true == frame.values) | (np.isnan(true) & np.isnan(frame.values))
        off, wrong = max(off, apart), wrong + int((~same).sum())
        seen += int(np.isfinite(frame.values).sum())
    return off, wrong + abs(int(np.isfinite(image.data).sum()) - seen)


def judge_converted(path: Path, image: Image, factor: float, empty: float) -> tuple[float, int]:
    """Return the same of an object that dcm2niix turns into NIfTI."""
    with tempfile.TemporaryDirectory() as scratch:
        loaded = nib.load(convert([path], Path(scratch)).images[0])
        data = np.asarray(loaded.dataobj, np.float32)
        world = Image(data, loaded.affine).to_world(
            np.stack(np.meshgrid(*map(np.arange, data.shape), indexing="ij"), -1)
        )
    true, off = against_map(world, image, empty)
    true = np.nan_to_num(true.astype(np.float32) * np.float32(factor))
    return off, int((np.nan_to_num(data) != true).sum())


def judge_bits(path: Path) -> int:
    """Return how many voxels of a segmentation by bits ITK unpacks otherwise than by hand."""
    unpacked = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).ravel() > 0
    own = np.stack([frame.values > 0 for frame in readers.frames(path)]).ravel()
    # SimpleITK 2.5.7 leaves the bits of an unfinished last byte as the memory had them.
    whole = own.size // 8 * 8
    return int((unpacked[:whole] != own[:whole]).sum())


def judge_tracks(path: Path, muscle_map: MuscleMap) -> float:
    """Return the largest distance of a point from its place, mm."""
    fascicles = muscle_map.fascicles
    assert fascicles is not None
    found = readers.tracks(path)
    off = 0.0
    for label, part in fascicles.by_label():
        lines = np.split(part.points, part.offsets[1:-1])
        own = found[side_and_name(label)]
        assert len(own) == len(lines)
        off = max(off, *(np.abs(a - b).max() for a, b in zip(own, lines, strict=True)))
    return float(off)


def judge_surface(path: Path, muscle_map: MuscleMap) -> float:
    """Return the largest distance of a vertex from its place, both ways, mm."""
    title, mesh = readers.surface(path)
    (label,) = [v for v in muscle_map.surfaces if side_and_name(v) == title]
    true = np.asarray(muscle_map.surfaces[label].points, float)
    a = cKDTree(true).query(mesh.points)[0].max()
    b = cKDTree(mesh.points).query(true)[0].max()
    if mesh.volume <= 0:
        return np.inf
    return float(max(a, b))


def errors(path: Path) -> tuple[list[str], bool]:
    """Return the errors that dciodvfy finds, and whether it knows the kind of object."""
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, check=False)
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    found = [line for line in lines if line.startswith("Error")]
    if any(UNKNOWN_OBJECT in line for line in found):
        return [e for e in found if UNKNOWN_OBJECT not in e and OF_BITS not in e], False
    return found, True


def _row(name: str, off: float | None, wrong: int | None) -> None:
    place = "-" if off is None else f"{off:.6f}"
    print(f"  {name:<34}{place:>12}{'-' if wrong is None else wrong:>8}")


def case(name: str, pacs: bool) -> None:
    angles, write_source, sides = CASES[name]
    muscle_map = turned_map(angles, sides)
    with tempfile.TemporaryDirectory() as scratch:
        folder = export(Path(scratch), muscle_map, write_source)
        print(f"\n{name}\n  {'object, reader':<34}{'off, mm':>12}{'wrong':>8}")
        labels, start = muscle_map.arrays["label"], folder / "sub-01"
        for key in ("segments", "labelmap"):
            _row(f"{key}, by hand", *judge_segments(Path(f"{start}_{key}.dcm"), muscle_map))
        _row("segments, bits by ITK", None, judge_bits(Path(f"{start}_segments.dcm")))
        numbered = {v: n for n, v in enumerate(np.unique(labels.data)[1:], start=1)}
        ranks = labels.with_data(np.vectorize(lambda v: numbered.get(v, 0))(labels.data))
        _row("labelmap, dcm2niix", *judge_converted(Path(f"{start}_labelmap.dcm"), ranks, 1, 0))
        for layer, factor in MAPS.items():
            path, image = Path(f"{start}_{layer}.dcm"), muscle_map.arrays[layer]
            _row(f"{layer}, by hand", *judge_map(path, image, labels, factor))
            _row(f"{layer}, dcm2niix", *judge_converted(path, image, factor, np.nan))
        _row("fascicles, by hand", judge_tracks(Path(f"{start}_tracts.dcm"), muscle_map), None)
        meshes = sorted(folder.glob("*_surface.dcm"))
        _row(f"{len(meshes)} surfaces, VTK",
             max(judge_surface(path, muscle_map) for path in meshes), None)  # fmt: skip
        _conformance(sorted(folder.glob("*.dcm")))
        if pacs:
            _archive(Path(scratch))


def _conformance(paths: list[Path]) -> None:
    if shutil.which("dciodvfy") is None:
        print("  dciodvfy is not installed: conformance not measured")
        return
    judged = {path.name: errors(path) for path in paths}
    known = [name for name, (_, knows) in judged.items() if knows]
    count = sum(len(judged[name][0]) for name in known)
    print(f"  dciodvfy: {count} errors in {len(known)} objects")
    for name, (found, knows) in judged.items():
        for line in found:
            print(f"    {name}: {line}")
        if not knows:
            print(f"    {name}: this dciodvfy does not know the kind of object")


def _archive(folder: Path) -> None:
    if why := _pacs.why_not():
        print(f"  archive not measured: {why}")
        return
    found = _pacs.round_trip(folder)
    for way in ("stow", "cstore"):
        told = found[way]
        counts = f"stored {told['stored']}, found by query {told['queried']}"
        failed = " ".join(told["failed"])
        print(f"  {way:<7} sent {found['sent']}, {counts}, the same {told['same']} {failed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pacs", action="store_true", help="also through Orthanc")
    chosen = parser.parse_args()
    for name in CASES:
        case(name, chosen.pacs)


if __name__ == "__main__":
    main()
