"""`pennate report` on a map made from small stage outputs."""

import json
import re
import shutil
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from stage_outputs import P, map_arguments, write_all

from imaging.cli.app import main
from imaging.outputs import promised
from imaging.provenance import sha256


class Page(HTMLParser):
    """Collect what a test asks about: images, tables, links, text."""

    def __init__(self, text: str):
        super().__init__()
        self.images: list[dict] = []
        self.anchors: list[str] = []
        self.identifiers: set[str] = set()
        self.tags: list[str] = []
        self.attributes: list[dict] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self.attributes.append(found)
        if tag == "img":
            self.images.append(found)
        if tag == "a":
            self.anchors.append(found["href"])
        if "id" in found:
            self.identifiers.add(found["id"])

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    stages = write_all(folder / P)
    assert main(map_arguments(stages, folder / P / "map")) == 0
    arguments = ["report", "--map-dir", str(folder / P / "map"), "--out", str(folder / f"{P}.html")]
    assert main(arguments) == 0
    return folder


def test_page_is_self_contained_and_small(out):
    path = out / f"{P}.html"
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 3e6
    assert not re.search(r'src="(?!data:)', text)
    assert "http:" not in text
    assert "https:" not in text
    page = Page(text)
    inside = [a for a in page.anchors if a.startswith("#")]
    assert len(inside) > 10
    assert all(a[1:] in page.identifiers for a in inside)
    beside = [a for a in page.anchors if not a.startswith("#")]
    assert f"{P}/map/{P}_muscles.tsv" in beside
    assert all((out / unquote(a)).exists() for a in beside)
    assert "script" not in page.tags
    assert "style" not in {name for found in page.attributes for name in found}


def test_page_shows_every_picture_with_a_text_for_who_cannot_see(out):
    page = Page((out / f"{P}.html").read_text(encoding="utf-8"))
    assert len(page.images) == 20
    assert all(len(i["alt"]) > 20 for i in page.images)
    assert "could not be drawn" not in page.text


def test_page_says_what_a_reader_must_know(out):
    text = Page((out / f"{P}.html").read_text(encoding="utf-8")).text
    for sentence in (
        "Research use only",
        "Only boxes.",
        "TA has no fascicles.",
        "painted on anatomy, not measured",
        "left TA",
        "Someone 1994",
        "0" * 64,
        "1 of 14 slices misfit the other volumes",
        "Moved by 6.00 mm",
        "[56.0, 60.0]",
    ):
        assert sentence in text
    assert text.index("Only boxes.") < text.index("Labels were drawn as boxes.")
    order = ("Can it be used?", "Stiffness, ultrasound", "Pennation", "Muscles on anatomy",
             "Only boxes.", "SNR without diffusion weighting")  # fmt: skip
    places = [text.rindex("Can it be used?"), *(text.index(words) for words in order[1:])]
    assert places == sorted(places)
    assert "snr_b0" not in text


def test_same_map_gives_the_same_page_at_the_same_place(out):
    first = sha256(out / f"{P}.html")
    assert main(["report", "--map-dir", str(out / P / "map"), "--out", str(out / f"{P}.html"),
                 "--prefix", P]) == 0  # fmt: skip
    assert sha256(out / f"{P}.html") == first


def test_date_of_the_scan_is_shown_and_a_wrong_one_refused(out, tmp_path, capsys):
    page = tmp_path / "elsewhere" / "page.html"
    arguments = ["report", "--map-dir", str(out / P / "map"), "--out", str(page), "--prefix", P]
    assert main([*arguments, "--date", "30.11.2026"]) == 2
    assert "Write 2026-11-30" in capsys.readouterr().err
    assert main([*arguments, "--date", "2026-11-30"]) == 0
    found = Page(page.read_text(encoding="utf-8"))
    assert "Scan: 2026-11-30" in found.text
    assert all((page.parent / unquote(a)).exists() for a in found.anchors if a[0] != "#")


