"""Which images of a session tell fat from water, by their names.

Parts that a scanner made of a Dixon scan are named ``acq-…water…``, ``fat``, ``inphase`` (``in``)
or ``outphase`` (``opp``, ``out``); echoes are ``echo-<n>_MEGRE``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from imaging.dataset.names import entities, suffix_of

# In the order in which one is taken as the anatomical image where there is no other.
PARTS: Mapping[str, re.Pattern[str]] = {
    "in_phase": re.compile(r"(?i)in(?:phase)?$"),
    "water": re.compile(r"(?i)w(?:ater)?$"),
    "out_of_phase": re.compile(r"(?i)(?:out(?:of)?phase|oppphase|opp|out)$"),
    "fat": re.compile(r"(?i)(?:^f|fat)$"),
}
_PAIRS = (("water", "fat"), ("in_phase", "out_of_phase"))
_FEWEST_ECHOES = 3


def part_of(path: Path) -> str:
    """Return which part of a Dixon scan an image is, by its entity ``acq``; empty for others.

    Examples
    --------
    >>> part_of(Path("sub-01_acq-dixonWater_T1w.nii.gz")), part_of(Path("sub-01_acq-thin_T1w.nii"))
    ('water', '')
    """
    acq = entities(path).get("acq", "")
    return next((name for name, pattern in PARTS.items() if pattern.search(acq)), "")


def dixon_options(files: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the images that fat fraction is taken from, by the option of the verb.

    Water and fat go before three echoes or more, and those before in and out of phase; of several
    scans of one kind the first by name.
    """
    pairs, echoes = _by_scan(files), _echoes(files)
    for first, second in _PAIRS:
        if first == "in_phase" and echoes:
            return {"echo": echoes}
        for _, parts in sorted(pairs.items()):
            if first in parts and second in parts:
                return {first: [parts[first]], second: [parts[second]]}
    return {"echo": echoes} if echoes else {}


def _by_scan(files: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """Return the parts of each scan: files whose names differ by the part alone."""
    out: dict[str, dict[str, Path]] = {}
    for path in files:
        if part := part_of(path):
            acq = entities(path)["acq"]
            scan = path.name.replace(f"acq-{acq}", f"acq-{PARTS[part].sub('', acq)}")
            out.setdefault(scan, {})[part] = path
    return out


def _echoes(files: Sequence[Path]) -> list[Path]:
    """Return the magnitudes of the first scan with three gradient echoes or more."""
    scans: dict[str, list[Path]] = {}
    for path in files:
        named = entities(path)
        if suffix_of(path) == "MEGRE" and "echo" in named and named.get("part", "mag") == "mag":
            scans.setdefault(path.name.replace(f"_echo-{named['echo']}", ""), []).append(path)
    found = (own for _, own in sorted(scans.items()) if len(own) >= _FEWEST_ECHOES)
    return sorted(next(found, []))
