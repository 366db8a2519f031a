"""Surfaces and the subject's page as documents inside DICOM: Encapsulated STL and PDF."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyvista as pv

from imaging.export.dicom.objects import blank, item, refer
from imaging.export.dicom.placing import Placed
from imaging.export.dicom.segments import LONGEST
from imaging.export.mesh import outward
from imaging.formats import dicom_codes as codes
from imaging.formats.surfaces import stl_bytes
from imaging.muscles import ANONYMOUS, Names, side_and_key, side_and_name

_STL = "1.2.840.10008.5.1.4.1.1.104.3"
_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_LPS = np.array([-1.0, -1.0, 1.0])


def file_key(label: int) -> str:
    """Return side and key for names of files; what its drawer named may hold any letter.

    Examples
    --------
    >>> file_key(209), file_key(1001)
    ('right-SOL', 'label-1001')
    """
    return f"label-{label}" if label > ANONYMOUS else side_and_key(label, "-")


def surface(
    placed: Placed, label: int, mesh: pv.PolyData, names: Names, series_number: int, number: int
) -> Any:
    """Return the surface of a structure as STL in the patient's axes (LPS+ mm)."""
    source = placed.datasets[0]
    made = blank(source, _STL, "M3D", series_number, number, "Pennate surfaces")
    content = stl_bytes(np.asarray(mesh.points) * _LPS, outward(mesh), file_key(label), "LPS")
    _enclose(made, content, "model/stl", side_and_name(label, names), "MR3DCAMModel")
    made.MeasurementUnitsCodeSequence = [item(codes.unit("mm"))]
    made.ModelModification, made.ModelMirroring = "NO", "NO"
    refer(made, placed.datasets)
    return placed.settled(made)


def page(placed: Placed, pdf: bytes, series_number: int) -> Any:
    """Return the subject's page, a PDF."""
    source = placed.datasets[0]
    made = blank(source, _PDF, "DOC", series_number, 1, "Pennate page")
    _enclose(made, pdf, "application/pdf", "Muscle map of the lower leg", None)
    made.ConversionType = "WSD"
    del made.FrameOfReferenceUID, made.PositionReferenceIndicator
    return placed.settled(made)


def _enclose(made: Any, content: bytes, mime: str, title: str, concept: str | None) -> None:
    made.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    made.EncapsulatedDocumentLength = len(content)
    made.MIMETypeOfEncapsulatedDocument = mime
    made.DocumentTitle = title[:LONGEST]
    made.BurnedInAnnotation = "YES" if mime == "application/pdf" else "NO"
    made.AcquisitionDateTime = None
    made.ConceptNameCodeSequence = [] if concept is None else [item(codes.code("LN", concept))]
