"""Waves and frames of other contexts in the workflow: inverted alone, held against the mapped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imaging.dataset import Session, inputs_beside
from imaging.dataset.session import OtherContext
from imaging.outputs import folder_of, promised
from imaging.pipeline.plan import Plan, options

FOLDER = "contexts"
# Which stage inverts a kind of input.
_STAGE_OF = {"waves": "waves", "frames": "ultrasound"}


def _kind(folder: str) -> str:
    """Return the kind of input behind the wildcard ``kind``: ``mre``, ``us``."""
    return next(kind for kind, stage in _STAGE_OF.items() if folder_of(stage) == folder)


class Contexts:
    """Inputs of the rules of contexts; wildcards ``prefix``, ``kind`` and ``context``."""

    def __init__(self, plan: Plan):
        self._plan = plan

    def folder_of_one(self) -> str:
        """Return the pattern of the folder of one other context."""
        return str(self._plan.out / "{unit}" / FOLDER / "{kind}" / "{prefix}_{context}")

    def outputs(self) -> list[str]:
        """Return the patterns of the files of a comparison."""
        return [str(self._plan.out / "{unit}" / FOLDER / "{kind}" / f) for f in promised(FOLDER)]

    def given(self, wildcards: Any) -> list[str]:
        """Return the waves or frames of one other context."""
        return [str(p) for p in self._one(wildcards).files]

    def beside(self, wildcards: Any) -> list[str]:
        """Return what a verb reads beside them, so that a change counts."""
        files = self._one(wildcards).files
        return [str(p) for path in files for p in inputs_beside(path) if p.is_file()]

    def _one(self, wildcards: Any) -> OtherContext:
        kind = _kind(wildcards.kind)
        return next(
            c for c in self._plan.session(wildcards).contexts
            if c.kind == kind and c.name == wildcards.context
        )  # fmt: skip

    def compared(self, wildcards: Any) -> dict[str, list[str]]:
        """Return what contexts of one kind are compared from: the mapped one, and the others."""
        session, kind = self._plan.session(wildcards), _kind(wildcards.kind)
        folder = self._folder(session) / wildcards.kind
        others = [
            str(folder / f"{session.prefix}_{c.name}") for c in session.contexts if c.kind == kind
        ]
        return {"mapped": self._plan.files(_STAGE_OF[kind], session), "others": others}

    def options(self, wildcards: Any, mapped: Sequence[str], others: Sequence[str]) -> str:
        """Return the options that name contexts and their folders, the mapped one first."""
        first = self._plan.session(wildcards).context(_kind(wildcards.kind))
        folders = {first: str(Path(mapped[0]).parent)}
        folders |= {Path(other).name.rpartition("_")[2]: other for other in others}
        return options("--context", [f"{name}={folder}" for name, folder in folders.items()])

    def shown(self, wildcards: Any) -> list[str]:
        """Return the comparisons that a session's page shows."""
        session = self._plan.session(wildcards)
        kinds = dict.fromkeys(folder_of(_STAGE_OF[c.kind]) for c in session.contexts)
        names = [name.replace("{prefix}", session.prefix) for name in promised(FOLDER)]
        return [str(self._folder(session) / kind / name) for kind in kinds for name in names]

    def shown_options(self, files: Sequence[str]) -> str:
        """Return the options of ``pennate report`` that name their folders."""
        return options("--contexts-dir", list(dict.fromkeys(str(Path(f).parent) for f in files)))

    def _folder(self, session: Session) -> Path:
        return self._plan.out / session.folder / FOLDER
