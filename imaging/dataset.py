"""A BIDS folder in, and the names of what is written out.

Finds the inputs of every subject and session by their BIDS names and sidecars; opens no image.
What the files hold is checked by ``pennate check``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imaging.errors import ConfigError, DatasetError, MissingFileError
from imaging.fieldmaps import reversed_scans

State = Literal["found", "missing", "ambiguous", "contradiction"]

# Contrasts in the order in which one is taken as the anatomical reference.
ANATOMICAL = ("T1w", "T2w", "PDw", "MEGRE", "T2starw", "FLASH")
# Inputs of which a session has one.
SELECTABLE = ("anat", "dwi", "fmap", "stiffness", "recording", "manual_dseg")
RECORDINGS = (".c3d", ".edf", ".bdf")
FRAMES = (".dcm", ".png", ".mp4", ".igs.mha", ".igs.nrrd", ".seq.nrrd", ".mha", ".nrrd")
_LABEL = re.compile(r"^[A-Za-z0-9]+$")


@dataclass(frozen=True)
class Finding:
    """One line of the table of inputs."""

    subject: str
    session: str
    input: str
    state: State
    files: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class Session:
    """The inputs of one subject, or of one session of a subject.

    Attributes
    ----------
    subject, session : str
        BIDS labels without ``sub-`` and ``ses-``; `session` is empty where there are none.
    anat, dwi, fmap, stiffness, recording, manual_dseg : Path or None
        `fmap` has reversed phase encoding, `stiffness` is a ready map.
    waves, frames, aponeuroses : tuple of Path
        Wave images (one per frequency), ultrasound shear-wave frames, internal aponeuroses drawn
        by a person.
    findings : tuple of Finding
    """

    subject: str
    session: str = ""
    anat: Path | None = None
    dwi: Path | None = None
    fmap: Path | None = None
    waves: tuple[Path, ...] = ()
    stiffness: Path | None = None
    frames: tuple[Path, ...] = ()
    recording: Path | None = None
    manual_dseg: Path | None = None
    aponeuroses: tuple[Path, ...] = ()
    findings: tuple[Finding, ...] = field(default=(), compare=False)

    @property
    def prefix(self) -> str:
        """``sub-01`` or ``sub-01_ses-02``."""
        return "_".join(self._parts)

    @property
    def folder(self) -> str:
        """``sub-01`` or ``sub-01/ses-02``."""
        return "/".join(self._parts)

    @property
    def _parts(self) -> list[str]:
        return [f"sub-{self.subject}", *([f"ses-{self.session}"] if self.session else [])]


def stem(path: Path) -> str:
    """Return the file name without ``.nii.gz``, ``.igs.mha``, ``.seq.nrrd`` or its last suffix."""
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return name.removesuffix(".igs").removesuffix(".seq")


def suffix_of(path: Path) -> str:
    """Return the BIDS suffix: what stands after the last underscore of the stem."""
    return stem(path).rsplit("_", 1)[-1]


def entities(path: Path) -> dict[str, str]:
    """Return the BIDS entities in a file name, for example ``{'sub': '01', 'echo': '2'}``."""
    pairs = (part.split("-", 1) for part in stem(path).split("_") if "-" in part)
    return {pair[0]: pair[1] for pair in pairs}


def sibling(image: Path, extension: str) -> Path:
    """Return the file of the same stem with another extension, such as ``.bval``."""
    return image.with_name(stem(image) + extension)


def find_sessions(
    bids_dir: str | Path,
    participants: Iterable[str] = (),
    sessions: Iterable[str] = (),
    select: Mapping[str, str] | None = None,
) -> list[Session]:
    """Find the inputs of every subject and session of a BIDS folder.

    Parameters
    ----------
    bids_dir
        The BIDS folder.
    participants, sessions
        Labels to keep, with or without ``sub-``/``ses-``; empty keeps all.
    select
        Glob per input (one of `SELECTABLE`) that settles an ambiguity.

    Raises
    ------
    MissingFileError
        No such folder.
    DatasetError
        No subject in it, or a wanted one is not there.
    ConfigError
        `select` names no such input.
    """
    _check_selection(select or {})
    root = Path(bids_dir)
    if not root.is_dir():
        raise MissingFileError("no such BIDS folder", root, "Check the path")
    folders = sorted(p for p in root.glob("sub-*") if p.is_dir())
    if not folders:
        raise DatasetError("holds no folder sub-<label>", root, "Give a BIDS folder")
    wanted = _labels(participants, "sub-")
    if absent := wanted - {p.name.removeprefix("sub-") for p in folders}:
        raise DatasetError(
            f"holds no participant {', '.join(sorted(absent))}", root, "Check --participant-label"
        )
    wanted_sessions = _labels(sessions, "ses-")
    found = []
    for folder in folders:
        subject = folder.name.removeprefix("sub-")
        if not _LABEL.match(subject):
            raise DatasetError(
                f"{folder.name!r} is no BIDS label", root, "Use letters and digits after sub-"
            )
        if wanted and subject not in wanted:
            continue
        parts = sorted(p for p in folder.glob("ses-*") if p.is_dir())
        for part in parts or [folder]:
            session = part.name.removeprefix("ses-") if parts else ""
            if parts and not _LABEL.match(session):
                raise DatasetError(
                    f"{part.name!r} is no BIDS label", folder, "Use letters and digits after ses-"
                )
            if not wanted_sessions or session in wanted_sessions:
                found.append(_inspect(root, part, subject, session, select or {}))
    if not found:
        raise DatasetError("holds no such session", root, "Check --session-id")
    return found


def _check_selection(select: Mapping[str, str]) -> None:
    if unknown := set(select) - set(SELECTABLE):
        raise ConfigError(
            f"select names {', '.join(sorted(unknown))}", None, f"Use {', '.join(SELECTABLE)}"
        )


def _labels(labels: Iterable[str], prefix: str) -> set[str]:
    return {str(label).removeprefix(prefix) for label in labels}


def _images(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    files = [*folder.glob("*.nii"), *folder.glob("*.nii.gz")]
    return sorted(p for p in files if suffix_of(p) in suffixes)


def _anatomical(folder: Path, pattern: str) -> list[Path]:
    """Return the candidates of the first contrast that matches: magnitude, first echo."""
    for contrast in ANATOMICAL:
        files = [p for p in _images(folder, [contrast]) if entities(p).get("part", "mag") == "mag"]
        files = [p for p in files if fnmatch.fnmatch(p.name, pattern)]
        echoes = sorted({int(entities(p).get("echo", "1")) for p in files})
        files = [p for p in files if int(entities(p).get("echo", "1")) == echoes[0]]
        if files:
            return files
    return []


def _inspect(
    root: Path, folder: Path, subject: str, session: str, select: Mapping[str, str]
) -> Session:
    findings: list[Finding] = []

    def note(name: str, state: State, files: Sequence[Path] = (), message: str = "") -> None:
        names = tuple(str(p.relative_to(root)) for p in files)
        findings.append(Finding(subject, session, name, state, names, message))

    def one(name: str, files: list[Path], missing: str) -> Path | None:
        pattern = select.get(name, "*")
        missing = f"no file matches the setting select: {pattern}" if name in select else missing
        files = [p for p in files if fnmatch.fnmatch(p.name, pattern)]
        if len(files) == 1:
            note(name, "found", files)
            return files[0]
        if files:
            note(name, "ambiguous", files, f"choose one with the setting select: {{{name}: glob}}")
        else:
            note(name, "missing", message=missing)
        return None

    def many(name: str, files: list[Path], missing: str) -> tuple[Path, ...]:
        note(name, "found" if files else "missing", files, "" if files else missing)
        return tuple(files)

    anatomical = _anatomical(folder / "anat", select.get("anat", "*"))
    anat = one("anat", anatomical, "nothing can be mapped without one")
    dwi = one("dwi", _images(folder / "dwi", ["dwi"]), "no fascicles, FA or MD")
    against = reversed_scans(_images(folder / "fmap", ["epi"]), dwi) if dwi else []
    manual = root / "derivatives" / "manual" / folder.relative_to(root) / "anat"
    mre = [p for p in _images(folder / "mre", ["mre"]) if entities(p).get("part") == "phase"]
    recordings = [p for p in (folder / "emg").glob("*_emg.*") if p.suffix.lower() in RECORDINGS]
    recordings = _prefer_c3d(sorted(recordings))
    frames = [p for ending in FRAMES for p in (folder / "us").glob(f"*_swe{ending}")]
    drawn = sorted([*manual.glob("*_aponeurosis.nii.gz"), *manual.glob("*_aponeurosis.vtp")])
    segments = [p for p in _images(manual, ["dseg"]) if entities(p).get("desc") == "manual"]
    return Session(
        subject,
        session,
        anat=anat,
        dwi=dwi,
        fmap=one("fmap", against, "no scan of reversed phase encoding for the diffusion images"),
        waves=many("waves", mre, "no stiffness from wave images"),
        stiffness=one("stiffness", _images(folder / "mre", ["stiffness"]), "no ready map"),
        frames=many("frames", sorted(frames), "no ultrasound shear-wave frames"),
        recording=one("recording", recordings, "no activation"),
        manual_dseg=one("manual_dseg", segments, "muscles are found automatically"),
        aponeuroses=many("aponeuroses", drawn, "none drawn"),
        findings=tuple(findings),
    )


def _prefer_c3d(files: list[Path]) -> list[Path]:
    """Drop an EDF or BDF of the same stem as a C3D: the C3D holds force plates too."""
    stems = {p.stem for p in files if p.suffix.lower() == ".c3d"}
    return [p for p in files if p.suffix.lower() == ".c3d" or p.stem not in stems]
