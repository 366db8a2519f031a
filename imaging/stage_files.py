"""Saves what a stage gives, each file with its sidecar, by the names of the table of outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imaging.formats.tsv import write_tsv
from imaging.measures import Measure, Notes, write_measures, write_notes
from imaging.outputs import output
from imaging.provenance import write_sidecar

if TYPE_CHECKING:
    import pandas as pd

    from imaging.image import Image

#: Verb of a stage, where it has another name.
_VERBS = {
    "segmentation": "segment",
    "waves": "elastography",
    "inversion": "elastography",
    "stiffness": "elastography",
    "group": "report --group",
}


@dataclass(frozen=True)
class StageFiles:
    """The files of one run of a stage; `key` is the second column of ``outputs.tsv``.

    Attributes
    ----------
    stage : str
        First column of ``outputs.tsv``.
    folder : Path
        Where to write, see :func:`imaging.provenance.staged`.
    prefix : str
        Start of file names.
    inputs : sequence of Path
        Files everything was made from.
    settings : mapping or None
        Settings of the stage.
    places : mapping
        What fills further places of names and descriptions, such as ``method``.
    """

    stage: str
    folder: Path
    prefix: str
    inputs: Sequence[Path] = ()
    settings: Mapping[str, Any] | None = None
    places: Mapping[str, str] = field(default_factory=dict)

    def path(self, key: str, ending: str | None = None, **places: str) -> Path:
        """Return where a file goes; `ending` chooses one of several.

        Raises
        ------
        KeyError
            The table of outputs has no such file.
        """
        row = output(self.stage, key, ending)
        return self.folder / (row.stem(self._filled(places)) + (ending or row.endings[0]))

    def describe(
        self,
        key: str,
        places: Mapping[str, str] | None = None,
        inputs: Sequence[Path] | None = None,
        **more: Any,
    ) -> None:
        """Write the sidecar of a file: unit and description from the table, and `more`.

        Parameters
        ----------
        key
            Which file.
        places
            What fills the places of its name and description.
        inputs
            What it was made from, where not from all of the stage's.
        **more
            Further keys; ``Units`` and ``Description`` here go before those of the table.
        """
        row = output(self.stage, key)
        filled = self._filled(places or {})
        told = {"Units": row.unit, "Description": row.description.format_map(filled)}
        write_sidecar(
            self.path(key, **(places or {})),
            verb=_VERBS.get(self.stage, self.stage),
            inputs=self.inputs if inputs is None else inputs,
            settings=self.settings,
            **{**{name: text for name, text in told.items() if text}, **more},
        )

    def image(
        self,
        key: str,
        image: Image,
        places: Mapping[str, str] | None = None,
        inputs: Sequence[Path] | None = None,
        **more: Any,
    ) -> None:
        """Write an image as NIfTI, with its sidecar."""
        from imaging.formats.nifti import save_image  # stages without images load it in vain

        save_image(image, self.path(key, ".nii.gz", **(places or {})))
        self.describe(key, places, inputs, **more)

    def table(self, key: str, frame: pd.DataFrame, **more: Any) -> None:
        """Write a table as TSV, ``n/a`` where there is no value, with its sidecar."""
        write_tsv(frame, self.path(key, ".tsv"))
        self.describe(key, **more)

    def measures(self, rows: Iterable[Measure], **more: Any) -> None:
        """Write the long table, with its sidecar."""
        write_measures(rows, self.path("measures"))
        self.describe("measures", **more)

    def notes(self, notes: Notes) -> None:
        """Write the notes of the stage."""
        write_notes(notes, self.path("notes"))

    def _filled(self, places: Mapping[str, str]) -> dict[str, str]:
        return {"prefix": self.prefix, **self.places, **places}
