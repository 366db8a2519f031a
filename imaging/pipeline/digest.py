"""Digest of everything in the package that a verb runs, so that a changed stage runs again."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from imaging import __version__

PACKAGE = Path(__file__).parents[1]
# Modules that the workflow does not let a verb run: neither they nor what only they import counts.
_NOT_RUN = {"fibres": "imaging.pipeline.muscle_page"}
_DOTTED = re.compile(r"imaging(\.\w+)+")


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


@cache
def _files(name: str, package: Path) -> tuple[Path, ...]:
    """Return the source of a module and of the packages above it; nothing for other names."""
    parts = name.split(".")[1:]
    places = [package.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
    paths = [p for q in places for p in (q / "__init__.py", q.with_name(f"{q.name}.py"))]
    return tuple(p for p in paths if p.is_file() and p.is_relative_to(package))


@cache
def read_module(path: Path, package: Path) -> _Module:
    """Return what a module imports of the package, and the words that it holds in quotes."""
    here = ("imaging", *path.relative_to(package).parent.parts)
    imports: set[str] = set()
    words: set[str] = set()
    for node in _nodes(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) + 1 - node.level] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            imports |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words |= {node.value, *node.value.split("/")}
    imports |= {word for word in words if _DOTTED.fullmatch(word)}
    ours = {name for name in imports if name.split(".")[0] == "imaging"}
    return _Module(frozenset(ours), frozenset(words))


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node, as `ast.walk` does in twice the time."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        for value in vars(node).values():
            if isinstance(value, ast.AST):
                todo.append(value)
            elif isinstance(value, list):
                todo += [v for v in value if isinstance(v, ast.AST)]


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
