"""Links of a page: relative, and only to what is there."""

from urllib.parse import unquote

import pytest

from imaging.measures import Notes
from imaging.musclemap.read.notes import MapNotes
from imaging.report.links import page_links
from imaging.report.remarks import remarks


@pytest.mark.parametrize("name", ["sub-01.html", "else where/deep/100 %.html"])
def test_links_lead_from_the_page_to_the_files(tmp_path, name):
    maps, export = tmp_path / "sub-01" / "map", tmp_path / "sub-01" / "export"
    (export / "stl").mkdir(parents=True)
    maps.mkdir()
    for path in (maps / "sub-01_muscles.tsv", export / "sub-01_viewer.html"):
        path.write_text("")
    page = tmp_path / name
    page.parent.mkdir(parents=True, exist_ok=True)
    links = page_links(page, maps, "sub-01")
    assert links.viewer is not None
    assert [link.title for link in links.others] == ["Table of muscles", "Surfaces"]
    for link in (links.viewer, *links.others):
        assert (page.parent / unquote(link.address)).exists()
        assert " " not in link.address
        assert not link.address.startswith(("/", "file:"))


def test_without_exports_only_tables_are_linked(tmp_path):
    links = page_links(tmp_path / "a.html", tmp_path / "map", "sub-01")
    assert (links.viewer, links.others) == (None, [])


def test_remarks_stand_by_stage_each_once():
    notes = MapNotes(
        [Notes("elastography", "", (), ["Too thin."]), Notes("segmentation", "", (), ["Cut."]),
         Notes("elastography", "", (), ["Too thin.", "sub-01_a.png is late."]),
         Notes("map", "", (), ["Painted."])],
        {"ti": "no fibre directions", "us": "no frames were given"},
    )  # fmt: skip
    assert remarks(notes) == [
        ("Muscle outlines", ["Cut."]),
        ("Stiffness, MR elastography", ["Too thin.", "sub-01_a.png is late."]),
        ("All stages together", ["Painted.", "Fibre-aware stiffness (μ⊥, μ∥, E∥): no fibre "
                                 "directions."]),
    ]  # fmt: skip
