"""One series from DICOM to NIfTI by dcm2niix.

Li X, Morgan PS, Ashburner J, Smith J, Rorden C. The first step for neuroimaging data analysis:
DICOM to NIfTI conversion. J Neurosci Methods 2016;264:47-56.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging.errors import ComputationError, MissingToolError

_LIMIT_S = 1800


@dataclass(frozen=True)
class Converted:
    """What dcm2niix made of a series.

    Attributes
    ----------
    images : tuple of Path
        NIfTI files, one as a rule.
    sidecar : dict
        Of the first image.
    warnings : tuple of str
        Its own.
    """

    images: tuple[Path, ...]
    sidecar: dict[str, Any]
    warnings: tuple[str, ...]


def program() -> str:
    """Return the path of dcm2niix, which the package of that name on PyPI carries.

    Raises
    ------
    MissingToolError
        It is not installed.
    """
    spec = importlib.util.find_spec("dcm2niix")
    if spec is None or spec.origin is None:
        raise MissingToolError(
            "DICOM is converted by dcm2niix, which is not installed", None,
            'Run pip install "pennate[dicom]"',
        )  # fmt: skip
    import dcm2niix

    return str(dcm2niix.bin)


def convert(files: Sequence[Path], folder: Path, *, header_only: bool = False) -> Converted:
    """Convert the files of one image into an empty folder.

    Parameters
    ----------
    files
        DICOM files of one image.
    folder
        Where NIfTI and JSON go.
    header_only
        Write the JSON alone, which takes no time.

    Raises
    ------
    ComputationError
        dcm2niix fails, or makes nothing of them.
    """
    linked = folder / "dicom"
    linked.mkdir(parents=True)
    for number, file in enumerate(files):
        (linked / f"{number:06d}.dcm").symlink_to(file.resolve())
    options = ["-b", "o" if header_only else "y", "-ba", "n", "-z", "n", "-f", "image", "-w", "2"]
    done = subprocess.run(
        [program(), *options, "-o", str(folder), str(linked)],
        capture_output=True, text=True, errors="replace", timeout=_LIMIT_S, check=False,
    )  # fmt: skip
    sidecars = sorted(folder.glob("*.json"))
    images = tuple(sorted(folder.glob("*.nii")))
    if not sidecars or not (images or header_only):
        said = [line for line in (done.stdout + done.stderr).splitlines() if "rror" in line]
        raise ComputationError(
            f"dcm2niix made no image of {len(files)} files: {' '.join(said[:2])}"
        )
    content = json.loads(sidecars[0].read_text(encoding="utf-8", errors="replace"))
    told = [line.removeprefix("Warning: ") for line in done.stdout.splitlines()
            if line.startswith("Warning: ")]  # fmt: skip
    return Converted(images, content, tuple(told))
