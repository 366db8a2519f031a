"""The table of outputs, and what follows from it."""

import ast
import runpy
from pathlib import Path

import pytest

import imaging
from imaging.cli.app import VERBS
from imaging.outputs import (
    folder_of,
    of_stage,
    output,
    outputs,
    promised,
    stale,
    stiffness_maps,
    wave_methods,
)

CODE = Path(imaging.__file__).parent
DOCS = CODE.parent / "docs"


def test_every_file_has_one_row_and_one_sidecar():
    files = [f"{row.folder}/{row.name}{end}" for row in outputs() for end in row.endings]
    assert len(files) == len(set(files))
    keys = {(row.stage, row.name): row.key for row in outputs()}
    assert len(keys) == len({(stage, key) for (stage, _), key in keys.items()})
    for stage in {row.stage for row in outputs()}:
        assert {row.folder for row in of_stage(stage)} == {folder_of(stage)}


def test_what_is_not_always_written_says_when():
    for row in outputs():
        assert row.written in ("always", "workflow", "sometimes")
        assert bool(row.when) == (row.written != "always"), row
        assert row.description or row.more or row.key == "map", row


def test_workflow_counts_on_these():
    assert promised("segmentation")[:3] == (
        "{prefix}_desc-preproc_anat.nii.gz",
        "{prefix}_seg-muscles_dseg.nii.gz",
        "{prefix}_seg-muscles_dseg.tsv",
    )
    assert promised("export") == ("{prefix}_viewer.html", "{prefix}_map.glb")
    assert promised("export", frozenset({"viewer"})) == ("{prefix}_map.glb",)
    assert promised("inversion") == ()
    assert "{prefix}_desc-smooth_direction.nii.gz" in promised("fibres")
    assert promised("group") == (
        "group_muscles.tsv",
        "group_muscles.json",
        "group_measures.tsv",
        "group_sessions.tsv",
        "group.html",
    )


def test_only_what_need_not_be_written_again_is_stale():
    fibres = stale("fibres", "P")
    assert {"P_fascicles.trk", "P_fascicles.tck", "P_aponeuroses.json"} <= set(fibres)
    assert not {"P_fascicles.json", "P_fascicles.trx"} & set(fibres)
    assert {"P_desc-ti_*.nii.gz", "P_desc-mdev_*.dcm"} <= set(stale("inversion", "P"))
    assert stale("stiffness", "P") == ["P_desc-ready_stiffness.dcm"]
    assert {"stl/P_*.stl", "P_viewer.html"} <= set(stale("export", "P"))
    assert stale("waves", "P") == stale("segmentation", "P") == stale("function", "P") == []


def test_methods_of_waves_are_those_without_rows_of_their_own():
    assert wave_methods() == ("mdev", "curl", "kmdev", "vfm", "ti")
    for row in (*of_stage("ultrasound"), *of_stage("stiffness")):
        method, _, name = row.name.removeprefix("{prefix}_desc-").partition("_")
        if (method, name) in stiffness_maps():
            assert stiffness_maps()[method, name]["unit"] == row.unit, row


def test_no_such_row_is_an_error():
    with pytest.raises(KeyError, match=r"outputs\.tsv"):
        output("diffusion", "kurtosis")


def test_the_map_asks_stages_for_files_that_they_write():
    """Literal names in calls such as ``stages.image("dwi", "desc-wls_e1.nii.gz")``."""
    known = {
        (row.folder, row.name.removeprefix("{prefix}_") + ending)
        for row in outputs()
        for ending in row.endings
    }
    calls = {f"stages.{name}" for name in ("path", "need", "image", "table")}
    asked = set()
    for path in [*(CODE / "musclemap").glob("*.py"), *(CODE / "io" / "writers").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in calls:
                words = [a.value for a in node.args[:2] if isinstance(a, ast.Constant)]
                asked |= {tuple(words)} if len(words) == 2 else set()
    assert len(asked) > 10
    assert asked <= known


def test_table_in_the_documentation_is_that_of_the_data():
    page = (DOCS / "formats.md").read_text(encoding="utf-8")
    assert runpy.run_path(str(DOCS / "make_outputs.py"))["render"](page) == page, "run make schema"


def test_the_command_line_holds_verbs_only():
    modules = {path.stem for path in (CODE / "cli").glob("*.py")}
    assert modules == {*VERBS, "app", "__init__"}
    for verb in VERBS:
        text = (CODE / "cli" / f"{verb}.py").read_text(encoding="utf-8")
        assert "write_sidecar" not in text, verb


WRITERS = {
    "segmentation": "io/writers/segmentation.py",
    "diffusion": "io/writers/diffusion.py",
    "fibres": "io/writers/fibres.py",
    "ultrasound": "io/writers/ultrasound.py",
    "function": "io/writers/function.py",
    "map": "io/writers/musclemap.py",
    "export": "export/files.py",
    "group": "report/files.py",
}


@pytest.mark.parametrize("stage", WRITERS)
def test_writers_ask_for_files_of_their_own_stage(stage):
    calls = {f"files.{name}" for name in ("path", "image", "table", "describe")}
    asked = {
        node.args[0].value
        for node in ast.walk(ast.parse((CODE / WRITERS[stage]).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in calls
        if isinstance(node.args[0], ast.Constant)
    }
    assert asked and asked <= {row.key for row in of_stage(stage)}
