"""`pennate compare` on two synthetic maps: files, page, bad input."""

import json
import re

import pandas as pd
import pytest
from axe import opened
from output_contract import assert_as_promised
from synthetic_map import SOL, TA, columns_of, write_map

from imaging.cli.app import main
from imaging.formats.json import read_json
from imaging.measures import Measure, write_measures
from imaging.musclemap.headline import headline
from imaging.musclemap.table import wide
from imaging.muscles import label_of
from imaging.provenance import write_json
from imaging.stage_files import write_tsv

LEFT = {label: label - 100 for label in (TA, SOL)}


def measures(factor: float, hz: str = "50", left: bool = True) -> list[Measure]:
    rows = []
    for label, ml in ((TA, 100.0), (SOL, 400.0)):
        note = f"median of voxels, IQR 1.9 to 2.1; 39% of its voxels in the images; MDEV at {hz} Hz"
        for own in (label, LEFT[label])[: 2 if left else 1]:
            rows += [
                Measure(own, "volume", ml * factor, "ml", 1000, note="network"),
                Measure(own, "coverage", float(label == TA), "1"),
                Measure(own, "fascicle_length", 60.0, "mm", 50, None, 57.0, 63.0),
                Measure(own, "stiffness_mdev_magnitude", 2000.0, "Pa", 99, note=note),
            ]
    return sorted(rows, key=lambda m: m.label)


def write_visit(out, session, rows, sub="01"):
    prefix = f"sub-{sub}_ses-{session}"
    folder = out / f"sub-{sub}" / f"ses-{session}" / "map"
    write_map(folder, prefix)
    write_measures(rows, folder / f"{prefix}_measures.tsv")
    write_tsv(headline(wide(rows)), folder / f"{prefix}_muscles.tsv")
    beside = folder / f"{prefix}_muscles.json"
    write_json(beside, read_json(beside, "") | {"Columns": columns_of(rows)})
    return folder


@pytest.fixture
def out(tmp_path):
    write_visit(tmp_path, "01", measures(1.0))
    write_visit(tmp_path, "02", measures(1.1, "60"))
    return tmp_path


def test_two_visits_give_a_page_and_tables(out):
    assert main(["compare", str(out), "--participant", "01"]) == 0
    table = pd.read_csv(out / "sub-01_comparison.tsv", sep="\t", na_values="n/a")
    rows = table.set_index(["label", "measure"])
    volume = rows.loc[(TA, "volume")]
    assert volume["verdict"] == "larger than SDC"
    assert volume["change"] == pytest.approx(10)
    assert rows.loc[(SOL, "volume")]["reason"].startswith("cut by the field of view: ses-01 and")
    stiff = rows.loc[(TA, "stiffness_mdev_magnitude")]
    assert stiff["verdict"] == "not comparable"
    assert stiff["reason"] == "MDEV at 50 Hz, then MDEV at 60 Hz"
    about = json.loads((out / "sub-01_comparison.json").read_text())
    assert set(about["Columns"]) == set(table.columns)
    assert len(about["SourceFiles"]) == 4
    sides = pd.read_csv(out / "sub-01_asymmetry.tsv", sep="\t", na_values="n/a")
    assert set(sides["visit"]) == {"ses-01", "ses-02"}
    assert (sides.loc[sides["measure"] == "fascicle_length", "right_minus_left"] == 0).all()
    assert not (out / ".partial-compare-sub-01").exists()


def test_the_files_are_those_that_are_promised(out):
    assert main(["compare", str(out), "--participant", "01"]) == 0
    written = out / "only"
    written.mkdir()
    for path in out.glob("sub-01_*"):
        path.rename(written / path.name)
    assert_as_promised(written, "sub-01", "compare", workflow=False)


