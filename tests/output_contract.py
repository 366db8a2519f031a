"""Compares a folder with the table of outputs."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

from imaging.outputs import Output, of_stage, stiffness_maps, wave_methods
from imaging.provenance import sidecar_path


def assert_as_promised(folder: Path, prefix: str, *stages: str, workflow: bool = True) -> None:
    """Each file is one of the stages', each that they always write is there, with its sidecar."""
    rows = list(itertools.chain.from_iterable(of_stage(stage) for stage in stages))
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    known = [re.compile(pattern) for row in rows for pattern in _patterns(row, prefix)]
    strangers = {name for name in there if not any(k.fullmatch(name) for k in known)}
    assert not strangers, f"not in outputs.tsv: {sorted(strangers)}"
    wanted = [row for row in rows if row.written == "always" or (workflow and row.is_promised)]
    names = {row.stem({"prefix": prefix}) + ending for row in wanted for ending in row.endings}
    assert names <= there, f"not written: {sorted(names - there)}"
    for name in there:
        if not name.endswith(".json"):
            about = json.loads(sidecar_path(folder / name).read_text())
            assert about["GeneratedBy"]["Name"] == "pennate", name
            assert _described(about, name, rows, prefix), name


def _patterns(row: Output, prefix: str) -> list[str]:
    """Return what names of files, and of their sidecars, look like."""
    sidecar = [] if row.key == "notes" else [".json"]
    endings = "|".join(re.escape(e) for e in (*row.endings, *sidecar))
    maps = [m for m in stiffness_maps() if m[0] in wave_methods()]
    pairs = maps if "{map}" in row.name else [(m, "") for m in wave_methods()]
    pairs = pairs if "{method}" in row.name else [("", "")]
    places = ({"prefix": prefix, "method": m, "map": n, "structure": "§"} for m, n in pairs)
    stems = [re.escape(row.stem(p)).replace("§", r"[a-zA-Z+]+(-[A-Z+]+)?") for p in places]
    return [f"{stem}({endings})" for stem in stems]


def _described(about: dict[str, object], name: str, rows: list[Output], prefix: str) -> bool:
    """Tell whether a sidecar says what the table says, where that does not depend on the data."""
    row = next(r for r in rows if any(re.fullmatch(p, name) for p in _patterns(r, prefix)))
    unit, text = row.unit.split(" or "), row.description
    right = not row.unit or about["Units"] in unit
    return right and (not text or "{" in text or about["Description"] == text)
