"""Full disks, held folders and other file systems, by the errors of the system."""

import errno
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from imaging import disk
from imaging.errors import DiskFullError
from imaging.provenance import staged

DIES = """
import os, sys
from pathlib import Path
from imaging.disk import held
with held(Path(sys.argv[1])):
    Path(sys.argv[1], "half").touch()
    os.kill(os.getpid(), 9)
"""


def error(number, name=None):
    return OSError(number, os.strerror(number), name)


@pytest.fixture
def full(monkeypatch):
    """No folder has room any more."""
    monkeypatch.setattr(disk, "has_no_room", lambda folder: True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_in_any_way_also_behind_another_error(number):
    assert disk.is_full(error(number))
    outer = RuntimeError("a library's own")
    outer.__cause__ = error(number)
    assert disk.is_full(outer)
    assert not disk.is_full(error(errno.ENOENT))


def test_errors_of_the_machine_are_sentences_and_ours_are_not(tmp_path):
    assert disk.trouble(error(errno.ENOENT, "a")) is None
    said = disk.trouble(error(errno.EACCES, "a.nii"))
    assert (
        str(said) == "a.nii: cannot be read or written (Permission denied). "
        "Check its rights and its disk."
    )
    assert said.exit_code == 2
    assert disk.trouble(error(errno.ENOSPC, str(tmp_path / "a"))).exit_code == 1


def test_a_library_that_says_something_else_of_a_full_disk(tmp_path, full):
    with pytest.raises(DiskFullError, match="the disk is full"), staged(tmp_path / "out", "verb"):
        raise RuntimeError("ITK could not write")
    assert not list((tmp_path / "out").iterdir())


def test_a_quota_while_writing_names_the_folder(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(DiskFullError, match="out: the disk is full"), staged(out, "verb"):
        raise error(errno.EDQUOT)


def test_other_errors_stay_as_they_are(tmp_path):
    with pytest.raises(ZeroDivisionError), staged(tmp_path, "verb"):
        raise ZeroDivisionError


def test_a_file_moves_whole_to_another_file_system(tmp_path, monkeypatch):
    plain, moved = Path.replace, []

    def replace(self, target):
        if self.parent.name == "here" and Path(target).parent.name == "there":
            raise error(errno.EXDEV)
        moved.append(self.name)
        return plain(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    (tmp_path / "here" / "a").write_bytes(b"new")
    (tmp_path / "there" / "a").write_bytes(b"old")
    disk.move(tmp_path / "here" / "a", tmp_path / "there" / "a")
    assert moved == [".partial-a"]
    assert [p.name for p in (tmp_path / "there").iterdir()] == ["a"]
    assert (tmp_path / "there" / "a").read_bytes() == b"new"


def test_a_second_process_waits_and_then_has_an_empty_folder(tmp_path):
    folder, seen = tmp_path / ".partial-a", []

    def second():
        with disk.held(folder):
            seen.append(list(folder.iterdir()))

    with disk.held(folder):
        (folder / "a").touch()
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive() and disk.is_held(folder)
    thread.join(10)
    assert seen == [[]] and not folder.exists()


def test_a_killed_process_holds_nothing(tmp_path):
    subprocess.run([sys.executable, "-c", DIES, tmp_path / "a"], check=False)
    assert (tmp_path / "a" / "half").is_file() and not disk.is_held(tmp_path / "a")
    with disk.held(tmp_path / "a"):
        assert not list((tmp_path / "a").iterdir())


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    (tmp_path / "people.tsv").write_text("old")
    with pytest.raises(DiskFullError), disk.replaced(tmp_path / "people.tsv") as near:
        near.write_text("n")
        raise error(errno.ENOSPC)
    assert [p.name for p in tmp_path.iterdir()] == ["people.tsv"]
    assert (tmp_path / "people.tsv").read_text() == "old"


def test_a_disk_that_is_full_in_the_scratch_folder_is_that_of_the_results(tmp_path):
    said = rf"{tmp_path}: the disk is full \(a.vti cannot be written whole\)"
    with pytest.raises(DiskFullError, match=said), staged(tmp_path, "map") as scratch:
        raise DiskFullError(scratch, "a.vti cannot be written whole")
    elsewhere = rf"{tmp_path / 'tmp'}: the disk"
    with pytest.raises(DiskFullError, match=elsewhere), staged(tmp_path, "map"):
        raise DiskFullError(tmp_path / "tmp")


def test_a_file_that_a_failed_write_holds_is_closed(tmp_path):
    def write():
        file = (tmp_path / "a").open("wb")
        closed.append(weakref.ref(file))
        raise error(errno.ENOSPC)

    closed = []
    try:
        write()
    except OSError as caught:
        assert closed[0]() is not None
        disk.let_go(caught)
        assert closed[0]() is None
