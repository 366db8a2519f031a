"""A page of HTML as PDF, printed by a Chromium of the machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from imaging.errors import MissingFileError

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-pdf-header-footer",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--virtual-time-budget=15000",
)  # fmt: skip
_LIMIT_S = 120
# What a browser writes of the moment of printing.
_MOMENT = re.compile(rb"/(CreationDate|ModDate) ?\(D:([^)]*)\)")


def pdf_of(page: Path) -> bytes | None:
    """Return a page as PDF without the moment it was printed at; None where no browser prints it.

    Raises
    ------
    MissingFileError
        No such page.
    """
    if not page.is_file():
        raise MissingFileError("no such page", page, "Make it by pennate report")
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        printed = Path(scratch) / "page.pdf"
        # Chromium refuses its sandbox to root, as inside containers.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command = [browser, *_OPTIONS, *root, f"--user-data-dir={scratch}/profile",
                   f"--print-to-pdf={printed}", page.resolve().as_uri()]  # fmt: skip
        try:
            subprocess.run(command, capture_output=True, timeout=_LIMIT_S, check=True)
        except (subprocess.SubprocessError, OSError):
            return None
        if not printed.is_file():
            return None
        return _MOMENT.sub(_zeroed, printed.read_bytes())


def _zeroed(found: re.Match[bytes]) -> bytes:
    """Keep the length, on which the table at the end of the file counts."""
    fixed = re.sub(rb"\d", b"0", found.group(2))
    return found.group().replace(found.group(2), b"2000" + b"0101" + fixed[8:])
