"""Markup and formulas that came in as names run neither in a page nor in the viewer."""

import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from synthetic_map import write_map

from imaging.cli.app import main

P = "sub-01"
MARK = "hostile"
PAYLOAD = (
    f"</script></title></style>--><script>document.body.dataset.{MARK}=1</script>"
    f"<img src=x onerror=\"document.body.dataset.{MARK}=1\">' onclick='x"
)
# What a program reads and not a person: changed, the map would be refused.
KEYS = {"stage", "prefix", "status", "key", "name", "sha256", "Version", "muscle", "side", "phase",
        "task", "unit", "Units"}  # fmt: skip
FLAGS = """
--headless --no-sandbox --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader
--ignore-gpu-blocklist --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --virtual-time-budget=8000
"""


def hostile(value, key=""):
    """Return the content of a JSON file with markup in every text that a person reads."""
    if isinstance(value, dict):
        return {k: hostile(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile(v, key) for v in value]
    return value + PAYLOAD if isinstance(value, str) and key not in KEYS else value


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for name in ("sub-01", "sub-02"):
        where = write_map(folder / name / "map", name, load=name == "sub-01")
        for path in where.glob("*.json"):
            path.write_text(json.dumps(hostile(json.loads(path.read_text()))))
        notes = where / f"{name}_notes.json"
        content = json.loads(notes.read_text())
        content["stages"][0] |= {"method": PAYLOAD, "citations": [PAYLOAD], "warnings": [PAYLOAD]}
        content["missing"] = {"mre": PAYLOAD, "us": PAYLOAD}
        notes.write_text(json.dumps(content))
        table = where / f"{name}_measures.tsv"
        lines = table.read_text().splitlines()
        field = '"' + PAYLOAD.replace('"', '""') + '"'
        lines[1:] = [line.rpartition("\t")[0] + "\t" + field for line in lines[1:]]
        table.write_text("\n".join(lines) + "\n")
    page = [str(v) for v in ("--map-dir", folder / P / "map", "--out", folder / f"{P}.html")]
    assert main(["report", *page]) == 0
    assert main(["report", "--group", str(folder)]) == 0
    shown = [str(v) for v in ("--map-dir", folder / P / "map", "--out", folder / P / "export")]
    assert main(["export", *shown, "--prefix", P]) == 0
    return folder


def pages(out):
    found = sorted(out.rglob("*.html"))
    assert len(found) >= 3
    return found


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_markup_is_text(out):
    for path in pages(out):
        text = path.read_text(encoding="utf-8")
        assert f"<script>document.body.dataset.{MARK}" not in text
        for tag, attributes in Tags(text).found:
            assert attributes.get("src") != "x", path.name
            assert not any(name.startswith("on") for name in attributes), (path.name, tag)
    assert MARK in (out / f"{P}.html").read_text(encoding="utf-8")


def test_nothing_runs_in_a_browser(out, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    for number, path in enumerate(pages(out)):
        done = subprocess.run(
            [chromium, *FLAGS.split(), f"--user-data-dir={tmp_path / str(number)}", "--dump-dom",
             path.as_uri()],
            capture_output=True, text=True, timeout=240, check=True,
        )  # fmt: skip
        body = re.search(r"<body[^>]*>", done.stdout).group()
        assert f"data-{MARK}" not in body, path.name
        if "viewer" in path.name:
            assert 'data-state="ready"' in body


def test_pictures_carry_no_markup(out):
    for path in pages(out):
        for packed in re.findall(
            r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", path.read_text(encoding="utf-8")
        ):
            drawn = base64.b64decode(packed).decode()
            assert "<script" not in drawn and "onerror=" not in drawn.replace("&quot;", '"')
