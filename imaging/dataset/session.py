"""The inputs of one session, as the names of its files tell."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

from imaging.dataset.dixon import PARTS, dixon_options, part_of
from imaging.dataset.leftovers import (
    Place,
    files_below,
    inputs_below,
    not_fetched,
    stranger,
    twins,
    well_named,
    why_not_taken,
)
from imaging.dataset.names import (
    ANATOMICAL,
    DRAWN,
    FRAMES,
    NIFTI,
    RECORDINGS,
    SHEETS,
    context_of,
    ending,
    entities,
    shown,
    suffix_of,
)
from imaging.dataset.recording_names import companions, corrected_events, without_doubles
from imaging.fieldmaps import reversed_scans, scans_named_for

# not_fetched: the name is there, the content is on another machine; not_needed: a right name that
# no stage reads; not_taken: a name or place that keeps a file from being read.
State = Literal[
    "found",
    "missing",
    "ambiguous",
    "contradiction",
    "warning",
    "not_fetched",
    "not_needed",
    "not_taken",
]

# Inputs that may be chosen from: those of which a session has one, recordings, and contexts.
SELECTABLE = (
    "anat", "dwi", "fmap", "stiffness", "recording", "manual_dseg", "waves", "wave_fmap", "frames",
)  # fmt: skip
_NO_CONTENT = (
    "its content is not on this machine: fetch it (datalad get, git annex get, git lfs pull), "
    "or copy the file itself here"
)
_SELECTED = "the setting select leaves it out"
#: Name of waves or frames whose files name no context.
BASELINE = "baseline"
# Why a file with a right name may not be needed.
_UNUSED = {
    "anat": "another image is the anatomical reference",
    "fmap": "it does not run against the diffusion images, or is meant for another series",
    "mre": "no phase image of this name lies beside it",
    "emg": "the C3D of the same name is read",
    "motion": "no EMG of the same task, run and acquisition lies in emg/",
}


class OtherContext(NamedTuple):
    """Waves or frames (`kind`) of another context than those that are mapped, by its `name`."""

    kind: str
    name: str
    files: tuple[Path, ...]


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
    anat, dwi, fmap, wave_fmap, stiffness, manual_dseg : Path or None
        `fmap` has reversed phase encoding, `wave_fmap` that of the wave images; `stiffness` is a
        ready map.
    others : tuple of Path
        Other anatomical images than the reference, one of every series, none of fat.
    dixon, spin_echoes : tuple of Path
        Images that tell fat from water, and the train of echoes that T2 is fitted to.
    waves, frames, recordings, aponeuroses : tuple of Path
        Wave images (one per frequency), ultrasound shear-wave frames, recordings of EMG (one per
        task, run and acquisition), internal aponeuroses drawn by a person.
    contexts : tuple of OtherContext
        Held against `waves` and `frames`, never pooled with them.
    findings : tuple of Finding
    """

    subject: str
    session: str = ""
    anat: Path | None = None
    dwi: Path | None = None
    fmap: Path | None = None
    others: tuple[Path, ...] = ()
    dixon: tuple[Path, ...] = ()
    spin_echoes: tuple[Path, ...] = ()
    waves: tuple[Path, ...] = ()
    wave_fmap: Path | None = None
    stiffness: Path | None = None
    frames: tuple[Path, ...] = ()
    recordings: tuple[Path, ...] = ()
    manual_dseg: Path | None = None
    aponeuroses: tuple[Path, ...] = ()
    contexts: tuple[OtherContext, ...] = ()
    findings: tuple[Finding, ...] = field(default=(), compare=False)

    @property
    def prefix(self) -> str:
        """``sub-01`` or ``sub-01_ses-02``."""
        return "_".join(self._parts)

    @property
    def folder(self) -> str:
        """``sub-01`` or ``sub-01/ses-02``."""
        return "/".join(self._parts)

    def context(self, kind: str) -> str:
        """Return the context of the waves or frames that are mapped: ``rest``, or one unnamed."""
        files = self.waves if kind == "waves" else self.frames
        return context_of(files[0]) or BASELINE

    @property
    def _parts(self) -> list[str]:
        return [f"sub-{self.subject}", *([f"ses-{self.session}"] if self.session else [])]

    def with_findings(self, findings: Sequence[Finding]) -> Session:
        """Return the session with more lines in its table of inputs."""
        return replace(self, findings=(*self.findings, *findings))


Lost = tuple[Path, State, str]


def grouped(root: Path, subject: str, session: str, lost: Sequence[Lost]) -> list[Finding]:
    """Return one finding per folder and reason for files that are not read."""
    groups: dict[tuple[str, State, str], list[str]] = {}
    for path, state, why in lost:
        place = "/".join(path.relative_to(root).parts[-2:-1])
        groups.setdefault((f"{place}/", state, why), []).append(shown(path.relative_to(root)))
    return [
        Finding(subject, session, place, state, tuple(files), why)
        for (place, state, why), files in groups.items()
    ]


