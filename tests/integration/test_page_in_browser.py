"""The page of a subject in a browser: no errors of accessibility, what is seen first, print."""

import re
from itertools import pairwise
from urllib.parse import unquote

import pytest
from axe import opened
from stage_outputs import P, map_arguments, write_all
from synthetic_map import write_map

from imaging.cli.app import main

_LEVELS = "[...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.tagName[1]))"
_BOTTOM = "document.querySelector('{}').getBoundingClientRect().bottom"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    stages = write_all(folder / P)
    assert main(map_arguments(stages, folder / P / "map")) == 0
    # Stands for what `pennate export` writes, which takes long.
    (folder / P / "export" / "stl").mkdir(parents=True)
    (folder / P / "export" / f"{P}_viewer.html").write_text("<title>Viewer</title>")
    arguments = ["report", "--map-dir", str(folder / P / "map"), "--out", str(folder / f"{P}.html")]
    assert main(arguments) == 0
    return folder / f"{P}.html"


def test_folded_and_unfolded_page_has_no_error_of_accessibility(page):
    with opened(page) as tab:
        assert tab.violations() == []
        levels = tab.run(_LEVELS)
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))
        tab.run("document.querySelectorAll('details').forEach(d => { d.open = true; }), true")
        assert tab.violations() == []
        assert tab.console == []


def test_answer_is_on_the_first_screen_of_a_laptop(page):
    with opened(page, 1280, 900) as tab:
        assert tab.run(_BOTTOM.format(".verdicts")) < 900
        assert tab.run(_BOTTOM.format(".links")) < 900
        assert tab.run(_BOTTOM.format(".summary tbody tr:nth-child(3)")) < 900
        words = tab.run("[...document.querySelectorAll('.verdict')].map(v => v.textContent.trim())")
        assert len(words) == 7
        assert {re.sub(r"^\W+", "", w) for w in words} <= {
            "usable", "look", "not usable", "not there",
        }  # fmt: skip


def test_links_are_there_and_open_what_they_lead_to(page):
    with opened(page) as tab:
        beside = tab.run(
            "[...document.querySelectorAll('.links a')].map(a => a.getAttribute('href'))"
        )
        assert f"{P}/export/{P}_viewer.html" in beside
        assert all((page.parent / unquote(a)).exists() for a in beside)
        tab.go(f"{page.as_uri()}#stiffness")
        assert tab.run("document.querySelector('#stiffness').closest('details').open")
        assert tab.run("document.querySelector('#stiffness').getBoundingClientRect().top < 900")


def test_a_phone_shows_it_without_scrolling_sideways(page):
    with opened(page) as tab:
        tab.size(400, 800, phone=True)
        tab.go(page.as_uri())
        assert tab.run("document.documentElement.scrollWidth") <= 400
        assert tab.violations() == []


def test_it_prints_on_six_pages_at_most(page):
    with opened(page) as tab:
        assert 1 <= tab.printed() <= 6
        tab.run("document.querySelector('#figures').closest('details').open = true")
        assert tab.printed() <= 6  # the longest table is never printed


def test_a_bare_map_has_a_page_too(tmp_path):
    write_map(tmp_path / "map", fascicles=False, activation=False, stiffness=False,
              aponeuroses=False)  # fmt: skip
    page = tmp_path / "page.html"
    assert main(["report", "--map-dir", str(tmp_path / "map"), "--out", str(page)]) == 0
    with opened(page) as tab:
        assert tab.violations() == []
        assert "No viewer, tables or exports" not in tab.run("document.body.textContent")
        assert tab.run("document.querySelector('.viewer')") is None
        assert "No diffusion MRI was given." in tab.run("document.body.textContent")
