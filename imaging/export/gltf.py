"""The map as one binary glTF: muscles, bones, aponeuroses, fascicles, activation over the cycle.

Vertices stay in world RAS+ mm; the root node turns and scales them into glTF's metres with +Y up
and +Z forward: superior is +Y, anterior +Z, the person's left +X. The matrix is a rotation, so
nothing is mirrored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pygltflib as gltf
from numpy.typing import NDArray

from imaging import __version__
from imaging.export.activation import PAINTED, Curves, curves
from imaging.export.colours import GREY, RGB, SHEET, muscle_colour
from imaging.export.inputs import Aponeurosis, Fascicles, MuscleMap, full_name
from imaging.muscles import structure_of

# Column-major: (r, a, s) mm to (-r, s, a) m.
_ROOT_MATRIX = [-0.001, 0, 0, 0, 0, 0, 0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1]
# A muscle at the largest activation; far in lightness from every muscle's own colour.
_ACTIVE: RGB = (255, 240, 60)
_CYCLE_S = 2.0
_OPAQUE, _FASCICLES, _SHEET = 0, 1, 2
_SHEET_OPACITY = 0.55


def glb_bytes(muscle_map: MuscleMap) -> bytes:
    """Return the map as binary glTF 2.0.

    Parameters
    ----------
    muscle_map
        Surfaces, and what else there is; all of it is written, see
        :func:`imaging.export.mesh.for_screen`.

    Notes
    -----
    Activation is the weight of a morph target on COLOR_0 (and on POSITION, by zero, which the
    format asks for), animated over one cycle shown in two seconds.
    """
    scene = _Scene()
    painted = curves(muscle_map.activation)
    for label, mesh in muscle_map.surfaces.items():
        if structure_of(label).tissue in ("fat", "skin"):
            continue
        faces = np.asarray(mesh.regular_faces)
        scene.add_muscle(label, np.asarray(mesh.points, np.float32), faces, painted)
    if muscle_map.fascicles is not None:
        for label, of_muscle in muscle_map.fascicles.by_label():
            scene.add_fascicles(label, of_muscle)
    for label, sheet in muscle_map.aponeuroses.items():
        scene.add_sheet(label, sheet)
    return scene.finish(painted)


class _Scene:
    """Collects accessors, meshes and nodes into one glTF with one buffer."""

    def __init__(self) -> None:
        self.blob = bytearray()
        self.channels: list[tuple[int, int]] = []
        self.file = gltf.GLTF2(
            asset=gltf.Asset(
                version="2.0", generator=f"pennate {__version__}",
                extras={"frame": "vertices in world RAS+ mm", "use": "research use only"},
            ),
            materials=[
                _material("opaque", 0.35),
                _material("fascicles", 0.8),
                _material("aponeurosis", 0.5, _SHEET_OPACITY),
            ],
            nodes=[gltf.Node(name="RAS mm to metres, Y up", matrix=_ROOT_MATRIX, children=[])],
            scenes=[gltf.Scene(nodes=[0])],
            scene=0,
        )  # fmt: skip

    def add_muscle(
        self, label: int, points: NDArray[Any], faces: NDArray[Any], painted: Curves | None
    ) -> None:
        """Add the surface of a muscle or bone, with its activation where it was recorded."""
        active = painted is not None and label in painted.values
        muscle = structure_of(label).is_muscle
        colour = GREY if painted is not None and muscle and not active else muscle_colour(label)
        primitive = self.surface(points, faces, colour, _OPAQUE)
        name = full_name(label)
        mesh = gltf.Mesh(name=name, primitives=[primitive], extras={"label": label})
        if painted is not None and active:
            change = _paint(_ACTIVE, len(points)) - _paint(colour, len(points))
            target = {
                "POSITION": self.accessor(np.zeros_like(points), gltf.ARRAY_BUFFER, bounds=True),
                "COLOR_0": self.accessor(change, gltf.ARRAY_BUFFER),
            }
            primitive.targets = [target]
            mesh.weights = [0.0]
            mesh.extras["targetNames"] = ["activation: EMG painted on anatomy"]
            name += " (EMG painted on anatomy)"
        elif painted is not None and muscle:
            name += " (EMG not measured)"
        node = self.add_node(mesh, name)
        if painted is not None and active:
            curve = painted.shares(label).astype(np.float32)
            self.channels.append((node, self.accessor(curve)))

    def add_sheet(self, label: int, sheet: Aponeurosis) -> None:
        """Add the internal aponeurosis of one muscle as a semi-transparent sheet."""
        points, faces = np.asarray(sheet.mesh.points, np.float32), sheet.mesh.regular_faces
        name = f"aponeurosis of {full_name(label)}" + (" (found from the data)" * sheet.found)
        primitive = self.surface(points, np.asarray(faces), SHEET, _SHEET)
        extras = {"label": label, "found": sheet.found}
        self.add_node(gltf.Mesh(name=name, primitives=[primitive], extras=extras), name)

    def surface(
        self, points: NDArray[Any], faces: NDArray[Any], colour: RGB, material: int
    ) -> gltf.Primitive:
        """Append a mesh of one colour to the buffer."""
        return gltf.Primitive(
            attributes=gltf.Attributes(
                POSITION=self.accessor(points, gltf.ARRAY_BUFFER, bounds=True),
                NORMAL=self.accessor(_normals(points, faces), gltf.ARRAY_BUFFER),
                COLOR_0=self.accessor(_paint(colour, len(points)), gltf.ARRAY_BUFFER),
            ),
            indices=self.accessor(faces.astype(np.uint32).ravel(), gltf.ELEMENT_ARRAY_BUFFER),
            material=material,
        )

    def add_fascicles(self, label: int, fascicles: Fascicles) -> None:
        """Add the fascicles of one muscle as line segments in a lighter tone of its colour."""
        count = len(fascicles.points)
        steps = np.arange(count - 1)
        # No segment leads from one fascicle to the next.
        steps = np.delete(steps, fascicles.offsets[1:-1] - 1)
        colour = 0.5 + 0.5 * _paint(muscle_colour(label), count)
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
        name = f"fascicles of {full_name(label)}"
        self.add_node(gltf.Mesh(name=name, primitives=[primitive], extras={"label": label}), name)

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
        """Append values (N,) or (N, 3), float32 or uint32, to the buffer."""
        values = np.ascontiguousarray(values)
        view = gltf.BufferView(
            buffer=0, byteOffset=len(self.blob), byteLength=values.nbytes, target=target
        )
        self.blob += values.tobytes()
        self.file.bufferViews.append(view)
        whole = values.dtype == np.uint32
        accessor = gltf.Accessor(
            bufferView=len(self.file.bufferViews) - 1,
            componentType=gltf.UNSIGNED_INT if whole else gltf.FLOAT,
            count=len(values),
            type=gltf.SCALAR if values.ndim == 1 else gltf.VEC3,
        )
        if bounds:
            low, high = values.min(axis=0), values.max(axis=0)
            accessor.min, accessor.max = np.atleast_1d(low).tolist(), np.atleast_1d(high).tolist()
        self.file.accessors.append(accessor)
        return len(self.file.accessors) - 1

    def finish(self, painted: Curves | None) -> bytes:
        """Add the animation and return the binary file."""
        if painted is not None and self.channels:
            times = (painted.percent - painted.percent[0]) / np.ptp(painted.percent) * _CYCLE_S
            start = self.accessor(times.astype(np.float32), bounds=True)
            animation = gltf.Animation(
                name="gait cycle: EMG painted on anatomy",
                extras={"note": f"{PAINTED}. One cycle lasts {_CYCLE_S:g} s on the screen only."},
            )
            for k, (node, weights) in enumerate(self.channels):
                animation.samplers.append(gltf.AnimationSampler(input=start, output=weights))
                to = gltf.AnimationChannelTarget(node=node, path="weights")
                animation.channels.append(gltf.AnimationChannel(sampler=k, target=to))
            self.file.animations = [animation]
        self.file.buffers = [gltf.Buffer(byteLength=len(self.blob))]
        self.file.set_binary_blob(bytes(self.blob))
        return b"".join(self.file.save_to_bytes())


def _material(name: str, roughness: float, opacity: float = 1.0) -> gltf.Material:
    return gltf.Material(
        name=name,
        alphaMode=gltf.OPAQUE if opacity == 1 else gltf.BLEND,
        doubleSided=True,
        pbrMetallicRoughness=gltf.PbrMetallicRoughness(
            baseColorFactor=[1.0, 1.0, 1.0, opacity], metallicFactor=0.0, roughnessFactor=roughness
        ),
    )


def _paint(colour: Sequence[int], count: int) -> NDArray[np.float32]:
    """Return a colour given in sRGB as linear RGB per vertex, which glTF's COLOR_0 holds."""
    share = np.array(colour) / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.tile(linear.astype(np.float32), (count, 1))


def _normals(points: NDArray[Any], faces: NDArray[Any]) -> NDArray[np.float32]:
    corners = points[faces].astype(np.float64)
    weighted = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((len(points), 3))
    for corner in range(3):
        np.add.at(normals, faces[:, corner], weighted)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    up = np.tile([0.0, 0.0, 1.0], (len(points), 1))
    return np.where(lengths > 0, normals / np.where(lengths > 0, lengths, 1), up).astype(np.float32)
