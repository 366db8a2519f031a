"""Figures of diffusion in fatty muscles carry a note."""

from imaging.composition.muscles import FATTY_PERCENT
from imaging.measures import Measure, not_measured
from imaging.musclemap.fatty import flag_fatty
from imaging.muscles import label_of

GM, SOL = label_of("GM", "right"), label_of("SOL", "right")


def test_diffusion_of_a_fatty_muscle_is_flagged_and_nothing_else():
    given = [
        Measure(GM, "fat_fraction", 34.0, "percent"),
        Measure(SOL, "fat_fraction", FATTY_PERCENT, "percent"),
        Measure(GM, "fa", 0.2, "1", note="9 voxels"),
        Measure(GM, "fascicle_length", 50.0, "mm"),
        Measure(GM, "volume", 200.0, "ml"),
        not_measured(GM, "md", "mm2/s", "no value"),
        Measure(SOL, "fa", 0.2, "1"),
    ]
    said = "of the muscle left between the fat (fat fraction 34 %)"
    notes = [m.note for m in flag_fatty(given)]
    assert notes == ["", "", f"9 voxels; {said}", said, "", "no value", ""]
    assert flag_fatty(given[2:]) == given[2:]
