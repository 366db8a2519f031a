"""Codes of DICOM objects: each is in a dictionary, and each structure has one."""

import pytest

pytest.importorskip("pydicom")
from imaging.export.dicom import codes
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
    ("layer", "about", "value", "unit", "factor"),
    [
        ("fa", None, "110808", "1", 1.0),
        ("md", None, "113202", "mm2/s", 1.0),
        ("fat_fraction", None, "129100", "%", 1.0),
        ("stiffness_ti_mupar", "mu_par", "110830", "kPa", 1e-3),
        ("stiffness_curl_loss", "loss_modulus", None, "kPa", 1e-3),
    ],
)
def test_quantities(layer, about, value, unit, factor):
    found = codes.quantity(layer, about)
    assert (found.code.value if found.code else None) == value
    assert (found.unit.value, found.factor) == (unit, factor)


def test_labels_directions_and_confidences_are_no_quantities():
    for layer in ("label", "e1", "anatomy", "confidence", "activation_peak"):
        assert codes.quantity(layer, None) is None
    assert codes.quantity("stiffness_mdev_confidence", "confidence") is None
