"""Notes of the map: what every stage did and warned of, what is missing and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imaging.errors import JsonError
from imaging.formats.json import read_json
from imaging.measures import Notes, notes_from
from imaging.musclemap.inputs import STAGE_TITLES
from imaging.musclemap.read.files import REMAKE

_KEYS = ("stages", "missing", "provenance", "onsets", "prefix")
_OF_BURST = ("label", "stride", "onset_percent", "offset_percent")


@dataclass(frozen=True)
class MapNotes:
    """What ``_notes.json`` holds.

    Attributes
    ----------
    stages : list of Notes
        In the order of the stages; the map's own are the last.
    missing : dict
        Stage to the reason why the map has nothing of it.
    provenance : dict
        File to how it came to be: version, settings, digests of sources.
    onsets : list of dict
        EMG bursts stride by stride: label, stride, onset_percent, offset_percent.
    """

    stages: Sequence[Notes] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    onsets: Sequence[Mapping[str, Any]] = ()

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Stage and sentence of every warning, each sentence once."""
        seen: dict[str, str] = {}
        for stage in self.stages:
            for sentence in stage.warnings:
                seen.setdefault(sentence, stage.stage)
        return [(stage, sentence) for sentence, stage in seen.items()]

    @property
    def absent(self) -> list[tuple[str, str]]:
        """Title of every stage that is missing, and why."""
        return [(STAGE_TITLES[s], why) for s, why in sorted(self.missing.items())]

    def sentences(self, stage: str) -> list[str]:
        """Return the sentences of a stage's methods; empty when it did not run."""
        texts = [n.method for n in self.stages if n.stage == stage]
        return [f"{part.rstrip('.')}." for text in texts for part in text.split(". ")]

    def settings(self, file: str) -> dict[str, Any]:
        """Return the settings that a file was made with."""
        return dict(self.provenance.get(file, {}).get("Settings", {}))

    def facts(self, stage: str) -> dict[str, Any]:
        """Return the facts a stage noted; empty when it did not run."""
        out: dict[str, Any] = {}
        for notes in self.stages:
            if notes.stage == stage:
                out |= notes.facts
        return out


def read_map_notes(path: Path, prefix: str) -> MapNotes:
    """Read the notes of a map.

    Raises
    ------
    MissingFileError, JsonError
        Not there, cut off, of another person, or not what the map writes.
    """
    content = read_json(path, REMAKE)
    if missing := [key for key in _KEYS if key not in content]:
        raise JsonError(f"lacks {', '.join(missing)}", path, REMAKE)
    if content["prefix"] != prefix:
        raise JsonError(f"is of {content['prefix']}, not of {prefix}", path, REMAKE)
    stages = content["stages"]
    if not isinstance(stages, list):
        raise JsonError("stages is not a list", path, REMAKE)
    return MapNotes(
        [notes_from(stage, path, REMAKE) for stage in stages],
        _missing(content["missing"], path),
        _provenance(content["provenance"], path),
        _onsets(content["onsets"], path),
    )


def _missing(content: Any, path: Path) -> dict[str, str]:
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise JsonError("missing does not give a reason for each stage", path, REMAKE)
    if unknown := sorted(set(content) - set(STAGE_TITLES)):
        raise JsonError(f"missing names unknown stages: {', '.join(unknown)}", path, REMAKE)
    return content


def _provenance(content: Any, path: Path) -> dict[str, Mapping[str, Any]]:
    kinds = {"GeneratedBy": dict, "Settings": dict, "SourceFiles": list}
    right = isinstance(content, dict) and all(
        isinstance(made, dict) and all(isinstance(made.get(k, t()), t) for k, t in kinds.items())
        for made in content.values()
    )
    if not right:
        raise JsonError("provenance does not say how files came to be", path, REMAKE)
    sources = [s for made in content.values() for s in made.get("SourceFiles", [])]
    if not all(isinstance(s, dict) and {"name", "sha256"} <= set(s) for s in sources):
        raise JsonError("provenance does not name the sources of files", path, REMAKE)
    return content


def _onsets(content: Any, path: Path) -> list[Mapping[str, Any]]:
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise JsonError("onsets is not a list of bursts", path, REMAKE)
    for row in content:
        values = [row.get(key) for key in _OF_BURST]
        if isinstance(values[0], bool) or not isinstance(values[0], int):
            raise JsonError("onsets has a burst without the label of a muscle", path, REMAKE)
        if any(isinstance(v, bool) or not isinstance(v, int | float | None) for v in values):
            raise JsonError("onsets has a burst that is not given in numbers", path, REMAKE)
    return content
