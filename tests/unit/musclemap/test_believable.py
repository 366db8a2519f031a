"""Figures that rest on too little are not called measured."""

from imaging.measures import Measure
from imaging.musclemap.believable import only_believable, with_cut_noted
from imaging.musclemap.table import definitions
from imaging.muscles import label_of

FDL, SOL = label_of("FDL", "right"), label_of("SOL", "right")


def by_name(measures):
    return {(m.label, m.measure): m for m in only_believable(measures)}


def test_a_median_of_one_voxel_is_not_measured_and_says_why():
    found = by_name([
        Measure(FDL, "stiffness_mdev_magnitude", 928.0, "Pa", n=1, note="MDEV at 40 Hz"),
        Measure(SOL, "stiffness_mdev_magnitude", 944.0, "Pa", n=20),
        Measure(FDL, "fa", 0.2, "1", n=9),
        Measure(SOL, "fa", 0.2, "1", n=10),
    ])  # fmt: skip
    gone = found[FDL, "stiffness_mdev_magnitude"]
    assert (gone.value, gone.status, gone.unit) == (None, "not_measured", "Pa")
    assert gone.note == "too few samples: 1, at least 20 are needed; MDEV at 40 Hz"
    assert found[SOL, "stiffness_mdev_magnitude"].value == 944.0
    assert found[FDL, "fa"].value is None
    assert found[SOL, "fa"].value == 0.2


def test_a_loss_below_zero_is_not_measured_nor_what_belongs_to_it():
    found = by_name([
        Measure(FDL, "stiffness_curl_loss", -66.6, "Pa", n=72, sd=138.0),
        Measure(FDL, "stiffness_curl_loss_iqr", 195.6, "Pa", n=72),
        Measure(FDL, "stiffness_curl_loss_gradient", 12.0, "Pa/cm", n=5),
        Measure(FDL, "stiffness_curl_loss_gradient_relative", 3.0, "percent/cm", n=5),
        Measure(FDL, "stiffness_curl_storage", 900.0, "Pa", n=72),
        Measure(FDL, "stiffness_curl_storage_gradient", -12.0, "Pa/cm", n=5),
    ])  # fmt: skip
    lost = [name for (_, name), m in found.items() if m.value is None]
    assert sorted(lost) == [
        "stiffness_curl_loss", "stiffness_curl_loss_gradient",
        "stiffness_curl_loss_gradient_relative", "stiffness_curl_loss_iqr",
    ]  # fmt: skip
    assert "-66.6 Pa cannot be" in found[FDL, "stiffness_curl_loss"].note
    assert found[FDL, "stiffness_curl_storage_gradient"].value == -12.0


def test_what_may_be_below_zero_and_whole_recordings_stay():
    kept = [
        Measure(SOL, "stiffness_length_correlation_mdev", -0.4, "1", n=200),
        Measure(0, "snr_b0", 30.0, "1", n=3),
    ]
    assert only_believable(kept) == kept


def test_every_modulus_must_be_above_zero():
    moduli = [d for d in definitions() if d.name.startswith("stiffness_") and d.unit == "Pa"
              and not d.name.endswith(("_iqr", "_muscle"))]  # fmt: skip
    assert len(moduli) > 8
    assert all(d.above == 0 for d in moduli)


def test_a_cut_muscles_pcsa_says_that_it_is_of_a_part():
    found = with_cut_noted([
        Measure(FDL, "coverage", 0.0, "1"),
        Measure(FDL, "pcsa_anatomical", 34.7, "cm2", note="volume over length"),
        Measure(FDL, "fascicle_length", 54.0, "mm"),
        Measure(SOL, "coverage", 1.0, "1"),
        Measure(SOL, "pcsa_anatomical", 120.0, "cm2"),
    ])  # fmt: skip
    notes = {(m.label, m.measure): m.note for m in found}
    assert notes[FDL, "pcsa_anatomical"].endswith(
        "; cut by the field of view: of the part in view only"
    )
    assert notes[SOL, "pcsa_anatomical"] == notes[FDL, "fascicle_length"] == ""
