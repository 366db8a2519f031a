"""Levels in the tables of two sessions are one, whatever else their columns hold."""

import pytest

from imaging.io.function_tables import read_sessions

ONSETS = "trial label muscle side stride phase onset_s offset_s onset_percent peak_percent main"
STRIDES = "trial label muscle side stride start_s end_s amplitude peak unit"


@pytest.mark.parametrize("other", ["2", "fast", "n/a"])
def test_levels_are_texts_also_where_all_are_numbers(tmp_path, other):
    for who, second in (("sub-1", "2"), ("sub-2", other)):
        folder = tmp_path / who / "func"
        folder.mkdir(parents=True)
        trials = f"trial\tkind\tfactor_speed\na\twalking\t1\nb\twalking\t{second}\nc\tmvc\tn/a\n"
        (folder / f"{who}_trials.tsv").write_text(trials)
        for name, columns in (("onsets", ONSETS), ("strides", STRIDES)):
            (folder / f"{who}_{name}.tsv").write_text("\t".join(columns.split()) + "\n")
    found, problems = read_sessions(tmp_path)
    assert not problems
    assert [trials["factor_speed"][0] for _, trials, _, _ in found] == ["1", "1"]