class SessionFiles:
    """The files of one session, and what was found among them."""

    def __init__(self, place: Place, select: Mapping[str, str]):
        self.place, self.select = place, select
        manual = place.root / "derivatives" / "manual" / place.folder.relative_to(place.root)
        self.drawn = Place(place.root, manual, place.subject, place.session, drawn=True)
        below = {of: inputs_below(of.folder) for of in (place, self.drawn)}
        self.home = {path: of for of, files in below.items() for path in files}
        self.named = [p for p, of in self.home.items() if well_named(p, of)]
        self.named = [p for p in self.named if stranger(p, self.home[p]) is None]
        self.findings: list[Finding] = []
        self.taken: set[Path] = set()
        self.unselected: set[Path] = set()
        self.contexts: list[OtherContext] = []
        self.corrected: set[Path | None] = set()

    def files(
        self, folder: str, ends: Sequence[str], suffix: str, drawn: bool = False
    ) -> list[Path]:
        """Return well-named files of a folder, of these kinds and this suffix."""
        above = (self.drawn if drawn else self.place).folder / folder
        return [
            p for p in self.named
            if p.parent == above and p.name.endswith(tuple(ends)) and suffix_of(p) == suffix
        ]  # fmt: skip

    def note(self, name: str, state: State, files: Sequence[Path] = (), message: str = "") -> None:
        """Add a line to the table of inputs."""
        names = tuple(shown(p.relative_to(self.place.root)) for p in files)
        owner = self.place
        self.findings.append(Finding(owner.subject, owner.session, name, state, names, message))

    def one(self, name: str, files: list[Path], missing: str) -> Path | None:
        """Note and return the one file of an input, None where there is none or more than one."""
        files, missing = self._selected(name, files, missing)
        self.taken |= set(files)
        if len(files) > 1:
            self._ambiguous(name, files)
            return None
        return next(iter(self.many(name, files, missing)), None)

    def _selected(self, name: str, files: list[Path], missing: str) -> tuple[list[Path], str]:
        """Return the files that the settings choose, and what is missing without one."""
        pattern = self.select.get(name)
        if not pattern:
            return files, missing
        self.unselected |= {p for p in files if not fnmatch.fnmatch(p.name, pattern)}
        files = [p for p in files if p not in self.unselected]
        return files, f"no file matches the setting select: {pattern}"

    def many(self, name: str, files: list[Path], missing: str) -> tuple[Path, ...]:
        """Note and return the files of an input."""
        self.taken |= set(files)
        without = {p: gone for p in files if (gone := not_fetched(p))}
        if present := [p for p in files if p not in without]:
            self.note(name, "found", present)
        if without:
            self.note(name, "not_fetched", list(dict.fromkeys(without.values())), _NO_CONTENT)
        if not files:
            self.note(name, "missing", message=missing)
        if double := twins(files):
            self._ambiguous(name, double)
        return tuple(files)

    def _ambiguous(self, name: str, files: Sequence[Path]) -> None:
        double = bool(twins(files))
        message = "the same name as .nii and as .nii.gz: remove one" if double else "keep one"
        if name in SELECTABLE:
            message += f", or choose one with the setting select, as {{{name}: '*run-2*'}}"
        self.note(name, "ambiguous", files, message)

    def session(self) -> Session:
        """Return the session with its inputs and findings."""
        anat = self.one("anat", self._anatomical(), "nothing can be mapped without one")
        dwi = self.one("dwi", self.files("dwi", NIFTI, "dwi"), "no fascicles, FA or MD")
        scans = self.files("fmap", NIFTI, "epi")
        against = reversed_scans(scans, dwi) if dwi else []
        no_reversed = "no scan of reversed phase encoding for the diffusion images"
        phases = [p for p in self.files("mre", NIFTI, "mre") if entities(p).get("part") == "phase"]
        phases = self._of_one_context("waves", phases)
        maps = self.files("mre", NIFTI, "stiffness")
        labels = self.files("anat", DRAWN, "dseg", drawn=True)
        labels = [p for p in labels if entities(p).get("desc") == "manual"]
        sheets = self.files("anat", SHEETS, "aponeurosis", drawn=True)
        frames = self._of_one_context("frames", self.files("us", FRAMES, "swe"))
        images = [p for suffix in ANATOMICAL for p in self.files("anat", NIFTI, suffix)]
        fat = [p for own in dixon_options(images).values() for p in own]
        found = Session(
            self.place.subject,
            self.place.session,
            anat=anat,
            dwi=dwi,
            fmap=self.one("fmap", against, no_reversed),
            others=self._others(anat),
            dixon=self.many("dixon", fat, "no fat fraction"),
            spin_echoes=self.many("spin_echoes", self.files("anat", NIFTI, "MESE"), "no T2"),
            waves=self.many("waves", phases, "no stiffness from wave images"),
            wave_fmap=self._wave_fmap(scans, phases),
            stiffness=self.one("stiffness", maps, "no ready map"),
            frames=self.many("frames", frames, "no ultrasound shear-wave frames"),
            recordings=self._recordings(),
            manual_dseg=self.one("manual_dseg", labels, "muscles are found automatically"),
            aponeuroses=self.many("aponeuroses", sheets, "none drawn"),
        )
        others = [p for context in self.contexts for p in context.files]
        if others:
            self.many("contexts", others, "")
        every = [*phases, *others]
        self.taken |= {p.with_name(p.name.replace("part-phase", "part-mag")) for p in every}
        found = replace(found, contexts=tuple(self.contexts))
        return found.with_findings([*self.findings, *self._leftovers()])

    def _wave_fmap(self, scans: list[Path], phases: list[Path]) -> Path | None:
        """Return the scan of reversed phase encoding that names the wave images."""
        magnitudes = [p.with_name(p.name.replace("part-phase", "part-mag")) for p in phases]
        found = scans_named_for(scans, [*phases, *(m for m in magnitudes if m in self.home)])
        return self.one("wave_fmap", found, "") if found else None

    def _of_one_context(self, name: str, files: list[Path]) -> list[Path]:
        """Return the files of one context: of several that at rest, else those that name none."""
        files, _ = self._selected(name, files, "")
        contexts = {context_of(p) for p in files}
        if len(contexts) < 2:
            return files
        kept = next((context for context in ("rest", "") if context in contexts), None)
        if kept is None:
            self._ambiguous(name, files)
            return []
        for context in sorted(contexts - {kept}):
            own = tuple(p for p in files if context_of(p) == context)
            self.contexts.append(OtherContext(name, context or BASELINE, own))
        return [p for p in files if context_of(p) == kept]

    def _anatomical(self) -> list[Path]:
        """Return the candidates of the first contrast that matches: magnitude, first echo."""
        pattern = self.select.get("anat", "*")
        for contrast in ANATOMICAL:
            files = self.files("anat", NIFTI, contrast)
            files = [p for p in files if entities(p).get("part", "mag") == "mag"]
            files = [p for p in files if fnmatch.fnmatch(p.name, pattern)]
            # Of a Dixon scan one part stands for all, and another image before any of them.
            kinds = [p for p in ("", *PARTS) if p in {part_of(f) for f in files}]
            files = [p for p in files if part_of(p) == kinds[0]]
            if files:
                first = min(_echo(p) for p in files)
                return [p for p in files if _echo(p) == first]
        return []

    def _others(self, anat: Path | None) -> tuple[Path, ...]:
        """Return anatomical images beside the reference: magnitude, first echo, no fat."""
        pattern = self.select.get("anat", "*")
        found: list[Path] = []
        for contrast in (*ANATOMICAL, "MESE"):
            files = self.files("anat", NIFTI, contrast)
            files = [p for p in files if entities(p).get("part", "mag") == "mag"]
            files = [p for p in files if part_of(p) != "fat" and not not_fetched(p)]
            if anat is not None and contrast == suffix_of(anat):  # those that were not selected
                files = [p for p in files if fnmatch.fnmatch(p.name, pattern)]
            series: dict[str, list[Path]] = {}
            for path in files:
                echo = f"_echo-{entities(path).get('echo', '')}"
                series.setdefault(path.name.replace(echo, ""), []).append(path)
            found += [min(echoes, key=_echo) for echoes in series.values()]
        if anat is None:
            return ()
        found = [p for p in found if p != anat]
        return self.many("others", found, "") if found else ()

    def _recordings(self) -> tuple[Path, ...]:
        """Return recordings of EMG, one of each name, and take the motion that belongs to them."""
        above = self.place.folder / "emg"
        files = [p for p in self.named if p.parent == above and suffix_of(p) == "emg"]
        files = [p for p in files if ending(p) in RECORDINGS]
        files, missing = self._selected("recording", files, "no activation")
        kept, double = without_doubles(files)
        self.taken |= {p for path in kept for p in companions(path)}
        self.corrected = {corrected_events(path) for path in files}
        if double:
            self.taken |= set(double)
            self._ambiguous("recording", double)
            kept = [p for p in kept if p not in double]
            return self.many("recording", kept, missing) if kept else ()
        return self.many("recording", kept, missing)

    def _leftovers(self) -> list[Finding]:
        """Return what no stage reads, and why."""
        lost: list[Lost] = [
            (p, "not_taken", "no recording has the name of this list of events")
            for p in files_below(self.drawn.folder / "emg")
            if p.name.lower().endswith("events.tsv") and p.absolute() not in self.corrected
        ]
        for path, place in self.home.items():
            if path in self.taken:
                continue
            if other := stranger(path, place):
                lost.append((path, "contradiction", other))
            elif why := why_not_taken(path, place, self.home):
                lost.append((path, "not_taken", why))
            else:
                selected = path in self.unselected
                why = _SELECTED if selected else _UNUSED.get(path.parent.name, _SELECTED)
                lost.append((path, "not_needed", why))
        return grouped(self.place.root, self.place.subject, self.place.session, lost)


def _echo(path: Path) -> int:
    echo = entities(path).get("echo", "1")
    return int(echo) if echo.isascii() and echo.isdigit() else 1_000_000
