import numpy as np
import pandas as pd
import pytest

from imaging.measures import Measure, not_measured
from imaging.muscles import label_of
from imaging.report.group.headline import (
    columns,
    figures,
    nobody_has,
    session_dictionary,
    session_table,
)
from imaging.report.group.subjects import Subject
from imaging.report.group.visits import joined, visit_titles

RIGHT = {key: label_of(key, "right") for key in ("SOL", "GM", "TA", "PL+PB", "PL", "PB")}
LEFT = {key: label_of(key, "left") for key in ("SOL", "GM", "TA")}


def subject(prefix, *rows):
    return Subject(prefix, None, list(rows), pd.DataFrame({"label": [], "name": []}))


def volumes(labels, value=100.0):
    return [Measure(label, "volume", value, "ml") for label in labels]


def column(key, subjects):
    return next(c for c in columns(subjects) if c.figure.key == key)


def test_a_leg_is_the_sum_of_its_muscles_and_two_legs_their_mean():
    both = subject("sub-1", *volumes(RIGHT[k] for k in ("SOL", "GM")),
                   *volumes((LEFT[k] for k in ("SOL", "GM")), 120.0))  # fmt: skip
    one = subject("sub-2", *volumes(RIGHT[k] for k in ("SOL", "GM")))
    leg = column("leg_volume", [both, one])
    assert leg.values == [220.0, 200.0]
    assert [e.legs for e in leg.entries] == [("left", "right"), ("right",)]
    assert column("volume_sol", [both, one]).values == [110.0, 100.0]


def test_a_cut_muscle_has_no_volume_but_a_length():
    cut = subject("sub-1", *volumes([RIGHT["GM"]]), Measure(RIGHT["GM"], "coverage", 0.0, "1"),
                  Measure(RIGHT["GM"], "fascicle_length", 50.0, "mm"))  # fmt: skip
    whole = subject("sub-2", *volumes([RIGHT["GM"]]), Measure(RIGHT["GM"], "coverage", 1.0, "1"))
    entry = column("volume_gm", [cut, whole]).entries[0]
    assert entry.value is None
    assert entry.note == "cut by the edge of the field of view"
    assert column("leg_volume", [cut, whole]).entries[0].value is None
    length = column("length_gm", [cut, whole]).entries[0]
    assert length.value == 50
    assert "cut by the edge" in length.note
    assert column("in_view", [cut, whole]).values == [0, 100]


def test_a_leg_with_other_muscles_than_most_is_not_compared():
    usual = [subject(f"sub-{k}", *volumes(RIGHT[m] for m in ("SOL", "PL+PB"))) for k in range(3)]
    same = subject("sub-3", *volumes(RIGHT[m] for m in ("SOL", "PL", "PB")))
    without = subject("sub-4", *volumes([RIGHT["SOL"]]))
    leg = column("leg_volume", [*usual, same, without])
    assert leg.values[3] == 300.0
    assert leg.entries[4].value is None
    assert "without PB, PL, unlike most legs" in leg.entries[4].note


def test_stiffness_is_of_one_method_that_most_have():
    def of(prefix, *names):
        return subject(prefix, *(Measure(RIGHT["SOL"], n, 1000.0, "Pa") for n in names))

    mdev, kmdev = "stiffness_mdev_magnitude", "stiffness_kmdev_shear"
    found = column("stiffness_sol", [of("sub-1", mdev), of("sub-2", kmdev), of("sub-3", kmdev)])
    assert found.measure == kmdev
    assert np.isnan(found.values[0])
    assert column("stiffness_sol", [of("sub-1", mdev), of("sub-2", kmdev)]).measure == mdev
    ready = column("stiffness_sol", [of("sub-1", "stiffness_ready_G")])
    assert ready.measure == "stiffness_ready_G"


def test_stiffness_at_another_frequency_is_not_compared():
    def at(prefix, hertz):
        row = Measure(RIGHT["SOL"], "stiffness_mdev_magnitude", 1000.0, "Pa",
                      note=f"55% of its voxels; MDEV at {hertz} Hz")  # fmt: skip
        return subject(prefix, row)

    found = column("stiffness_sol", [at("sub-1", "40+60"), at("sub-2", "60"), at("sub-3", "60")])
    assert found.entries[0].note == "at 40+60 Hz, most sessions at 60 Hz"
    assert found.values[1:] == [1000.0, 1000.0]


def test_fat_by_another_method_is_not_compared():
    def by(prefix, method):
        note = f"mean and SD over voxels 2 mm inside; {method}"
        row = Measure(RIGHT["SOL"], "fat_fraction", 5.0, "percent", note=note)
        return subject(prefix, row, *volumes([RIGHT["SOL"]]))

    found = column(
        "fat", [by("sub-1", "six echoes"), by("sub-2", "six echoes"), by("sub-3", "two")]
    )
    assert found.values[:2] == [5.0, 5.0]
    assert found.entries[2].value is None
    assert found.entries[2].note == "by two, most sessions by six echoes"


def test_fat_is_weighted_by_volume_and_the_worst_status_is_told():
    rows = [*volumes([RIGHT["SOL"]], 300.0), *volumes([RIGHT["TA"]], 100.0)]
    rows += [Measure(RIGHT["SOL"], "fat_fraction", 4.0, "percent"),
             Measure(RIGHT["TA"], "fat_fraction", 8.0, "percent", status="assumed")]  # fmt: skip
    fat = column("fat", [subject("sub-1", *rows)])
    assert fat.values == [5.0]
    assert fat.entries[0].status == "assumed"


def test_what_nobody_has_is_named_with_the_reason():
    nobody = [subject("sub-1", *volumes([RIGHT["SOL"]]),
                      not_measured(0, "snr_b0", "1", "no diffusion MRI was given"))]  # fmt: skip
    said = nobody_has(nobody, columns(nobody))
    assert "SNR (no diffusion MRI was given)" in said
    assert "fat fraction (not measured)" in said


def test_table_of_sessions_has_units_in_its_names():
    subjects = [subject("sub-1_ses-a", *volumes([RIGHT["SOL"]])), subject("sub-1_ses-b")]
    found = columns(subjects)
    table = session_table(subjects, found)
    assert table["session_id"].tolist() == ["ses-a", "ses-b"]
    assert table["volume_sol_ml"].tolist()[0] == 100.0
    assert set(table.columns) == set(session_dictionary(found))


def test_lines_join_visits_of_the_same_legs_only():
    right = volumes([RIGHT["SOL"]])
    both = [*right, *volumes([LEFT["SOL"]])]
    subjects = [subject("sub-1_ses-a", *right), subject("sub-1_ses-b", *right),
                subject("sub-1_ses-c", *both), subject("sub-2_ses-a", *right)]  # fmt: skip
    assert joined(column("volume_sol", subjects), subjects) == [(0, 1)]
    assert visit_titles(subjects) == ["ses-a", "ses-b", "ses-c", "ses-a"]
    assert visit_titles(subjects[2:]) == ["", ""]


def test_sessions_with_names_of_their_own_are_visits_by_order():
    subjects = [subject(f"sub-{k}_ses-{k}{v}") for k in range(4) for v in "ab"]
    assert visit_titles(subjects) == ["1 by name", "2 by name"] * 4


@pytest.mark.parametrize("figure", figures(), ids=lambda f: f.key)
def test_every_figure_names_known_measures(figure):
    from imaging.musclemap.table import definition_of

    assert all(definition_of(m.replace("*", "x")) for m in figure.measures)
    assert figure.taken in ("own", "sum", "mean", "share", "least", "most", "whole")
    assert (figure.muscle == "none") == (figure.taken == "whole")
