"""The comparison of contexts as a page prints it."""

import pandas as pd

from imaging.report.contexts.part import context_tables
from imaging.report.contexts.table import COLUMNS


def row(**given):
    start = dict.fromkeys(COLUMNS)
    start |= {
        "compared": "contexts", "label": 207, "muscle": "right GM", "method": "vfm",
        "measure": "stiffness_vfm_magnitude", "unit": "Pa", "a": "rest", "b": "tired",
        "value_a": 1000.0, "value_b": 1500.0, "ratio": 1.5, "ratio_ci_low": 1.3,
        "ratio_ci_high": 1.7, "status": "measured", "verdict": "differ",
    }  # fmt: skip
    return start | given


def test_figures_are_printed_with_unit_ratio_and_interval():
    (table,) = context_tables(pd.DataFrame([row()]))
    assert table.title == "Tired against rest, MR elastography"
    assert table.heads == ("rest", "tired")
    (one,) = table.rows
    assert (one.first, one.second, one.ratio) == ("1.00 kPa", "1.50 kPa", "1.50 [1.30, 1.70]")
    assert one.differs


def test_what_was_not_measured_is_a_dash_with_its_reason():
    nothing = {"value_b": None, "ratio": None, "ratio_ci_low": None, "ratio_ci_high": None}
    (table,) = context_tables(
        pd.DataFrame([row(**nothing, verdict="not compared", note="tired: too thin")])
    )
    (one,) = table.rows
    assert (one.second, one.ratio, one.differs) == ("–", "–", False)
    assert one.note == "tired: too thin"


def test_sides_kinds_and_contexts_have_tables_of_their_own_and_other_figures_none():
    sides = {"compared": "sides", "a": "left", "b": "right"}
    rows = [
        row(), row(b="contracted"), row(**sides, context="rest"), row(**sides, context="tired"),
        row(measure="stiffness_vfm_confidence"),
        row(measure="stiffness_swe_shear", method="swe", compared="contexts", b="stretched"),
    ]  # fmt: skip
    titles = [t.title for t in context_tables(pd.DataFrame(rows))]
    assert titles == [
        "Tired against rest, MR elastography", "Contracted against rest, MR elastography",
        "Right against left, rest, MR elastography", "Right against left, tired, MR elastography",
        "Stretched against rest, ultrasound",
    ]  # fmt: skip
