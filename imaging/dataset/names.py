"""Names of a BIDS data set: what they tell, and what a wrong one probably should be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from imaging.errors import ConfigError, InputError

_CONTEXT = re.compile("rest|relax|passive|active|contract|mvc|fatigue|exercise", re.IGNORECASE)
# Contrasts in the order in which one is taken as the anatomical reference.
ANATOMICAL = ("T1w", "T2w", "PDw", "MEGRE", "T2starw", "FLASH")
NIFTI = (".nii.gz", ".nii")
DRAWN = (*NIFTI, ".seg.nrrd")
# Text is a recording only where recordings lie, and unless it is one of the tables beside them.
_TEXT = (".csv", ".txt", ".tsv", ".tsv.gz")
RECORDINGS = (".c3d", ".edf", ".bdf", ".sto", *_TEXT)
MOTION = (".trc", ".sto", ".mot", ".tsv")
_TABLES = ("channels", "events", "electrodes", "scans", "coordsystem", "readme")
FRAMES = (
    ".igs.mha", ".igs.nrrd", ".seq.nrrd", ".mha", ".nrrd", ".dcm", ".png", ".mp4", *NIFTI,
)  # fmt: skip
SHEETS = (".nii.gz", ".vtp")
# Kinds of images and recordings that no verb of the workflow takes by themselves.
_OTHERS = (".mha", ".mhd", ".nrrd", ".mgz", ".hdr", ".ima", ".mat", ".jpg", ".jpeg", ".avi",
           ".tif", ".tiff", ".bmp", ".vtk", ".stl", ".ply", ".obj")  # fmt: skip
# Longest first, so that a file ends with one of them only.
ENDINGS = tuple(
    sorted({*DRAWN, *RECORDINGS, *MOTION, *FRAMES, *SHEETS, *_OTHERS}, key=len, reverse=True)
)

# What a session is read from: folder to suffixes, and to the kinds of files.
SUFFIXES = {
    "anat": (*ANATOMICAL, "MESE"),
    "dwi": ("dwi",),
    "fmap": ("epi",),
    "mre": ("mre", "stiffness"),
    "us": ("swe",),
    "emg": ("emg",),
    "motion": ("motion", "grf"),
}
KINDS = dict.fromkeys(SUFFIXES, NIFTI) | {"us": FRAMES, "emg": RECORDINGS, "motion": MOTION}
# What people and converters write instead, in small letters.
_ALIASES = {
    "t1": "T1w", "t1weighted": "T1w", "mprage": "T1w", "t2": "T2w", "t2weighted": "T2w",
    "pd": "PDw", "t2star": "T2starw", "gre": "MEGRE", "dti": "dwi", "diffusion": "dwi",
    "elastography": "mre", "wave": "mre", "waves": "mre", "shearwave": "swe",
}  # fmt: skip
_ALIASES |= {suffix.lower(): suffix for names in SUFFIXES.values() for suffix in names}
_FOLDERS = {suffix: folder for folder, names in SUFFIXES.items() for suffix in names}
_OF_FOLDER = {"us": "swe", "emg": "emg"}  # folders where any file of the right kind can be meant
_PERSON = re.compile(r"(sub|ses)(?:-([A-Za-z0-9+]*)|([0-9]+))?", re.IGNORECASE)


def check_labels(**labels: str | None) -> None:
    """Refuse labels of subject or session that BIDS does not allow; None is not given.

    Raises
    ------
    ConfigError
        Other characters than letters and digits.
    """
    for name, text in labels.items():
        if text is not None and not re.fullmatch(r"[A-Za-z0-9]+", text):
            raise ConfigError(
                f"{name} {text!r} is not made of letters and digits only", None, "Change it"
            )


def stem(path: Path) -> str:
    """Return the file name without ``.nii.gz``, ``.igs.mha``, ``.seg.nrrd`` or its last suffix."""
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return name.removesuffix(".igs").removesuffix(".seg").removesuffix(".seq")


def suffix_of(path: Path) -> str:
    """Return the BIDS suffix: what stands after the last underscore of the stem."""
    return stem(path).rsplit("_", 1)[-1]


def entities(path: Path) -> dict[str, str]:
    """Return the BIDS entities in a file name, for example ``{'sub': '01', 'echo': '2'}``."""
    pairs = (part.split("-", 1) for part in stem(path).split("_") if "-" in part)
    return {pair[0]: pair[1] for pair in pairs}


def context_of(path: Path) -> str:
    """Return the context of waves or frames: ``task-``, else what ``acq-`` tells of one, else ''.

    ``acq-`` also names muscles, frequencies and directions, so only words of a context count in it;
    rest and relaxed are one.
    """
    named = entities(path)
    found = _CONTEXT.search(named.get("acq", ""))
    word = named.get("task") or (found[0].lower() if found else "")
    return "rest" if word == "relax" else word


def check_one_context(paths: Sequence[Path], verb: str) -> None:
    """Check that waves or frames that become one figure are of one context.

    Raises
    ------
    InputError
        Their names tell of several.
    """
    contexts = sorted({context_of(path) or "none" for path in paths})
    if len(contexts) > 1:
        raise InputError(
            f"files of several contexts ({', '.join(contexts)}) would become one figure", paths[0],
            f"Run {verb} once for each, then pennate contexts",
        )  # fmt: skip


def sibling(image: Path, extension: str) -> Path:
    """Return the file of the same stem with another extension, such as ``.bval``."""
    return image.with_name(stem(image) + extension)


def beside(image: Path) -> list[Path]:
    """Return what may lie beside an image: its JSON and magnitudes."""
    names = [sibling(image, ".json").name, image.name.replace("part-phase", "part-mag")]
    return [image.with_name(name) for name in names if name != image.name]


def claims(path: Path) -> dict[str, str]:
    """Return whose a file says it is, however it is written: ``{'sub': '02', 'ses': '1'}``."""
    parts = re.split(r"[_\s]+", stem(path))
    found = [match for part in parts if (match := _PERSON.fullmatch(part))]
    labels = {m[1].lower(): m[2] or m[3] for m in found}
    return {key: label for key, label in labels.items() if label}


def ending(path: Path) -> str:
    """Return the kind of image or recording, in small letters; empty for any other file."""
    name = path.name.lower()
    end = next((end for end in ENDINGS if name.endswith(end)), "")
    if end in _TEXT and (
        path.parent.name not in ("emg", "motion") or suffix_of(path).lower() in _TABLES
    ):
        return ""
    return end


def shown(path: Path | str) -> str:
    """Return a name as it can be printed in one line and written as UTF-8."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))


