"""What is to be said of the check of the gradient table."""

from __future__ import annotations

from typing import Any

import numpy as np

from imaging.diffusion.gradient_check import GradientCheck
from imaging.diffusion.notes import Journal
from imaging.diffusion.table_fit import Order

# Log-likelihood beyond which the exact odds tell a reader nothing.
_MOST_LIKELY = float(np.log(1000.0))


def note_check(check: GradientCheck, order: Order | None, journal: Journal) -> None:
    """Tell what came of the check of the gradient table."""
    journal.facts["gradient_check"] = check.status
    journal.facts["gradient_check_detail"] = _detail(check)
    journal.step(
        "All flips and permutations of the gradient table, along the axes of the image and of the "
        "scanner, were scored.",
        "check",
    )
    if check.contradiction:
        journal.warnings.append(
            f"Sides of the labels are contradicted: {check.contradiction}. Every figure named left "
            "or right is in doubt, and the labels cannot tell whether the gradient table is right."
        )
    if check.status == "undecided":
        journal.warnings.append(
            "The data cannot tell whether the gradient table is flipped or permuted (best: "
            f"{check.best}{_likely(check, ', ')}); it is used as given. {_matter(order)}"
        )
    if check.across_leg and check.status == "undecided":
        journal.warnings.append(
            "With the gradient table as given muscle fibres run across the leg rather than along "
            f"it (mean squared cosine {check.along_leg:.2f}): it is most likely permuted. Convert "
            "the series again from DICOM before using fibre directions."
        )
    if check.status != "corrected":
        return
    journal.warnings.append(
        f"The gradient table was changed to '{check.best}' ({_axes(check)}), which explains the "
        f"data clearly better than the table as given ({_clearly(check)}). Check the "
        "conversion from DICOM; set gradient_check to false to keep the table."
        + (
            f" Nearly as well does {check.nearly}: directions may be off by as much."
            if check.nearly
            else ""
        )
    )


def _matter(order: Order | None) -> str:
    """Return what is wrong if the table is."""
    if order is None or order.verdict in ("given", "unknown"):
        return "FA and diffusivities do not depend on it, fibre directions do."
    return (
        f"The tensor leaves {order.given:.1%} of the signal at b = 0 unexplained, with the "
        f"directions in random order {order.chance:.1%}: they seem to belong to other volumes, "
        "and then FA and diffusivities are wrong, too."
    )


def _axes(check: GradientCheck) -> str:
    """Return which axes the name of the best table speaks of."""
    if check.best.startswith("scanner"):
        return (
            "the vectors stand along the scanner's axes instead of the image's, the signs make "
            "them RAS+"
        )
    if check.best.startswith("world"):
        return "signs along the scanner's axes RAS+ rather than the image's"
    return "voxel axes"


def _clearly(check: GradientCheck) -> str:
    """Return the figure on which a change rests."""
    return _likely(check) or f"t = {check.t:.1f}"


def _likely(check: GradientCheck, joint: str = "") -> str:
    """Return how clearly the lean of fascicles speaks for the best table, where it was compared."""
    if not np.isfinite(check.log_odds):
        return ""
    times = np.exp(min(check.log_odds, _MOST_LIKELY))
    most = "more than " if check.log_odds > _MOST_LIKELY else ""
    shown = f"{times:.1f}" if times < 10 else f"{times:.0f}"
    return f"{joint}{most}{shown} times as likely as the next, by the lean of the fascicles"


def _detail(check: GradientCheck) -> dict[str, Any]:
    """Return the figures of the check as JSON values."""
    names = ("along_leg", "coherence", "t", "log_odds", "misfit")
    figures = {name: float(getattr(check, name)) for name in names}
    known = {k: round(v, 4) if np.isfinite(v) else None for k, v in figures.items()}
    return {
        "best": check.best, "across_leg": check.across_leg, "regions": check.regions,
        "contradiction": check.contradiction, "nearly": check.nearly, **known,
    }  # fmt: skip
