"""Images and recordings of a BIDS data set that no stage reads, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from imaging.dataset.names import (
    KINDS,
    NIFTI,
    SUFFIXES,
    claims,
    ending,
    is_plain,
    likely_name,
    sibling,
    stem,
)
from imaging.dataset.recording_names import inputs_beside
from imaging.errors import MissingFileError

# Folders of a data set that are not raw data of subjects.
_ASIDE = ("code", "derivatives", "phenotype", "sourcedata", "stimuli")
# What git-annex and git-lfs write in the place of a file that is elsewhere.
_POINTERS = (b"/annex/objects/", b"version https://git-lfs")
_LONGEST_POINTER = 1024


@dataclass(frozen=True)
class Place:
    """A session's folder: of raw data, or of what a person drew.

    Attributes
    ----------
    root, folder : Path
        The data set; the folder whose files are ``anat/…``, ``dwi/…``.
    subject, session : str
        Labels; `session` is empty where there are none.
    drawn : bool
        It lies in ``derivatives/manual``.
    """

    root: Path
    folder: Path
    subject: str
    session: str = ""
    drawn: bool = False

    @property
    def prefix(self) -> str:
        """``sub-01`` or ``sub-01_ses-02``."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")


def files_below(folder: Path, skip: Collection[Path] = ()) -> list[Path]:
    """Return every file below a folder, also links without content; dot files are not looked at.

    Parameters
    ----------
    folder
        Where to look; nothing is found where it is no folder.
    skip
        Folders not to enter.

    Raises
    ------
    MissingFileError
        A folder cannot be read.
    """
    found: list[Path] = []

    def walk(place: Path, above: tuple[Path, ...] = ()) -> None:
        real = place.resolve()
        if real in above:  # links in a circle
            return
        for entry in listed(place):
            if entry in skip or entry.name.startswith("."):
                continue
            if entry.is_dir():
                walk(entry, (*above, real))
            elif entry.is_file() or entry.is_symlink():
                found.append(entry)

    if folder.is_dir():
        walk(folder)
    return sorted(found)


def listed(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted; raises `MissingFileError` where it cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise MissingFileError(
            f"cannot be read ({error.strerror})", folder, "Ask for the right to read it"
        ) from error


def inputs_below(folder: Path, skip: Collection[Path] = ()) -> list[Path]:
    """Return the images and recordings below a folder, by the ends of their names."""
    return [p for p in files_below(folder, skip) if ending(p)]


def outside(root: Path) -> list[Path]:
    """Return images that lie in no folder ``sub-<label>`` of a data set.

    Data sets in the data set (a folder with a ``dataset_description.json``) and folders such as
    ``sourcedata`` are not looked at.
    """
    found = []
    for entry in listed(root):
        if not entry.is_dir():
            found += [entry] if ending(entry) and not entry.name.startswith(".") else []
        elif not (
            entry.name.startswith((".", "sub-"))
            or entry.name in _ASIDE
            or (entry / "dataset_description.json").exists()
        ):
            found += inputs_below(entry)
    return found


def stranger(path: Path, place: Place) -> str | None:
    """Return why a file contradicts its folder, or None: it is named after someone else."""
    own = {"sub": place.subject, "ses": place.session}
    others = [f"{key}-{label}" for key, label in claims(path).items() if label != own[key]]
    if not others:
        return None
    home = place.prefix.replace("_", "/")
    return (
        f"is named {' '.join(others)} but lies in the folder of {home}: "
        "find out whose it is, then move or rename it"
    )


def well_named(path: Path, place: Place) -> bool:
    """Tell whether a name begins with the session's and holds nothing that no name may hold."""
    return path.name.startswith(f"{place.prefix}_") and is_plain(path)


def why_not_taken(path: Path, place: Place, there: Collection[Path]) -> str | None:
    """Return what keeps a file from being read and what to call it; None for a right name.

    Parameters
    ----------
    path
        A file below the folder of `place`.
    there
        All files of the folder, so that no name in use is proposed.
    """
    likely = likely_name(path, place.prefix, place.drawn)
    if likely is None:
        return _no_name(path, place)
    target = place.folder / likely
    if target == path:
        return None
    if target in there:
        return f"it is not read: {target.name} is there already"
    if target.parent == path.parent:
        return f"rename it to {target.name}"
    return f"move it to {target.relative_to(place.root)}"


def _no_name(path: Path, place: Place) -> str:
    folder, end = path.parent.name, ending(path)
    if not is_plain(path):
        return "its name holds braces or unprintable characters: use letters, digits, - and _"
    if place.drawn:
        return (
            "it is not read: drawn files are *_desc-manual_dseg.nii.gz (or .seg.nrrd) and "
            "*_aponeurosis.nii.gz (or .vtp)"
        )
    if folder not in KINDS or path.parent.parent != place.folder:
        return "the workflow does not use it"
    if end not in KINDS[folder]:
        kinds = ", ".join(KINDS[folder])
        tool = ", for example with dcm2niix" if KINDS[folder] is NIFTI else ""
        return f"in {folder}/ only {kinds} is read: convert it{tool}"
    names = " ".join(f"_{suffix}{end}" for suffix in SUFFIXES[folder])
    return f"in {folder}/ only names are read that end with {names}"


def twins(files: Iterable[Path]) -> list[Path]:
    """Return images that are there twice, as ``.nii`` and as ``.nii.gz``."""
    images = [p for p in files if p.name.endswith(NIFTI)]
    names = [(p.parent, stem(p)) for p in images]
    return [p for p, name in zip(images, names, strict=True) if names.count(name) > 1]


def not_fetched(path: Path) -> Path | None:
    """Return which of an input and the files beside it has no content on this machine, if any.

    A link that leads nowhere, or the few words that git-annex and git-lfs leave in a file's place.
    """
    tables = [sibling(path, end) for end in (".bval", ".bvec", ".tsv")]
    return next((p for p in [path, *inputs_beside(path), *tables] if _is_empty_handed(p)), None)


def _is_empty_handed(path: Path) -> bool:
    try:
        if not path.is_file():
            return path.is_symlink() and not path.exists()
        if path.stat().st_size > _LONGEST_POINTER:
            return False
        with path.open("rb") as file:
            return file.read(40).startswith(_POINTERS)
    except OSError:
        return False  # who opens it says what is wrong
