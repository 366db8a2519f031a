"""How files are named where nobody says so."""

from __future__ import annotations

import re
from pathlib import Path

from imaging.provenance import sidecar_path


def default_prefix(path: Path) -> str:
    """Return the BIDS entities sub and ses of a file's name, else the name before ``_desc-``."""
    found = re.match(r"sub-[A-Za-z0-9]+(_ses-[A-Za-z0-9]+)?", path.name)
    return found.group() if found else sidecar_path(path).stem.split("_desc-")[0]
