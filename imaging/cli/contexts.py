"""``pennate contexts``: stiffness of one person at rest, contracted, after fatigue."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from imaging.errors import ConfigError
from imaging.outputs import stale
from imaging.provenance import staged
from imaging.report.contexts.files import write_contexts
from imaging.report.contexts.picture import ratios
from imaging.report.contexts.read import read_context
from imaging.report.contexts.table import check_contexts, context_table

VERB = "contexts"
EPILOG = """
Each context is a finished output folder of `pennate elastography` or `pennate ultrasound`; all
others are held against the first:

  pennate contexts --context rest=rest/mre --context contracted=contracted/mre --out compared

Two visits are compared by `pennate compare`.
"""


def command(
    context: Annotated[
        list[str],
        typer.Option("--context", help="NAME=FOLDER; twice or more, all of one session."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    prefix: Annotated[
        str | None, typer.Option("--prefix", help="Start of file names; none: of the first.")
    ] = None,
) -> None:
    """Compare the stiffness of muscles in contexts of one session, and left with right in each."""
    contexts = [read_context(*_named(text)) for text in context]
    warnings = check_contexts(contexts)
    table = context_table(contexts)
    if table.empty:
        raise ConfigError("no figure is measured in any of the contexts", None, "Check their notes")
    start = prefix or _prefix(contexts[0].entities) or contexts[0].prefix
    inputs = [p for c in contexts for r in c.methods.values() for p in r.files]
    with staged(out, f"{VERB}-{start}", stale("contexts", start)) as folder:
        write_contexts(folder, start, table, ratios(table), inputs)
    for kind, own in table.groupby("compared", sort=False):
        counts = own["verdict"].value_counts()
        print(f"{kind}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _named(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z0-9-]+", name) or not folder:
        raise ConfigError(
            f"--context {text!r} is not NAME=FOLDER", None, "Write such as rest=out/rest"
        )
    return name, Path(folder)


def _prefix(entities: dict[str, str]) -> str:
    """Return ``sub-01_ses-02`` of the entities of a prefix."""
    return "_".join(f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities)
