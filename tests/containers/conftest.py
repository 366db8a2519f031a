"""An image of the recipe, built once from the Debian archive and the lock, and calls of it."""

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE, IMAGE = "localhost/pennate-base:test", "localhost/pennate:test"


def containers_conf(folder: Path) -> Path:
    """Write the limits of Podman that a machine which is itself confined can grant."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    tasks = min(resource.getrlimit(resource.RLIMIT_NPROC)[1], 32768)
    limits = f'default_ulimits = ["nofile={files}:{files}", "nproc={tasks}:{tasks}"]'
    lines = ["[containers]", limits]
    if shutil.which("runc"):  # crun refuses control groups of version 1 beside those of version 2
        lines += ["[engine]", 'runtime = "runc"']
    path = folder / "containers.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """Return a function that calls Docker or Podman, whichever runs here."""
    conf = containers_conf(tmp_path_factory.mktemp("engine"))
    environment = {"CONTAINERS_CONF": str(conf), **os.environ}
    for name in ("docker", "podman"):
        program = shutil.which(name)
        if program and not subprocess.run([program, "info"], capture_output=True).returncode:
            break
    else:
        pytest.skip("neither Docker (with its daemon) nor Podman is here")

    def call(*arguments, check=True):
        command = [program, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=environment
        )
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done

    return call


@pytest.fixture(scope="session")
def mirror(tmp_path_factory):
    """Return the secrets that lead pip to this machine's registry: files, by their ids."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True
    ).stdout
    said = dict(re.findall(r"^\S*?\.([a-z-]+)='(.*)'$", told, re.M))
    secrets = {}
    if certificates := said.pop("cert", None):
        secrets["certificates"] = Path(certificates)
        said["cert"] = "/etc/ssl/certs/ca-certificates.crt"
    wanted = ("cert", "index-url", "proxy", "trusted-host")
    lines = [f"{key} = {value}" for key, value in said.items() if key in wanted]
    if lines:
        secrets["pip"] = tmp_path_factory.mktemp("pip") / "pip.conf"
        secrets["pip"].write_text("\n".join(["[global]", *lines]) + "\n")
    return secrets


@pytest.fixture(scope="session")
def base(engine, tmp_path_factory):
    """Return the name of a Debian that comes from the Debian archive itself."""
    if engine("image", "inspect", BASE, check=False).returncode == 0:
        return BASE
    if shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap is not here, so no Debian can be made from its archive")
    folder = tmp_path_factory.mktemp("base")
    make = ["make", "--no-print-directory", "-C", str(ROOT), f"{folder}/debian.tar"]
    made = subprocess.run(make, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr[-2000:]
    engine("import", folder / "debian.tar", BASE)
    return BASE


@pytest.fixture(scope="session")
def image(engine, base, mirror):
    """Return the name of the image."""
    secrets = [f"--secret=id={name},src={path}" for name, path in mirror.items()]
    source = ["--build-arg", f"BASE={base}", "--network", "host", *secrets]
    engine("build", *source, "--tag", IMAGE, ROOT)
    return IMAGE


@pytest.fixture(scope="session")
def inside(engine, image):
    """Return a function that calls the image shut in: no network, another user, read-only."""

    def call(*arguments, mounts=(), program=None, check=True):
        shut = ["--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "-u", "4242:4343"]
        bound = [part for mount in mounts for part in ("-v", mount)]
        entry = ["--entrypoint", program] if program else []
        return engine("run", *shut, *bound, *entry, image, *arguments, check=check)

    return call


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Return the folder of a small digital leg."""
    folder = tmp_path_factory.mktemp("study") / "bids"
    write = [sys.executable, "-m", "imaging", "phantom", str(folder), "--preset", "small"]
    subprocess.run([*write, "--no-mre"], check=True, capture_output=True)
    return folder