def test_the_page_answers_first_and_carries_no_foreign_address(out):
    assert main(["compare", str(out), "--participant", "sub-01"]) == 0
    page = (out / "sub-01_comparison.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "Right tibialis anterior: volume 100 to 110 ml" in page
    assert (
        page.index("What changed") < page.index("Every figure") < page.index("Left against right")
    )
    assert "lower bound for people" in page
    assert page.count('src="data:image/svg') == 1
    assert "could not be drawn" not in page


def test_the_page_has_no_error_of_accessibility_folded_or_open(out):
    assert main(["compare", str(out), "--participant", "01"]) == 0
    with opened(out / "sub-01_comparison.html") as tab:
        assert tab.violations() == []
        tab.run("document.querySelectorAll('details').forEach(d => { d.open = true; }), true")
        assert tab.violations() == []
        assert tab.console == []


def test_the_same_input_gives_the_same_bytes(out):
    def content():
        assert main(["compare", str(out), "--participant", "01"]) == 0
        return {p.name: p.read_bytes() for p in out.glob("sub-01_*")}

    assert content() == content()


def test_maps_anywhere_and_a_table_of_ones_own(out, tmp_path):
    table = tmp_path / "mine.tsv"
    table.write_text(
        "measure\tmuscles\tunit\tscale\tsd_within\tn\tof\tsource\n"
        "volume\tall\tml\tpercent\t10\t30\tpeople\tour scanner\n"
    )
    maps = [str(out / "sub-01" / f"ses-{s}" / "map") for s in ("01", "02")]
    arguments = ["compare", str(out / "new"), "--before", maps[0], "--after", maps[1]]
    assert main([*arguments, "--repeatability", str(table)]) == 0
    found = pd.read_csv(out / "new" / "sub-01_comparison.tsv", sep="\t", na_values="n/a")
    row = found[(found["label"] == TA) & (found["measure"] == "volume")].iloc[0]
    assert row["verdict"] == "within SDC"
    assert row["sdc_of"] == "people; our scanner"


def test_maps_of_the_same_name_are_called_before_and_after(out, tmp_path):
    write_visit(tmp_path / "other", "01", measures(1.2))
    maps = [str(folder / "sub-01" / "ses-01" / "map") for folder in (out, tmp_path / "other")]
    arguments = ["compare", str(out), "--before", maps[0], "--after", maps[1]]
    assert main(arguments) == 0
    table = pd.read_csv(out / "sub-01_comparison.tsv", sep="\t", na_values="n/a")
    cut = table[(table["label"] == SOL) & (table["measure"] == "volume")].iloc[0]
    assert cut["reason"] == "cut by the field of view: before and after"


def test_one_leg_leaves_no_table_of_sides_behind(out):
    assert main(["compare", str(out), "--participant", "01"]) == 0
    assert (out / "sub-01_asymmetry.tsv").is_file()
    for session, factor in (("01", 1.0), ("02", 1.01)):
        write_visit(out, session, measures(factor, left=False))
    assert main(["compare", str(out), "--participant", "01"]) == 0
    assert not list(out.glob("sub-01_asymmetry*"))
    assert "shows one leg" in (out / "sub-01_comparison.html").read_text()


def test_another_leg_at_the_second_visit_is_a_warning(out, capsys):
    other = [m for m in measures(1.1) if m.label == label_of("TA", "left")]
    write_visit(out, "02", other)
    write_visit(out, "01", measures(1.0, left=False))
    assert main(["compare", str(out), "--participant", "01"]) == 0
    assert "a side was named wrongly" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give either --participant"),
        (["--participant", "01", "--before", "x"], "give either"),
        (["--before", "x"], "go together"),
        (["--participant", "07"], "no such participant"),
        (["--participant", "01", "--session", "01"], "--session was given once"),
        (["--participant", "01", "--session", "01", "--session", "03"], "no map of session 03"),
        (["--before", "{out}/sub-01/ses-01/map", "--after", "{out}/sub-01/ses-01/map"], "twice"),
        (["--before", "{out}/sub-01/ses-01/map", "--after", "{out}/sub-02/ses-02/map"],
         "two persons"),
        (["--participant", "01", "--repeatability", "{out}/none.tsv"], "no such table"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(out, capsys, arguments, words):
    write_visit(out, "02", measures(1.2), sub="02")
    given = [a.replace("{out}", str(out)) for a in arguments]
    assert main(["compare", str(out), *given]) == 2
    assert words in capsys.readouterr().err
    assert not list(out.glob("sub-01_comparison*"))
