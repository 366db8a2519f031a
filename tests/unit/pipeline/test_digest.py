"""The digest of a stage's source follows its real imports and the data that they name."""

import ast
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import imaging
from imaging.cli.app import VERBS
from imaging.pipeline.digest import code, data_files, read_module, sources

PACKAGE = Path(imaging.__file__).parent
ROOT = PACKAGE.parent
STAGES = (
    "segment", "diffusion", "fibres", "composition", "elastography", "ultrasound", "function",
    "map", "export", "report",
)  # fmt: skip


@pytest.fixture(scope="module")
def users() -> Callable[[str], set[str]]:
    """Which stages count a file of the package."""
    of = {verb: set(sources(verb)) for verb in STAGES}
    return lambda name: {verb for verb in STAGES if PACKAGE / name in of[verb]}


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("export/mesh.py", {"export"}),
        ("cli/export.py", {"export"}),
        ("report/fascicle_scene.py", {"report"}),
        ("diffusion/eddy.py", {"diffusion", "fibres"}),
        ("io/models/names.py", {"segment"}),
        ("io/recordings.py", {"function"}),
        ("cli/run.py", set()),
        ("pipeline/plan.py", set()),
        ("training/loop.py", set()),
        ("data/muscles.tsv", set(STAGES)),
        ("data/leg_frame.tsv", {"segment", "report"}),
        ("data/fibre_prior.tsv", {"diffusion", "fibres"}),
        ("data/emg_aliases.tsv", {"function"}),
        ("data/network/network.json", {"segment"}),
        ("data/viewer/start.js", {"export"}),
        ("data/templates/base.html.j2", {"report"}),
        ("data/stiffness_literature.tsv", {"report"}),
    ],
)
def test_a_file_counts_for_the_stages_that_use_it_and_no_other(users, name, stages):
    assert (PACKAGE / name).is_file()
    assert users(name) == stages


def test_what_many_use_counts_for_many(users):
    assert set(STAGES) - {"function"} <= users("image.py")
    assert {"segment", "fibres"} <= users("data/schemes/muscleseg.tsv") < set(STAGES)


def test_a_changed_module_changes_the_digests_of_its_stages(tmp_path):
    copy = tmp_path / "imaging"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("export/mesh.py", "data/network/network.json"):
        with (copy / name).open("ab") as file:
            file.write(b"\n")
    changed = {verb for verb in STAGES if code(verb, copy) != code(verb)}
    assert changed == {"export", "segment"}


def test_imports_in_functions_and_modules_named_in_quotes_count(tmp_path):
    package = tmp_path / "imaging"
    files = {
        "__init__.py": "",
        "cli/__init__.py": "",
        "cli/map.py": "def run():\n    from imaging.a import b\n    from .near import x\n",
        "cli/near.py": "import subprocess\nCALL = ['-m', 'imaging.quoted']\n",
        "a/__init__.py": "",
        "a/b.py": "import importlib\nimportlib.import_module('imaging.named')\n",
        "quoted.py": "",
        "named.py": "import imaging.deep.er\n",
        "deep/__init__.py": "from ..last import *\n",
        "deep/er.py": "PLACE = files('imaging') / 'data' / 'x.tsv'\n",
        "last.py": "",
        "other.py": "",
        "data/x.tsv": "",
        "data/y.tsv": "",
    }
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, encoding="utf-8")
    found = {p.relative_to(package).as_posix() for p in sources("map", package)}
    assert found == set(files) - {"other.py", "data/y.tsv"}


def by_syntax(path):
    """Return what a module imports and holds in quotes, as Python's own parser tells."""
    here = ("imaging", *path.relative_to(PACKAGE).parent.parts)
    imports, words = set(), set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) + 1 - node.level] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            imports |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words |= {node.value, *node.value.split("/")}
    imports |= {word for word in words if re.fullmatch(r"imaging(\.\w+)+", word)}
    return {name for name in imports if name.split(".")[0] == "imaging"}, words


def test_the_text_tells_all_that_the_syntax_tells():
    data = {part for p in (PACKAGE / "data").rglob("*") for part in (p.name, p.name.split(".")[0])}
    for path in sorted(PACKAGE.rglob("*.py")):
        imports, words = by_syntax(path)
        module = read_module(path, PACKAGE)
        assert imports <= module.imports, path
        assert words & (data | {"imaging", "data"}) <= module.words, path


def test_no_data_file_and_no_reader_of_data_is_forgotten():
    named = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        module = read_module(path, PACKAGE)
        files = data_files(module, PACKAGE)
        named |= files
        if re.search(r"files\(\"imaging\"\)|[n=] own_rows\(\"", path.read_text(encoding="utf-8")):
            assert files, f"{path} reads data that the digest does not see"
    there = {p for p in (PACKAGE / "data").rglob("*") if p.is_file()}
    assert {p.name for p in there - named} == set()


def test_no_stage_imports_a_module_by_a_name_made_while_it_runs():
    for verb in STAGES:
        for path in (p for p in sources(verb) if p.suffix == ".py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                    assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}"


def test_every_rule_that_runs_a_verb_has_its_digest_among_the_parameters():
    text = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "workflow/rules").glob("*.smk"))
    rules = re.split(r"^rule ", text, flags=re.MULTILINE)[1:]
    assert len(rules) == 17
    for rule in rules:
        (verb,) = re.findall(r"pennate (\w+) ", rule)
        assert verb in VERBS
        assert f'code=code_of("{verb}"),' in rule


def test_the_snakefile_imports_from_the_pipeline_only():
    text = (ROOT / "Snakefile").read_text(encoding="utf-8")
    text += "".join(p.read_text(encoding="utf-8") for p in (ROOT / "workflow/rules").glob("*.smk"))
    found = set(re.findall(r"^\s*(?:from|import) (imaging[\w.]*)", text, re.MULTILINE))
    assert found == {"imaging.errors", "imaging.pipeline"}
