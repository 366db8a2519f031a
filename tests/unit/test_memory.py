import resource

import numpy as np
import pytest

from imaging.errors import InputError
from imaging.image import Image, regrid, resample
from imaging.memory import ensure_fits, group_limits, memory_limit


def test_what_fits_passes_and_what_does_not_is_named():
    ensure_fits((memory_limit() // 2,), 1, "half of the memory")
    with pytest.raises(InputError, match=r"a\.nii: the image would need 931 GiB of memory"):
        ensure_fits((1e4, 1e4, 1e4), 1, "the image", "a.nii")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -3])
def test_a_size_that_is_no_number_is_an_error_too(bad):
    with pytest.raises(InputError, match="would need"):
        ensure_fits((bad, 1, 1), 4, "a grid")


def test_grids_too_fine_for_the_machine_are_refused():
    image = Image(np.zeros((10, 10, 10), np.uint8), np.diag([2.0, 2.0, 5.0, 1.0]))
    with pytest.raises(InputError, match=r"a grid of 0\.0005 mm would need"):
        regrid(image, 0.0005)
    huge = Image(np.broadcast_to(np.uint8(0), (100_000,) * 3), np.eye(4))
    with pytest.raises(InputError, match="on another grid"):
        resample(image, huge)


@pytest.fixture
def groups(tmp_path):
    """Write limits of control groups and return those above a process."""

    def limits(membership, **files):
        (tmp_path / "cgroup").write_text(membership)
        for name, text in files.items():
            path = tmp_path / "sys" / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return list(group_limits(tmp_path / "cgroup", tmp_path / "sys"))

    return limits


def test_limits_of_a_group_and_of_those_above_it_count(groups):
    files = {"slurm__job_7__memory_dot_max": "2000\n", "slurm__memory_dot_max": "9000\n"}
    assert groups("0::/slurm/job_7\n", **files) == [2000, 9000]


def test_no_limit_is_none(groups):
    assert groups("0::/a\n", a__memory_dot_max="max\n") == []


def test_groups_of_version_1(groups):
    files = {"memory__slurm__memory_dot_limit_in_bytes": "3000"}
    assert groups("5:cpu,cpuacct:/x\n4:memory:/slurm\n", **files) == [3000]


def test_in_a_container_the_group_is_the_root(groups):
    files = {"memory__memory_dot_limit_in_bytes": "4000"}
    assert groups("4:memory:/docker/abc\n", **files) == [4000]
    assert groups("0::/docker/abc\n", memory_dot_max="5000") == [5000]


def test_without_linux_there_is_no_limit(tmp_path):
    assert list(group_limits(tmp_path / "none", tmp_path)) == []


def test_the_limit_of_the_shell_counts():
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    asked = memory_limit() - 1
    resource.setrlimit(resource.RLIMIT_AS, (asked, hard))
    try:
        assert memory_limit() == asked
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
