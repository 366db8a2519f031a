"""``pennate compare``: two visits of one person, and left against right at each."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from imaging.errors import ConfigError
from imaging.outputs import stale
from imaging.provenance import staged
from imaging.report.comparison.changes import changes, swapped
from imaging.report.comparison.files import write_comparison
from imaging.report.comparison.page import comparison_page
from imaging.report.comparison.repeatability import built_in, read_repeatability
from imaging.report.comparison.sides import asymmetry
from imaging.report.comparison.visits import Visit, check_two_visits, find_visits, read_visit

VERB = "compare"
EPILOG = """
First and last visit of a participant of `pennate run`:

  pennate compare OUT --participant 01

Two visits by name, in their order; or two maps anywhere:

  pennate compare OUT --participant 01 --session pre --session post

  pennate compare OUT --before first/map --after second/map
"""


def command(
    out: Annotated[
        Path, typer.Argument(help="Output folder of `pennate run`; page and tables go there.")
    ],
    participant: Annotated[
        str | None, typer.Option(help="Label, such as 01; its first and last visit.")
    ] = None,
    session: Annotated[
        list[str] | None, typer.Option(help="Label of a session; first and last of two or more.")
    ] = None,
    before: Annotated[
        Path | None, typer.Option(help="Instead: folder of the map of the first visit.")
    ] = None,
    after: Annotated[Path | None, typer.Option(help="Folder of the map of the second.")] = None,
    repeatability: Annotated[
        Path | None,
        typer.Option(help="Table of your own repeat scans (docs/comparison.md); none: built in."),
    ] = None,
) -> None:
    """Compare two visits of one person, and left with right at each."""
    table = built_in() if repeatability is None else read_repeatability(repeatability)
    visits, between = _visits(out, participant, session or [], before, after)
    first, last = visits
    check_two_visits(first, last)
    found = changes(first, last, table)
    sides = [(visit, asymmetry(visit, table)) for visit in visits]
    page = comparison_page(first, last, found, sides, table, between)
    prefix = f"sub-{first.entities['sub']}" if "sub" in first.entities else first.prefix
    inputs = [*first.files, *last.files, *([repeatability] if repeatability else [])]
    with staged(out, f"{VERB}-{prefix}", stale("compare", prefix)) as folder:
        write_comparison(folder, prefix, page, found, sides, inputs)
    print(f"The page is {out / f'{prefix}_comparison.html'}")
    if warning := swapped(first, last):
        print(f"warning: {warning}", file=sys.stderr)


def _visits(
    out: Path, participant: str | None, sessions: list[str], before: Path | None, after: Path | None
) -> tuple[tuple[Visit, Visit], list[str]]:
    """Return the two visits, and the titles of those in between."""
    if (participant is None) == (before is None and after is None):
        raise ConfigError(
            "give either --participant, or --before and --after", None, "See pennate compare --help"
        )
    if participant is None:
        if before is None or after is None or sessions:
            raise ConfigError(
                "--before and --after go together, without --session", None, "Give both folders"
            )
        pair = read_visit(before), read_visit(after)
        if pair[0].title == pair[1].title:
            pair = replace(pair[0], called="before"), replace(pair[1], called="after")
        return pair, []
    if len(sessions) == 1:
        raise ConfigError("--session was given once", None, "Give two or more, in their order")
    folders = find_visits(out, participant, sessions)
    between = [folder.parent.name for folder in folders[1:-1]]
    return (read_visit(folders[0]), read_visit(folders[-1])), between
