#!/usr/bin/env bash
# VTK's glTF reader gives nothing of a scene that says in the short way that a part does not move.
#
# Versions: vtk 9.7.2 (PyPI), numpy 2.4.6.
# Input: a valid GLB of one triangle with a morph target, as animated scenes have. glTF 2.0 lets an
# accessor stand without a bufferView: all its values are then 0. It is the short way to say that no
# point moves while colours do. The same triangle with 36 bytes of zeros in a bufferView is read, too.
# Seen: with the bytes 3 points are read. Without them the reader reports "Error loading
# mesh.primitive.target attribute 'POSITION'" and returns an empty output: the whole scene is lost.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check vtk==9.7.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
import struct
import sys

import numpy as np
from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringOutputWindow
from vtkmodules.vtkIOGeometry import vtkGLTFReader

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()
FACE = np.array([0, 1, 2, 0], "<u2").tobytes()  # the last is padding


def write(path, *, zeros_written):
    data = CORNERS + FACE
    views = [
        {"buffer": 0, "byteOffset": 0, "byteLength": 36},
        {"buffer": 0, "byteOffset": 36, "byteLength": 6},
    ]
    moved = {"componentType": 5126, "count": 3, "type": "VEC3", "min": [0] * 3, "max": [0] * 3}
    if zeros_written:
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": 36})
        moved["bufferView"] = 2
        data += bytes(36)
    corner = {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}
    part = {"attributes": {"POSITION": 0}, "indices": 1, "targets": [{"POSITION": 2}]}
    scene = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [part], "weights": [0.0]}],
        "accessors": [
            {**corner, "min": [0, 0, 0], "max": [1, 1, 0]},
            {"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"},
            moved,
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": len(data)}],
    }
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    with open(path, "wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data)))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", len(data), b"BIN\0") + data)


said = vtkStringOutputWindow()
vtkOutputWindow.SetInstance(said)
seen = {}
for written in (True, False):
    write("triangle.glb", zeros_written=written)
    reader = vtkGLTFReader()
    reader.SetFileName("triangle.glb")
    reader.Update()
    seen[written] = reader.GetOutput().GetNumberOfPoints()
    print(f"zeros {'written out' if written else 'left out'}: {seen[written]} points")
refused = "Error loading mesh.primitive.target" in said.GetOutput()
same = seen == {True: 3, False: 0} and refused
sys.exit(0 if same else "VTK now reads such a scene")
PYTHON
