"""What the workflow makes of a data set: the files, settings and resources of every rule."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from imaging.config import Settings
from imaging.dataset import Session, inputs_beside, sibling
from imaging.dataset.dixon import dixon_options
from imaging.dataset.visits import in_order
from imaging.errors import ConfigError
from imaging.outputs import folder_of, promised

# Memory of a stage, on a cluster with the engine beside it: a base, and a share of the size of its
# inputs on disk (MB per MB).
_MEMORY_MB: Mapping[str, tuple[int, float]] = {
    "segmentation": (1500, 40.0),
    "diffusion": (1200, 30.0),
    "fibres": (1500, 20.0),
    "composition": (1000, 30.0),
    "elastography": (1000, 30.0),
    "ultrasound": (800, 20.0),
    "function": (500, 20.0),
    "map": (1000, 20.0),
    "export": (1000, 20.0),
    "model": (800, 10.0),
    "report": (1400, 10.0),
}

_MISSING_NAMES = {
    "dwi": "dwi",
    "dixon": "comp",
    "waves": "mre",
    "frames": "us",
    "recording": "func",
}


class Plan:
    """The files of every rule for a list of sessions; used by the Snakefile only.

    Attributes
    ----------
    allowed : callable
        Returns the rules that may run, empty for all; Snakemake knows them after the Snakefile is
        read.
    """

    def __init__(self, settings: Settings, sessions: Sequence[Session]):
        self.settings = settings
        self.allowed: Callable[[], Collection[str]] = tuple
        self.out = Path(settings.out_dir)
        self.sessions = {s.prefix: s for s in sessions}

    def session(self, wildcards: Any) -> Session:
        """Return the session of a rule's wildcards."""
        return self.sessions[wildcards.prefix]

    def outputs(self, stage: str) -> list[str]:
        """Return the patterns of a stage's files, with the wildcards ``unit`` and ``prefix``."""
        return self._named(stage, "{unit}", "{prefix}")

    def files(self, stage: str, session: Session) -> list[str]:
        """Return the files that a stage writes for a session."""
        return self._named(stage, session.folder, session.prefix)

    def _named(self, stage: str, unit: str, prefix: str) -> list[str]:
        off = stage == "export" and not self.settings.export.viewer
        names = promised(stage, leave_out=frozenset({"viewer"} if off else ()))
        folder = self.out / unit / folder_of(stage)
        return [str(folder / name.replace("{prefix}", prefix)) for name in names]

    def file(self, stage: str, tail: str) -> Callable[[Any], str]:
        """Return an input function: the one file of a stage that ends with `tail`."""

        def find(wildcards: Any) -> str:
            files = self.files(stage, self.session(wildcards))
            return next(f for f in files if f.endswith(tail))

        return find

    def targets_of(self, session: Session) -> list[str]:
        """Return what the participant level makes for a session: its page and exports."""
        stages = ["export", *(["model"] if self.settings.model.file else [])]
        return [self.page_of(session), *(f for stage in stages for f in self.files(stage, session))]

    def page_of(self, session: Session) -> str:
        """Return the page of a session."""
        return str(self.out / f"{session.prefix}.html")

    def participant_targets(self) -> list[str]:
        """Return the pages of all: each waits for the exports and the model that it shows."""
        return [self.page_of(session) for session in self.sessions.values()]

    def model(self, wildcards: Any) -> str:
        """Return the OpenSim model of a session; empty where the settings name none."""
        return self.model_of(wildcards.prefix)

    def model_of(self, prefix: str) -> str:
        """Return the OpenSim model of a prefix."""
        return (self.settings.model.file or "").replace("{prefix}", prefix)

    def group_targets(self) -> list[str]:
        """Return the tables and the page of the group."""
        return [str(self.out / name) for name in promised("group")]

    def group_members(self) -> str:
        """Return the options of ``pennate report --group`` that name who was asked for."""
        return " ".join(
            part
            for part in (
                options("--participant-label", self.settings.participants),
                options("--session-id", self.settings.sessions),
            )
            if part
        )

    @cached_property
    def visits(self) -> dict[str, list[Session]]:
        """Sessions of each person with several, in the order of time; empty where unknown."""
        people: dict[str, dict[str, Session]] = {}
        for session in self.sessions.values():
            people.setdefault(f"sub-{session.subject}", {})[session.session or ""] = session
        return {
            who: [own[label] for label in _in_order(list(own))]
            for who, own in people.items()
            if len(own) > 1
        }

    def comparisons(self) -> list[str]:
        """Return the comparisons of visits that the group level makes beside the group's page."""
        people = [who for who, visits in self.visits.items() if visits]
        return [f.replace("{prefix}", who) for who in people for f in self.comparison()]

    def not_compared(self) -> str:
        """Return a sentence on who has visits that cannot be compared, or nothing."""
        people = [who for who, visits in self.visits.items() if not visits]
        if not people:
            return ""
        return (
            "The names of the sessions do not tell which was first, so visits are not compared: "
            f"{', '.join(people)}. Compare them by pennate compare --session FIRST --session LAST."
        )

    def comparison(self) -> list[str]:
        """Return the patterns of the files of one comparison, with the wildcard ``prefix``."""
        return [str(self.out / name) for name in promised("compare")]

    def maps_of_person(self, wildcards: Any) -> list[str]:
        """Return the maps of all visits of a person."""
        return [f for s in self.visits[wildcards.person] for f in self.files("map", s)]

    def sessions_of_person(self, wildcards: Any) -> str:
        """Return the options that name a person's visits: the folder may hold others."""
        return options("--session", [s.session or "" for s in self.visits[wildcards.person]])

    def stages(self, session: Session) -> list[str]:
        """Return the stages that a session's inputs allow."""
        wanted = {
            "diffusion": session.dwi,
            "fibres": session.dwi,
            "composition": session.dixon or session.spin_echoes,
            "waves": session.waves,
            "stiffness": session.stiffness,
            "ultrasound": session.frames,
            "function": session.recordings,
        }
        return ["segmentation", *(stage for stage, inputs in wanted.items() if inputs)]

    def segment_inputs(self, wildcards: Any) -> dict[str, Any]:
        """Return the anatomical images and, where drawn, the manual labels with their look-up."""
        session = self.session(wildcards)
        found = {"anat": session.anat, "manual": session.manual_dseg}
        if session.manual_dseg and sibling(session.manual_dseg, ".tsv").is_file():
            found["lookup"] = sibling(session.manual_dseg, ".tsv")
        files = {name: str(path) for name, path in found.items() if path}
        return {**files, "also": self.voters(session), "beside": _beside(session.anat)}

    def voters(self, session: Session) -> list[str]:
        """Return the images that vote on the labels beside the anatomical reference."""
        chosen = self.settings.segmentation
        able = chosen.votes and not chosen.model and chosen.method != "atlas"
        return [str(p) for p in session.others] if able else []

    def dwi_inputs(self, wildcards: Any) -> dict[str, Any]:
        """Return the diffusion-weighted image, its gradient table and the sidecars."""
        dwi = self.session(wildcards).dwi
        assert dwi is not None, "the rule is asked for sessions with DWI only"
        table = {name: str(sibling(dwi, f".{name}")) for name in ("bval", "bvec")}
        beside = _beside(dwi, self.session(wildcards).fmap)
        return {"dwi": str(dwi), **table, "beside": beside}

    def fmap(self, wildcards: Any) -> list[str]:
        """Return the scan of reversed phase encoding, where there is one."""
        found = self.session(wildcards).fmap
        return [str(found)] if found else []

    def wave_fmap(self, wildcards: Any) -> list[str]:
        """Return the scan of reversed phase encoding that names the wave images."""
        found = self.session(wildcards).wave_fmap
        return [str(found)] if found else []

    def aponeuroses(self, wildcards: Any) -> list[str]:
        """Return the internal aponeuroses drawn by a person."""
        return [str(p) for p in self.session(wildcards).aponeuroses]

    def composition(self, wildcards: Any) -> list[str]:
        """Return the images that fat fraction and T2 are taken from."""
        session = self.session(wildcards)
        return [str(p) for p in (*session.dixon, *session.spin_echoes)]

    def composition_options(self, wildcards: Any) -> str:
        """Return the options of ``pennate composition`` that name its images."""
        session = self.session(wildcards)
        given = {**dixon_options(session.dixon), "spin_echo": list(session.spin_echoes)}
        return " ".join(
            f"--{name.replace('_', '-')} {shlex.quote(str(path))}"
            for name, paths in given.items()
            for path in paths
        )

    def waves(self, wildcards: Any) -> list[str]:
        """Return the wave images, one per frequency."""
        return [str(p) for p in self.session(wildcards).waves]

    def frames(self, wildcards: Any) -> list[str]:
        """Return the shear-wave frames of ultrasound."""
        return [str(p) for p in self.session(wildcards).frames]

    def directions(self, wildcards: Any) -> list[str]:
        """Return fibre directions and their dispersion, where there are diffusion images."""
        session = self.session(wildcards)
        if not session.dwi:
            return []
        tails = ("_desc-smooth_direction.nii.gz", "_desc-dispersion_direction.nii.gz")
        return [f for f in self.files("fibres", session) if f.endswith(tails)]

    def stiffness(self, wildcards: Any) -> str:
        """Return the ready stiffness map."""
        return str(self.session(wildcards).stiffness)

    def recordings(self, wildcards: Any) -> list[str]:
        """Return the recordings of EMG."""
        return [str(p) for p in self.session(wildcards).recordings]

    def beside(self, name: str) -> Callable[[Any], list[str]]:
        """Return an input function: what a verb reads beside an input, so that a change counts."""

        def find(wildcards: Any) -> list[str]:
            found = getattr(self.session(wildcards), name)
            return _beside(*(found if isinstance(found, tuple) else (found,)))

        return find

    def map_inputs(self, wildcards: Any) -> list[str]:
        """Return the files of every stage that the session's inputs allow."""
        session = self.session(wildcards)
        return [f for stage in self.stages(session) for f in self.files(stage, session)]

    def map_folders(self, wildcards: Any) -> str:
        """Return the options that tell ``pennate map`` where each stage's files are."""
        session = self.session(wildcards)
        folders = {folder_of(stage) for stage in self.stages(session)}
        base = self.out / session.folder
        return " ".join(f"--{f}-dir {shlex.quote(str(base / f))}" for f in sorted(folders))

    def missing(self, wildcards: Any) -> str:
        """Return JSON: why each absent part of the map is absent."""
        session = self.session(wildcards)
        why = {
            _MISSING_NAMES[f.input]: f.message or f.state
            for f in session.findings
            if f.input in _MISSING_NAMES and f.state == "missing"
        }
        if session.stiffness:
            why.pop("mre", None)
        if session.spin_echoes:
            why.pop("comp", None)
        return json.dumps(why, sort_keys=True)

    def norms(self, wildcards: Any) -> list[str]:
        """Return the norms that the page of a person is held against, where settings name them."""
        return [self.settings.report.norms] if self.settings.report.norms else []

    def who_has_norms(self, wildcards: Any) -> list[str]:
        """Return the table of participants where norms may ask for sex, age or size."""
        return self.participants(wildcards) if self.settings.report.norms else []

    def repeatability(self, wildcards: Any) -> list[str]:
        """Return the repeatability that comparisons rest on, where settings name one."""
        named = self.settings.report.repeatability
        return [named] if named else []

    def participants(self, wildcards: Any) -> list[str]:
        """Return the table of participants, where it is there or settings ask for controls."""
        table = Path(self.settings.bids_dir) / "participants.tsv"
        return [str(table)] if self.settings.report.controls or table.is_file() else []

    def settings_of(self, section: str) -> Callable[[Any], str]:
        """Return a parameter function: one section of the settings as JSON.

        A function, because Snakemake takes braces in plain text for wildcards.
        """
        content = getattr(self.settings, section).model_dump(mode="json")
        return lambda wildcards: json.dumps(content, sort_keys=True)

    def model_shown(self, wildcards: Any) -> list[str]:
        """Return the personal model's files that the page shows; none where there is no model."""
        wanted = self.settings.model.file is not None
        return self._shown("model", self.session(wildcards)) if wanted else []

    def exports_shown(self, wildcards: Any) -> list[str]:
        """Return the exports that the page links to."""
        return self._shown("export", self.session(wildcards))

    def _shown(self, stage: str, session: Session) -> list[str]:
        """Return the files of a stage that a page shows; none if some are missing and stay so."""
        files = self.files(stage, session)
        allowed = self.allowed()
        made = not allowed or stage in allowed
        return files if made or all(Path(f).is_file() for f in files) else []

    def model_settings(self, wildcards: Any) -> str:
        """Return the settings of the model as JSON; sarcomere length as fibres have it, if given.

        The file is an input of its own.
        """
        content = self.settings.model.model_dump(mode="json", exclude={"file"})
        if content["sarcomere_length_um"] is None:
            content["sarcomere_length_um"] = self.settings.fibres.sarcomere_length_um
        return json.dumps(content, sort_keys=True)

    def threads(self, cores: int | None) -> int:
        """Return the threads of a step that can use two, given the cores of this machine.

        One each where sessions fill the cores: no step spends all its time in both threads. A
        cluster (None) gives a job what it asks for.
        """
        return 1 if cores is not None and cores < 2 * len(self.sessions) else 2

    def memory(self, stage: str) -> Callable[..., int]:
        """Return a resource function: memory in MB from the size of the inputs and the attempt."""
        base, factor = _MEMORY_MB[stage]

        def mem_mb(wildcards: Any, input: Any, attempt: int) -> int:
            # The engine's own size_mb starts an event loop for each job.
            size_mb = sum(Path(file).stat().st_size for file in input) / 2**20
            return int((base + factor * size_mb) * attempt)

        return mem_mb


def _in_order(labels: Sequence[str]) -> list[str]:
    """Return labels of sessions in the order of time; none where they do not tell."""
    try:
        return in_order(labels)
    except ConfigError:
        return []


def _beside(*paths: Path | None) -> list[str]:
    """Return the sidecars, magnitudes and tables of inputs, where there are any."""
    return [str(p) for path in paths if path for p in inputs_beside(path) if p.is_file()]


def options(flag: str, files: Sequence[str] | str) -> str:
    """Return a flag once per file, quoted for the shell; empty where there is none."""
    files = [files] if isinstance(files, str) else files
    return " ".join(f"{flag} {shlex.quote(str(f))}" for f in files)


def fibre_options(files: Sequence[str]) -> str:
    """Return the options that name fibre directions and their dispersion; empty without them."""
    flags = ("--directions", "--dispersion")
    return " ".join(options(flag, file) for flag, file in zip(flags, files, strict=False))


def minutes(first: int) -> Callable[..., int]:
    """Return a resource function: time on a cluster in minutes, longer with every attempt."""
    return lambda wildcards, attempt: first * attempt