def test_anatomy_alone_gives_a_page_that_says_what_is_missing(out, tmp_path):
    assert main(["map", "--anat-dir", str(out / P / "anat"), "--out", str(tmp_path / "map"),
                 "--prefix", P, "--missing", '{"dwi": "the scan was aborted"}']) == 0  # fmt: skip
    assert main(["report", "--map-dir", str(tmp_path / "map"),
                 "--out", str(tmp_path / "page.html")]) == 0  # fmt: skip
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "the scan was aborted" in page.text
    assert "No fascicles: the scan was aborted." in page.text
    assert "No EMG: no EMG recording was given." in page.text
    assert len(page.images) == 1
    assert "No diffusion series: the scan was aborted." in page.text
    assert "nan" not in re.findall(r"[a-z]+", page.text.lower())


def test_group_table_and_page(out):
    assert main(["report", "--group", str(out)]) == 0
    header, *rows = (out / "group_muscles.tsv").read_text().splitlines()
    assert header.startswith("participant_id\tsession_id\tlabel")
    assert len(rows) == 14
    columns = json.loads((out / "group_muscles.json").read_text())["Columns"]
    assert set(header.split("\t")) == set(columns)
    written = (out / "group.html").read_text(encoding="utf-8")
    assert "sub-01" in Page(written).text
    assert written.count('<svg class="boxes"') > 20
    assert f'<a href="{P}.html">' in written
    made = {p.name for p in out.iterdir() if p.is_file()}
    beside = {"group.json", "group_measures.json", "group_sessions.json"}
    assert made == {f"{P}.html", f"{P}.json", *beside, *promised("group")}
    first = sha256(out / "group.html")
    assert main(["report", "--group", str(out)]) == 0
    assert sha256(out / "group.html") == first


@pytest.mark.parametrize("arguments", [[], ["--group", "x", "--prefix", "y"], ["--map-dir", "x"]])
def test_wrong_options_are_bad_input(arguments, capsys):
    assert main(["report", *arguments] if arguments else ["report", "--prefix", P]) == 2
    assert "pennate report" in capsys.readouterr().err


def test_no_map_is_bad_input(tmp_path, capsys):
    assert main(["report", "--map-dir", str(tmp_path), "--out", str(tmp_path / "p.html")]) == 2
    assert "pennate map" in capsys.readouterr().err
    assert not (tmp_path / "p.html").exists()


def test_pictures_that_fail_are_said_on_a_page_that_is_whole(out, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no canvas")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    monkeypatch.setattr("PIL.Image.Image.save", fail)
    monkeypatch.setattr("imaging.report.fascicle_scene.subprocess.run", fail)
    assert main(["report", "--map-dir", str(out / P / "map"), "--out", str(tmp_path / "a.html"),
                 "--prefix", P]) == 0  # fmt: skip
    page = Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert page.images == []
    assert page.text.count("This picture could not be drawn (RuntimeError: no canvas).") == 20
    assert "Only boxes." in page.text
    assert "[56.0, 60.0]" in page.text


def test_facts_of_another_form_do_not_cost_the_page(out, tmp_path):
    shutil.copytree(out / P / "map", tmp_path / "map")
    path = tmp_path / "map" / f"{P}_notes.json"
    notes = json.loads(path.read_text())
    (facts,) = [s["facts"] for s in notes["stages"] if s["stage"] == "diffusion"]
    facts |= {"motion": "much", "outlier_z": [["a"]], "eddy_slopes": {"x": 1}, "distortion": "fmap"}
    path.write_text(json.dumps(notes))
    assert main(["report", "--map-dir", str(tmp_path / "map"), "--out", str(tmp_path / "a.html"),
                 "--prefix", P]) == 0  # fmt: skip
    text = Page((tmp_path / "a.html").read_text(encoding="utf-8")).text
    assert text.count("The notes of this step could not be read") == 4
    assert "Moved by 6.00 mm" in text
