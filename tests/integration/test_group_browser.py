"""The page of a group, used as people use it, in headless Chromium."""

import csv
import io

import pytest
from axe import opened
from group_of_maps import LEFT_TA, SOL, write_tables

from imaging.cli.app import main
from imaging.measures import Measure

# What "save" would write to disk, and a file that is chosen for loading.
CATCH = """
(() => { const keep = (text) => { window.saved = text; };
URL.createObjectURL = (blob) => { blob.text().then(keep); return "#"; };
HTMLAnchorElement.prototype.click = function () { window.savedAs = this.download; }; })()
"""
GIVE = """
(() => { const given = new DataTransfer(); given.items.add(new File([%s], "ratings.tsv"));
const input = document.getElementById("load"); input.files = given.files;
input.dispatchEvent(new Event("change")); })()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    out = tmp_path_factory.mktemp("group")
    for number, volume in enumerate((400, 410, 390, 405, 395, 900)):
        for visit in ("a", "b") if number == 5 else ("a",):
            rows = [
                Measure(SOL, "volume", float(volume), "ml"),
                Measure(LEFT_TA, "volume", 100.0 + number, "ml"),
                Measure(0, "snr_b0", 30.0 + number, "1"),
            ]
            write_tables(out, f"sub-{number:02d}_ses-{visit}", rows)
    (out / "sub-00_ses-a.html").write_text("<title>page</title>")
    assert main(["report", "--group", str(out)]) == 0
    return out / "group.html"


@pytest.fixture
def tab(page):
    with opened(page) as tab:
        tab.run(CATCH)
        yield tab
        assert tab.console == []


def click(tab, selector):
    tab.run(f"document.querySelector({selector!r}).click()")


def column(tab, index):
    return tab.run(
        "[...document.querySelectorAll('#sessions tbody tr:not([hidden])')]"
        f".map((r) => r.cells[{index}].textContent.trim())"
    )


def saved(tab):
    click(tab, "#save")
    tab.until("window.saved")
    return list(csv.DictReader(io.StringIO(tab.run("window.saved")), delimiter="\t"))


def test_no_known_error_of_accessibility(tab, page):
    assert tab.violations() == []
    tab.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert tab.violations() == []
    assert "://" not in page.read_text(encoding="utf-8")


def test_outliers_are_named_first_and_both_visits_of_one_person(tab):
    said = tab.run("document.querySelector('.first').textContent")
    assert "sub-05_ses-a: SOL volume 900 ml" in said
    assert "sub-05_ses-b: SOL volume 900 ml" in said
    assert "sub-04" not in said


def test_ratings_are_saved_loaded_and_kept_over_a_reload(tab):
    tab.run("document.getElementById('rater').value = 'R 1'")
    click(tab, "[aria-label='exclude sub-05_ses-b']")
    click(tab, "[aria-label='accept sub-00_ses-a']")
    click(tab, "[aria-label='unsure sub-01_ses-a']")
    click(tab, "[aria-label='unsure sub-01_ses-a']")  # taken back
    tab.run(
        "(() => { const n = document.querySelector(\"[aria-label='Note on sub-05_ses-b']\");"
        "n.value = 'cut\\toff \"here\"'; n.dispatchEvent(new Event('change')); })()"
    )
    rows = saved(tab)
    assert tab.run("window.savedAs") == "group_ratings.tsv"
    assert [(r["participant_id"], r["session_id"], r["rating"]) for r in rows] == [
        ("sub-00", "ses-a", "accept"), ("sub-05", "ses-b", "exclude")]  # fmt: skip
    assert rows[1]["note"] == 'cut off "here"'
    assert rows[1]["rater"] == "R 1"
    text = tab.run("window.saved")

    tab.go(tab.run("location.href"))
    assert tab.run("document.getElementById('said').textContent").startswith("2 of 7 rated")
    tab.run("sessionStorage.clear()")
    tab.go(tab.run("location.href"))
    assert tab.run("document.getElementById('said').textContent").startswith("0 of 7 rated")

    tab.run(CATCH)
    other = text.splitlines()[1].replace("sub-00", "sub-99")
    old = text.splitlines()[1].rpartition("\t")[0].replace("sub-00", "sub-02") + "\tanothermap"
    tab.run(GIVE % repr(text + other + "\n" + old + "\n"))
    tab.until("document.getElementById('said').textContent.includes('4 loaded')")
    assert "1 of sessions that are not on this page" in tab.run(
        "document.getElementById('said').textContent"
    )
    assert tab.run("document.querySelectorAll('.rate.old').length") == 1
    again = saved(tab)
    assert again[0] == rows[0]
    assert {r["participant_id"] for r in again} == {"sub-00", "sub-02", "sub-05", "sub-99"}
    assert next(r for r in again if r["session_id"] == "ses-b") == rows[1]


def test_another_file_is_refused_by_name(tab):
    tab.run(GIVE % "'participant_id\\tage\\nsub-01\\t3\\n'")
    tab.until("document.getElementById('said').textContent.includes('not a file of ratings')")


def test_table_is_sorted_by_size_and_filtered(tab):
    heads = tab.run(
        "[...document.querySelectorAll('#sessions thead th')].map((h) => h.textContent.trim())"
    )
    index = next(k for k, h in enumerate(heads) if h.startswith("SOL volume"))
    click(tab, f"#sessions thead th:nth-child({index + 1}) button")
    assert [float(v.split()[0]) for v in column(tab, index)] == sorted(
        float(v.split()[0]) for v in column(tab, index)
    )
    tab.run("document.getElementById('filter').value = 'sub-05'")
    tab.run("document.getElementById('filter').dispatchEvent(new Event('input'))")
    assert column(tab, 0) == ["sub-05 ses-a", "sub-05 ses-b"]
    tab.run("document.getElementById('filter').value = ''")
    tab.run("document.getElementById('show').value = 'open'")
    click(tab, "[aria-label='accept sub-00_ses-a']")
    assert len(column(tab, 0)) == 6


def test_points_tell_names_and_are_reached_by_arrows(tab):
    tab.run("document.querySelector('svg.boxes .p[tabindex=\"0\"]').focus()")
    first = tab.run("document.getElementById('named').textContent")
    assert first.startswith("sub-")
    tab.run(
        "document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))"
    )
    assert tab.run("document.getElementById('named').textContent") != first
    assert tab.run("document.querySelectorAll('svg.boxes [tabindex=\"0\"]').length") == tab.run(
        "document.querySelectorAll('svg.boxes').length"
    )


def test_it_prints_on_few_pages(tab):
    assert tab.printed() <= 4
