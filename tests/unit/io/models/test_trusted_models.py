"""What of a model's files may run, and what does not without a word of the user."""

import ast
from pathlib import Path

import numpy as np
import pytest

import imaging
from imaging.cli.app import main
from imaging.errors import ConfigError
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.io.models.card import ModelOptions
from imaging.io.models.recipe import Recipe
from imaging.io.models.run import MODELS, run_model

IMAGE = Image(np.ones((8, 8, 8), np.float32), np.eye(4))


@pytest.mark.parametrize("kind", ["monai", "nnunet", "musclemap", "dafne"])
def test_files_that_can_run_code_are_not_opened_unless_trusted(tmp_path, monkeypatch, kind):
    opened = []
    monkeypatch.setitem(MODELS, kind, lambda *given: opened.append(given))
    with pytest.raises(ConfigError, match="--trust-model") as caught:
        run_model(kind, IMAGE, tmp_path)
    assert caught.value.exit_code == 2 and opened == []
    run_model(kind, IMAGE, tmp_path, ModelOptions(trusted=True))
    assert len(opened) == 1


@pytest.mark.parametrize("kind", ["onnx", "totalsegmentator", "musclemap"])
def test_numbers_and_programs_that_bring_their_own_need_no_word(monkeypatch, kind):
    opened = []
    monkeypatch.setitem(MODELS, kind, lambda *given: opened.append(given))
    run_model(kind, IMAGE)
    assert len(opened) == 1


def test_the_verb_asks(tmp_path, capsys):
    save_image(IMAGE.with_data(np.random.default_rng(0).random((8, 8, 8), np.float32)),
               tmp_path / "a.nii.gz")  # fmt: skip
    (tmp_path / "Leg_1.model").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    arguments = ["segment", "--anat", str(tmp_path / "a.nii.gz"), "--out", str(tmp_path / "out"),
                 "--prefix", "sub-01", "--model", f"dafne:{tmp_path / 'Leg_1.model'}"]  # fmt: skip
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "hold Python" in said or "leg" in said
    assert not (tmp_path / "out").exists()


def test_a_network_takes_no_weights_from_outside_its_folder(tmp_path):
    onnx = pytest.importorskip("onnx")
    from imaging.io.models.onnx import load_network

    np.ones(64, np.float32).tofile(tmp_path / "secret.bin")
    shape = [1, 1, 8, 8]
    weights = onnx.TensorProto(name="w", data_type=1, dims=shape, data_location=1)
    values = {"location": "../secret.bin", "offset": "0", "length": "256"}
    weights.external_data.extend(
        onnx.StringStringEntryProto(key=k, value=v) for k, v in values.items()
    )
    ends = [onnx.helper.make_tensor_value_info(n, 1, shape) for n in "xy"]
    node = onnx.helper.make_node("Add", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [weights])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    recipe = Recipe("RAS", (None, None, None), (), (8, 8))
    with pytest.raises(ConfigError, match="is not an ONNX network"):
        load_network(folder / "model.onnx", recipe)


# Calls that run what a file holds, and where one is right.
RUNS = {"eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "yaml.load",
        "yaml.unsafe_load", "yaml.full_load", "os.system", "os.popen", "marshal.loads",
        "pandas.read_pickle", "pd.read_pickle", "joblib.load", "torch.jit.load"}  # fmt: skip
ALLOWED = {
    ("isolation.py", "pickle.loads"),  # written a moment ago by a process of our own
    ("io/models/monai_bundle.py", "torch.jit.load"),  # of a bundle that is trusted
}


def calls():
    root = Path(imaging.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path.relative_to(root).as_posix(), ast.unparse(node.func), node


def test_nothing_in_the_package_runs_what_a_file_holds():
    assert {(path, name) for path, name, _ in calls() if name in RUNS} <= ALLOWED


def test_arrays_and_weights_are_never_read_as_pickles():
    for path, name, node in calls():
        given = {k.arg: ast.unparse(k.value) for k in node.keywords}
        assert given.get("allow_pickle", "False") == "False", path
        assert given.get("shell", "False") == "False", path
        if name == "torch.load":
            assert given.get("weights_only") == "True", path
