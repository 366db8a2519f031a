"""A small table of each muscle's architecture, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imaging.architecture.muscle import MuscleArchitecture
from imaging.measures import Measure


def summary(results: Sequence[MuscleArchitecture], names: Mapping[int, str]) -> str:
    """Return one line per muscle: number of fascicles, length, pennation, curvature."""
    heads = ("muscle", "n", "length mm", "pennation distal", "proximal deg", "curv. 1/m", "status")
    lines = [heads]
    for r in results:
        rows = {row.measure: row for row in r.measures}
        length, counted = rows["fascicle_length"], rows["fascicles"]
        lines.append(
            (
                names.get(r.label, str(r.label)),
                "0" if counted.value is None else f"{counted.value:.0f}",
                _figure(length, spread=True),
                _figure(rows["pennation_start"]),
                _figure(rows["pennation_end"]),
                _figure(rows["curvature"]),
                length.status,
            )
        )
    widths = [max(len(line[k]) for line in lines) for k in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if k in (0, len(heads) - 1) else cell.rjust(w)
            for k, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _figure(row: Measure, spread: bool = False) -> str:
    if row.value is None:
        return "-"
    return f"{row.value:.1f}" + (f" ± {row.sd:.1f}" if spread and row.sd is not None else "")
