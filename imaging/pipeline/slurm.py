"""What a run on Slurm needs beyond its profile, and what clusters say of a job, in words."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from imaging.errors import ComputationError, ConfigError, MissingToolError, OutputError

_EXTRA = "Install it: pip install 'pennate[slurm]'"
_PLUGIN = "snakemake_executor_plugin_slurm"
_LIVE = "PENDING,RUNNING,SUSPENDED,CONFIGURING,COMPLETING,STOPPED,RESIZING,SIGNALING,STAGE_OUT"
_PATIENCE_S = 120.0
_STATUS = re.compile(r"SLURM status is: '(\w+)'")
_NOT_TAKEN = re.compile(
    r"SLURM sbatch failed\. The error message was '(?:sbatch: )?(?:error: )?(.+?)'?\.?$"
)
# Without control groups, a job that took too much memory is just FAILED; its log tells.
_MEMORY = re.compile(r"exceeded (?:job |step )?memory limit|oom[-_ ]kill", re.IGNORECASE)
_NO_REASON = "For further error details see the cluster"  # all that other plugins say
_TAIL_BYTES = 20_000
# What a profile may say otherwise. One question for all jobs, 5 s after the last one that ended,
# then 15 s, 25 s, ...; a controller that does not answer is asked for an hour, every five seconds:
# the plugin's own patience is half a second.
_WHERE_SILENT = {
    "slurm-init-seconds-before-status-checks": "5",
    "max-status-checks-per-second": "0.2",
    "slurm-status-attempts": "720",
}
# Accounting knows the tasks of an array by other numbers than the plugin does.
_FOR_ARRAYS = {"slurm-status-command": "squeue"}
# An array is sent whole: nothing may hold back a part of it.
_WITH_ARRAYS = {"jobs": "100000", "max-jobs-per-timespan": "100000/1s"}
_LONGEST_S = 190  # between two questions of the plugin
_SACCT = """\
#!/bin/sh
# This Slurm keeps no accounting: its queue is asked instead.
for word; do
  [ "$last" = --name ] && name=$word
  last=$word
