"""The table of the first screen."""

from imaging.measures import Measure, not_measured
from imaging.muscles import label_of
from imaging.report.summary_table import summary_table

LEFT, RIGHT = label_of("TA", "left"), label_of("TA", "right")
SOL, GROUP = label_of("SOL", "right"), label_of("EDL+PT", "right")


def test_left_stands_beside_right_and_marks_are_explained():
    table = summary_table([
        Measure(LEFT, "volume", 120.0, "ml"),
        Measure(LEFT, "coverage", 0.0, "1"),
        Measure(RIGHT, "volume", 140.0, "ml"),
        Measure(RIGHT, "coverage", 1.0, "1"),
        Measure(SOL, "volume", 450.0, "ml"),
        Measure(RIGHT, "fascicle_length", 64.0, "mm", 200, 5.0, 62.0, 66.0, "modelled", "why"),
        not_measured(SOL, "fascicle_length", "mm", "no fascicles"),
    ])  # fmt: skip
    assert table.sides == ["left", "right"]
    assert [(h.title, h.unit) for h in table.heads] == [("Volume", "ml"), ("Fascicle length", "mm")]
    first, second = table.rows
    assert (first.name, first.key) == ("tibialis anterior", "TA")
    assert [[c.text + c.mark for c in pair] for pair in first.cells] == [
        ["120c", "140"], ["–", "64.0m"],
    ]  # fmt: skip
    assert first.cells[1][1].why == "± 5.00, n 200, [62.0, 66.0], why"
    assert second.cells[0][0].why == "not in view"
    assert second.cells[1][1].why == "not measured: no fascicles"
    assert table.dashes == [("Fascicle length: no fascicles", "SOL")]
    assert dict(table.marks) == {
        "c": "cut by the field of view: of the part in view only", "m": "modelled",
    }  # fmt: skip


def test_one_stiffness_by_its_name_and_waves_before_ultrasound():
    volume = [Measure(SOL, "volume", 450.0, "ml")]
    swe = Measure(SOL, "stiffness_swe_shear", 3000.0, "Pa")
    kmdev = Measure(SOL, "stiffness_kmdev_shear", 1200.0, "Pa")
    mdev = Measure(SOL, "stiffness_mdev_magnitude", 1000.0, "Pa")
    for rows, name, value in (
        ([swe], "ultrasound", "3.00"), ([swe, kmdev], "k-MDEV", "1.20"),
        ([kmdev, mdev], "MDEV", "1.00"),
        ([swe, Measure(SOL, "stiffness_ready_shear", 2000.0, "Pa")], "ready", "2.00"),
        ([kmdev, not_measured(SOL, "stiffness_mdev_magnitude", "Pa", "no")], "k-MDEV", "1.20"),
    ):  # fmt: skip
        table = summary_table([*volume, *rows])
        assert name in table.heads[1].title
        assert table.heads[1].unit == "kPa"
        assert table.rows[0].cells[1][0].text == value


def test_muscles_labelled_together_stand_in_full_words_and_others_are_left_out():
    table = summary_table([
        Measure(GROUP, "volume", 100.0, "ml"),
        not_measured(label_of("EDL", "right"), "volume", "ml", "labelled together as EDL+PT"),
        Measure(252, "emg_peak_time", 20.0, "percent"),
        Measure(0, "snr_b0", 30.0, "1"),
    ])  # fmt: skip
    assert [r.name for r in table.rows] == ["extensor digitorum longus and peroneus tertius"]
    assert table.sides == ["right"]


def test_nothing_measured_gives_an_empty_table():
    table = summary_table([not_measured(SOL, "volume", "ml", "too few voxels")])
    assert (table.sides, table.heads, table.rows, table.marks) == ([], [], [], [])


def test_muscles_of_unknown_side_or_name_have_a_row():
    table = summary_table(
        [Measure(9, "volume", 450.0, "ml"), Measure(1001, "volume", 3.0, "ml")], {1001: "vastus"}
    )
    assert table.sides == ["undecided"]
    assert [r.name for r in table.rows] == ["soleus", "vastus"]


def test_muscles_of_one_name_have_a_row_each():
    volumes = {1001: 1.0, 1002: 2.0, SOL: 3.0}
    measures = [Measure(label, "volume", v, "ml") for label, v in volumes.items()]
    table = summary_table(measures, {1001: "SOL", 1002: "SOL"})
    assert [[c.text for c in row.cells[0]] for row in table.rows] == [
        ["3.00", "–"], ["–", "1.00"], ["–", "2.00"],
    ]  # fmt: skip
