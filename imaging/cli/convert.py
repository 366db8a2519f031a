"""``pennate convert``: a folder of DICOM files becomes a session of a BIDS folder."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
import yaml

from imaging.dataset.names import check_labels
from imaging.errors import ConfigError, DatasetError
from imaging.io.scanner.sorting import Rule, rules_from
from imaging.pipeline.conversion import (
    convert_all,
    describe_dataset,
    read_examination,
    refuse_existing,
    table_of,
)
from imaging.provenance import staged, write_json
from imaging.stage_files import write_tsv

VERB = "convert"
_BURNED_IN = "Names may be drawn into the picture of {name}: look before you pass it on."


def command(
    folder: Annotated[Path, typer.Argument(help="Folder of DICOM files of one examination.")],
    bids_dir: Annotated[Path, typer.Argument(help="BIDS folder to write; others stay in it.")],
    subject: Annotated[str, typer.Option(help="Label without sub-; not the person's name.")],
    session: Annotated[str | None, typer.Option(help="Label without ses-.")] = None,
    rules: Annotated[
        Path | None, typer.Option(help="Your site's choices by protocol name, YAML.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Show what each series would become.")] = False,
) -> None:
    """Convert a folder of DICOM files to a session of a BIDS folder."""
    check_labels(subject=subject, session=session)
    exam = read_examination(folder, _rules(rules))
    parts = [f"sub-{subject}", *([f"ses-{session}"] if session else [])]
    prefix, target = "_".join(parts), bids_dir.joinpath(*parts)
    planned = table_of(exam.series, prefix)
    print(_lines(planned))
    if exam.foreign:
        print(f"{exam.foreign} files are no DICOM images and are left out.")
    if dry_run:
        return
    if not exam.taken:
        raise DatasetError("holds nothing that pennate reads", folder, "See the table above")
    refuse_existing(target, exam.series, prefix)
    with tempfile.TemporaryDirectory() as scratch, staged(target, VERB) as made:
        done, removed = convert_all(exam, Path(scratch), made, prefix)
    describe_dataset(bids_dir, subject)
    told = bids_dir / "code" / "convert"
    told.mkdir(parents=True, exist_ok=True)
    write_tsv(table_of(done, prefix), told / f"{prefix}_series.tsv")
    write_json(told / f"{prefix}_removed.json", {"Removed": removed})
    for one in done:
        if one.why.startswith("not converted"):
            print(f"warning: series {one.series.number}: {one.why}", file=sys.stderr)
        if one.folder == "us" and one.series.burned_in:
            print(f"warning: {_BURNED_IN.format(name=one.name(prefix))}", file=sys.stderr)
    print(f"{sum(one.taken for one in done)} images are in {target}; "
          f"{len(removed)} elements of their headers were left behind ({told}).")  # fmt: skip


def _rules(path: Path | None) -> list[Rule]:
    if path is None:
        return []
    try:
        return rules_from(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})", None, "Write YAML") from error


def _lines(table: pd.DataFrame) -> str:
    """Return the table in lines for the terminal: number, name, what it becomes, why."""
    wide = min(28, max([len(str(v)) for v in table["description"]] + [11]))
    into = max([len(str(v)) for v in table["becomes"]] + [7])
    rows = [f"{'no.':>4}  {'description':<{wide}}  {'becomes':<{into}}  why"]
    for row in table.to_dict("records"):
        name = str(row["description"])[:wide]
        rows.append(f"{row['series']:>4}  {name:<{wide}}  {row['becomes']:<{into}}  {row['why']}")
    return "\n".join(rows)
