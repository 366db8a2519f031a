"""Norms of controls: intervals, circles, who is a control."""

import numpy as np
import pandas as pd
import pytest

from imaging.errors import ConfigError
from imaging.measures import Measure
from imaging.report import norms


def test_the_interval_holds_95_percent_of_further_persons():
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(2000):
        *controls, other = rng.normal(60, 4, 9)
        norm = norms.norm_of(controls)
        held += norm.place(other) == 0
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_places_in_the_cycle_go_around_the_circle():
    norm = norms.norm_of([98, 99, 0, 1, 2], circular=True)
    assert norm.mean % 100 == pytest.approx(0, abs=1e-6) or norm.mean == pytest.approx(100)
    assert norm.sd == pytest.approx(np.sqrt(2.5))
    assert norm.place(97.0) == 0
    assert norm.place(50.1) == -1 or norm.place(49.9) == 1
    assert norm.place(8.0) == 1
    assert norm.place(92.0) == -1


def test_few_controls_give_no_norm():
    assert norms.norm_of([1.0, 2.0, 3.0, 4.0, np.nan]) is None


def test_sessions_of_one_person_count_once_and_a_control_meets_the_others():
    rows = {f"sub-{i}": [[Measure(101, "volume", 100.0 + i, "ml")]] for i in range(5)}
    rows["sub-9"] = [[Measure(101, "volume", v, "ml")] for v in (500.0, 700.0)]
    found = norms.gather(rows, set())
    assert found.values[101, "volume"]["sub-9"] == 600.0
    assert found.norm(101, "volume", False, without="sub-9").mean == pytest.approx(102.0)
    assert found.norm(101, "volume", False).n == 6
    table = norms.norms_table(found, set())
    assert norms.from_table(table).values[101, "volume"]["sub-9"] == pytest.approx(600.0)


def test_controls_are_found_by_a_column_of_the_participants():
    table = pd.DataFrame({"participant_id": ["sub-1", "2"], "group": ["control", "control"]})
    assert norms.controls_of(table, "group = control") == {"sub-1", "sub-2"}
    written = table.assign(group=[f" {g.title()}" for g in table["group"]])
    assert norms.controls_of(written, "group=control") == {"sub-1", "sub-2"}
    for wanted, words in (("group", "no column and value"), ("arm=control", "no column 'arm'"),
                          ("group=patient", "nobody has 'patient'")):  # fmt: skip
        with pytest.raises(ConfigError, match=words):
            norms.controls_of(table, wanted)


def test_controls_of_another_way_are_kept_out_of_the_norms_and_named(tmp_path):
    def fat(value, way):
        return [[Measure(209, "fat_fraction", value, "percent", note=f"mean over voxels; {way}")]]

    rows = {f"sub-{k}": fat(3.0 + k / 10, "two-point") for k in range(6)}
    rows |= {f"sub-{k}": fat(9.0, "six peaks") for k in (7, 8)}
    found = norms.gather(rows, set())
    assert found.norm(209, "fat_fraction", False).n == 6
    assert found.norm(209, "fat_fraction", False).high < 6
    (said,) = found.left_out
    assert said.endswith("by two-point, n 6; by six peaks, n 2; the norms are by two-point.")
    assert found.suits("fat_fraction", "by two-point")
    assert not found.suits("fat_fraction", "by six peaks")
    again = norms.from_table(norms.norms_table(found, set()))
    assert again.ways["fat_fraction"] == "by two-point"
    with pytest.raises(ValueError, match="two ways"):
        table = norms.norms_table(found, set())
        norms.from_table(pd.concat([table, table.assign(label=201, way="by six peaks")]))
