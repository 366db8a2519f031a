"""What the two recipes say of versions, packages and files agrees with the project."""

import re
from pathlib import Path

import imaging

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
APPTAINER = (ROOT / "envs" / "apptainer.def").read_text()
NEEDED = re.compile(r"python3 libegl1[^\\\n]*")


def test_version_and_licence_are_those_of_the_package():
    assert f"ARG VERSION={imaging.__version__}\n" in DOCKERFILE
    assert f"image.version {imaging.__version__}\n" in APPTAINER
    assert 'licenses="BSD-3-Clause"' in DOCKERFILE and "licenses BSD-3-Clause" in APPTAINER


def test_both_install_the_same_packages_of_the_same_debian():
    packages = [NEEDED.search(text)[0].split() for text in (DOCKERFILE, APPTAINER)]
    assert packages[0] == packages[1]
    assert "debian:bookworm" in DOCKERFILE and "OSVersion: bookworm" in APPTAINER
    assert "mmdebstrap" in (makefile := (ROOT / "Makefile").read_text()) and "bookworm" in makefile


def test_both_take_the_files_that_the_wheel_is_made_from():
    told = (ROOT / ".dockerignore").read_text().splitlines()
    taken = {line[1:] for line in told if line.startswith("!")}
    copied = dict(re.findall(r"^    (\S+) /src/(\S+)$", APPTAINER, re.M))
    assert taken == set(copied) == set(copied.values())
    assert all((ROOT / name).exists() for name in taken)


def test_every_package_to_build_with_is_pinned_by_hashes():
    lock = (ROOT / "envs" / "lock-build.txt").read_text()
    entries = re.split(r"^(?=[a-z])", lock, flags=re.M)[1:]
    assert {e.split("==")[0] for e in entries} >= {"hatchling", "setuptools"}
    assert all("--hash=sha256:" in entry for entry in entries)
