"""The viewer in a headless browser, and what it may load."""

import os
import re
import shutil
import subprocess

import pytest
from synthetic_map import write_map

from imaging.cli.app import main

FLAGS = """
--headless --no-sandbox --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader
--ignore-gpu-blocklist --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --enable-logging=stderr --window-size=900,500
--virtual-time-budget=8000
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium on this machine")
    return found


def viewer(folder, **parts):
    write_map(folder / "map", **parts)
    arguments = ["export", "--map-dir", folder / "map", "--out", folder / "out"]
    assert main([*map(str, arguments), "--prefix", "sub-01"]) == 0
    return folder / "out" / "sub-01_viewer.html"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return viewer(tmp_path_factory.mktemp("viewer"))


def show(chromium: str, page, profile, state: str = "") -> tuple[str, list[str]]:
    """Return the page as the browser leaves it, and what it wrote to the console."""
    done = subprocess.run(
        [chromium, *FLAGS.split(), f"--user-data-dir={profile}", "--dump-dom",
         f"{page.as_uri()}#{state}"],
        capture_output=True, text=True, timeout=240, check=True,
        env={**os.environ, "no_proxy": "*"},
    )  # fmt: skip
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_page_names_no_server(page):
    text = page.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe" not in policy
    sources = re.findall(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=([^ >]*)", text)
    assert sources == ['"data:,"']
    assert len(text) < 15e6
    assert "Research use only" in text


def test_notes_cannot_break_out_of_the_page(page):
    text = page.read_text(encoding="utf-8")
    assert "<three>" not in text
    assert "\\u003cthree>" in text


@pytest.mark.parametrize(
    "state",
    ["", "surface=activation&time=20&overlay=stiffness_mdev&measure=pennation_start_deg&only=201"],
)
def test_page_works_in_a_browser_without_console_messages(chromium, page, tmp_path, state):
    document, console = show(chromium, page, tmp_path, state)
    assert console == []
    assert 'data-state="ready"' in document
    assert "right tibialis anterior: found from the data" in document
    assert "no elastography was recorded" in document
    assert ("EMG painted on anatomy</p>" in document) == bool(state)


def test_share_of_force_is_shown_over_the_cycle(chromium, tmp_path):
    loaded = viewer(tmp_path, load=True)
    state = "surface=force&measure=force&time=50"
    document, console = show(chromium, loaded, tmp_path / "profile", state)
    assert console == []
    assert 'data-state="ready"' in document
    assert "Share of force, modelled from EMG, painted on anatomy</p>" in document


def test_page_works_with_muscles_only(chromium, tmp_path):
    bare = viewer(tmp_path, fascicles=False, activation=False, stiffness=False,
                  aponeuroses=False)  # fmt: skip
    document, console = show(chromium, bare, tmp_path / "profile")
    assert console == []
    assert 'data-state="ready"' in document
    assert "No fascicles: the map has no diffusion data" in document
    assert "No activation: the map has no EMG recording" in document
