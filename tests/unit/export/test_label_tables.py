"""Names, colours and codes of labels come back as they were, whatever a person called a muscle."""

import re
import shlex

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.sr import _concepts_dict

from imaging.errors import LabelError
from imaging.export import label_tables
from imaging.formats.nrrd import load_segments, save_segments
from imaging.image import Image
from imaging.io.label_maps import in_catalogue, read_label_map
from imaging.muscles import catalogue, label_of, side_and_name
from imaging.palette import muscle_colour

ODD = "M. \"quadratus\" [caput <I>] / 'b'\\é := # %|~^:"


def labels(*present: int) -> Image:
    data = np.zeros((6, 5, 4), np.int16)
    for k, label in enumerate(present):
        data[k % 6, k // 6] = label
    return Image(data, np.diag([2.0, 3.0, 4.0, 1.0]))


def segments_of(image: Image, **names: str):
    return label_tables.segments(image, {int(k[1:]): v for k, v in names.items()})


def known_codes() -> dict[str, set[str]]:
    """Every code of SNOMED CT in the dictionary of pydicom, and what it means."""
    out: dict[str, set[str]] = {}
    for meanings in _concepts_dict.concepts["SCT"].values():
        for code, (meaning, *_) in meanings.items():
            out.setdefault(code, set()).add(meaning.lower())
    return out


def test_every_code_is_in_the_dictionary_and_means_what_stands_beside_it():
    known = known_codes()
    for part in catalogue():
        for side in ("left", "right", "undecided"):
            label = label_of(part.key, side)
            fields = label_tables.terminology(label, {}).split("~")
            assert len(fields) == 7
            for field in (fields[1], fields[2], fields[3], fields[5], fields[6]):
                scheme, code, meaning = field.split("^")
                if code:
                    assert scheme == "SCT"
                    assert meaning.lower() in known[code], meaning
            assert fields[3].endswith({"left": "Left", "right": "Right"}.get(side, "^"))
            assert fields[2].split("^")[1] == {
                "TIB": "12611008", "FIB": "87342007", "SAT": "71966008", "SKIN": "39937001",
            }.get(part.key, "102292000")  # fmt: skip


def test_a_segmentation_keeps_names_values_colours_and_place(tmp_path):
    image = labels(101, 209, 221, 300, 1001)
    found = [*segments_of(labels(101, 209, 221, 1001), k1001=ODD)]
    found.insert(3, label_tables.Segment(300, "a := b", (1, 2, 3), ""))
    save_segments(image, found, tmp_path / "a.seg.nrrd")
    read = load_segments(tmp_path / "a.seg.nrrd")
    assert read.names == {
        101: "left tibialis anterior", 209: "right soleus", 221: "right tibia", 300: "a := b",
        1001: ODD,
    }  # fmt: skip
    (layer,) = read.layers
    np.testing.assert_array_equal(layer.data, image.data)
    np.testing.assert_allclose(layer.affine, image.affine)
    header = (tmp_path / "a.seg.nrrd").read_bytes().split(b"\n\n")[0].decode()
    shown = [float(c) for c in re.findall(r"Segment1_Color:=(.*)", header)[0].split()]
    np.testing.assert_allclose(shown, np.array(muscle_colour(209)) / 255, atol=1e-5)
    # Slicer reads of all voxels those in the box of the first segment.
    assert set(re.findall(r"_Extent:=(.*)", header)) == {"0 5 0 4 0 3"}
    assert "Closed surface|" in header


def test_the_same_labels_give_the_same_bytes(tmp_path):
    image = labels(101, 209)
    for name in ("a.seg.nrrd", "b.seg.nrrd"):
        save_segments(image, segments_of(image), tmp_path / name)
    assert (tmp_path / "a.seg.nrrd").read_bytes() == (tmp_path / "b.seg.nrrd").read_bytes()


def test_an_exported_segmentation_is_drawn_labels_again(tmp_path):
    image = labels(101, 109, 201, 209, 242)
    save_segments(image, segments_of(image), tmp_path / "a.seg.nrrd")
    read = in_catalogue(read_label_map(tmp_path / "a.seg.nrrd", None))
    np.testing.assert_array_equal(read.data, image.data)


def test_a_label_without_a_name_is_refused(tmp_path):
    with pytest.raises(LabelError, match=r"209.*no name"):
        save_segments(labels(101, 209), segments_of(labels(101)), tmp_path / "a.seg.nrrd")
    assert not (tmp_path / "a.seg.nrrd").exists()


names_of_people = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)


@settings(max_examples=60, deadline=None)
@given(names_of_people.filter(str.split))
@example(ODD)
@example('a\tb\n"c" # d\r')
@example("'quoted'")
def test_tables_keep_one_row_per_label_whatever_it_is_called(tmp_path_factory, name):
    image = labels(209, 1001)
    found = segments_of(image, k1001=name)
    rgb = [list(muscle_colour(v)) for v in (209, 1001)]

    slicer = [row.split(" ") for row in label_tables.slicer_table(found).split("\n")]
    assert [row[:1] + row[2:] for row in slicer[1:-1]] == [
        ["0", *"0000"],
        *([str(v), *map(str, colour), "255"] for v, colour in zip((209, 1001), rgb, strict=True)),
    ]
    assert all(len(row) == 6 for row in slicer[1:-1])
    assert slicer[2][1] == "right_soleus"

    snap = label_tables.itk_snap_table(found).split("\n")[2:-1]
    rows = [
        re.fullmatch(r'(\d+) (\d+) (\d+) (\d+) ([01]) ([01]) ([01]) "([^"]*)"', r) for r in snap
    ]
    assert [int(row[1]) for row in rows] == [0, 209, 1001]
    assert rows[2][8] == " ".join(name.split()).replace('"', "'")

    frame = label_tables.bids_table(found, {1001: name})
    path = tmp_path_factory.mktemp("bids") / "a.tsv"
    frame.to_csv(path, sep="\t", index=False)
    read = pd.read_csv(path, sep="\t", keep_default_na=False)
    assert list(read["index"]) == [209, 1001]
    assert read["name"][1] == " ".join(name.split())
    assert read["color"][0] == "#{:02X}{:02X}{:02X}".format(*rgb[0])


def test_names_are_whole_words_with_the_side():
    found = segments_of(labels(101, 222, 32))
    assert [s.name for s in found] == ["skin", "left tibialis anterior", "right fibula"]
    assert [s.name for s in found] == [side_and_name(v) for v in (32, 101, 222)]
    assert shlex.split(label_tables.itk_snap_table(found).split("\n")[4])[-1] == found[1].name
