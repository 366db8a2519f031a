"""Which tracts of another program are no fascicles of a muscle, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imaging.architecture.ends import LONGEST_EXTENSION_MM
from imaging.architecture.fascicles import name_of
from imaging.architecture.muscle import MuscleArchitecture

# Shares left out above which figures say so, and above which the rest is no sample of the muscle.
_NAMED, _TOO_MANY = 0.2, 0.5
FACT = "left out"


@dataclass(frozen=True)
class LeftOut:
    """Pieces of tracts inside a muscle that are not fascicles.

    Attributes
    ----------
    kept : int
        Pieces that are fascicles.
    deep : int
        An end lies further from a surface than an end is extended.
    cut : int
        End where the image ends.
    length : int
        Longer or shorter than a fascicle may be.
    touching : int
        Cross the surface, and are shorter than the shortest fascicle: fascicles of a neighbour, or
        of a corner of the muscle. They are not counted in `share`.
    tracts, outside : int
        Tracts that were given, and how many of them have no piece inside the muscle.
    limits_mm : tuple of float
        Of the length of fascicles.
    """

    kept: int
    deep: int
    cut: int
    length: int
    touching: int
    tracts: int
    outside: int
    limits_mm: tuple[float, float]

    @property
    def share(self) -> float:
        """Return the share left out of the pieces that do more than touch the muscle.

        Examples
        --------
        >>> LeftOut(27, 70, 0, 3, 50, 200, 40, (8, 250)).share
        0.73
        """
        left = self.deep + self.cut + self.length
        return left / max(self.kept + left, 1)

    @property
    def named(self) -> bool:
        """Whether so many are missing that the figures must say so."""
        return self.share > _NAMED

    @property
    def too_many(self) -> bool:
        """Whether so many are missing that the rest cannot stand for the muscle."""
        return self.share > _TOO_MANY

    def text(self) -> str:
        r"""Return how many were left out, and why.

        Examples
        --------
        >>> text = LeftOut(27, 70, 0, 3, 50, 200, 40, (8, 250)).text()
        >>> print(text.replace(": ", "; ").replace("; ", "\n"))
        73 of 100 tracts inside the muscle (73 %) were left out
        70 end further than 10 mm from a surface, 3 are not 8 to 250 mm long
        50 more, shorter than 8 mm, only touch it
        40 of all 200 lie outside it
        """
        left = self.deep + self.cut + self.length
        reasons = [
            f"{count} {why}"
            for count, why in (
                (self.deep, f"end further than {LONGEST_EXTENSION_MM:g} mm from a surface"),
                (self.cut, "end where the image ends"),
                (self.length, "are not {:g} to {:g} mm long".format(*self.limits_mm)),
            )
            if count
        ]
        text = f"{left} of {left + self.kept} tracts inside the muscle"
        parts = [f"{text} ({self.share:.0%})".replace("%", " %") + " were left out"]
        if reasons:
            parts[0] += ": " + ", ".join(reasons)
        if self.touching:
            shortest = f"shorter than {self.limits_mm[0]:g} mm"
            parts.append(f"{self.touching} more, {shortest}, only touch it")
        if self.outside:
            parts.append(f"{self.outside} of all {self.tracts} lie outside it")
        return "; ".join(parts)


def left_out_warnings(results: Sequence[MuscleArchitecture], names: Mapping[int, str]) -> list[str]:
    """Return one sentence for each muscle of which many tracts were left out."""
    warnings = []
    for r in results:
        words = r.facts.get(FACT)
        if not words or not len(r.fascicles):
            continue
        name = names.get(r.label) or name_of(r.label)
        if r.facts["left out share"] > _TOO_MANY:
            warnings.append(
                f"{name}: {words}. The rest cannot stand for the muscle: its fascicles are written "
                "but its length, pennation and curvature are not measured. Is an internal "
                "aponeurosis missing, or the mask larger than the muscle?"
            )
        elif r.facts["left out share"] > _NAMED:
            warnings.append(f"{name}: {words}. Its figures speak for the rest only.")
    return warnings
