"""The page of licences is of the packages that are locked."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_page_lists_what_the_lock_holds():
    made = runpy.run_path(str(ROOT / "docs" / "make_licences.py"))
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w.-]+) \| (\S+) \| (.+) \| (yes|) \|$", page, re.MULTILINE)
    assert {name: version for name, version, _, _ in rows} == made["locked"](), "make licences"
    assert {name for name, *_, direct in rows if direct} >= made["direct"]()
    assert not any("AGPL" in licence or licence.startswith("GPL") for _, _, licence, _ in rows)
