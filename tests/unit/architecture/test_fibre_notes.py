import numpy as np

from imaging.architecture.fascicles import no_fascicles
from imaging.architecture.muscle import MuscleArchitecture
from imaging.architecture.notes import UNDECIDED_TABLE, table_warning, warned_notes, with_warning
from imaging.measures import Measure, Notes, not_measured


def test_only_an_undecided_table_is_held_against_figures():
    assert table_warning({"GradientTable": "undecided"}) == UNDECIDED_TABLE
    for known in ({}, {"GradientTable": "ok"}, {"GradientTable": "not_checked"}):
        assert table_warning(known) == ""


def test_a_caveat_is_added_to_notes_and_missing_figures_keep_their_reason():
    rows = [
        Measure(107, "fascicle_length", 50.0, "mm"),
        Measure(107, "curvature", 4.0, "1/m", note="over the volume"),
        not_measured(107, "pcsa_anatomical", "cm2", "too few voxels"),
    ]
    nothing = np.zeros((0, 3))
    muscle = MuscleArchitecture(107, nothing, nothing.astype(int), no_fascicles(), rows)
    (marked,) = with_warning([muscle], UNDECIDED_TABLE)
    assert [r.note for r in marked.measures] == [
        UNDECIDED_TABLE,
        f"over the volume; {UNDECIDED_TABLE}",
        "too few voxels",
    ]
    assert with_warning([muscle], "")[0].measures == rows


def test_the_notes_of_the_stage_warn_once():
    notes = Notes("fibres", "", [], ["another"], {})
    assert warned_notes(notes, "") == notes
    warnings = warned_notes(notes, UNDECIDED_TABLE).warnings
    assert len(warnings) == 2
    assert UNDECIDED_TABLE in warnings[1]
