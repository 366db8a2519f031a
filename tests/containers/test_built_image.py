"""The image as a core facility runs it: shut in, as any user, and with the bytes of elsewhere."""

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import imaging

pytestmark = [pytest.mark.slow, pytest.mark.containers]
# What tells of the run and not of the leg.
OF_THE_RUN = (".pennate/", "logs/")
PACKAGES = "/opt/pennate/lib/python3.11/site-packages"


@pytest.fixture(scope="module")
def finished(inside, study, tmp_path_factory):
    """Return the output folder that the shut container wrote."""
    out = tmp_path_factory.mktemp("maps") / "out"
    out.mkdir()
    out.chmod(0o777)
    inside("/data", "/out", "participant", mounts=[f"{study}:/data:ro", f"{out}:/out"])
    return out


def digests(folder):
    named = ((p.relative_to(folder).as_posix(), p) for p in folder.rglob("*") if p.is_file())
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in named
        if not name.startswith(OF_THE_RUN)
    }


def test_it_tells_its_version_and_licence(engine, image, inside):
    assert inside("--version").stdout == f"pennate {imaging.__version__}\n"
    (told,) = json.loads(engine("image", "inspect", image).stdout)
    labels = told["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == imaging.__version__
    assert labels["org.opencontainers.image.licenses"] == "BSD-3-Clause"
    assert told["Config"]["Entrypoint"] == ["pennate"]
    assert told["Config"]["User"].split(":")[0] not in ("", "0", "root")


def test_a_study_gives_the_bytes_of_elsewhere(study, finished, tmp_path):
    call = [sys.executable, "-m", "imaging", "run", study, tmp_path / "out", "participant"]
    done = subprocess.run([*map(str, call)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    within, elsewhere = digests(finished), digests(tmp_path / "out")
    within.pop("dataset_description.json")  # names the folder of the study
    elsewhere.pop("dataset_description.json")
    assert within and within.keys() == elsewhere.keys()
    assert [name for name in within if within[name] != elsewhere[name]] == []


def test_pictures_are_drawn_without_a_screen(finished):
    page = (finished / "sub-01.html").read_text()
    assert "ascicle" in page and "no off-screen OpenGL" not in page


def test_the_group_comes_from_the_same_image(inside, study, finished):
    inside("/data", "/out", "group", mounts=[f"{study}:/data:ro", f"{finished}:/out"])
    assert (finished / "group.html").is_file()


@pytest.mark.parametrize("folder", ["/data", "/not-there"])
def test_bad_input_is_one_sentence_and_exit_code_2(folder, inside, tmp_path):
    tmp_path.chmod(0o755)
    mounts = [f"{tmp_path}:/data:ro"]
    done = inside(folder, "/tmp/out", "participant", mounts=mounts, check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_home_is_needed(inside, study, tmp_path):
    command = ["-u", "HOME", "pennate", "/data", "/tmp/maps", "participant", "--dry-run"]
    done = inside(*command, program="env", mounts=[f"{study}:/data:ro"])
    assert "fibres" in done.stdout


def test_nothing_to_build_with_is_left(inside):
    look = "for p in cc gcc g++ ld make pip git; do command -v $p; done; ls -d /src"
    assert inside("-c", look, program="sh", check=False).stdout == ""
    packages = inside(PACKAGES, program="ls").stdout.split()
    assert "imaging" in packages and not {"pip", "hatchling"} & set(packages)


def test_no_program_runs_as_somebody_else(inside):
    found = inside("/", "-xdev", "-perm", "/6000", "-type", "f", program="find", check=False)
    assert found.stdout == ""


def test_nothing_of_this_machines_registry_stays(engine, image, mirror, tmp_path):
    needles = [piece for path in mirror.values() for piece in own_words(path)]
    if not needles:
        pytest.skip("this machine reaches the package index as everybody does")
    engine("save", "--output", tmp_path / "image.tar", image)
    searched = 0
    for name, content in files_of(tmp_path / "image.tar"):
        searched += 1
        assert not any(needle in content for needle in needles), name
    assert searched > 1000


def own_words(path: Path) -> list[bytes]:
    """Return what only this machine says: certificates that are not public, and addresses."""
    import certifi

    content = path.read_bytes()
    lines = [part.split(b"\n")[2] for part in content.split(b"BEGIN CERTIFICATE-----")[1:]]
    public = Path(certifi.where()).read_bytes()
    addresses = [line for line in content.splitlines() if b"://" in line]
    return [line for line in lines if line not in public] + addresses


def files_of(archive: Path):
    """Yield name and content of every file of every layer, and of what describes the layers."""
    with tarfile.open(archive) as outer:
        for member in (m for m in outer if m.isfile()):
            content = outer.extractfile(member)
            if not tarfile.is_tarfile(content):
                content.seek(0)
                yield member.name, content.read()
                continue
            content.seek(0)
            with tarfile.open(fileobj=content) as layer:
                for entry in (e for e in layer if e.isfile()):
                    yield entry.name, layer.extractfile(entry).read()
