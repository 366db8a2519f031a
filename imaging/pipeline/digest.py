"""Digest of everything in the package that a verb runs, so that a changed stage runs again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from imaging import __version__

PACKAGE = Path(__file__).parents[1]
# Modules that the workflow does not let a verb run: neither they nor what only they import counts.
_NOT_RUN = {"fibres": "imaging.pipeline.muscle_page"}
_DOTTED = re.compile(r"imaging(\.\w+)+")
# One statement a line, as the formatter leaves them.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]*))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")
# Between quotes, or between them and the slashes of a path.
_WORD = re.compile(r"(?<=[\"'/])[\w.+-]+(?=[\"'/])")


@dataclass(frozen=True)
class _Module:
    """What a module's source mentions: dotted names of modules, and words in quotes."""

    imports: frozenset[str]
    words: frozenset[str]


def code(verb: str, package: Path = PACKAGE) -> str:
    """Return the version and a digest of all that ``pennate <verb>`` is made of.

    See `sources` for what counts. The command line itself (``imaging/cli/app.py``) does not: it
    only finds the verb.

    Parameters
    ----------
    verb
        Name of a module in ``imaging/cli``.
    package
        Folder of the package ``imaging``.
    """
    return f"{__version__}+{_digest(verb, package)}"


def code_of(verb: str) -> Callable[[Any], str]:
    """Return a parameter function for `code`: a job on a cluster asks for its own stage only."""
    return lambda wildcards: code(verb)


@cache
def _digest(verb: str, package: Path) -> str:
    digest = hashlib.sha256()
    for path in sources(verb, package):
        digest.update(f"{path.relative_to(package).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def sources(verb: str, package: Path = PACKAGE) -> list[Path]:
    """Return the modules and data files of the package that a verb is made of.

    Modules: ``imaging.cli.<verb>`` and, from each to the next, what it imports anywhere in its
    text (inside functions too), with the packages above; a module whose full dotted name stands
    in quotes (``python -m imaging.report.scene``) counts as imported.

    Data: every file below ``imaging/data`` whose name, with its ending, stands in quotes in one of
    these modules (parts of a quoted path count, ``"data/muscles.tsv"``). In a module that holds
    ``imaging`` and ``data`` in quotes, as one that reads data of the package does, the folder of a
    file is enough, and of files directly in ``imaging/data`` the name without endings.
    """
    modules: dict[Path, _Module] = {}
    todo = [f"imaging.cli.{verb}"]
    while todo:
        name = todo.pop()
        if verb in _NOT_RUN and f"{name}.".startswith(f"{_NOT_RUN[verb]}."):
            continue
        for path in _files(name, package):
            if path not in modules:
                modules[path] = read_module(path, package)
                todo += modules[path].imports
    data = {file for module in modules.values() for file in data_files(module, package)}
    return sorted({*modules, *data})


def _files(name: str, package: Path) -> list[Path]:
    """Return the source of a module and of the packages above it; nothing for other names."""
    there, parts = _modules(package), name.split(".")
    above = (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return [there[module] for module in above if module in there]


@cache
def _modules(package: Path) -> dict[str, Path]:
    """Return the source of every module and package, by its dotted name."""
    found = {}
    for path in package.rglob("*.py"):
        parts = ("imaging", *path.relative_to(package).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def read_module(path: Path, package: Path) -> _Module:
    """Return what a module imports of the package, and the words that it holds in quotes.

    Read from the text: its syntax tree takes ten times as long, before every plan. A test compares
    both for every module.
    """
    here = ("imaging", *path.relative_to(package).parent.parts)
    text = path.read_text(encoding="utf-8")
    imports: set[str] = set()
    for dots, base, names, alone in _IMPORT.findall(text):
        listed = _COMMENT.sub("", names or alone).strip("() \n\t").split(",")
        found = [name.split()[0] for name in listed if name.strip()]
        if alone:
            imports |= set(found)
            continue
        above = here[: len(here) + 1 - len(dots)] if dots else ()
        whole = ".".join([*above, *([base] if base else [])])
        imports |= {whole, *(f"{whole}.{name}" for name in found)}
    words = frozenset(_WORD.findall(text))
    imports |= {word for word in words if _DOTTED.fullmatch(word)}
    ours = {name for name in imports if name.split(".")[0] == "imaging"}
    return _Module(frozenset(ours), words)


def data_files(module: _Module, package: Path) -> set[Path]:
    """Return the data files of the package that a module names."""
    reads = {"imaging", "data"} <= module.words
    return {
        file
        for file, names in _data(package).items()
        if file.name in module.words or (reads and names & module.words)
    }


@cache
def _data(package: Path) -> dict[Path, frozenset[str]]:
    """Return every data file with the words that name it."""
    root = package / "data"
    files = [p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    names = {p: {p.name, *p.relative_to(root).parent.parts} for p in files}
    names |= {p: {p.name, p.name.split(".")[0]} for p in files if p.parent == root}
    return {p: frozenset(words) for p, words in names.items()}
