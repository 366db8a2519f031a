"""``pennate run``: the whole workflow with the arguments of a BIDS-App."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from imaging.cli.check import Participants, Sessions
from imaging.config import Settings, parse_settings, settings_file
from imaging.errors import MissingFileError
from imaging.pipeline.engine import Engine, snakefile
from imaging.pipeline.study import Study, Wanted
from imaging.threads import cores


class Level(StrEnum):
    """Levels of analysis of a BIDS-App."""

    participant = "participant"
    group = "group"


def command(
    bids_dir: Annotated[Path, typer.Argument(help="BIDS folder")],
    out_dir: Annotated[Path, typer.Argument(help="Folder to write")],
    level: Annotated[
        Level, typer.Argument(help="participant: maps and pages; group: the page of what is there")
    ],
    participant_label: Participants = None,
    session_id: Sessions = None,
    nprocs: Annotated[int, typer.Option(min=1, help="Cores to use")] = cores(),
    mem_mb: Annotated[int | None, typer.Option(min=500, help="Memory to use at most, MB")] = None,
    work_dir: Annotated[
        Path | None,
        typer.Option("--work-dir", "-w", help="Folder for the state of the run and scratch files"),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML with settings")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="Folder of a Snakemake profile, or slurm")
    ] = None,
    skip_bids_validation: Annotated[
        bool, typer.Option("--skip-bids-validation", help="Do not open the inputs before the start")
    ] = False,
    reports_only: Annotated[
        bool, typer.Option("--reports-only", help="Write the reports of finished maps")
    ] = False,
    stop_on_first_crash: Annotated[
        bool, typer.Option("--stop-on-first-crash", help="Start nothing more after a failure")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="List what would be done, write nothing")
    ] = False,
) -> None:
    """Run the whole workflow on a BIDS folder (BIDS-App arguments)."""
    settings = _settings(bids_dir, out_dir, config, participant_label, session_id)
    settings = settings.model_copy(
        update={"open_inputs": settings.open_inputs and not skip_bids_validation}
    )
    engine = Engine(
        Path(settings.out_dir),
        nprocs,
        mem_mb,
        profile and _profile(profile),
        work_dir and work_dir.resolve(),
        stop_on_first_crash,
    )
    wanted: Wanted = level.value
    if reports_only and level is Level.participant:
        wanted = "reports"
    study = Study(settings, wanted)
    raise typer.Exit(study.list_steps(engine) if dry_run else study.run(engine))


def _profile(profile: Path) -> Path:
    """Return a profile of Snakemake: a folder of the user, or the name of one that we bring."""
    if profile.is_dir():
        return profile.resolve()
    own = snakefile().parent / "workflow" / "profiles" / profile.name
    if len(profile.parts) == 1 and own.is_dir():
        return own
    raise MissingFileError("no such profile", profile, "Give its folder, or slurm")


def _settings(
    bids_dir: Path,
    out_dir: Path,
    config: Path | None,
    participants: list[str] | None,
    sessions: list[str] | None,
) -> Settings:
    """Return the settings of a file, overruled by the arguments."""
    content = settings_file(config)
    content["bids_dir"] = str(bids_dir.resolve())
    content["out_dir"] = str(out_dir.resolve())
    if participants:
        content["participants"] = participants
    if sessions:
        content["sessions"] = sessions
    settings = parse_settings(Settings, content, str(config or "arguments"))
    # The stages run in another folder.
    section = settings.segmentation
    labels = {k: _whole(getattr(section, k)) for k in ("atlas", "network")}
    if section.model and ":" in section.model:
        kind, _, path = section.model.partition(":")
        labels["model"] = f"{kind}:{_whole(path)}"
    return settings.model_copy(
        update={
            "segmentation": section.model_copy(update=labels),
            "model": settings.model.model_copy(update={"file": _whole(settings.model.file)}),
            "report": settings.report.model_copy(
                update={
                    key: _whole(getattr(settings.report, key)) for key in ("norms", "repeatability")
                }
            ),
        }
    )


def _whole(path: str | None) -> str | None:
    """Return a path of the caller's folder as one from anywhere."""
    return str(Path(path).expanduser().resolve()) if path else path