done
[ -z "$name" ] || exec squeue --array --states=all --noheader --format='%i|%T' --name "$name"
"""


def profile_settings(profile: Path) -> dict[str, Any]:
    """Return what a profile of Snakemake says.

    Raises
    ------
    ConfigError
        It cannot be read.
    """
    from snakemake.cli import get_profile_dir  # half a second, on clusters only

    found = get_profile_dir(str(profile))
    if found is None:
        raise ConfigError("holds no config.yaml of Snakemake", profile, "Give another --profile")
    try:
        content = yaml.safe_load(found[1].read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("cannot be read as YAML", found[1], "Correct the profile") from error
    if not isinstance(content, dict):
        raise ConfigError("holds no settings", found[1], "Correct the profile")
    return content


def run_name(out: Path) -> str:
    """Return how the jobs of all runs into an output folder are called, in front."""
    return f"pennate-{hashlib.sha256(os.fsencode(out)).hexdigest()[:12]}"


def options(settings: dict[str, Any], out: Path) -> list[str]:
    """Return what the engine must be told beyond a profile that names Slurm.

    Parameters
    ----------
    settings
        Of the profile.
    out
        Output folder, absolute.
    """
    wanted = dict(_WHERE_SILENT)
    if "slurm-array-jobs" in settings:
        wanted |= _FOR_ARRAYS
    missing = {key: value for key, value in wanted.items() if key not in settings}
    if "slurm-array-jobs" in settings:
        missing |= _WITH_ARRAYS
    missing["slurm-jobname-prefix"] = run_name(out)
    return [word for key, value in missing.items() for word in (f"--{key}", value)]


def environment(state: Path) -> dict[str, str]:
    """Return what to change in the environment of the engine; nothing where accounting answers.

    The plugin asks ``sacct`` for the state of jobs wherever there is a command of that name, also
    where it was told to ask ``squeue`` and the controller was away for a moment. Without a data
    base behind it that command only fails, and the plugin then waits for its jobs for ever. So a
    command of this name that asks the queue is put in front.

    Parameters
    ----------
    state
        Folder of the run's state.

    Raises
    ------
    OutputError
        The command cannot be written.
    """
    if _has_accounting():
        return {}
    folder = state / "commands"
    try:
        folder.mkdir(exist_ok=True)
        (folder / "sacct").write_text(_SACCT, encoding="ascii")
        (folder / "sacct").chmod(0o755)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})", folder, "Choose another --work-dir"
        ) from error
    return {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}


def reason(message: str, given: str, log: Path | None) -> str:
    """Return why a cluster ended a job, or did not take it; empty for what no cluster says.

    Parameters
    ----------
    message
        Of the plugin, in one line.
    given
        What the job was given, as Snakemake writes it: ``mem_mb=4000, runtime=60``.
    log
        What Slurm itself said of the job, where there is such a file.

    Examples
    --------
    >>> reason("SLURM-job '7' failed, SLURM status is: 'TIMEOUT'. ...", "runtime=60", None)
    'it was not done in the 60 min that it was given: more by runtime in the profile'
    """
    if refused := _NOT_TAKEN.search(message):
        return f"Slurm does not take the job: {refused[1]}"
    found = _STATUS.search(message)
    if found is None and not message.startswith(_NO_REASON):
        return ""
    state, limits = found[1] if found else "", dict(re.findall(r"(mem_mb|runtime)=(\d+)", given))
    if state == "OUT_OF_MEMORY" or (log and _MEMORY.search(_tail(log))):
        memory = f"{limits['mem_mb']} MB" if "mem_mb" in limits else "memory"
        return f"memory ran out at the {memory} that it was given: more by mem_mb in the profile"
    if state == "TIMEOUT":
        given = f"{limits['runtime']} min" if "runtime" in limits else "time"
        return f"it was not done in the {given} that it was given: more by runtime in the profile"
    what = {
        "NODE_FAIL": "the node that it ran on failed",
        "BOOT_FAIL": "its node did not start",
        "CANCELLED": "its job was cancelled",
        "DEADLINE": "its job ran into a deadline",
    }
    where = f": see {log}" if log else "; its log there may tell more"
    return what.get(state, f"its job failed on the cluster{where}")


def _tail(log: Path) -> str:
    # The plugin does not know where an array's task writes: one folder higher.
    for path in (log, log.parent.parent / log.name):
        try:
            with path.open("rb") as file:
                file.seek(max(file.seek(0, 2) - _TAIL_BYTES, 0))
                return file.read().decode(errors="replace")
        except OSError:
            continue
    return ""


def require_slurm() -> None:
    """Check that jobs can be sent from this machine.

    Raises
    ------
    MissingToolError
        A command or the plugin is not installed.
    ComputationError
        The controller does not answer, or forgets jobs before anybody can ask.
    """
    if find_spec(_PLUGIN) is None:
        raise MissingToolError("the plugin of Snakemake for Slurm is not installed", None, _EXTRA)
    for program in ("sbatch", "squeue", "scancel"):
        if shutil.which(program) is None:
            raise MissingToolError(
                f"Slurm is not on this machine: no {program}", None, "Run where you can use sbatch"
            )
    _jobs("nobody")
    if not _has_accounting() and 0 < (age := _remembered_s()) < _LONGEST_S:
        raise ComputationError(
            f"this Slurm forgets a job {age} s after its end and keeps no accounting, so a run "
            "could wait for a job for ever. Ask who runs it for a MinJobAge of 300"
        )


def end_earlier_jobs(out: Path) -> int:
    """End the jobs that an earlier run into this folder left behind; return how many.

    A run that was killed cannot end its jobs. They would write the files of this one.

    Raises
    ------
    ComputationError
        Slurm does not answer, or they do not end.
    """
    ids = _jobs(run_name(out))
    if not ids:
        return 0
    _call("scancel", *ids)
    end = time.monotonic() + _PATIENCE_S
    while _jobs(run_name(out)):
        if time.monotonic() > end:
            raise ComputationError(
                f"jobs of an earlier run do not end: {', '.join(ids)}. Ask who runs this Slurm"
            )
        time.sleep(1)
    return len(ids)


def _jobs(name: str) -> list[str]:
    """Return the numbers of this user's live jobs whose names begin with `name`."""
    said = _call("squeue", "--me", "--noheader", f"--states={_LIVE}", "--format=%A|%j")
    rows = (line.strip().partition("|") for line in said.splitlines())
    return sorted({number for number, _, job in rows if job.startswith(f"{name}_")})


def _call(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired as error:
        raise ComputationError(f"Slurm does not answer ({command[0]})") from error
    if done.returncode:
        why = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise ComputationError(f"Slurm does not answer ({command[0]}): {why}")
    return done.stdout


def _remembered_s() -> int:
    """Return how long Slurm remembers a job that has ended; 0: as long as it runs."""
    found = re.search(r"^MinJobAge\s*=\s*(\d+)", _call("scontrol", "show", "config"), re.MULTILINE)
    return int(found[1]) if found else 0


def _has_accounting() -> bool:
    """Return whether the accounting can be asked; the command alone does not tell."""
    if shutil.which("sacct") is None:
        return False
    try:
        done = subprocess.run(["sacct", "-n", "-X"], capture_output=True, timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
