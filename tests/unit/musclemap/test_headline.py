"""The readable table: few columns, those that people ask for, in a steady order."""

from imaging.measures import Measure, not_measured
from imaging.musclemap.headline import headline, headline_dictionary, is_headline
from imaging.musclemap.table import definitions, dictionary, wide
from imaging.muscles import label_of

SOL, TA = label_of("SOL", "right"), label_of("TA", "left")


def everything():
    """Return a value of every measure of a muscle."""
    known = [d for d in definitions() if d.level == "muscle" and "*" not in d.name]
    return [Measure(SOL, d.name, 1.5, d.unit) for d in known]


def test_with_every_measure_there_are_forty_columns_at_most():
    table = wide(everything())
    table.insert(0, "participant_id", "sub-01")
    table.insert(1, "session_id", "ses-01")
    assert len(table.columns) > 100
    assert len(headline(table).columns) <= 40


def test_a_value_stands_beside_its_status_and_an_empty_measure_has_no_column():
    rows = [
        Measure(SOL, "volume", 400.0, "ml", n=4000),
        not_measured(TA, "volume", "ml", "not in the label map"),
        not_measured(SOL, "t2", "ms", "no echoes"),
        Measure(SOL, "unfilled_fraction", 0.1, "1"),
    ]
    table = headline(wide(rows))
    assert list(table) == ["label", "muscle", "name", "side", "volume_ml", "volume_ml_status"]
    assert table["volume_ml_status"].tolist() == ["not_measured", "measured"]
    assert list(headline_dictionary(dictionary(rows), table)) == list(table)


def test_unknown_names_are_no_headline():
    assert is_headline("volume")
    assert not is_headline("volume_of_my_own")
