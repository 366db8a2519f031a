"""What the map says beside its figures: sentences of the methods section, and warnings."""

from __future__ import annotations

from collections.abc import Iterable

from imaging.measures import Notes
from imaging.musclemap.inputs import Stages
from imaging.muscles import is_known, side_and_key


def notes(stages: Stages, erode_mm: float, warnings: list[str]) -> Notes:
    """Return method and warnings of the map itself.

    Parameters
    ----------
    stages
        What was given.
    erode_mm
        Kept away from muscle borders.
    warnings
        What a reader must know.
    """
    return Notes("map", method_text(stages, erode_mm), (), warnings, {})


def method_text(stages: Stages, erode_mm: float) -> str:
    """Return the sentences of the methods section."""
    out = ["All stages were joined in the space of the anatomical image."]
    if "dwi" in stages.folders:
        out.append(
            "Diffusion measures per muscle are medians over diffusion voxels whose centre lies "
            f"more than {erode_mm:g} mm inside the muscle; directions were interpolated through "
            "their dyads."
        )
    if {"mre", "us"} & set(stages.folders):
        out.append(
            f"Stiffness was resampled only inside muscles, {erode_mm:g} mm away from their "
            "borders, and along fascicles from there; methods and quantities, magnetic resonance "
            "and ultrasound are kept apart."
        )
    if "func" in stages.folders:
        out.append(
            "Surface EMG gives one value per muscle: the activation shown on voxels and "
            "fascicles is EMG painted on anatomy, not measured at each place."
        )
    return " ".join(out)


def not_painted(absent: Iterable[int]) -> list[str]:
    """Return which muscles of the leg have EMG and are not in the label map: it is not painted.

    The stage itself tells of muscles that are never imaged.
    """
    leg = ", ".join(side_and_key(int(v)) for v in absent if is_known(int(v)))
    return [f"EMG of muscles that are not in the label map is not painted: {leg}."] if leg else []
