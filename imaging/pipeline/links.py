"""Folders under names that Snakemake can take.

Snakemake reads braces in a path as wildcards and knows no way to write a brace that is none
(doubling it is not one). A folder with such a name is therefore reached by a link in the folder in
which Snakemake runs, and that folder itself must have a plain name.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imaging.errors import OutputError

_LINKS = Path(".links")


def plain_name(folder: str) -> str:
    """Return a folder as Snakemake is told it: as it is, or the name of the link to it.

    The name is relative to the folder in which Snakemake runs.
    """
    if _is_plain(folder):
        return folder
    digest = hashlib.sha256(os.fsencode(Path(folder).absolute())).hexdigest()
    return str(_LINKS / digest[:16])


def _is_plain(folder: str) -> bool:
    return folder.isprintable() and not set("{}") & set(folder) and folder == folder.strip()


@contextmanager
def working_folder(state: Path) -> Iterator[Path]:
    """Yield the folder to run Snakemake in: `state`, or a scratch folder of a plain name.

    What Snakemake remembers lies below `state` either way.

    Parameters
    ----------
    state
        Absolute path of a folder that is there.
    """
    if _is_plain(str(state)):
        yield state
        return
    with tempfile.TemporaryDirectory(prefix="pennate-") as scratch:
        memory = state / ".snakemake"
        memory.mkdir(exist_ok=True)
        (Path(scratch) / memory.name).symlink_to(memory)
        yield Path(scratch)


def plain_folder(folder: str) -> str:
    """Return `plain_name` and make the link in the current folder where one is needed.

    Raises
    ------
    OutputError
        The folder or the link cannot be made.
    """
    name = plain_name(folder)
    if name == folder:
        return folder
    target, link = Path(folder).absolute(), Path(name)
    try:
        target.mkdir(parents=True, exist_ok=True)
        _LINKS.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(target)
    except FileExistsError:
        pass  # another job was faster
    except OSError as error:
        raise OutputError(
            f"cannot be linked to ({error.strerror})", folder, "Choose a folder without braces"
        ) from error
    return name
