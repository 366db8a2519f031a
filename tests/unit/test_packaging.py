"""Pins agree, the house stands, and the written pages agree with the code."""

import ast
import importlib.metadata
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

import imaging

ROOT = Path(__file__).parents[2]


def locked() -> dict[str, set[str]]:
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([\w.-]+)==([\w.]+)", (ROOT / "envs" / "lock.txt").read_text(), re.MULTILINE
    ):
        pins.setdefault(name.lower(), set()).add(version)
    return pins


def test_conda_pins_are_those_of_the_lock():
    content = yaml.safe_load((ROOT / "envs" / "pennate.yaml").read_text())
    conda = [d for d in content["dependencies"] if isinstance(d, str)]
    pip = next(d["pip"] for d in content["dependencies"] if isinstance(d, dict))
    pins = dict(d.split("=", 1) for d in conda if "=" in d)
    pins |= dict(d.split("==") for d in pip)
    assert pins.pop("python") == "3.11"
    wrong = {n: v for n, v in pins.items() if v not in locked().get(n, set())}
    assert not wrong


def test_every_dependency_is_locked_and_in_the_conda_environment():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=!~\[ ]", d)[0].lower() for d in project["dependencies"]}
    assert names <= set(locked())
    assert all(name in (ROOT / "envs" / "pennate.yaml").read_text() for name in names)


def test_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == imaging.__version__
    assert f"## {imaging.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_rules_of_the_house():
    call = [str(Path(sys.executable).with_name("lint-imports")), "--config", "pyproject.toml"]
    result = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_page_of_measures_is_that_of_the_data_dictionary():
    page = runpy.run_path(str(ROOT / "docs" / "make_measures.py"))["render"]()
    assert (ROOT / "docs" / "measures.md").read_text() == page, "run `make schema`"


def test_every_package_that_is_imported_is_named():
    """Another package may stop to bring what it brings today."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [project["dependencies"], *project["optional-dependencies"].values()]
    named = {re.split(r"[<>=!~\[ ]", d)[0].lower() for part in listed for d in part}
    brought = importlib.metadata.packages_distributions()
    used = set()
    for path in (ROOT / "imaging").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                used.add(node.module.partition(".")[0])
    used -= {*sys.stdlib_module_names, "imaging"}
    foreign = {"dafne_dl", "dafne", "nnunetv2", "monai", "tensorflow", "totalsegmentator", "keras"}
    lacking = {m for m in used - foreign if not {d.lower() for d in brought.get(m, [m])} & named}
    assert lacking <= {"markupsafe", "vtk", "vtkmodules", "PIL"}, lacking
