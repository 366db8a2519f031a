"""Disks that are full, folders that two processes want to write, moves across file systems."""

from __future__ import annotations

import errno
import fcntl
import gc
import logging
import os
import shutil
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imaging.errors import DiskFullError, OutputError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What the machine refuses, whatever the program does.
_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.EMFILE,
            errno.ENFILE)  # fmt: skip
_PROBE = bytes(64 * 1024)


def is_full(error: BaseException | None) -> bool:
    """Tell whether an error, or what caused it, is a full disk, a quota or a limit of size."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def has_no_room(folder: str | Path) -> bool:
    """Tell whether a folder takes no file of 64 kB; a quota is seen by trying only."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            return file.write(_PROBE) < len(_PROBE)
    except OSError as error:
        return is_full(error)


def full_disk(folders: Iterable[str | Path]) -> DiskFullError | None:
    """Return the error of the first folder that has no room, or None."""
    return next((DiskFullError(f) for f in folders if has_no_room(f)), None)


def trouble(error: OSError) -> OutputError | None:
    """Return an error of the machine in a sentence; None for any other: that is a fault of ours."""
    if is_full(error):
        folders = [Path(error.filename).parent] if error.filename else []
        found = full_disk([*folders, tempfile.gettempdir(), Path.cwd()])
        return found or DiskFullError(error.filename or "a file", error.strerror or "")
    if error.errno in _REFUSED and error.filename:
        return OutputError(
            f"cannot be read or written ({error.strerror})",
            os.fsdecode(error.filename),
            "Check its rights and its disk",
        )
    return None


def unwritable(error: OSError, folder: Path, advice: str) -> OutputError:
    """Return why a folder cannot be written: no room, or what the machine says."""
    if is_full(error):
        return DiskFullError(folder)
    return OutputError(f"cannot be written ({error.strerror})", folder, advice)


def let_go(error: BaseException | None) -> None:
    """Close files that a failed write left open: until then their room is not free again."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
    gc.collect()


def move(source: Path, target: Path) -> None:
    """Put a file in the place of another at once, also where that lies on another file system."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with replaced(target) as near:
            shutil.copy2(source, near)


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """Yield a name to write to; it takes the place of a file only when the block ends well."""
    near = target.with_name(f".partial-{target.name}")
    try:
        yield near
        near.replace(target)
    except OSError as error:
        if is_full(error):
            raise DiskFullError(target.parent) from error
        raise
    finally:
        near.unlink(missing_ok=True)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make a folder, empty it and hold it; wait where another process does.

    A killed process holds nothing any more. Where the file system knows no locks nothing is held.
    """
    descriptor = _make_and_lock(folder)
    try:
        _empty(folder)
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Tell whether a process holds a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return isinstance(error, BlockingIOError)
    finally:
        os.close(descriptor)
    return False


def _make_and_lock(folder: Path) -> int:
    while True:
        folder.mkdir(exist_ok=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # its last holder took it away
            continue
        _lock(descriptor, folder)
        try:
            if folder.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logging.warning("%s is being written by another process: waiting for it", folder.parent)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        pass  # NFS locks no folders, Lustre may know no locks


def _empty(folder: Path) -> None:
    """Remove what a killed process left."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
