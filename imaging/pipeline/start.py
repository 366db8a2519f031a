"""The workflow's first step: settings, sessions, plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imaging.config import Settings, parse_settings
from imaging.errors import MissingFileError
from imaging.pipeline.links import plain_folder
from imaging.pipeline.plan import Plan
from imaging.pipeline.sessions import usable_sessions


def start(config: Mapping[str, Any], *, first: bool) -> Plan:
    """Return the plan of a run.

    Parameters
    ----------
    config
        What Snakemake was given as settings.
    first
        This is the main process. Files are opened once, by it; jobs on a cluster only need names.

    Raises
    ------
    InputError
        Settings are wrong, or no session can be run.
    MissingToolError
        A model is asked for and OpenSim is not installed.
    """
    settings = parse_settings(Settings, dict(config), "config")
    folders = {key: plain_folder(getattr(settings, key)) for key in ("bids_dir", "out_dir")}
    opened = settings.open_inputs and first
    settings = settings.model_copy(update={**folders, "open_inputs": opened})
    plan = Plan(settings, usable_sessions(settings))
    if settings.model.file is not None:
        check_models(plan)
    return plan


def check_models(plan: Plan) -> None:
    """Check what the last rule needs before the first one runs.

    Raises
    ------
    MissingFileError
        A person has no model.
    MissingToolError
        OpenSim is not installed.
    """
    from imaging.export.opensim.library import require_opensim

    require_opensim()
    for prefix in plan.sessions:
        if not Path(plan.model_of(prefix)).is_file():
            raise MissingFileError(
                "model.file: no such OpenSim model", plan.model_of(prefix), "Correct the setting"
            )
