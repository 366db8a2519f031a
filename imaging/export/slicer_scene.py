"""A scene of 3D Slicer (MRML): anatomy, see-through muscles, bones, fascicles and aponeuroses.

The scene names the files of the export that lie beside it, so the folder can be moved as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

import numpy as np
import pyvista as pv

from imaging.formats.nrrd import Segment
from imaging.formats.polydata import lines_mesh
from imaging.musclemap.read.meshes import MapFascicles, MapSheet
from imaging.muscles import Names, structure_of
from imaging.palette import SHEET, muscle_colour

COLOUR = "colour"
_MUSCLE_OPACITY, _SHEET_OPACITY = 0.3, 0.6
_VOLUME = "vtkMRMLScalarVolumeNode1"


def coloured_lines(fascicles: MapFascicles) -> pv.PolyData:
    """Return fascicles as lines with label, measures and the colour of their muscle, 0..255."""
    mesh = lines_mesh(fascicles.points, fascicles.offsets)
    if not len(fascicles):
        return mesh
    mesh.cell_data["label"] = fascicles.labels.astype(np.int32)
    for name in fascicles.measures:
        mesh.cell_data[name] = fascicles.data[name].to_numpy(np.float32)
    colours = {int(v): muscle_colour(int(v)) for v in np.unique(fascicles.labels)}
    mesh.cell_data[COLOUR] = np.array([colours[int(v)] for v in fascicles.labels], np.uint8)
    return mesh


def all_sheets(sheets: Mapping[int, MapSheet]) -> pv.PolyData:
    """Return the internal aponeuroses of all muscles as one mesh with label and found (1 or 0)."""
    meshes = []
    for label, sheet in sheets.items():
        mesh = sheet.mesh.copy()
        mesh.clear_data()
        mesh.cell_data["label"] = np.full(mesh.n_cells, label, np.int32)
        mesh.cell_data["found"] = np.full(mesh.n_cells, sheet.found, np.uint8)
        meshes.append(mesh)
    return meshes[0].append_polydata(*meshes[1:])


def scene(
    anatomy: str,
    labels: str,
    segments: Sequence[Segment],
    names: Names,
    *,
    fascicles: str | None,
    sheets: str | None,
) -> str:
    """Return the scene as XML.

    Parameters
    ----------
    anatomy, labels
        Names of the anatomical image and of the segmentation, as seen from the scene.
    segments
        Of the segmentation.
    names
        Of the muscles that the catalogue does not know.
    fascicles, sheets
        Names of the meshes of :func:`coloured_lines` and :func:`all_sheets`, None without.
    """
    root = ET.Element("MRML", version="Slicer4.11")
    _add_volume(root, anatomy)
    _add_segmentation(root, labels, segments, names)
    if fascicles is not None:
        _add_model(root, 1, "fascicles", fascicles, {
            "scalarVisibility": "true", "activeScalarName": COLOUR,
            "activeAttributeLocation": "cell", "scalarRangeFlag": "UseDirectMapping",
            "lineWidth": "2",
        })  # fmt: skip
    if sheets is not None:
        colour = " ".join(f"{c / 255:.4f}" for c in SHEET)
        _add_model(root, 2, "internal aponeuroses", sheets, {
            "color": colour, "opacity": str(_SHEET_OPACITY), "backfaceCulling": "false",
        })  # fmt: skip
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _add_volume(root: ET.Element, file: str) -> None:
    """Add the anatomical image, shown in the three slice views."""
    storage, display = "vtkMRMLVolumeArchetypeStorageNode1", "vtkMRMLScalarVolumeDisplayNode1"
    ET.SubElement(root, "VolumeArchetypeStorage", id=storage, fileName=file, singleFile="1")
    ET.SubElement(root, "VolumeDisplay", id=display, colorNodeID="vtkMRMLColorTableNodeGrey",
                  autoWindowLevel="1", interpolate="1")  # fmt: skip
    ET.SubElement(root, "Volume", id=_VOLUME, name="anatomy", storageNodeRef=storage,
                  displayNodeRef=display)  # fmt: skip
    for view in ("Red", "Green", "Yellow"):
        ET.SubElement(root, "SliceComposite", id=f"vtkMRMLSliceCompositeNode{view}",
                      singletonTag=view, layoutName=view, backgroundVolumeID=_VOLUME)  # fmt: skip


def _add_segmentation(
    root: ET.Element, file: str, segments: Sequence[Segment], names: Names
) -> None:
    storage, display = "vtkMRMLSegmentationStorageNode1", "vtkMRMLSegmentationDisplayNode1"
    ET.SubElement(root, "SegmentationStorage", id=storage, fileName=file)
    shown = {
        "PreferredDisplayRepresentationName2D": "Binary labelmap",
        "PreferredDisplayRepresentationName3D": "Closed surface",
        "SegmentationDisplayProperties": "".join(_shown_as(s, names) for s in segments),
    }
    ET.SubElement(root, "SegmentationDisplay", {"id": display, "visibility": "true", **shown})
    ET.SubElement(root, "Segmentation", id="vtkMRMLSegmentationNode1", name="muscles and bones",
                  storageNodeRef=storage, displayNodeRef=display)  # fmt: skip


def _shown_as(segment: Segment, names: Names) -> str:
    """Return how a segment is shown: muscles see-through, fat and skin in slices only."""
    part = structure_of(segment.value, names)
    shown = {
        "Visible": "true",
        "Visible3D": "false" if part.tissue in ("fat", "skin") else "true",
        "Opacity3D": str(_MUSCLE_OPACITY if part.is_muscle else 1),
        "Opacity2DFill": "0.4",
    }
    return " ".join([segment.id, *(f"{key}:{value}" for key, value in shown.items())]) + "|"


def _add_model(
    root: ET.Element, number: int, name: str, file: str, shown: Mapping[str, str]
) -> None:
    storage, display = f"vtkMRMLModelStorageNode{number}", f"vtkMRMLModelDisplayNode{number}"
    ET.SubElement(root, "ModelStorage", id=storage, fileName=file)
    ET.SubElement(root, "ModelDisplay", {"id": display, "visibility": "true", **shown})
    ET.SubElement(root, "Model", id=f"vtkMRMLModelNode{number}", name=name,
                  storageNodeRef=storage, displayNodeRef=display)  # fmt: skip
