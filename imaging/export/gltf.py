"""The map as one binary glTF: muscles, bones, aponeuroses, fascicles, activation over the cycle.

Vertices stay in world RAS+ mm; the root node turns and scales them into glTF's metres with +Y up
and +Z forward: superior is +Y, anterior +Z, the person's left +X. The matrix is a rotation, so
nothing is mirrored.

Muscles are see-through, so that fascicles and aponeuroses show inside them. They show their outer
side only and stand last in the file: what is drawn before a see-through surface is seen through it,
also where a program does not sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pygltflib as gltf
import pyvista as pv
from numpy.typing import NDArray

from imaging import __version__
from imaging.export.activation import curves, force_curves
from imaging.export.mesh import outward
from imaging.export.morphs import (
    Painted,
    lighter,
    linear,
    targets_of_fascicles,
    targets_of_surface,
)
from imaging.musclemap.read.meshes import MapFascicles, MapSheet
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.muscles import Names, side_and_name, structure_of
from imaging.palette import RGB, SHEET, muscle_colour

# Column-major: (r, a, s) mm to (-r, s, a) m.
_ROOT_MATRIX = [-0.001, 0, 0, 0, 0, 0, 0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1]
_CYCLE_S = 2.0
_BONE, _FASCICLES, _SHEET, _MUSCLE = 0, 1, 2, 3
_SHEET_OPACITY, _MUSCLE_OPACITY = 0.55, 0.3
_TARGETS = ["active: EMG painted on anatomy", "own part of the force, or no force known"]
_NOT_MEASURED = ["EMG not measured"]
_COMPONENTS = {
    "float32": gltf.FLOAT, "uint32": gltf.UNSIGNED_INT, "uint8": gltf.UNSIGNED_BYTE,
    "int8": gltf.BYTE,
}  # fmt: skip


def glb_bytes(muscle_map: MuscleMap) -> bytes:
    """Return the map as binary glTF 2.0.

    Parameters
    ----------
    muscle_map
        Surfaces, and what else there is; all of it is written, see
        :func:`imaging.export.mesh.for_screen`.

    Notes
    -----
    Activation, and share of force, are weights of morph targets on COLOR_0 (and on POSITION, by
    zero, which the format asks for), each an animation over one cycle shown in two seconds.
    """
    scene = _Scene(muscle_map.names)
    shown = muscle_map.surfaces
    painted = Painted(curves(muscle_map.activation, shown), force_curves(muscle_map.load, shown))
    tissues = {label: structure_of(label, muscle_map.names).tissue for label in shown}
    for label in (label for label, tissue in tissues.items() if tissue == "bone"):
        scene.add_bone(label, shown[label])
    if muscle_map.fascicles is not None:
        for label, of_muscle in muscle_map.fascicles.by_label():
            scene.add_fascicles(label, of_muscle, painted)
    for label, sheet in muscle_map.aponeuroses.items():
        scene.add_sheet(label, sheet)
    for label in (label for label, tissue in tissues.items() if tissue in ("muscle", "group")):
        scene.add_muscle(label, shown[label], painted)
    return scene.finish(painted)


class _Scene:
    """Collects accessors, meshes and nodes into one glTF with one buffer."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.blob = bytearray()
        self.still: list[gltf.Accessor] = []
        self.channels: list[tuple[int, int, int]] = []  # node, label, number of targets
        self.file = gltf.GLTF2(
            asset=gltf.Asset(
                version="2.0", generator=f"pennate {__version__}",
                extras={"frame": "vertices in world RAS+ mm", "use": "research use only"},
            ),
            materials=[
                _material("bone", 0.6),
                _material("fascicles", 0.8),
                _material("aponeurosis", 0.5, _SHEET_OPACITY),
                _material("muscle", 0.6, _MUSCLE_OPACITY, both_sides=False),
            ],
            nodes=[gltf.Node(name="RAS mm to metres, Y up", matrix=_ROOT_MATRIX, children=[])],
            scenes=[gltf.Scene(nodes=[0])],
            scene=0,
        )  # fmt: skip

    def add_bone(self, label: int, mesh: pv.PolyData) -> None:
        """Add the surface of a bone, which hides what is behind it."""
        primitive = self.surface(mesh.points, outward(mesh), muscle_colour(label), _BONE)
        name = side_and_name(label, self.names)
        self.add_node(gltf.Mesh(name=name, primitives=[primitive], extras={"label": label}), name)

    def add_muscle(self, label: int, mesh: pv.PolyData, painted: Painted) -> None:
        """Add the see-through surface of a muscle, with its activation where it was recorded."""
        colour = muscle_colour(label)
        primitive = self.surface(mesh.points, outward(mesh), colour, _MUSCLE)
        name = side_and_name(label, self.names)
        changes = [
            np.tile(change, (mesh.n_points, 1))
            for change in targets_of_surface(label, colour, painted)
        ]
        if painted.is_recorded(label):
            called = f"{name} (EMG painted on anatomy)"
        else:
            called = f"{name} (EMG not measured)" if changes else name
        shape = gltf.Mesh(name=name, primitives=[primitive], extras={"label": label})
        self.animate(label, shape, called, changes, painted)

    def animate(
        self,
        label: int,
        mesh: gltf.Mesh,
        name: str,
        targets: Sequence[NDArray[Any]],
        painted: Painted,
    ) -> None:
        """Add a mesh whose colour changes by these targets, each per vertex; none: it stays."""
        if targets:
            count = len(targets[0])
            still = self.zeros(count)
            mesh.primitives[0].targets = [
                {"POSITION": still, "COLOR_0": self.accessor(change, gltf.ARRAY_BUFFER)}
                for change in targets
            ]
            mesh.weights = [0.0] * len(targets)
            names = _TARGETS if painted.is_recorded(label) else _NOT_MEASURED
            mesh.extras["targetNames"] = names[: len(targets)]
        node = self.add_node(mesh, name)
        if targets:
            self.channels.append((node, label, len(targets)))

    def add_sheet(self, label: int, sheet: MapSheet) -> None:
        """Add the internal aponeurosis of one muscle as a semi-transparent sheet."""
        name = f"aponeurosis of {side_and_name(label, self.names)}"
        name += " (found from the data)" * sheet.found
        faces = np.asarray(sheet.mesh.regular_faces)
        primitive = self.surface(sheet.mesh.points, faces, SHEET, _SHEET)
        extras = {"label": label, "found": sheet.found}
        self.add_node(gltf.Mesh(name=name, primitives=[primitive], extras=extras), name)

    def surface(
        self, points: NDArray[Any], faces: NDArray[Any], colour: RGB, material: int
    ) -> gltf.Primitive:
        """Append a mesh of one colour to the buffer."""
        points = np.asarray(points, np.float32)
        return gltf.Primitive(
            attributes=gltf.Attributes(
                POSITION=self.accessor(points, gltf.ARRAY_BUFFER, bounds=True),
                NORMAL=self.accessor(_normals(points, faces), gltf.ARRAY_BUFFER),
                COLOR_0=self.accessor(np.tile(linear(colour), (len(points), 1)), gltf.ARRAY_BUFFER),
            ),
            indices=self.accessor(faces.astype(np.uint32).ravel(), gltf.ELEMENT_ARRAY_BUFFER),
            material=material,
        )

    def add_fascicles(self, label: int, fascicles: MapFascicles, painted: Painted) -> None:
        """Add the fascicles of one muscle as line segments in a lighter tone of its colour."""
        count = len(fascicles.points)
        steps = np.arange(count - 1)
        # No segment leads from one fascicle to the next.
        steps = np.delete(steps, fascicles.offsets[1:-1] - 1)
        own = muscle_colour(label)
        colour = np.tile(_bytes(lighter(own), np.uint8), (count, 1))
        primitive = gltf.Primitive(
            attributes=gltf.Attributes(
                POSITION=self.accessor(fascicles.points, gltf.ARRAY_BUFFER, bounds=True),
                COLOR_0=self.accessor(colour, gltf.ARRAY_BUFFER),
            ),
            indices=self.accessor(
                np.stack([steps, steps + 1], 1).astype(np.uint32).ravel(),
                gltf.ELEMENT_ARRAY_BUFFER,
            ),
            mode=gltf.LINES,
            material=_FASCICLES,
        )
        targets = []
        for change in targets_of_fascicles(label, own, painted, fascicles.data):
            per = np.broadcast_to(change, (len(fascicles), 3))
            targets.append(np.repeat(_bytes(per, np.int8), np.diff(fascicles.offsets), axis=0))
        name = f"fascicles of {side_and_name(label, self.names)}"
        mesh = gltf.Mesh(name=name, primitives=[primitive], extras={"label": label})
        self.animate(label, mesh, name, targets, painted)

    def add_node(self, mesh: gltf.Mesh, name: str) -> int:
        """Add a mesh under the root node and return its node."""
        self.file.meshes.append(mesh)
        self.file.nodes.append(gltf.Node(name=name, mesh=len(self.file.meshes) - 1))
        node = len(self.file.nodes) - 1
        self.file.nodes[0].children.append(node)
        return node

    def accessor(
        self, values: NDArray[Any], target: int | None = None, *, bounds: bool = False
    ) -> int:
        """Append values (N,) or (N, 3), float32 or uint32, or colours (N, 4) of bytes."""
        values = np.ascontiguousarray(values)
        view = gltf.BufferView(
            buffer=0, byteOffset=len(self.blob), byteLength=values.nbytes, target=target
        )
        self.blob += values.tobytes()
        self.file.bufferViews.append(view)
        accessor = gltf.Accessor(
            bufferView=len(self.file.bufferViews) - 1,
            componentType=_COMPONENTS[values.dtype.name],
            normalized=values.itemsize == 1,
            count=len(values),
            type=gltf.SCALAR if values.ndim == 1 else f"VEC{values.shape[1]}",
        )
        if bounds:
            low, high = values.min(axis=0), values.max(axis=0)
            accessor.min, accessor.max = np.atleast_1d(low).tolist(), np.atleast_1d(high).tolist()
        self.file.accessors.append(accessor)
        return len(self.file.accessors) - 1

    def zeros(self, count: int) -> int:
        """Return an accessor of points (N, 3) that are all 0; all share one part of the buffer.

        glTF allows accessors without any, but ParaView (VTK 9) does not read them.
        """
        self.file.accessors.append(gltf.Accessor(
            componentType=gltf.FLOAT, count=count, type=gltf.VEC3, min=[0.0] * 3, max=[0.0] * 3,
        ))  # fmt: skip
        self.still.append(self.file.accessors[-1])
        return len(self.file.accessors) - 1

    def finish(self, painted: Painted) -> bytes:
        """Add the animations and return the binary file."""
        for name, note, shown, force in painted.animations() if self.channels else ():
            times = (shown.percent - shown.percent[0]) / np.ptp(shown.percent) * _CYCLE_S
            start = self.accessor(times.astype(np.float32), bounds=True)
            note = f"{note}. One cycle lasts {_CYCLE_S:g} s on the screen only."
            animation = gltf.Animation(name=name, extras={"note": note})
            for k, (node, label, targets) in enumerate(self.channels):
                output = self.accessor(painted.weights(label, force, targets))
                animation.samplers.append(gltf.AnimationSampler(input=start, output=output))
                to = gltf.AnimationChannelTarget(node=node, path="weights")
                animation.channels.append(gltf.AnimationChannel(sampler=k, target=to))
            self.file.animations.append(animation)
        if self.still:
            size = 12 * max(accessor.count for accessor in self.still)
            view = gltf.BufferView(
                buffer=0, byteOffset=len(self.blob), byteLength=size, byteStride=12,
                target=gltf.ARRAY_BUFFER,
            )  # fmt: skip
            self.blob += bytes(size)
            self.file.bufferViews.append(view)
            for accessor in self.still:
                accessor.bufferView = len(self.file.bufferViews) - 1
        self.file.buffers = [gltf.Buffer(byteLength=len(self.blob))]
        self.file.set_binary_blob(bytes(self.blob))
        return b"".join(self.file.save_to_bytes())