def is_plain(path: Path) -> bool:
    """Tell whether a file name holds no braces, line breaks or bytes that are not UTF-8."""
    return path.name.isprintable() and not set("{}") & set(path.name)


def likely_name(path: Path, prefix: str, drawn: bool = False) -> str | None:
    """Return what a file should probably be called, as ``folder/name``.

    Parameters
    ----------
    path
        A file of some session.
    prefix
        ``sub-01`` or ``sub-01_ses-02``: whose folder the file lies in.
    drawn
        The file lies in ``derivatives/manual``, among what a person drew.

    Returns
    -------
    str or None
        None where the name does not tell what is meant, or the kind of file cannot be read.
    """
    end = ending(path)
    parts = [p for p in re.split(r"[_\s]+", path.name[: len(path.name) - len(end)]) if p]
    parts = [p for p in parts if not _PERSON.fullmatch(p)] or [""]
    word = re.sub(r"[^a-z0-9]", "", parts[-1].lower())
    if drawn:
        return _drawn_name(parts, word, end, prefix)
    suffix = _ALIASES.get(word) or _OF_FOLDER.get(path.parent.name)
    if suffix is None or end not in KINDS[_FOLDERS[suffix]]:
        return None
    middle = parts[:-1] if word in _ALIASES else parts
    of_task = suffix in (*SUFFIXES["emg"], *SUFFIXES["motion"])
    pairs = _pairs(middle, "task" if of_task else "acq")
    if suffix == "mre":
        pairs.setdefault("part", "phase")
    if of_task:
        pairs.setdefault("task", "walk")
    return f"{_FOLDERS[suffix]}/{_joined(prefix, pairs, suffix, end)}"


def _drawn_name(parts: list[str], word: str, end: str, prefix: str) -> str | None:
    kinds = {"dseg": DRAWN, "aponeurosis": SHEETS}
    if end not in kinds.get(word, ()):
        return None
    pairs = {"desc": "manual", **_pairs(parts[:-1], "acq")}
    return f"anat/{_joined(prefix, pairs, word, end)}"


def _pairs(parts: list[str], key: str) -> dict[str, str]:
    """Return entities; parts that are none become the value of `key`."""
    found: dict[str, str] = {}
    for part in parts:
        name, dash, value = part.partition("-")
        if dash and name.isascii() and name.isalpha():
            found[name.lower()] = found.get(name.lower(), "") + _letters(value)
        else:
            found[key] = found.get(key, "") + _letters(part)
    return {name: value for name, value in found.items() if value}


def _letters(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", text)


def _joined(prefix: str, pairs: dict[str, str], suffix: str, end: str) -> str:
    return "_".join([prefix, *(f"{k}-{v}" for k, v in pairs.items()), suffix]) + end
