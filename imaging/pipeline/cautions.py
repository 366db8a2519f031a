"""What must be known of a session's images before it is run, without stopping it."""

from __future__ import annotations

from pathlib import Path

from imaging.dataset import Finding, Session, sibling
from imaging.errors import InputError
from imaging.formats.nifti import load_image
from imaging.formats.nifti_place import place_warnings
from imaging.image import canonical
from imaging.io.label_sources import find_leg, read_drawing

_SINGLE = ("anat", "dwi", "fmap", "wave_fmap", "stiffness")


def cautions(session: Session) -> list[Finding]:
    """Return a finding of the state ``warning`` for all that a header or a drawing puts in doubt.

    Files that cannot be read are passed over: the inspection of their input says so.
    """
    given = [
        *((name, getattr(session, name)) for name in _SINGLE),
        *(("waves", path) for path in session.waves),
        ("manual_dseg", session.manual_dseg),
    ]
    said = [(name, text) for name, path in given if path for text in place_warnings(path)]
    if session.anat and session.manual_dseg:
        said += [("manual_dseg", t) for t in drawing_warnings(session.anat, session.manual_dseg)]
    return [
        Finding(session.subject, session.session, name, "warning", (), text) for name, text in said
    ]


def drawing_warnings(anat: Path, drawn: Path) -> list[str]:
    """Return warnings where drawn muscles do not lie on a leg of the anatomical image."""
    lookup = sibling(drawn, ".tsv")
    try:
        image = canonical(load_image(anat))
        drawing = read_drawing(image, drawn, lookup if lookup.is_file() else None)
        return find_leg(image, drawing, anat, correct=False)[2]
    except InputError:
        return []
