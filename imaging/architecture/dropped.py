"""Points of a muscle through which no whole fascicle was followed, and what figures say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from imaging.measures import Measure

# Shares without a fascicle above which figures say so, and above which the rest is no sample.
_NAMED, _TOO_MANY = 0.1, 0.5
_LEAST_TOLD = 0.01
FACT, SHARE = "without a fascicle", "share without a fascicle"


@dataclass(frozen=True)
class Dropped:
    """Seeds, which are spread evenly through a muscle, whose streamlines are no fascicles.

    Attributes
    ----------
    seeds : int
        All of them.
    kept : int
        Those with a fascicle.
    reasons : dict
        For how many seeds which reason spoke against; several may for one.
    """

    seeds: int
    kept: int
    reasons: Mapping[str, int]

    @property
    def share(self) -> float:
        """Return the share of the muscle's points without a fascicle through them."""
        return 1.0 - self.kept / max(self.seeds, 1)

    @property
    def too_many(self) -> bool:
        """Whether so many are missing that the rest cannot stand for the muscle."""
        return self.share > _TOO_MANY

    def text(self) -> str:
        """Return how many are missing, and why; empty where they are few.

        Examples
        --------
        >>> reasons = {"turned too sharply": 40, "cut by the image": 20, "too long": 0}
        >>> Dropped(200, 140, reasons).text()
        '30 % of its points have no whole fascicle (turned too sharply 20 %, cut by the image 10 %)'
        """
        if self.share <= _NAMED:
            return ""
        shares = {why: count / max(self.seeds, 1) for why, count in self.reasons.items()}
        told = [f"{why} {s:.0%}".replace("%", " %") for why, s in _sorted(shares)]
        missing = f"{self.share:.0%}".replace("%", " %")
        return f"{missing} of its points have no whole fascicle ({', '.join(told)})"

    def why_not(self) -> str:
        """Return why figures are not measured; empty where they are."""
        return f"{self.text()}; the rest cannot stand for the muscle" if self.too_many else ""

    def facts(self) -> dict[str, object]:
        """Return what the notes keep."""
        text = {FACT: self.text()} if self.text() else {}
        return {SHARE: round(self.share, 4), **text}


def _sorted(shares: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the reasons that matter, the largest first."""
    told = [(why, share) for why, share in shares.items() if share >= _LEAST_TOLD]
    return sorted(told, key=lambda item: -item[1])


def dropped_warning(name: str, facts: Mapping[str, object]) -> str:
    """Return what to say of a muscle with many points without a fascicle, else nothing."""
    words = facts.get(FACT)
    if not words:
        return ""
    if float(str(facts[SHARE])) > _TOO_MANY:
        return (
            f"{name}: {words}. The rest cannot stand for the muscle: its fascicles are written but "
            "its length, pennation and curvature are not measured."
        )
    return (
        f"{name}: {words}. Its figures speak for the rest only; long fascicles are lost more often "
        "than short ones, so that its mean length is rather too small."
    )


def noted(rows: Sequence[Measure], warning: str) -> list[Measure]:
    """Return rows with a warning added to the note of every one that has a value."""
    if not warning:
        return list(rows)
    return [
        r if r.value is None else replace(r, note="; ".join(filter(None, (r.note, warning))))
        for r in rows
    ]
