"""Stiffness of one context: the measures that one run of a stage left in a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imaging.errors import InputError, MissingFileError
from imaging.formats.json import optional_sidecar
from imaging.measures import Measure, read_measures, read_notes

_AGAIN = "Run pennate elastography or pennate ultrasound for each context"
_MEASURES = re.compile(r"(?P<prefix>.+)_desc-(?P<method>[A-Za-z0-9]+)_measures\.tsv")
_VERBS = ("pennate elastography", "pennate ultrasound")


@dataclass(frozen=True)
class MethodResult:
    """What one method gave in one context.

    Attributes
    ----------
    measures : sequence of Measure
        Moduli of muscles, and what else the method tells of them.
    frequency : str
        Of the vibration, ``40+60 Hz``; empty for a pulse.
    settings : mapping
        Of the stage.
    version : str
        Of Pennate.
    sources : frozenset of str
        Digests of the files that it was made from.
    files : sequence of Path
        What was read.
    angles_deg : mapping of int to float
        Of ultrasound: between the shear wave and the fibre, by label.
    """

    measures: Sequence[Measure]
    frequency: str
    settings: Mapping[str, Any]
    version: str
    sources: frozenset[str]
    files: Sequence[Path]
    angles_deg: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """Stiffness in one context.

    Attributes
    ----------
    name : str
        ``rest``, ``contracted`` ...
    prefix : str
        How the names of its files begin.
    methods : mapping of str to MethodResult
        By method: ``mdev``, ``ti``, ``swe`` ...
    """

    name: str
    prefix: str
    methods: Mapping[str, MethodResult]

    @property
    def entities(self) -> dict[str, str]:
        """Return the entities of the prefix: ``sub``, ``ses``."""
        return dict(part.split("-", 1) for part in self.prefix.split("_") if "-" in part)


def read_context(name: str, folder: Path) -> Context:
    """Read the measures of every method in a folder.

    Parameters
    ----------
    name
        What the context is called.
    folder
        Output of ``pennate elastography`` or ``pennate ultrasound``.

    Raises
    ------
    MissingFileError
        Not a folder, or one without stiffness.
    InputError
        Files of several prefixes, or a table that cannot be read.
    """
    if not folder.is_dir():
        raise MissingFileError("no such folder", folder, _AGAIN)
    found = [(m, path) for path in sorted(folder.iterdir())
             if (m := _MEASURES.fullmatch(path.name)) and _is_stiffness(path)]  # fmt: skip
    if not found:
        raise MissingFileError("holds no measures of stiffness", folder, _AGAIN)
    prefixes = sorted({m["prefix"] for m, _ in found})
    if len(prefixes) > 1:
        raise InputError(
            f"holds stiffness of {', '.join(prefixes)}", folder, "Give every context its own folder"
        )
    return Context(name, prefixes[0], {m["method"]: _method(path) for m, path in found})


def _is_stiffness(path: Path) -> bool:
    """Tell whether a table of measures is of a stage that gives stiffness."""
    return optional_sidecar(path).get("GeneratedBy", {}).get("Command") in _VERBS


def _method(path: Path) -> MethodResult:
    about = optional_sidecar(path)
    notes = path.with_name(path.name.replace("_measures.tsv", "_notes.json"))
    hertz = read_notes(notes, _AGAIN).facts.get("frequency_hz") or []
    measures = read_measures(path, _AGAIN)
    return MethodResult(
        [m for m in measures if m.unit in ("Pa", "rad")],
        "+".join(f"{float(f):g}" for f in hertz) + " Hz" if hertz else "",
        dict(about.get("Settings", {})),
        str(about.get("GeneratedBy", {}).get("Version", "")),
        frozenset(str(s.get("sha256")) for s in about.get("SourceFiles", [])),
        [path, notes],
        {m.label: m.value for m in measures if m.measure == "swe_angle" and m.value is not None},
    )
