"""Tables of repeatability: what the SDC means, whose row is taken, what is refused."""

import numpy as np
import pytest

from imaging.errors import InputError, MissingFileError, UnitError
from imaging.musclemap.table import definition_of
from imaging.report.comparison.repeatability import (
    built_in,
    published,
    read_repeatability,
    sdc_factor,
    within_subject_sd,
)

HEAD = "measure\tmuscles\tunit\tscale\tsd_within\tn\tof\tsource\n"


def table(tmp_path, *rows):
    path = tmp_path / "mine.tsv"
    path.write_text(HEAD + "".join("\t".join(row.split("|")) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("n", [5, 24, 400])
def test_95_of_100_repeats_differ_by_less_than_the_sdc(n):
    rng = np.random.default_rng(3)
    within = []
    for _ in range(2000):  # one new pair against n others would do; twenty make it steadier
        level = rng.normal(100, 30, n + 20)
        first, second = (level + rng.normal(0, 2, n + 20) for _ in range(2))
        sdc = sdc_factor(n) * within_subject_sd(first[:n], second[:n])
        within.append(np.abs(first - second)[n:] < sdc)
    assert np.mean(within) == pytest.approx(0.95, abs=0.01)


def test_a_muscles_own_row_goes_before_that_of_all(tmp_path):
    path = table(
        tmp_path,
        "volume|all|ml|percent|2|20|people|mine",
        "volume|TA PL+PB|ml|absolute|1.5|9|people|mine",
    )
    found = read_repeatability(path)
    assert found.row("volume", "TA").smallest_change(500) == pytest.approx(sdc_factor(9) * 1.5)
    assert found.row("volume", "PL+PB").n == 9
    assert found.row("volume", "SOL").smallest_change(200) == pytest.approx(sdc_factor(20) * 4)
    assert found.row("fa", "SOL") is None
    assert found.measures == {"volume"}


@pytest.mark.parametrize(
    ("row", "error", "words"),
    [
        ("volume|all|cm3|percent|2|20|people|mine", UnitError, "in cm3, not in ml"),
        ("size|all|ml|percent|2|20|people|mine", InputError, "no measure 'size'"),
        ("volume|all|ml|relative|2|20|people|mine", InputError, "scale 'relative'"),
        ("volume|all|ml|percent|0|20|people|mine", InputError, "above 0"),
        ("volume|all|ml|percent|-1|20|people|mine", InputError, "above 0"),
        ("volume|all|ml|percent|2|0|people|mine", InputError, "above 0"),
        ("volume|CALF|ml|percent|2|20|people|mine", InputError, "no muscle 'CALF'"),
        ("volume|all TA|ml|percent|2|20|people|mine", InputError, "no muscle 'all'"),
        ("volume|TA TA|ml|percent|2|20|people|mine", InputError, "TA twice"),
        ("volume|all|ml|percent|n/a|20|people|mine", InputError, "has no sd_within"),
        ("volume|all|ml|percent|2|20|people|n/a", InputError, "has no source"),
        ("volume|all|ml|percent|two|20|people|mine", InputError, "not a number"),
    ],
)
def test_a_table_that_would_judge_wrongly_is_refused(tmp_path, row, error, words):
    with pytest.raises(error, match=words):
        read_repeatability(table(tmp_path, row))


def test_a_measure_twice_or_no_file_is_refused(tmp_path):
    row = "volume|all|ml|percent|2|20|people|mine"
    with pytest.raises(InputError, match="volume of all twice"):
        read_repeatability(table(tmp_path, row, row))
    with pytest.raises(MissingFileError):
        read_repeatability(tmp_path / "none.tsv")


def test_the_built_in_table_says_what_it_rests_on():
    rows = built_in().rows
    assert {"volume", "fascicle_length", "pennation_start", "pcsa_anatomical"} <= {
        r.measure for r in rows
    }
    assert all("lower bound" in r.of for r in rows if "digital" in r.of)
    assert all(r.n >= 5 for r in rows)


def test_what_is_published_is_of_known_measures_with_a_source():
    assert all(definition_of(p.measure) and p.source and p.of for p in published())
