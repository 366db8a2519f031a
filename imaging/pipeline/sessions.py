"""Sessions that can be run, and why others cannot."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial

from tqdm import tqdm

from imaging.config import Settings
from imaging.dataset import Finding, Session, find_sessions, shown
from imaging.dataset.names import ANATOMICAL, NIFTI
from imaging.dataset.session import State
from imaging.errors import ComputationError, DatasetError, PennateError
from imaging.pipeline.table import few
from imaging.threads import cores

_FEWEST_PER_CORE, _MOST_AT_ONCE = 2, 8  # each reader may hold a large image
_SILENT_S = 10.0
_TITLES = {
    "anat": "the anatomical image",
    "dwi": "the diffusion images",
    "fmap": "the scan of reversed phase encoding",
    "dixon": "the images of water and fat",
    "others": "the other anatomical images",
    "spin_echoes": "the spin echoes",
    "waves": "the wave images",
    "wave_fmap": "the scan of reversed phase encoding for the wave images",
    "stiffness": "the ready stiffness map",
    "frames": "the ultrasound frames",
    "contexts": "the wave images or frames of another context",
    "recording": "the recording of EMG",
    "manual_dseg": "the muscles drawn by hand",
    "aponeuroses": "the aponeuroses drawn by hand",
}


def inspect(session: Session, settings: Settings | None = None) -> Session:
    """Open every input of a session; return it with findings of contradictions and warnings.

    Nothing is opened where the content of an input is not on this machine: that is said already.
    """
    if any(f.state == "not_fetched" for f in session.findings):
        return session
    # Readers of all formats: only who opens files pays for them.
    from imaging.pipeline.cautions import cautions
    from imaging.pipeline.inspection import inspections

    found: list[Finding] = []

    def note(name: str, state: State, message: str) -> None:
        if any(shown(message) == f.message for f in found):
            return  # a broken anatomical image is met again by every input placed in it
        found.append(Finding(session.subject, session.session, name, state, (), shown(message)))

    for name, check in inspections(settings).items():
        try:
            for warning in check(session) or ():
                note(name, "warning", warning)
        except PennateError as error:
            note(name, "contradiction", str(error))
    return replace(session, findings=(*session.findings, *found, *cautions(session)))


def refusal(session: Session) -> str | None:
    """Return why a session cannot be run, as a sentence without its full stop, or None."""
    why = next((said for f in session.findings if (said := _refused(f))), None)
    if why is None and session.anat is None:
        why = _without_anatomy(session)
    return why.rstrip(".") if why else None


def _refused(finding: Finding) -> str | None:
    """Return why a finding stops a session, or None where it does not."""
    title, files = _TITLES.get(finding.input, finding.input), few(finding.files)
    if finding.state == "ambiguous":
        return f"{len(finding.files)} files may be {title}, {files}: {finding.message}"
    if finding.state == "not_fetched":
        return f"{title} cannot be read, {files}: {finding.message}"
    if finding.state == "contradiction" and finding.files:
        return f"{files} {finding.message}"
    if finding.state == "contradiction":
        return f"{title} cannot be used: {finding.message}"
    return None


def _without_anatomy(session: Session) -> str:
    """Return that there is no anatomical image, and the files that may be meant as one."""
    meant = tuple(f"_{contrast}{end}" for contrast in ANATOMICAL for end in NIFTI)
    lost = [f for f in session.findings if f.state == "not_taken" and f.message.endswith(meant)]
    hints = "".join(f"; {few(f.files)}: {f.message}" for f in lost[:1])
    return f"there is no anatomical image (anat/{session.prefix}_T1w.nii.gz){hints}"


def triage(sessions: Iterable[Session], settings: Settings) -> tuple[list[Session], dict[str, str]]:
    """Tell sessions that can be run from those that cannot; these are named on standard error.

    Inputs are opened where the settings say so.

    Returns
    -------
    list of Session
        Those that can be run, with all findings.
    dict
        Why the others cannot, by prefix, without a full stop.
    """
    wanted = [s for s in sessions if s.prefix not in settings.leave_out]
    if settings.open_inputs:
        wanted = inspect_all(wanted, settings)
    say_warnings(wanted)
    refused = {s.prefix: why for s in wanted if (why := refusal(s))}
    for prefix, why in refused.items():
        print(f"{prefix} is left out: {why}.", file=sys.stderr)
    return [s for s in wanted if s.prefix not in refused], refused


def usable_sessions(settings: Settings) -> list[Session]:
    """Return the sessions of a study that can be run.

    Raises
    ------
    DatasetError
        None can be run.
    """
    sessions = find_sessions(
        settings.bids_dir, settings.participants, settings.sessions, settings.select
    )
    usable, refused = triage(sessions, settings)
    if not usable:
        raise nothing_to_run(settings, refused)
    return usable


def nothing_to_run(settings: Settings, refused: Mapping[str, str]) -> DatasetError:
    """Return the error that no session can be run, with the first reason."""
    first = next(iter(refused.values()), "all are left out by the settings")
    return DatasetError(
        f"no session can be run; the first: {first}",
        settings.bids_dir,
        "See the table of pennate check",
    )


def say_warnings(sessions: Iterable[Session]) -> None:
    """Print the warnings about sessions on standard error."""
    for session in sessions:
        for finding in session.findings:
            if finding.state == "warning":
                print(f"warning: {session.prefix}: {finding.message}", file=sys.stderr)


def inspect_all(sessions: Sequence[Session], settings: Settings) -> list[Session]:
    """Return the sessions as `inspect` does, several at once, and show how far it is.

    Raises
    ------
    ComputationError
        A reader was killed.
    """
    at_once = min(cores(), len(sessions) // _FEWEST_PER_CORE, _MOST_AT_ONCE)
    if at_once < 2:
        return list(_progress((inspect(s, settings) for s in sessions), len(sessions)))
    # A server that has no threads forks the readers: they start at once and share its modules.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["imaging.pipeline.inspection", "imaging.pipeline.cautions"])
    try:
        with ProcessPoolExecutor(at_once, context) as pool:
            done = pool.map(partial(inspect, settings=settings), sessions)
            return list(_progress(done, len(sessions)))
    except BrokenProcessPool as error:
        raise ComputationError(
            "the reading of inputs was killed, as happens where memory runs out: read fewer "
            "participants at once, or leave it out with --skip-bids-validation"
        ) from error


def _progress(done: Iterable[Session], total: int) -> Iterator[Session]:
    """Show how far the reading of sessions is: a bar for a person, else a line now and then."""
    bar = tqdm(done, "reading inputs", total, unit="session", disable=None, leave=False)
    said = time.monotonic()
    for number, session in enumerate(bar, start=1):
        yield session
        if bar.disable and time.monotonic() > said + _SILENT_S and number < total:
            said = time.monotonic()
            print(f"inputs of {number} of {total} sessions are read", flush=True)