def _material(
    name: str, roughness: float, opacity: float = 1.0, *, both_sides: bool = True
) -> gltf.Material:
    return gltf.Material(
        name=name,
        alphaMode=gltf.OPAQUE if opacity == 1 else gltf.BLEND,
        doubleSided=both_sides,
        pbrMetallicRoughness=gltf.PbrMetallicRoughness(
            baseColorFactor=[1.0, 1.0, 1.0, opacity], metallicFactor=0.0, roughnessFactor=roughness
        ),
    )


def _bytes(colours: NDArray[Any], kind: type[np.integer[Any]]) -> NDArray[Any]:
    """Return linear colours (N, 3), or changes of them, as bytes with opacity, (N, 4)."""
    most = np.iinfo(kind).max
    opaque = 0 if kind is np.int8 else most
    scaled = np.rint(np.atleast_2d(colours) * most).clip(-most, most)
    return np.pad(scaled, ((0, 0), (0, 1)), constant_values=opaque).astype(kind)


def _normals(points: NDArray[Any], faces: NDArray[Any]) -> NDArray[np.float32]:
    corners = points[faces].astype(np.float64)
    weighted = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((len(points), 3))
    for corner in range(3):
        np.add.at(normals, faces[:, corner], weighted)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    up = np.tile([0.0, 0.0, 1.0], (len(points), 1))
    return np.where(lengths > 0, normals / np.where(lengths > 0, lengths, 1), up).astype(np.float32)
