"""The strict reader of the muscle map: what is there is right, what cannot be right is refused."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import pyvista as pv
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_map import SHAPES, SOL, TA, TIB, label_image, write_map

from imaging.errors import InputError, MissingFileError
from imaging.musclemap.read.files import find_prefix
from imaging.musclemap.read.muscle_map import read_muscle_map
from imaging.musclemap.read.tables import read_tables

P = "sub-01"
PIECES = [b"", b"n/a", b"\t", b"\n", b"\0", b"-1", b"1e400", b"nan", b'"', b"{", b"[]"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_map(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "map")


def test_everything_is_where_it_was_written(whole):
    found = read_muscle_map(whole, find_prefix(whole))
    np.testing.assert_array_equal(found.arrays["label"].data, label_image().data)
    np.testing.assert_allclose(found.arrays["label"].affine, label_image().affine, atol=1e-4)
    assert found.layers["fa"]["Units"] == "1"
    assert set(found.surfaces) == set(SHAPES)
    centre = np.mean(found.surfaces[TIB].points, axis=0)
    np.testing.assert_allclose(centre, SHAPES[TIB][0], atol=0.1)
    assert found.aponeuroses[TA].found
    assert len(found.fascicles) == 20
    assert found.fascicles.data["length_mm"].tolist() == [20.0 + 2 * k for k in range(10)] * 2
    values = {(m.label, m.measure): m.value for m in found.measures}
    assert values == {(TA, "volume"): 35.2, (SOL, "volume"): 88.0, (TA, "fascicle_length"): 60.0,
                      (SOL, "fascicle_length"): None}  # fmt: skip
    assert found.muscles["volume_ml"].tolist() == [35.2, 88.0]
    assert found.columns["volume_ml"]["Units"] == "ml"
    assert found.active_labels() == {TA}
    assert found.notes.warnings == [("fibres", "Lengths rest on <three> assumptions")]
    assert found.notes.absent == [("Elastography", "no elastography was recorded")]
    assert found.waves is None
    assert found.profile is None


def test_only_muscles_are_a_map_too(tmp_path):
    write_map(tmp_path, fascicles=False, activation=False, stiffness=False, aponeuroses=False)
    found = read_muscle_map(tmp_path, P)
    assert found.fascicles is None
    assert found.activation is None
    assert found.aponeuroses == {}


def test_tables_alone_need_no_large_file(folder):
    for path in folder.iterdir():
        if not path.name.startswith((f"{P}_measures", f"{P}_muscles")):
            path.unlink()
    assert len(read_tables(folder, P).measures) == 4


def refused(folder, said, name):
    with pytest.raises(InputError) as caught:
        read_muscle_map(folder, P)
    text = str(caught.value)
    assert said in text
    assert f"{P}_{name}" in text
    assert "Run pennate map again." in text


@pytest.mark.parametrize("version", ["0.2.0", "1.1.0", "0.0.9"])
def test_a_map_of_another_version_is_named(folder, version):
    path = folder / f"{P}_surfaces.json"
    about = json.loads(path.read_text())
    about["GeneratedBy"]["Version"] = version
    path.write_text(json.dumps(about))
    refused(folder, f"was written by Pennate {version}", "surfaces.json")
    del about["GeneratedBy"]
    path.write_text(json.dumps(about))
    refused(folder, "which version", "surfaces.json")


@pytest.mark.parametrize(
    "name", ["map.vti", "surfaces.vtp", "measures.tsv", "muscles.tsv", "muscles.json", "notes.json",
             "fascicles.parquet", "fascicles.vtp", "aponeuroses.vtp", "activation.tsv"]
)  # fmt: skip
def test_a_lost_file_is_named(folder, name):
    (folder / f"{P}_{name}").unlink()
    refused(folder, "missing", name)


def test_no_map_and_two_maps_are_named(tmp_path, folder):
    with pytest.raises(MissingFileError, match="Run pennate map first"):
        find_prefix(tmp_path)
    with pytest.raises(MissingFileError, match="sub-02"):
        read_muscle_map(folder, "sub-02")
    shutil.copy(folder / f"{P}_map.vti", folder / "sub-02_map.vti")
    with pytest.raises(InputError, match="--prefix"):
        find_prefix(folder)


def edit(path, change):
    """Change a VTK file, a table or JSON."""
    if path.suffix in (".vti", ".vtp"):
        data = pv.read(path)
        change(data)
        data.save(path)
    elif path.suffix == ".json":
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))
    elif path.suffix == ".parquet":
        change(pd.read_parquet(path)).to_parquet(path, index=False)
    else:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        change(table).to_csv(path, sep="\t", index=False)


def _label(value):
    def change(mesh):
        mesh.cell_data["label"][:] = value

    return change


def _not_a_number(mesh):
    mesh.points[0] = np.nan


CHANGES = [
    ("surfaces.vtp", _label(205), "holds muscles that are not in the map: 205"),
    ("surfaces.vtp", lambda m: m.cell_data.pop("label"), "lacks the cell arrays label"),
    ("surfaces.vtp", _not_a_number, "points that are not numbers"),
    ("aponeuroses.vtp", lambda m: m.cell_data.pop("found"), "lacks the cell arrays found"),
    ("fascicles.vtp", _label(SOL), "does not hold the muscles that sub-01_fascicles.parquet names"),
    (
        "fascicles.parquet",
        lambda t: t.iloc[:12],
        "20 fascicles, but sub-01_fascicles.parquet has 12",
    ),
    ("fascicles.parquet", lambda t: t.drop(columns="label"), "cannot be read as Parquet"),
    ("map.vti", lambda g: g.point_data.pop("anatomy"), "lacks the arrays anatomy"),
    ("map.json", lambda a: a["Arrays"].pop("fa"), "does not explain: ['fa']"),
    ("map.json", lambda a: a["Arrays"]["fa"].pop("Units"), "unit of fa"),
    ("muscles.json", lambda a: a["Columns"].pop("volume_ml"), "columns that its data dictionary"),
    ("muscles.tsv", lambda t: t.iloc[:1], "does not have the muscles"),
    ("muscles.tsv", lambda t: t.assign(volume_ml="35.3"), "volume_ml is not what"),
    ("muscles.tsv", lambda t: t.drop(columns="side"), "lacks the columns ['side']"),
    ("measures.tsv", lambda t: t.assign(status="guessed"), "'guessed' is not one of"),
    ("measures.tsv", lambda t: t.assign(unit="l"), "in l, not in"),
    ("measures.tsv", lambda t: t.assign(measure=[*"abcd"]), "measure that is not known: a"),
    ("measures.tsv", lambda t: t.assign(measure="volume"), "gives volume of label 201 twice"),
    ("measures.tsv", lambda t: t.assign(value="inf"), "'inf' is not a number"),
    (
        "measures.tsv",
        lambda t: t.assign(value="0"),
        "row 5: fascicle_length: value 0.0 with status",
    ),
    ("measures.tsv", lambda t: t.assign(label="299"), "299"),
    ("measures.tsv", lambda t: t.assign(extra="1"), "does not know: ['extra']"),
    ("activation.tsv", lambda t: t.assign(unit="mV"), "not in percent"),
    ("activation.tsv", lambda t: t.assign(percent="1"), "same whole cycle"),
    ("activation.tsv", lambda t: t.assign(label="n/a"), "without a label"),
    ("notes.json", lambda n: n.pop("onsets"), "lacks onsets"),
    ("notes.json", lambda n: n.update(prefix="sub-09"), "is of sub-09"),
    ("notes.json", lambda n: n["stages"][0].pop("facts"), "notes of a stage"),
    ("notes.json", lambda n: n["stages"][0].update(warnings=[3]), "warnings"),
    ("notes.json", lambda n: n.update(missing={"ct": "x"}), "unknown stages: ct"),
    ("notes.json", lambda n: n.update(onsets=[{"label": "TA"}]), "without the label"),
]


@pytest.mark.parametrize(("name", "change", "said"), CHANGES)
def test_what_cannot_be_right_is_refused_by_name(folder, name, change, said):
    path = folder / f"{P}_{name}"
    edit(path, change)
    part = name.split(".")[0] + "."
    refused(folder, said, part)


def test_voxels_of_muscles_without_a_row_are_refused(folder):
    edit(folder / f"{P}_map.vti", lambda g: g.point_data["label"].__setitem__(0, 203))
    refused(folder, "has no row for 203", "muscles.tsv")


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_other_tables_and_notes_are_right_or_refused(whole, data):
    name = data.draw(st.sampled_from(["measures.tsv", "muscles.tsv", "notes.json", "muscles.json"]))
    path = whole / f"{P}_{name}"
    before = path.read_bytes()
    start = data.draw(st.integers(0, len(before)))
    end = data.draw(st.integers(start, min(start + 40, len(before))))
    put = data.draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)))
    path.write_bytes(before[:start] + put + before[end:])
    try:
        found, said = read_muscle_map(whole, P), ""
    except InputError as error:
        found, said = None, str(error)
    finally:
        path.write_bytes(before)
    if found is None:
        assert f"{P}_" in said
        return
    assert {(m.label, m.measure, m.value) for m in found.measures} == {
        (TA, "volume", 35.2),
        (SOL, "volume", 88.0),
        (TA, "fascicle_length", 60.0),
        (SOL, "fascicle_length", None),
    }
    assert found.muscles["volume_ml"].tolist() == [35.2, 88.0]
