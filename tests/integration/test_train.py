"""``pennate train`` on files: needs PyTorch (extra ``train``)."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from imaging.cli.app import main
from imaging.cli.train import _digest
from imaging.formats.nifti import load_labels, save_image
from imaging.muscles import structure
from imaging.phantom.images import label_image, t1_weighted
from imaging.phantom.leg import make_leg
from imaging.segmentation.network import built_in

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra train)")


FEW = [structure(key).index for key in ("TA", "GM", "GL", "SOL")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a folder with labels and images of the calves of two people."""
    folder = tmp_path_factory.mktemp("site")
    sides = {}
    for n, side in enumerate(("left", "right")):
        leg = make_leg(40 + n, side)
        grid = leg.grid((1.5, 1.5, 6.0), (5.0, 5.0, -130.0))
        labels = label_image([leg], grid)
        skin = np.isin(labels.data % 100, (31, 32))
        save_image(labels.with_data(np.where(skin, 0, labels.data)), folder / f"p{n}_dseg.nii.gz")
        image = t1_weighted([leg], grid, (1, 1, 1), 40.0, np.random.default_rng(n))
        save_image(image, folder / f"p{n}_anat.nii.gz")
        sides[f"p{n}_dseg.nii.gz"] = side
    about = {"scheme": "catalogue", "name": "site", "version": "1", "sides": sides}
    (folder / "atlas.json").write_text(json.dumps(about))
    return folder


def train(*arguments) -> int:
    torch.set_num_threads(1)
    return main(["train", *(str(a) for a in arguments)])


def test_a_run_writes_a_network_and_goes_on(site, tmp_path):
    out = tmp_path / "run"
    given = (out, "--labels", site, "--digital", 0, "--steps", 3, "--seed", 2)
    assert train(*given, "--until", 2) == 0
    card = json.loads((out / "network.json").read_text())
    assert card["steps"] == 2 and card["bodies"] == ["p0", "p1"]
    assert (out / "checkpoint-compact.pt").stat().st_size < 6e6
    assert train(*given) == 0
    assert json.loads((out / "network.json").read_text())["steps"] == 3
    assert pd.read_csv(out / "figures.tsv", sep="\t")["step"].tolist() == [2, 3]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(out / "checkpoint-compact.pt", elsewhere)
    assert train(elsewhere, *given[1:], "--until", 1) == 0
    assert json.loads((elsewhere / "network.json").read_text())["steps"] == 3


def test_legs_kept_from_other_label_maps_are_not_used_again(tmp_path):
    (tmp_path / "a_dseg.nii.gz").write_bytes(b"first")
    (tmp_path / "atlas.json").write_text("{}")
    kept = _digest(tmp_path, None)
    assert _digest(tmp_path, None) == kept
    assert _digest(tmp_path, "catalogue") != kept
    (tmp_path / "a_dseg.nii.gz").write_bytes(b"drawn again")
    assert _digest(tmp_path, None) != kept


def test_a_network_is_tuned_to_a_site_and_judged_on_each_body_apart(site, tmp_path, capsys):
    first = tmp_path / "first"
    assert train(first, "--labels", site, "--digital", 0, "--steps", 1) == 0
    capsys.readouterr()
    given = ("--labels", site, "--digital", 0, "--steps", 1, "--from", first, "--leave-one-out")
    assert train(tmp_path / "tuned", *given) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split("\t")[:3] == ["body", "SAT", "TA"]
    assert [row.split("\t")[0] for row in table[1:3]] == ["p0", "p1"]


def test_a_body_that_is_not_there_cannot_be_held_out(site, tmp_path, capsys):
    given = (tmp_path / "x", "--labels", site, "--digital", 0, "--hold-out", "p9")
    assert train(*given) == 2
    assert "p9" in capsys.readouterr().err


def test_nothing_to_train_on_is_an_error(tmp_path, capsys):
    assert train(tmp_path / "x", "--digital", 0) == 2
    assert "no legs" in capsys.readouterr().err


@pytest.fixture(scope="module")
def few_slices(site, tmp_path_factory):
    """The same calves, of each of which a few slices of four muscles are drawn."""
    folder = tmp_path_factory.mktemp("few")
    for path in site.iterdir():
        if not path.name.endswith("_dseg.nii.gz"):
            shutil.copy(path, folder)
            continue
        labels = load_labels(path)
        data = np.where(np.isin(labels.data % 100, FEW), labels.data, 0)
        data[:, :, np.arange(data.shape[2]) % 8 != 3] = 0
        save_image(labels.with_data(data), folder / path.name)
    return folder


def test_a_few_drawn_slices_teach_a_network_what_they_show(few_slices, tmp_path):
    """What was not drawn is no proof that nothing is there; where things lie stays as it was."""
    out = tmp_path / "run"
    given = ("--labels", few_slices, "--digital", 0, "--from", built_in(), "--steps", 2)
    assert train(out, *given) == 0
    card, old = (json.loads((f / "network.json").read_text()) for f in (out, built_in()))
    assert card["bodies"] == ["p0", "p1"]
    assert {k: card[k] for k in ("profile", "temperature")} == {
        k: old[k] for k in ("profile", "temperature")
    }
    assert not list((out / "legs").glob("*.npz"))


def test_a_few_drawn_slices_make_no_network(few_slices, tmp_path, capsys):
    assert train(tmp_path / "run", "--labels", few_slices, "--digital", 0) == 2
    assert "a few drawn slices make no network" in capsys.readouterr().err
