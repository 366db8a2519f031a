#!/usr/bin/env bash
# Joining meshes drops the labels of all, without a word, where they are whole numbers of two widths.
#
# Versions: pyvista 0.49.1, vtk 9.7.2, numpy 2.4.6 (PyPI).
# Input: two closed surfaces, each with a cell array `label`; one is int16 as in label images of
# NIfTI, the other int32 as numpy's own arithmetic gives. Values and names are alike in kind.
# Seen: merge, append_polydata and VTK's own filter return every cell and no `label`: no error, no
# warning. With int16 on both sides the array is there. A float64 beside a float32 is lost as well.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  pyvista==0.49.1 vtk==9.7.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys
import warnings

import numpy as np
import pyvista as pv
from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringOutputWindow
from vtkmodules.vtkFiltersCore import vtkAppendPolyData

warnings.simplefilter("error")
said = vtkStringOutputWindow()
vtkOutputWindow.SetInstance(said)


def surface(x, kind):
    mesh = pv.Sphere(center=(x, 0, 0))
    mesh.cell_data["label"] = np.full(mesh.n_cells, 109, kind)
    return mesh


def joined(one, other):
    """Return whether each way of joining keeps the array, and how many cells it keeps."""
    plain = vtkAppendPolyData()
    plain.AddInputData(one)
    plain.AddInputData(other)
    plain.Update()
    ways = {"merge": one.merge(other), "append_polydata": one.append_polydata(other),
            "vtkAppendPolyData": pv.wrap(plain.GetOutput())}
    return {name: ("label" in mesh.cell_data, mesh.n_cells == one.n_cells + other.n_cells)
            for name, mesh in ways.items()}


same = True
for kinds, kept in ((("int16", "int16"), True), (("int16", "int32"), False),
                    (("float32", "float64"), False)):
    found = joined(surface(0, kinds[0]), surface(3, kinds[1]))
    print(f"{kinds[0]} and {kinds[1]}:", {name: "kept" if k else "lost" for name, (k, _) in found.items()})
    same &= all(value == (kept, True) for value in found.values())
print("said:", repr(said.GetOutput()))
sys.exit(0 if same and not said.GetOutput() else "labels are kept, or their loss is told")
PYTHON
