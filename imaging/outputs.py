"""Every file that pennate writes, named once: ``imaging/data/outputs.tsv``.

The plan of the workflow, the writers of the stages and the table in ``docs/formats.md`` all read
this table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Literal

from imaging.own_tables import own_rows

#: ``workflow``: written by every run of the workflow, not by every call of the verb.
Written = Literal["always", "workflow", "sometimes"]


@dataclass(frozen=True)
class Output:
    """Files of one stem, which share a sidecar.

    Attributes
    ----------
    stage, key : str
        The stage that writes it, and what the code calls it.
    folder : str
        Below the folder of the subject; empty for the output folder itself.
    name : str
        Stem with ``{prefix}`` (``sub-01``, ``sub-01_ses-02``) and further places: ``{method}`` and
        ``{map}`` of stiffness, ``{structure}`` of anatomy.
    endings : tuple of str
        Such as ``.nii.gz``.
    written : str
        ``always``, ``workflow`` or ``sometimes``.
    when : str
        In words, where it is not always written.
    unit, description : str
        ``Units`` and ``Description`` of the sidecar; empty where it has none, or where they depend
        on the data.
    more : str
        What the documentation says beside the description.
    """

    stage: str
    key: str
    folder: str
    name: str
    endings: tuple[str, ...]
    written: Written
    when: str
    unit: str
    description: str
    more: str

    @property
    def is_promised(self) -> bool:
        """Whether the workflow counts on it."""
        return self.written != "sometimes"

    def stem(self, places: Mapping[str, str]) -> str:
        """Return the name without its ending, all its places filled."""
        return self.name.format_map(places)


@cache
def outputs() -> tuple[Output, ...]:
    """Return every row of the table."""
    rows = []
    for row in own_rows("outputs.tsv"):
        cells = {key: "" if cell == "n/a" else cell for key, cell in row.items()}
        endings = tuple(cells.pop("endings").split())
        rows.append(Output(endings=endings, **cells))  # type: ignore[arg-type]
    return tuple(rows)


def of_stage(stage: str) -> tuple[Output, ...]:
    """Return what a stage writes."""
    return tuple(row for row in outputs() if row.stage == stage)


def output(stage: str, key: str, ending: str | None = None) -> Output:
    """Return one row of the table.

    Parameters
    ----------
    stage, key
        Which.
    ending
        Of several rows of this key, the one with this ending; none: the first.

    Raises
    ------
    KeyError
        The table has no such row.

    Examples
    --------
    >>> output("diffusion", "fa").stem({"prefix": "sub-01"})
    'sub-01_desc-wls_FA'
    """
    for row in outputs():
        if (row.stage, row.key) == (stage, key) and (ending is None or ending in row.endings):
            return row
    raise KeyError(f"{stage} {key} {ending or ''}: not in imaging/data/outputs.tsv")


def folder_of(stage: str) -> str:
    """Return the folder of a stage below that of the subject.

    Examples
    --------
    >>> folder_of("segmentation")
    'anat'
    """
    return of_stage(stage)[0].folder


def promised(stage: str, leave_out: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return patterns, with ``{prefix}``, of the files a stage writes in every workflow.

    Parameters
    ----------
    stage
        Whose.
    leave_out
        Keys that the settings switch off.
    """
    rows = [row for row in of_stage(stage) if row.is_promised and row.key not in leave_out]
    return tuple(row.name + ending for row in rows for ending in row.endings)


def stale(stage: str, prefix: str) -> list[str]:
    """Return globs of what an earlier run may have left and the next one need not write again.

    Parameters
    ----------
    stage, prefix
        Whose files.
    """
    rows = of_stage(stage)
    kept = {row.name for row in rows if row.written == "always"}
    globs = []
    for row in rows:
        if row.written == "always":
            continue
        endings = row.endings if row.name in kept else (*row.endings, ".json")
        globs += [stem + end for stem in _stems(row, prefix) for end in endings]
    return list(dict.fromkeys(globs))


def _stems(row: Output, prefix: str) -> Iterator[str]:
    """Yield the stems a row may have; what only the data tell is a star."""
    methods = wave_methods() if "method" in _places(row.name) else ("",)
    for method in methods:
        yield row.stem({"prefix": prefix, "method": method, "map": "*", "structure": "*"})


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@cache
def stiffness_maps() -> dict[tuple[str, str], dict[str, str]]:
    """Return the rows of ``stiffness_maps.tsv`` by method and by map as file names have them.

    ``ti_muperp`` is the map ``muperp`` of the method ``ti``; ``kmdev`` is the map ``stiffness``.
    """
    found = {}
    for row in own_rows("stiffness_maps.tsv"):
        method, _, name = row["name"].partition("_")
        found[method, name or "stiffness"] = row
    return found


@cache
def wave_methods() -> tuple[str, ...]:
    """Return the methods of inversion: those whose maps no row of the table names by itself."""
    named = {row.name for row in outputs()}
    methods = dict.fromkeys(method for method, _ in stiffness_maps())
    return tuple(m for m in methods if f"{{prefix}}_desc-{m}_mask" not in named)
