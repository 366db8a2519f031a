"""Codes of DICOM objects: each is in a dictionary, and each structure has one."""

import pytest

pytest.importorskip("pydicom")
from imaging.formats import dicom_codes as codes
from imaging.muscles import catalogue, label_of, structure


@pytest.mark.parametrize("side", ["left", "right", "undecided"])
def test_every_structure_has_codes_of_a_dictionary(side):
    for own in catalogue():
        label = label_of(own.key, side)
        assert codes.kind(own).value and codes.category(own).value
        region = codes.own_region(label, own)
        if region is not None and side != "undecided":
            assert region.meaning.lower().endswith(f", {side}"), own.key
        assert (codes.laterality(label) is None) == (side == "undecided")


def test_muscles_without_a_code_keep_the_general_one():
    single = [own for own in catalogue() if own.tissue == "muscle"]
    general = {o.key for o in single if codes.own_region(label_of(o.key, "left"), o) is None}
    assert general == {"PT", "FHL"}
    assert codes.kind(structure("FHL")).meaning == "Muscle of lower limb"
    assert codes.kind(structure("FIB")).meaning == "Fibula"


@pytest.mark.parametrize(
    ("name", "value", "unit", "factor"),
    [
        ("fa", "110808", "1", 1.0),
        ("md", "113202", "mm2/s", 1.0),
        ("fat_fraction", "129100", "%", 1.0),
        ("mu_par", "110830", "kPa", 1e-3),
        ("loss_modulus", None, "kPa", 1e-3),
    ],
)
def test_quantities(name, value, unit, factor):
    found = codes.quantity(name)
    assert (found.code.value if found.code else None) == value
    assert (found.unit.value, found.factor) == (unit, factor)


def test_labels_directions_and_confidences_are_no_quantities():
    for layer in ("label", "e1", "anatomy", "confidence", "activation_peak"):
        assert codes.quantity(layer) is None
    assert codes.quantity("condition") is None
