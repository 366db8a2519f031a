"""One run at a time; what killed steps left is cleared up."""

import errno
import fcntl
import subprocess
import sys

import pytest

from imaging.disk import held
from imaging.errors import DiskFullError, OutputError
from imaging.pipeline.dataset_files import clear_up
from imaging.pipeline.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from imaging.pipeline.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_holder_is_named_and_a_killed_one_holds_nothing(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"held\n"
    who = rf"another run \(process {other.pid} on "
    with pytest.raises(OutputError, match=who) as caught, locked(tmp_path):
        pass
    assert caught.value.exit_code == 2
    other.kill()
    other.communicate()
    with locked(tmp_path):
        pass


def fails(number):
    def fail(*_, **__):
        raise OSError(number, errno.errorcode[number])

    return fail


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fcntl, "flock", fails(errno.ENOSYS))
    with locked(tmp_path):
        assert "file system without locks" in capsys.readouterr().err


def test_a_full_disk_is_no_bad_input(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.mkdir", fails(errno.EDQUOT))
    with pytest.raises(DiskFullError, match="the disk is full") as caught, locked(tmp_path):
        pass
    assert caught.value.exit_code == 1


def test_what_killed_steps_left_is_removed_and_what_is_written_is_not(tmp_path):
    left = tmp_path / "sub-01" / "map" / ".partial-map"
    left.mkdir(parents=True)
    (left / "half.nii").touch()
    deep = tmp_path / "sub-02" / "ses-a" / "dwi" / ".partial-diffusion"
    deep.mkdir(parents=True)
    with held(tmp_path / ".partial-report"):
        clear_up(tmp_path)
        assert (tmp_path / ".partial-report").is_dir()
    assert not list(tmp_path.rglob(".partial-*"))
