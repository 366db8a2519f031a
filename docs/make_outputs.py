"""Write the table of outputs into ``docs/formats.md``: ``python docs/make_outputs.py``."""

from collections.abc import Iterator
from pathlib import Path

from imaging.outputs import Output, outputs, stiffness_maps, wave_methods

PAGE = Path(__file__).parent / "formats.md"
BEGIN = "<!-- written by `make schema` from imaging/data/outputs.tsv -->\n"
END = "<!-- end of what `make schema` writes -->\n"
PLACES = {
    "prefix": "P",
    "method": "METHOD",
    "map": "MAP",
    "structure": "STRUCTURE",
    "called": "STRUCTURE",
    "axis": "i, j or k",
}


def table() -> str:
    """Return the table: one row per file, or per files of one stem."""
    lines = ["| file | unit | what is in it | when, if not always |", "|---|---|---|---|"]
    for row in outputs():
        if row.name.endswith("{method}_{map}") and ".nii.gz" in row.endings:
            lines += _maps(row)
        else:
            text = ". ".join(t for t in (row.description.format(**PLACES), row.more) if t)
            lines.append(_line(row, row.stem(PLACES), row.unit, text))
    return "\n".join(lines) + "\n"


def _maps(row: Output) -> Iterator[str]:
    """Yield one row per map that an inversion of waves can give."""
    for (method, name), about in stiffness_maps().items():
        if method in wave_methods():
            stem = row.stem({**PLACES, "method": method, "map": name})
            yield _line(row, stem, about["unit"], about["meaning"])


def _line(row: Output, stem: str, unit: str, text: str) -> str:
    path = f"{row.folder}/{stem}" if row.folder else stem
    first, *more = row.endings
    files = " ".join([f"`{path}{first}`", *(f"`{ending}`" for ending in more)])
    cells = [cell.replace("|", "\\|") for cell in (files, unit, text, row.when)]
    return "| " + " | ".join(cells) + " |"


def render(page: str) -> str:
    """Return the text of the page with the table as it should be."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return before + BEGIN + "\n" + table() + "\n" + END + after


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
