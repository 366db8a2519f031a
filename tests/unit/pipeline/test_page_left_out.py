"""The workflow makes one page of the whole map, not one more in the fibre stage."""

from pathlib import Path

from imaging.pipeline.digest import PACKAGE, sources

RULE = Path(__file__).parents[3] / "workflow/rules/fibres.smk"


def test_a_changed_page_does_not_run_the_fibre_stage_again():
    assert "--no-page" in RULE.read_text(encoding="utf-8")
    found = {p.relative_to(PACKAGE).as_posix() for p in sources("fibres")}
    assert "cli/fibres.py" in found
    assert not {name for name in found if name.startswith(("report/", "export/", "pipeline/"))}
