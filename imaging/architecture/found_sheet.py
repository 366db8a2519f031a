"""What is known of an internal aponeurosis that was sought: it, or why it was not found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imaging.geometry import AponeurosisSurface


@dataclass(frozen=True)
class FoundSheet:
    """An aponeurosis found from the data.

    Attributes
    ----------
    sheet : AponeurosisSurface
        World mm; it reaches as far as fascicles of both sides end on it.
    jump_deg : float
        Median angle between the directions of both sides where they meet.
    evidence : float
        By how many standard errors two fields foretell the voxels better than one.
    reach : float
        Share of the muscle's length and width over which it reaches.
    seen : bool
        Whether the anatomical image shows it too.
    """

    sheet: AponeurosisSurface
    jump_deg: float
    evidence: float
    reach: float
    seen: bool = False

    def facts(self) -> dict[str, Any]:
        """Return what is noted of it."""
        return {**_figures(self), "aponeurosis_seen": self.seen}


@dataclass(frozen=True)
class NoSheet:
    """Why no aponeurosis was found; figures are those of the best guess, None if there is none.

    Attributes
    ----------
    why : str
        With the figure that is too small.
    jump_deg, evidence, reach
        See :class:`FoundSheet`; where nothing jumps, of all that was looked at.
    """

    why: str
    jump_deg: float | None = None
    evidence: float | None = None
    reach: float = 0.0

    def facts(self) -> dict[str, Any]:
        """Return what is noted of it; figures that are not known are left out."""
        return {**_figures(self), "aponeurosis_not_found": self.why}


def _figures(found: FoundSheet | NoSheet) -> dict[str, float]:
    figures = {"jump_deg": found.jump_deg, "evidence": found.evidence, "reach": found.reach}
    digits = {"reach": 2}
    return {
        f"aponeurosis_{name}": round(value, digits.get(name, 1))
        for name, value in figures.items()
        if value is not None
    }
